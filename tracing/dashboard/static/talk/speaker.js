import { RATE, level, toFloat } from "./pcm.js";

/**
 * A stretch of sound in the queue. @typedef {{item: string, content: number, start: number, seconds: number}} Stretch
 */

/**
 * How much of an item the caller has heard, in ms. Gaps in the queue are not counted.
 * @param {Stretch[]} queue @param {string} item @param {number} now seconds on the queue's clock
 */
export function heardMs(queue, item, now) {
  const seconds = queue
    .filter((each) => each.item === item)
    .reduce((sum, each) => sum + Math.min(each.seconds, Math.max(0, now - each.start)), 0);
  return Math.floor(1000 * seconds);
}

const IN_FULL = 0.1; // s: who speaks in the last instant of an answer has heard it

/**
 * What a barge-in cuts: the stretch that sounds now or next, or the last one when its item is
 * still being made and the queue has just run dry.
 * @param {Stretch[]} queue @param {Set<string>} finished items of which all has arrived
 * @param {number} now
 * @returns {Stretch | null} null when all was heard
 */
export function interrupted(queue, finished, now) {
  const last = queue.at(-1);
  if (!last) return null;
  if (!finished.has(last.item)) return queue.find((each) => each.start + each.seconds > now) ?? last;
  return queue.find((each) => last.start + last.seconds - now >= IN_FULL && each.start + each.seconds > now) ?? null;
}

/** Plays the agent's speech, piece after piece without seams, and knows what was heard. */
export class Speaker {
  /** @param {(speaking: boolean) => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {Stretch[]} */
    this.queue = [];
    /** @type {Set<AudioBufferSourceNode>} */
    this.sources = new Set();
    this.next = 0;
    /** Items that were cut: what still arrives of them is not played. @type {Set<string>} */
    this.cut = new Set();
    /** Items of which all has arrived. @type {Set<string>} */
    this.finished = new Set();
  }

  /** Call from a click or key press: browsers start sound only then. */
  async open() {
    // At the wire's rate, so that the browser resamples one stream and not each piece.
    this.context ??= new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    if (!this.analyser) {
      this.analyser = this.context.createAnalyser();
      this.analyser.fftSize = 512;
      this.analyser.connect(this.context.destination);
      this.samples = new Float32Array(this.analyser.fftSize);
    }
    await this.context.resume();
  }

  close() {
    this.stop();
    this.context?.close().catch(() => {});
    this.context = null;
    this.analyser = undefined;
    this.queue = [];
    this.cut.clear();
    this.finished.clear();
  }

  /** The moment that is at the caller's ear. */
  get now() {
    return this.context ? this.context.currentTime - (this.context.outputLatency || 0) : 0;
  }

  get speaking() {
    return this.sources.size > 0;
  }

  /** What sounds now, and how many seconds of it have. @returns {{item: string, seconds: number} | null} */
  get position() {
    const now = this.now;
    const sounding = this.queue.find((each) => each.start + each.seconds > now) ?? this.queue.at(-1);
    return sounding ? { item: sounding.item, seconds: heardMs(this.queue, sounding.item, now) / 1000 } : null;
  }

  get level() {
    if (!this.analyser || !this.samples || !this.sources.size) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    return level(this.samples);
  }

  /** @param {string} item @param {number} content @param {Int16Array} pcm */
  play(item, content, pcm) {
    if (!this.context || !this.analyser || this.cut.has(item) || !pcm.length) return;
    const buffer = this.context.createBuffer(1, pcm.length, RATE);
    buffer.copyToChannel(/** @type {Float32Array<ArrayBuffer>} */ (toFloat(pcm)), 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.analyser);
    const another = this.queue.at(-1)?.item !== item;
    if (another) this.queue = this.queue.filter((each) => each.start + each.seconds > this.now);
    const start = Math.max(this.next, this.context.currentTime + 0.03);
    source.start(start);
    this.next = start + buffer.duration;
    this.queue.push({ item, content, start, seconds: buffer.duration });
    this.sources.add(source);
    if (another || this.sources.size === 1) this.changed(true);
    source.onended = () => {
      this.sources.delete(source);
      if (!this.sources.size) this.changed(false);
    };
  }

  /** Nothing more comes of an item. @param {string} item */
  finish(item) {
    this.finished.add(item);
  }

  /**
   * Stop at once. Tells what was cut off, and how much of it was heard.
   * @returns {{item: string, content: number, ms: number} | null} null when nothing sounded
   */
  stop() {
    const current = interrupted(this.queue, this.finished, this.now);
    const heard = current && { item: current.item, content: current.content, ms: heardMs(this.queue, current.item, this.now) };
    if (current) for (const each of this.queue) if (each.start >= current.start) this.cut.add(each.item);
    for (const source of this.sources) {
      source.onended = null;
      source.stop();
    }
    if (this.sources.size) this.changed(false);
    this.sources.clear();
    this.queue = [];
    this.next = 0;
    return heard;
  }
}
