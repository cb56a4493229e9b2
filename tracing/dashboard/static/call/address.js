/** What the address opens: `#trace=…&span=…`. @typedef {{trace: string, span: string}} Choice */

/** @param {string} hash @returns {Choice} */
export function parseHash(hash) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const trace = values.get("trace") ?? "";
  return { trace, span: trace ? (values.get("span") ?? "") : "" };
}

/** @param {Choice} choice @returns {string} "" when nothing is open */
export function hashOf({ trace, span }) {
  if (!trace) return "";
  const values = new URLSearchParams(span ? { trace, span } : { trace });
  return `#${values}`;
}
