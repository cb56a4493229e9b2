import { element } from "../lib/dom.js";

const MOST = 2000; // nodes: what is larger stays text

/**
 * A value as nested parts that fold, or null where there is nothing to fold. All of it is text.
 * @param {string} text as the server laid it out
 * @returns {HTMLElement | null}
 */
export function foldable(text) {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    const value = JSON.parse(text);
    return depth(value) > 1 && size(value) <= MOST ? element("div", { class: "json" }, ...parts(value, "", "")) : null;
  } catch {
    return null; // it only looks like JSON
  }
}

/** @param {any} value @returns {number} */
function depth(value) {
  return value && typeof value === "object" ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
}

/** @param {any} value @returns {number} */
function size(value) {
  return value && typeof value === "object" ? Object.values(value).reduce((sum, each) => sum + size(each), 1) : 1;
}

/** @param {any} value @param {string} name @param {string} end @returns {(Node | string)[]} */
function parts(value, name, end) {
  const label = name ? [element("span", { class: "key" }, name), ": "] : [];
  if (!value || typeof value !== "object" || !Object.keys(value).length) {
    return [element("div", { class: "leaf" }, ...label, JSON.stringify(value) + end)];
  }
  const list = Array.isArray(value);
  const entries = Object.entries(value);
  const inside = entries.flatMap(([key, each], at) => parts(each, list ? "" : JSON.stringify(key), at < entries.length - 1 ? "," : ""));
  const [open, close] = list ? "[]" : "{}";
  const count = element("span", { class: "inside" }, ` ${entries.length} ${close}${end}`);
  return [
    element("details", { open: "" }, element("summary", {}, ...label, open, count), element("div", {}, ...inside), element("div", { class: "leaf" }, close + end)),
  ];
}
