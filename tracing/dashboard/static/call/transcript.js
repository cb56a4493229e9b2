import { byId, element } from "../lib/dom.js";

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
    this.read();
    player.onTime((now) => this.tick(now));
  }

  /** Take the lines from the page, at first and after it was renewed. */
  read() {
    this.list = /** @type {HTMLElement} */ (byId("transcript"));
    this.items = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll("li[data-start]")]);
    this.lines = this.items.map((item) => ({ start: Number(item.dataset.start), end: Number(item.dataset.end) }));
    for (const item of this.items) {
      const at = item.querySelector(".at");
      const words = at?.textContent ?? "";
      at?.replaceWith(element("button", { type: "button", class: "at", "aria-label": `Go to ${words}` }, words));
      item.addEventListener("click", () => {
        if (!getSelection()?.toString()) this.player.seek(Number(item.dataset.start) + 0.01);
      });
    }
    this.#markCuts();
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

  /** Where the caller cut in, under the last words the agent said in that turn. */
  #markCuts() {
    for (const turn of document.querySelectorAll("#turns li[data-interrupted]")) {
      const heard = turn.getAttribute("data-interrupted");
      if (!heard) continue;
      const said = this.items.filter((item) => item.dataset.trace === turn.getAttribute("data-trace") && item.classList.contains("agent"));
      said.at(-1)?.append(element("span", { class: "badge warn cutmark" }, `interrupted, ${Number(heard).toFixed(1)} s heard`));
    }
  }
}
