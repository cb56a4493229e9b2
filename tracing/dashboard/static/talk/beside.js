import { element } from "../lib/dom.js";
import { duration } from "../lib/format.js";

const PAUSES = [60, 200, 700, 1500, 3000]; // ms: spans are written as they end, the turn after its last sound

/** What the trace store knows of the running call, beside the talk: agents, tools, latency. */
export class Beside {
  /** @param {HTMLElement} root @param {(agent: string) => void} floor told who speaks now */
  constructor(root, floor) {
    this.root = root;
    this.floor = floor;
    this.asked = 0;
    this.known = 0;
  }

  /** @param {string} callId */
  start(callId) {
    this.callId = callId;
    this.known = 0;
    this.asked += 1;
    this.root.replaceChildren(element("p", { class: "faint" }, "Agents, tools and times appear after the first answer."));
  }

  /** Look until the newest turn is there and timed, a few times; then let it be. */
  async look() {
    const mine = (this.asked += 1);
    for (const pause of PAUSES) {
      await new Promise((done) => setTimeout(done, pause));
      if (mine !== this.asked || !this.callId) return;
      const found = await read(this.callId);
      if (mine !== this.asked) return;
      if (!found) continue;
      this.show(found);
      if (found.turns.length > this.known && found.turns.at(-1).latency_ms !== null) {
        this.known = found.turns.length;
        return;
      }
    }
  }

  /** @param {any} found */
  show(found) {
    const last = found.turns.at(-1);
    const agent = last?.agents?.at(-1) ?? found.call.agents.at(-1);
    if (agent && found.turns.length > this.known) this.floor(agent);
    const timed = found.turns.findLast((/** @type {any} */ turn) => turn.latency_ms !== null);
    const address = `/traces/calls/${encodeURIComponent(found.call.call_id)}`;
    this.root.replaceChildren(
      facts([
        ["With", [agent ?? "–"]],
        ["First audio", [duration(timed?.latency_ms)]],
        ["Handoffs", [String(found.call.handoffs)]],
        ["Errors", [String(found.call.errors)]],
        ["Tools", found.call.tools.length ? found.call.tools.map(code) : ["none"]],
      ]),
      element("ol", { class: "turnlist", "aria-label": "Turns" },
        ...found.turns.map((/** @type {any} */ turn, /** @type {number} */ index) => turnLine(turn, index, address))),
      element("p", {}, element("a", { href: address, target: "_blank", rel: "noopener" }, "Open the trace")),
    );
  }
}

/** @param {[string, (string | Node)[]][]} pairs */
function facts(pairs) {
  return element("dl", { class: "sidefacts" },
    ...pairs.map(([name, values]) => element("div", {}, element("dt", {}, name), element("dd", {}, ...values))));
}

/** @param {string} name */
function code(name) {
  return element("code", {}, name);
}

/** @param {any} turn @param {number} index @param {string} address */
function turnLine(turn, index, address) {
  const link = element("a", { href: `${address}#${new URLSearchParams({ trace: turn.trace_id })}`, target: "_blank", rel: "noopener" }, `Turn ${index + 1}`);
  return element("li", {}, link, element("span", {}, turn.agents.join(" → ")), element("span", { class: "number" }, duration(turn.latency_ms)));
}

/** @param {string} callId @returns {Promise<any>} null while the store has nothing, or when it is down */
async function read(callId) {
  try {
    const response = await fetch(`/api/calls/${encodeURIComponent(callId)}`);
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
