const EVERYWHERE = {
  ArrowLeft: "back",
  ArrowRight: "on",
  j: "next span",
  k: "previous span",
  "]": "next turn",
  "[": "previous turn",
  z: "zoom",
  "+": "in",
  "=": "in",
  "-": "out",
  0: "whole",
  f: "fit",
  "/": "search",
  "?": "help",
};
const WITH_SHIFT = { ArrowLeft: "back far", ArrowRight: "on far" };
const IN_TREE = { ArrowDown: "next span", ArrowUp: "previous span", ArrowLeft: "fold", ArrowRight: "unfold", Enter: "open" };
const ON_TIME_LINE = { ArrowLeft: "earlier", ArrowRight: "later" };

/**
 * Which command a key gives, or null. A key belongs to the page only where nothing else wants it.
 * @param {{key: string, shiftKey?: boolean, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean, target?: any}} event
 * @returns {string | null}
 */
export function command(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const target = event.target;
  const kind = target?.tagName ?? "";
  if (["INPUT", "SELECT", "TEXTAREA", "AUDIO"].includes(kind) || target?.isContentEditable) return null;
  if (event.key === " ") return ["BUTTON", "A", "SUMMARY"].includes(kind.toUpperCase()) ? null : "play";
  const places = [
    kind === "TR" && !event.shiftKey ? IN_TREE : {},
    target?.closest?.(".strip") && !event.shiftKey ? ON_TIME_LINE : {},
    event.shiftKey ? WITH_SHIFT : {},
    EVERYWHERE,
  ];
  const place = places.find((each) => Object.hasOwn(each, event.key));
  return place ? /** @type {Record<string, string>} */ (place)[event.key] : null;
}

/** The neighbour in a list; from nowhere, the first or last. @param {string[]} list @param {string} current @param {number} step */
export function neighbour(list, current, step) {
  const at = list.indexOf(current);
  if (at < 0) return (step > 0 ? list[0] : list.at(-1)) ?? "";
  return list[Math.min(list.length - 1, Math.max(0, at + step))];
}
