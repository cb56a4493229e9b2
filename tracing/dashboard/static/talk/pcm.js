/** The rate of both directions on the wire, Hz. */
export const RATE = 24000;

/** @param {Float32Array} samples -1 to 1 @returns {Int16Array} */
export function toPcm16(samples) {
  const out = new Int16Array(samples.length);
  for (let index = 0; index < samples.length; index += 1) {
    const sample = Math.max(-1, Math.min(1, samples[index]));
    out[index] = Math.round(sample * (sample < 0 ? 32768 : 32767));
  }
  return out;
}

/** @param {Int16Array} pcm @returns {Float32Array} */
export function toFloat(pcm) {
  return Float32Array.from(pcm, (sample) => sample / 32768);
}

/** @param {Int16Array} pcm @returns {string} base64 of little-endian bytes */
export function encode(pcm) {
  const bytes = new Uint8Array(pcm.length * 2);
  const view = new DataView(bytes.buffer);
  pcm.forEach((sample, index) => view.setInt16(2 * index, sample, true));
  let text = "";
  for (let index = 0; index < bytes.length; index += 4096) {
    text += String.fromCharCode(...bytes.subarray(index, index + 4096));
  }
  return btoa(text);
}

/** @param {string} base64 @returns {Int16Array} */
export function decode(base64) {
  const text = atob(base64);
  const pcm = new Int16Array(text.length >> 1);
  for (let index = 0; index < pcm.length; index += 1) {
    pcm[index] = text.charCodeAt(2 * index) | (text.charCodeAt(2 * index + 1) << 8);
  }
  return pcm;
}

/** Loudness for a meter: 0 at -60 dB and below, 1 at full scale. @param {Float32Array} samples */
export function level(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const power = samples.length ? sum / samples.length : 0;
  return power > 0 ? Math.min(1, Math.max(0, 1 + (10 * Math.log10(power)) / 60)) : 0;
}
