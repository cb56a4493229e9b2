import { element, localMoments } from "../lib/dom.js";
import { foldable } from "./json.js";

const LINES = 14;
const LETTERS = 700;

/**
 * Bring the server's details to life: long values are shortened, JSON folds, blocks can be copied.
 * @param {HTMLElement} panel
 * @param {(span: string) => void} choose
 */
export function enliven(panel, choose) {
  localMoments(panel);
  for (const value of /** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll(".value"))) {
    const text = value.textContent ?? "";
    if (value.tagName === "PRE") value.before(copyButton("Copy", () => text));
    if (text.length > LETTERS || text.split("\n").length > LINES) shorten(value);
    const tree = value.tagName === "PRE" ? foldable(text) : null;
    if (tree) value.replaceChildren(tree);
  }
  const link = /** @type {HTMLAnchorElement | null} */ (panel.querySelector("a[data-copy-link]"));
  link?.replaceWith(copyButton("Copy link", () => location.href));
  for (const other of panel.querySelectorAll("a[data-go]")) {
    other.addEventListener("click", (event) => {
      event.preventDefault();
      choose(other.getAttribute("data-go") ?? "");
    });
  }
}

/** @param {HTMLElement} value */
function shorten(value) {
  value.classList.add("short");
  const more = element("button", { type: "button", class: "more", "aria-expanded": "false" }, "Show all");
  more.addEventListener("click", () => {
    const short = value.classList.toggle("short");
    more.textContent = short ? "Show all" : "Show less";
    more.setAttribute("aria-expanded", String(!short));
  });
  if (value.tagName === "TD") value.append(more);
  else value.after(more);
}

/** @param {string} label @param {() => string} text */
function copyButton(label, text) {
  const button = element("button", { type: "button", class: "copy" }, label);
  button.addEventListener("click", async () => {
    button.textContent = (await copied(text())) ? "Copied" : "Not copied";
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}

/** @param {string} text */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // only pages that came over TLS, or from this machine, may
  }
}
