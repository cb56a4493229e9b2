/**
 * Follow `/api/live`. The browser reconnects by itself.
 * @param {(kind: "call" | "span", data: any) => void} heard
 * @param {(connected: boolean) => void} [state]
 * @param {string} [call] only this one
 */
export function follow(heard, state = () => {}, call = "") {
  const source = new EventSource(call ? `/api/live?call=${encodeURIComponent(call)}` : "/api/live");
  for (const kind of /** @type {const} */ (["call", "span"])) {
    source.addEventListener(kind, (event) => heard(kind, parsed(event.data)));
  }
  source.addEventListener("open", () => state(true));
  source.addEventListener("error", () => state(false));
  addEventListener("pagehide", () => source.close());
  return source;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
