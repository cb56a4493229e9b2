import { byId, element } from "../lib/dom.js";
import { remember, renew } from "../lib/rows.js";

/** @typedef {{start: number, end: number}} Line */

/**
 * The lines that sound at a moment; two when both speak.
 * @param {Line[]} lines @param {number} now seconds
 * @returns {Set<number>}
 */
export function sounding(lines, now) {
  const found = new Set();
  lines.forEach((line, index) => {
    if (now >= line.start && now < Math.max(line.end, line.start + 0.2)) found.add(index);
  });
  return found;
}

/** The words beside the waveform: a click goes to where they were said. */
export class Transcript {
  /** @param {import("./player.js").Player} player */
  constructor(player) {
    this.player = player;
    this.list = /** @type {HTMLElement} */ (byId("transcript"));
    this.list.addEventListener("click", (event) => {
      const item = /** @type {Element} */ (event.target).closest("li[data-start]");
      if (item && !getSelection()?.toString()) this.player.seek(Number(item.getAttribute("data-start")) + 0.01);
    });
    remember(this.list);
    for (const item of this.list.children) this.#adopt(/** @type {HTMLElement} */ (item));
    this.#read();
    player.onTime((now) => this.tick(now));
  }

  /** More was said. Who reads the end goes on reading the end; who reads elsewhere stays there. @param {Element} fresh */
  renew(fresh) {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    renew(this.list, fresh, (item, known) => {
      this.#adopt(item);
      if (!known) item.classList.add("came");
    });
    this.#read();
    const atEnd = scrollTop + clientHeight >= scrollHeight - 8;
    this.list.scrollTop = atEnd ? this.list.scrollHeight : scrollTop;
  }

  /** @param {HTMLElement} item */
  #adopt(item) {
    const at = item.dataset.start === undefined ? null : item.querySelector(".at");
    const words = at?.textContent ?? "";
    at?.replaceWith(element("button", { type: "button", class: "at", "aria-label": `Go to ${words}` }, words));
  }

  #read() {
    this.items = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll("li[data-start]")]);
    this.lines = this.items.map((item) => ({ start: Number(item.dataset.start), end: Number(item.dataset.end) }));
    this.tick(this.player.now);
  }

  /** @param {number} now */
  tick(now) {
    const lit = sounding(this.lines, now);
    this.items.forEach((item, index) => {
      const changed = item.classList.contains("now") !== lit.has(index);
      item.classList.toggle("now", lit.has(index));
      if (changed && lit.has(index) && !this.player.audio.paused) this.#keepInSight(item);
    });
  }

  /** Bring what was said in a turn into sight. @param {string} trace */
  showTurn(trace) {
    const first = this.items.find((item) => trace && item.dataset.trace === trace);
    if (first) this.list.scrollTop = first.offsetTop;
  }

  /** Scrolls the list only, never the page under the reader. @param {HTMLElement} item */
  #keepInSight(item) {
    const top = item.offsetTop - this.list.clientHeight / 2;
    if (item.offsetTop < this.list.scrollTop || item.offsetTop + item.offsetHeight > this.list.scrollTop + this.list.clientHeight) {
      this.list.scrollTop = top;
    }
  }
}
