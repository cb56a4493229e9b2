/**
 * What the address opens: `#trace=…&span=…&range=2.61-3.4`. The range is a stretch of the turn in
 * seconds from its start, or the name of one (`turn`, `latency`, `span`); "" for its work.
 * @typedef {{trace: string, span: string, range: string}} Choice
 */

/** @param {string} hash @returns {Choice} */
export function parseHash(hash) {
  return choiceOf(new URLSearchParams(hash.replace(/^#/, "")));
}

/** @param {URLSearchParams} values @returns {Choice} */
export function choiceOf(values) {
  const trace = values.get("trace") ?? "";
  return { trace, span: trace ? (values.get("span") ?? "") : "", range: trace ? (values.get("range") ?? "") : "" };
}

/** @param {Choice} choice @returns {string} "" when nothing is open */
export function hashOf({ trace, span, range }) {
  if (!trace) return "";
  const values = new URLSearchParams({ trace });
  if (span) values.set("span", span);
  if (range) values.set("range", range);
  return `#${values}`;
}
