import { element, svg } from "../lib/dom.js";
import { duration } from "../lib/format.js";
import { place } from "../lib/scale.js";

const PACE = 100; // ms between drawings: bars of what runs grow
const QUIET = new Set(["turn", "step"]); // brackets around the work, which only take room here

/** The spans of the newest turn while they run: a small waterfall that grows. */
export class Following {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.trace = "";
    /** @type {Map<string, any>} */
    this.spans = new Map();
    /** Seconds by which the server's clock is ahead of ours, as far as is known. */
    this.ahead = -Infinity;
    this.timer = 0;
  }

  clear() {
    this.trace = "";
    this.spans.clear();
    this.draw();
  }

  /** Take a span as `/api/live` tells it. Returns whether it begins another turn. @param {any} span */
  hear(span) {
    const begins = span.stage === "turn" && !span.parent_id && span.trace_id !== this.trace && span.end === null;
    if (begins) {
      this.trace = span.trace_id;
      this.spans.clear();
    }
    if (span.trace_id !== this.trace) return false;
    this.ahead = Math.max(this.ahead, (span.end ?? span.start) - Date.now() / 1000);
    const known = this.spans.get(span.span_id);
    if (!known || known.end === null) this.spans.set(span.span_id, span);
    this.timer ||= window.setTimeout(() => this.draw(), PACE);
    return begins;
  }

  draw() {
    clearTimeout(this.timer);
    this.timer = 0;
    const rows = inOrder([...this.spans.values()]);
    this.root.hidden = rows.length === 0;
    const open = rows.some(({ span }) => span.end === null);
    const now = Date.now() / 1000 + this.ahead;
    const from = Math.min(...rows.map(({ span }) => span.start));
    const to = Math.max(from + 0.05, ...rows.map(({ span }) => span.end ?? now));
    this.root.replaceChildren(...rows.map(({ span, depth }) => row(span, depth, { from, to }, now)));
    if (open) this.timer = window.setTimeout(() => this.draw(), PACE);
  }
}

/**
 * Parents before children, siblings by start, without the brackets.
 * @param {any[]} spans @returns {{span: any, depth: number}[]}
 */
export function inOrder(spans) {
  const known = new Set(spans.map((span) => span.span_id));
  const below = Map.groupBy(spans, (span) => (known.has(span.parent_id) ? span.parent_id : ""));
  /** @param {string} parent @param {number} depth @returns {{span: any, depth: number}[]} */
  const under = (parent, depth) =>
    (below.get(parent) ?? [])
      .sort((one, other) => one.start - other.start)
      .flatMap((span) => {
        const quiet = QUIET.has(span.stage);
        const rest = under(span.span_id, quiet ? depth : depth + 1);
        return quiet ? rest : [{ span, depth }, ...rest];
      });
  return under("", 0);
}

/** @param {any} span @param {number} depth @param {import("../lib/scale.js").View} view @param {number} now */
function row(span, depth, view, now) {
  const x = 100 * place(view, span.start);
  const width = Math.max(0.8, 100 * place(view, span.end ?? now) - x);
  const name = element("span", { class: "name", title: span.name }, span.name.replace(/^\w+/, (/** @type {string} */ kind) => kind.replaceAll("_", " ")));
  name.style.setProperty("--depth", String(depth));
  const time = span.end === null ? "…" : duration(1000 * (span.end - span.start));
  return element("li", { class: span.error ? "failed" : span.end === null ? "open" : "" },
    name,
    svg("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: `stage-${span.stage}`, x: String(Math.min(x, 99.2)), y: "0", width: String(width), height: "8", rx: "1" })),
    element("span", { class: "number" }, span.error ? "failed" : time));
}
