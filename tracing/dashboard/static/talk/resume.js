// Coming back to the call when the connection breaks.

const ENDED = new Set([1000, 1008, 4001]);
const PAUSES = [0, 250, 500, 1000, 2000]; // ms, then every two seconds
export const PATIENCE = 60_000; // ms: a server may restart meanwhile

/**
 * What the server gave to come back with, and the last event that was seen.
 * @typedef {{token: string, seen: string}} Ticket
 */

/**
 * @param {Ticket | null} ticket @param {any} event
 * @returns {Ticket | null}
 */
export function kept(ticket, event) {
  const token = event.resume?.token ?? ticket?.token;
  return token ? { token, seen: event.event_id ?? ticket?.seen ?? "" } : null;
}

/** Whether a connection that closed so was not meant to. @param {number} code @param {string} reason */
export function broke(code, reason) {
  return !ENDED.has(code) && reason !== "session expired";
}

/** @param {string} url of a new call @param {Ticket} ticket */
export function backUrl(url, { token, seen }) {
  return `${url}&${new URLSearchParams({ resume: token, after: seen })}`;
}

/** How long to wait before each try, until there is no hope. @returns {Generator<number>} */
export function* pauses() {
  for (let tried = 0, waited = 0; waited <= PATIENCE; tried += 1) {
    const pause = PAUSES[Math.min(tried, PAUSES.length - 1)];
    waited += pause;
    yield pause;
  }
}
