import { byId } from "../lib/dom.js";
import { fetchPage } from "../lib/swap.js";
import { enliven } from "./detail.js";
import { Fall } from "./fall.js";
import { Graph } from "./graph.js";
import { follow } from "./pointer.js";
import { scoring } from "./scores.js";
import { Strip } from "./strip.js";
import { Tree } from "./tree.js";

/** @typedef {import("./address.js").Choice} Choice */

/** The open turn: its spans as a tree on a time line, and what is known of the chosen one. */
export class Turn {
  /**
   * @param {import("./player.js").Player} player
   * @param {import("./timeline.js").Timeline} timeline
   * @param {{started: number, go: (choice: Choice, focus?: boolean) => void}} call started: unix seconds
   */
  constructor(player, timeline, call) {
    this.player = player;
    this.timeline = timeline;
    this.call = call;
    /** @type {Choice} */
    this.open = { trace: "", span: "", range: "" };
    this.loading = new AbortController();
    /** @type {{fall: Fall, tree: Tree, strip: Strip, graph: Graph} | null} */
    this.parts = null;
  }

  /** @param {Choice} choice @param {boolean} [focus] @param {Promise<void>} [loaded] settled once the call is known */
  async show(choice, focus = false, loaded = Promise.resolve()) {
    this.loading.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    const before = this.open;
    this.open = choice;
    try {
      if (!choice.trace) this.#close();
      else if (choice.trace !== before.trace || !this.parts) await this.#load(signal, loaded);
      else {
        if (choice.range !== before.range) this.parts.fall.open(choice.range);
        if (choice.span !== before.span) await this.#loadSpan(signal, focus);
      }
    } catch (error) {
      if (!signal.aborted) byId("turn").textContent = `Could not load this turn: ${/** @type {Error} */ (error).message}`;
    }
  }

  /** The turn goes on: take what the server has by now, leave the reader where they are. */
  async renew() {
    if (this.open.trace && this.parts?.fall.running) await this.#load(this.loading.signal, Promise.resolve());
  }

  /** @param {string} part */
  #address(part) {
    const { trace, span } = this.open;
    return `${location.pathname}?${new URLSearchParams({ trace, span, part })}`;
  }

  /** @param {AbortSignal} signal @param {Promise<void>} loaded */
  async #load(signal, loaded) {
    const [page] = await Promise.all([fetchPage(this.#address("turn"), signal), loaded]);
    if (signal.aborted) return;
    byId("turn").replaceChildren(document.importNode(/** @type {Node} */ (page.querySelector(".fall")), true));
    this.adopt();
  }

  /** @param {AbortSignal} signal @param {boolean} focus */
  async #loadSpan(signal, focus) {
    this.#mark(focus);
    await this.#detail(signal);
  }

  /** @param {AbortSignal} signal */
  async #detail(signal) {
    const page = await fetchPage(this.#address("detail"), signal);
    if (signal.aborted) return;
    byId("detail").replaceChildren(...[...page.body.childNodes].map((node) => document.importNode(node, true)));
    byId("detail").scrollTop = 0;
    this.#enliven();
  }

  #enliven() {
    enliven(byId("detail"), (span) => this.choose(span));
    scoring(byId("detail"), () => this.#detail(this.loading.signal));
  }

  /** @param {boolean} focus */
  #mark(focus) {
    this.parts?.fall.mark(this.open.span);
    if (this.open.span) this.parts?.tree.reveal(this.open.span, focus);
    this.parts?.graph.mark(this.open.span);
  }

  /** Bring the server's turn to life. */
  adopt() {
    this.#letGo();
    const section = /** @type {HTMLElement} */ (document.querySelector(".fall"));
    const facts = { latency: this.#latency(section), callStarted: this.call.started };
    const fall = new Fall(section, facts, (range) => this.call.go({ ...this.open, range }));
    const strip = new Strip(fall, () => this.timeline);
    const choose = (/** @type {string} */ span, focus = false) => this.choose(span, focus);
    const tree = new Tree(section, { choose, folded: () => fall.draw() });
    const graph = new Graph(section, { choose, pick: (spans) => tree.pick(spans) });
    follow(fall, (time) => this.player.seek(time - this.call.started));
    this.parts = { fall, tree, strip, graph };
    this.#mark(false);
    fall.open(this.open.range);
    this.tick(this.player.now);
    this.#enliven();
  }

  /** From the end of the caller's speech to the first sound, unix seconds. @param {HTMLElement} section */
  #latency(section) {
    const turn = this.timeline.turns.find((each) => each.trace_id === section.dataset.trace);
    const speech = section.querySelector('tr[data-stage="user_speech"]');
    if (!turn?.latency_ms) return null;
    const from = Number(speech?.getAttribute("data-end")) || turn.started;
    return { from, to: from + turn.latency_ms / 1000 };
  }

  /** @param {string} span @param {boolean} [focus] */
  choose(span, focus = false) {
    if (span === this.open.span) this.parts?.tree.reveal(span, focus);
    else this.call.go({ ...this.open, span }, focus);
  }

  /** @param {number} now seconds from the start of the call */
  tick(now) {
    this.parts?.fall.tick(now);
    this.parts?.strip.tick();
  }

  /** What keys do in an open turn. @type {Record<string, (turn: {fall: Fall, tree: Tree}) => void>} */
  commands = {
    "next span": ({ tree }) => tree.step(this.open.span, 1),
    "previous span": ({ tree }) => tree.step(this.open.span, -1),
    fold: ({ tree }) => tree.inwards(this.open.span),
    unfold: ({ tree }) => tree.outwards(this.open.span),
    open: () => byId("detail").focus(),
    search: ({ tree }) => tree.search(),
    in: ({ fall }) => fall.scale(0.5),
    out: ({ fall }) => fall.scale(2),
    whole: ({ fall }) => fall.zoom("turn"),
    fit: ({ fall }) => fall.zoom("span"),
    earlier: ({ fall }) => fall.pan(-0.25),
    later: ({ fall }) => fall.pan(0.25),
  };

  /** @param {string} name @returns {boolean} whether it is one of ours, and a turn is open */
  run(name) {
    if (!this.parts || !Object.hasOwn(this.commands, name)) return false;
    this.commands[name](this.parts);
    return true;
  }

  #letGo() {
    this.parts?.fall.close();
    this.parts?.strip.close();
    this.parts = null;
  }

  #close() {
    this.#letGo();
    const hint = document.createElement("p");
    hint.className = "faint choose";
    hint.textContent = "Choose a turn to see its agents, models and tools on a time line.";
    byId("turn").replaceChildren(hint);
  }
}
