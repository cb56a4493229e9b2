import { element } from "../lib/dom.js";
import { timeLabels } from "../lib/format.js";
import { around, place, ticks } from "../lib/scale.js";

/** @typedef {import("../lib/scale.js").View} View */

/** The tree and waterfall of one turn. Times are unix seconds, as in the spans. */
export class Fall {
  /**
   * @param {HTMLElement} section as the server made it
   * @param {{latency: View | null, callStarted: number}} facts latency: from the caller's last word to the first sound
   * @param {(span: string) => void} choose
   */
  constructor(section, facts, choose) {
    this.section = section;
    this.facts = facts;
    this.rows = /** @type {HTMLTableRowElement[]} */ ([...section.querySelectorAll("tr[data-span]")]);
    this.whole = { from: Number(section.dataset.start), to: Math.max(Number(section.dataset.end), Number(section.dataset.start) + 1e-3) };
    this.view = this.whole;
    this.cursor = /** @type {HTMLElement} */ (section.querySelector(".fallcursor"));
    this.wait = /** @type {HTMLElement} */ (section.querySelector(".fallwait"));
    this.ticks = /** @type {HTMLElement} */ (section.querySelector(".ticks"));
    this.now = 0;
    for (const row of this.rows) {
      row.addEventListener("click", (event) => {
        event.preventDefault();
        choose(row.dataset.span ?? "");
      });
    }
    /** @type {HTMLElement} */ (section.querySelector(".fallzoom")).hidden = false;
    for (const button of section.querySelectorAll("[data-range]")) {
      button.addEventListener("click", () => this.zoom(button.getAttribute("data-range") ?? "turn"));
    }
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.ticks);
    this.zoom("work");
  }

  close() {
    this.observer.disconnect();
  }

  get spans() {
    return this.rows.map((row) => row.dataset.span ?? "");
  }

  /** Whether the turn still goes on. */
  get running() {
    return this.rows.some((row) => !row.dataset.end);
  }

  get chosen() {
    return this.section.querySelector("a[aria-current]")?.closest("tr")?.dataset.span ?? "";
  }

  /** @param {string} span @param {boolean} focus */
  mark(span, focus) {
    for (const row of this.rows) {
      const link = /** @type {HTMLElement} */ (row.querySelector("a"));
      if (row.dataset.span !== span) link.removeAttribute("aria-current");
      else {
        link.setAttribute("aria-current", "true");
        if (focus) link.focus({ preventScroll: true });
        row.scrollIntoView({ block: "nearest" });
      }
    }
    /** @type {HTMLButtonElement} */ (this.section.querySelector('[data-range="span"]')).disabled = !span;
  }

  /** @param {string} range turn, work, latency or span */
  zoom(range) {
    const stretches = { work: () => this.#work(), latency: () => this.facts.latency, span: () => this.#chosenStretch() };
    const stretch = stretches[/** @type {keyof typeof stretches} */ (range)]?.() ?? null;
    this.view = stretch ? around(stretch, { from: -Infinity, to: Infinity }) : this.whole;
    this.range = stretch ? range : "turn";
    for (const button of this.section.querySelectorAll("[data-range]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-range") === this.range));
    }
    this.draw();
  }

  /** What the team did: speaking and listening are long, and would squeeze it to a line. */
  #work() {
    const ofStage = (/** @type {string[]} */ ...stages) => this.rows.filter((row) => stages.includes(row.dataset.stage ?? ""));
    const talk = new Set(ofStage("turn", "user_speech", "playback"));
    const work = this.rows.filter((row) => !talk.has(row));
    if (!work.length) return null;
    const from = Math.min(...ofStage("user_speech").map((row) => this.#end(row)), ...work.map((row) => Number(row.dataset.start)));
    const to = Math.max(this.facts.latency?.to ?? 0, ...work.map((row) => this.#end(row)));
    return to > from ? { from, to } : null;
  }

  #chosenStretch() {
    const row = this.rows.find((each) => each.dataset.span === this.chosen);
    if (!row) return null;
    const from = Number(row.dataset.start);
    return { from, to: Math.max(this.#end(row), from + 1e-3) };
  }

  /** A span that still runs reaches to the end. @param {HTMLTableRowElement} row */
  #end(row) {
    return row.dataset.end ? Number(row.dataset.end) : this.whole.to;
  }

  draw() {
    for (const row of this.rows) {
      const bar = /** @type {SVGElement} */ (row.querySelector(".bar rect"));
      const { x, width } = barOf(this.view, Number(row.dataset.start), this.#end(row));
      bar.setAttribute("x", `${x}%`);
      bar.style.width = width ? `max(${width}%, 2px)` : "0";
    }
    const width = this.ticks.clientWidth;
    const relative = { from: this.view.from - this.whole.from, to: this.view.to - this.whole.from };
    const times = ticks(relative, Math.max(2, Math.floor(width / 75)));
    const label = timeLabels(times);
    this.ticks.replaceChildren(
      ...times.map((time) => {
        const at = place(relative, time);
        const tick = element("span", { class: at > 0.88 ? "edge" : "" }, label(time));
        tick.style.left = `${100 * at}%`;
        return tick;
      }),
    );
    this.#drawWait();
    this.tick(this.now);
  }

  /** The wait for the first sound, as a band behind all rows. */
  #drawWait() {
    const { x, width } = this.facts.latency ? barOf(this.view, this.facts.latency.from, this.facts.latency.to) : { x: 0, width: 0 };
    this.wait.hidden = !width;
    this.#under(this.wait, x / 100);
    this.wait.style.width = `${(width / 100) * this.#column().offsetWidth}px`;
  }

  #column() {
    return /** @type {HTMLElement} */ (this.ticks.parentElement);
  }

  /** Put a mark over the rows at a place of the time line. @param {HTMLElement} mark @param {number} at */
  #under(mark, at) {
    const column = this.#column();
    mark.style.left = `${column.offsetLeft + at * column.offsetWidth}px`;
    mark.style.top = `${column.offsetHeight}px`;
    mark.style.height = `${(column.closest("table")?.offsetHeight ?? 0) - column.offsetHeight}px`;
  }

  /** @param {number} now seconds from the start of the call */
  tick(now) {
    this.now = now;
    const at = place(this.view, this.facts.callStarted + now);
    this.cursor.hidden = at < 0 || at > 1;
    if (!this.cursor.hidden) this.#under(this.cursor, at);
  }
}

/**
 * A span's bar inside a view, in percent of the width; cut at both edges, 0 wide when outside.
 * @param {View} view @param {number} start @param {number} end
 */
export function barOf(view, start, end) {
  const from = Math.max(0, place(view, start));
  const to = Math.min(1, place(view, end));
  if (to < 0 || from > 1 || to < from) return { x: 0, width: 0 };
  return { x: 100 * from, width: Math.max(100 * (to - from), 1e-3) };
}
