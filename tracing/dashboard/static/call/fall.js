import { element } from "../lib/dom.js";
import { timeLabels } from "../lib/format.js";
import { around, place, ticks, timeAt } from "../lib/scale.js";
import { moved, parsed, scaled, written } from "./range.js";

/** @typedef {import("../lib/scale.js").View} View */

/** The waterfall of one turn, and the range of it that is in view. Times are unix seconds, as in the spans. */
export class Fall {
  /**
   * @param {HTMLElement} section as the server made it
   * @param {{latency: View | null, callStarted: number}} facts latency: from the caller's last word to the first sound
   * @param {(range: string) => void} changed told of a range that the reader chose, as the address has it
   */
  constructor(section, facts, changed) {
    this.section = section;
    this.facts = facts;
    this.changed = changed;
    this.rows = /** @type {HTMLTableRowElement[]} */ ([...section.querySelectorAll("tr[data-span]")]);
    this.times = this.rows.map((row) => ({ from: Number(row.dataset.start), to: row.dataset.end ? Number(row.dataset.end) : Infinity }));
    this.bars = this.rows.map((row) => /** @type {SVGElement} */ (row.querySelector(".bar rect")));
    this.whole = { from: Number(section.dataset.start), to: Math.max(Number(section.dataset.end), Number(section.dataset.start) + 1e-3) };
    this.view = this.whole;
    this.range = "turn";
    this.cursors = /** @type {HTMLElement[]} */ ([...section.querySelectorAll(".fallcursor, .stripcursor")]);
    this.wait = /** @type {HTMLElement} */ (section.querySelector(".fallwait"));
    this.ticks = /** @type {HTMLElement} */ (section.querySelector(".ticks"));
    this.column = /** @type {HTMLElement} */ (this.ticks.parentElement);
    this.box = { left: 0, width: 0, top: 0, height: 0 };
    /** @type {(() => void)[]} */
    this.followers = [];
    this.chosen = "";
    this.now = 0;
    for (const group of section.querySelectorAll(".fallzoom")) /** @type {HTMLElement} */ (group).hidden = false;
    for (const button of section.querySelectorAll("[data-range]")) {
      button.addEventListener("click", () => this.zoom(button.getAttribute("data-range") ?? "turn"));
    }
    section.querySelector("[data-zoom=in]")?.addEventListener("click", () => this.scale(0.5));
    section.querySelector("[data-zoom=out]")?.addEventListener("click", () => this.scale(2));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.ticks);
  }

  close() {
    this.observer.disconnect();
  }

  /** Whether the turn still goes on. */
  get running() {
    return this.rows.some((row) => !row.dataset.end);
  }

  /** @param {string} span "" for none */
  mark(span) {
    this.chosen = span;
    for (const row of this.rows) {
      const link = /** @type {HTMLElement} */ (row.querySelector("a"));
      if (row.dataset.span === span) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    /** @type {HTMLButtonElement} */ (this.section.querySelector('[data-range="span"]')).disabled = !span;
  }

  /** The reader chose a range by its name: turn, work, latency or span. @param {string} range */
  zoom(range) {
    this.open(range);
    this.changed(this.range === "work" ? "" : this.range);
  }

  /** Show a range as the address has it; its work where it says nothing that is known. @param {string} range */
  open(range) {
    const stretch = this.#named(range);
    const exact = stretch ? null : parsed(range, this.whole.from, this.whole);
    const shown = stretch ?? exact ?? (range === "turn" ? null : this.#work());
    this.range = exact ? range : !shown ? "turn" : stretch ? range : "work";
    this.#show(exact ?? (shown ? around(shown, { from: -Infinity, to: Infinity }) : this.whole));
  }

  /** Longer or shorter, about a time: the cursor where it is in view, or else the middle. @param {number} factor @param {number} [at] */
  scale(factor, at) {
    const now = this.facts.callStarted + this.now;
    const inside = now >= this.view.from && now <= this.view.to;
    const about = at ?? (inside ? now : (this.view.from + this.view.to) / 2);
    this.reach(scaled(this.view, factor, about, this.whole));
  }

  /** Along the time line. @param {number} share of what is in view */
  pan(share) {
    this.reach(moved(this.view, share, this.whole));
  }

  /** A stretch that the reader marked out. @param {View} view */
  reach(view) {
    const whole = view.to - view.from >= this.whole.to - this.whole.from;
    this.range = whole ? "turn" : written(view, this.whole.from);
    this.#show(whole ? this.whole : view);
    this.changed(this.range);
  }

  /** @param {View} view */
  #show(view) {
    this.view = view;
    for (const button of this.section.querySelectorAll("[data-range]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-range") === this.range));
    }
    const out = /** @type {HTMLButtonElement | null} */ (this.section.querySelector("[data-zoom=out]"));
    if (out) out.disabled = view === this.whole;
    this.draw();
  }

  /** @param {string} range @returns {View | null} */
  #named(range) {
    const stretches = { work: () => this.#work(), latency: () => this.facts.latency, span: () => this.#chosenStretch() };
    return Object.hasOwn(stretches, range) ? stretches[/** @type {keyof typeof stretches} */ (range)]() : null;
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

  /** Redraw what the range in view has changed. */
  draw() {
    const { offsetLeft: left, offsetWidth: width, offsetHeight: top } = this.column;
    this.box = { left, width, top, height: (this.column.closest("table")?.offsetHeight ?? 0) - top };
    const ticksWidth = this.ticks.clientWidth;
    this.times.forEach(({ from, to }, index) => {
      const { x, width } = barOf(this.view, from, Math.min(to, this.whole.to));
      this.bars[index].setAttribute("x", `${x}%`);
      this.bars[index].style.width = width ? `max(${width}%, 2px)` : "0";
    });
    const relative = { from: this.view.from - this.whole.from, to: this.view.to - this.whole.from };
    const times = ticks(relative, Math.max(2, Math.floor(ticksWidth / 75)));
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
    for (const follower of this.followers) follower();
    this.tick(this.now);
  }

  /** The wait for the first sound, as a band behind all rows. */
  #drawWait() {
    const { x, width } = this.facts.latency ? barOf(this.view, this.facts.latency.from, this.facts.latency.to) : { x: 0, width: 0 };
    this.wait.hidden = !width;
    this.span(this.wait, x / 100, width / 100);
  }

  /** Lay a mark over the rows. @param {HTMLElement} mark @param {number} at 0 to 1 @param {number} [share] of the width */
  span(mark, at, share) {
    mark.style.left = `${this.box.left + at * this.box.width}px`;
    mark.style.top = `${this.box.top}px`;
    mark.style.height = `${this.box.height}px`;
    if (share !== undefined) mark.style.width = `${share * this.box.width}px`;
  }

  /** The cursor, and the spans that were under way at its time. @param {number} now seconds from the start of the call */
  tick(now) {
    this.now = now;
    const time = this.facts.callStarted + now;
    const at = place(this.view, time);
    for (const cursor of this.cursors) {
      cursor.hidden = at < 0 || at > 1;
      if (cursor.hidden) continue;
      if (cursor.classList.contains("fallcursor")) this.span(cursor, at);
      else cursor.style.left = `${100 * at}%`;
    }
    const outside = time < this.whole.from || time > this.whole.to;
    this.times.forEach(({ from, to }, index) => {
      const under = !outside && time >= from && time <= to;
      if (under !== (this.rows[index].dataset.now === "yes")) this.rows[index].dataset.now = under ? "yes" : "no";
    });
  }

  /** The time under a place of the screen. @param {number} clientX @returns {number} unix seconds */
  timeOf(clientX) {
    const box = this.column.getBoundingClientRect();
    return timeAt(this.view, (clientX - box.left) / box.width);
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
