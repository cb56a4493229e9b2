const TAPS = 32; // on each side: over 60 dB down above the cut, at well under 1 % of a core

/**
 * Streaming change of sample rate: windowed sinc (Blackman), cut below both Nyquist limits.
 * Places are counted in whole parts of a sample, so blocks of any size give what one block gives.
 */
export class Resampler {
  /** @param {number} from Hz, whole @param {number} to Hz, whole */
  constructor(from, to) {
    const common = divisor(from, to);
    this.parts = to / common; // an input sample is divided into so many
    this.step = from / common; // an output sample is so many further
    const cut = Math.min(1, to / from);
    this.reach = Math.ceil(TAPS / cut);
    this.table = Array.from({ length: this.parts }, (_, part) => kernel(part / this.parts, this.reach, 0.92 * cut));
    this.history = new Float32Array(2 * this.reach);
    this.whole = this.reach; // place of the next output sample in the history,
    this.part = 0; // and how many parts after it
  }

  /** @param {Float32Array} block @returns {Float32Array} */
  push(block) {
    if (this.step === this.parts) return block.slice();
    const input = new Float32Array(this.history.length + block.length);
    input.set(this.history);
    input.set(block, this.history.length);
    /** @type {number[]} */
    const out = [];
    while (this.whole + this.reach < input.length) {
      const weights = this.table[this.part];
      const first = this.whole - this.reach + 1;
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap += 1) sum += weights[tap] * input[first + tap];
      out.push(sum);
      const next = this.part + this.step;
      this.whole += Math.floor(next / this.parts);
      this.part = next % this.parts;
    }
    const drop = Math.min(this.whole - this.reach, input.length);
    this.history = input.slice(drop);
    this.whole -= drop;
    return Float32Array.from(out);
  }
}

/** @param {number} a @param {number} b @returns {number} the greatest that divides both */
function divisor(a, b) {
  return b === 0 ? a : divisor(b, a % b);
}

/**
 * Weights of the samples around a place `fraction` after one of them; they sum to 1.
 * @param {number} fraction @param {number} reach @param {number} cut share of the input's Nyquist
 */
function kernel(fraction, reach, cut) {
  const weights = new Float64Array(2 * reach);
  let sum = 0;
  for (let tap = 0; tap < weights.length; tap += 1) {
    const away = tap - (reach - 1) - fraction;
    const angle = Math.PI * away * cut;
    const sinc = Math.abs(angle) < 1e-9 ? 1 : Math.sin(angle) / angle;
    const turn = Math.PI * (away / reach);
    const window = 0.42 + 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn);
    weights[tap] = sinc * window;
    sum += weights[tap];
  }
  return weights.map((weight) => weight / sum);
}
