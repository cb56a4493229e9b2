/** The caller's microphone, as 20 ms frames of 24 kHz PCM16. */
export class Microphone {
  /** @param {(pcm: Int16Array, level: number) => void} frame */
  constructor(frame) {
    this.frame = frame;
    this.muted = false;
    /** @type {MediaStream | null} */
    this.stream = null;
    /** @type {AudioContext | null} */
    this.context = null;
  }

  /** Asks for the microphone. Throws what `getUserMedia` throws; see `troubleWith`. */
  async open() {
    if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("no secure context", "SecurityError");
    this.stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
    // The device's own rate: not every browser joins a stream to a context of another one.
    this.context = new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule(new URL("./capture.js", import.meta.url));
    const node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => this.frame(this.muted ? data.pcm.fill(0) : data.pcm, this.muted ? 0 : data.level);
    this.context.createMediaStreamSource(this.stream).connect(node);
    await this.context.resume();
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.context?.close().catch(() => {});
    this.stream = null;
    this.context = null;
  }
}

/** What to tell the caller. @param {unknown} error @returns {string} */
export function troubleWith(error) {
  const name = error instanceof DOMException ? error.name : "";
  const mends = {
    NotAllowedError: "The browser does not let this page use the microphone. Allow it beside the address, then start again. You can type meanwhile.",
    NotFoundError: "No microphone was found. Connect one, then start again. You can type meanwhile.",
    NotReadableError: "Another program holds the microphone. Close it, then start again. You can type meanwhile.",
    SecurityError: "Browsers give the microphone only to pages on HTTPS or localhost. Open this page so, or type.",
  };
  return mends[/** @type {keyof typeof mends} */ (name)] ?? `The microphone did not start (${error}). You can type meanwhile.`;
}
