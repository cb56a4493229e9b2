/**
 * Which command a key gives on the list, or null. A key belongs to the page only where nothing else
 * wants it.
 * @param {{key: string, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean, target?: any}} event
 * @returns {string | null}
 */
export function command(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "Escape") return "close";
  const kind = event.target?.tagName ?? "";
  if (["INPUT", "SELECT", "TEXTAREA"].includes(kind) || event.target?.isContentEditable) return null;
  if (event.key === " ") return ["BUTTON", "A", "SUMMARY"].includes(kind) ? null : "play";
  const commands = { ArrowLeft: "back", ArrowRight: "on", j: "next", k: "previous", p: "hear", "/": "search" };
  return commands[/** @type {keyof typeof commands} */ (event.key)] ?? null;
}
