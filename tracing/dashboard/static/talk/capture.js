// Runs in the audio thread: microphone blocks in, frames of 20 ms at 24 kHz out.
import { RATE, level, toPcm16 } from "./pcm.js";
import { Resampler } from "./resample.js";

const FRAME = RATE / 50;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, RATE);
    this.frame = new Float32Array(FRAME);
    this.filled = 0;
  }

  /** @param {Float32Array[][]} inputs */
  process([channels]) {
    if (!channels?.length) return true;
    let samples = this.resampler.push(channels[0]);
    while (samples.length) {
      const part = samples.subarray(0, FRAME - this.filled);
      this.frame.set(part, this.filled);
      this.filled += part.length;
      samples = samples.subarray(part.length);
      if (this.filled === FRAME) this.send();
    }
    return true;
  }

  send() {
    const pcm = toPcm16(this.frame);
    this.port.postMessage({ pcm, level: level(this.frame) }, [pcm.buffer]);
    this.filled = 0;
  }
}

registerProcessor("capture", Capture);
