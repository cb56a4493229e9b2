// One call: its recording, its turns, its words and its spans, on one clock.
import { choiceOf, hashOf, parseHash } from "./call/address.js";
import { command, neighbour } from "./call/keys.js";
import { Player } from "./call/player.js";
import { Timeline } from "./call/timeline.js";
import { Transcript } from "./call/transcript.js";
import { Turn } from "./call/turn.js";
import { byId, localMoments } from "./lib/dom.js";
import { follow } from "./lib/live.js";
import { remember, renew as renewRows } from "./lib/rows.js";
import { fetchPage, settled, swap } from "./lib/swap.js";

/** @typedef {import("./call/address.js").Choice} Choice */

const facts = byId("facts");
const callId = facts.dataset.call;
const player = new Player();
const timeline = new Timeline(player, openTurn, tellZoom);
const transcript = new Transcript(player);
const turn = new Turn(player, timeline, { started: Number(facts.dataset.started), go });

/** @param {string} trace */
function openTurn(trace) {
  go({ trace, span: "", range: "" });
}

/** @param {Choice} choice @param {boolean} [focus] */
function go(choice, focus = false) {
  const url = location.pathname + hashOf(choice);
  if (choice.trace === turn.open.trace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  show(choice, focus);
}

/** @param {Choice} choice @param {boolean} [focus] */
async function show(choice, focus = false) {
  const another = choice.trace !== turn.open.trace;
  const shown = turn.show(choice, focus, loaded);
  if (another) {
    if (timeline.zoomed && choice.trace) timeline.zoom(timeline.stretch(choice.trace));
    markTurn(choice.trace);
    transcript.showTurn(choice.trace);
  }
  await shown;
}

/** @param {string} trace */
function markTurn(trace) {
  for (const item of document.querySelectorAll("#turns li[data-trace]")) {
    const link = item.querySelector("a");
    if (item.getAttribute("data-trace") === trace) link?.setAttribute("aria-current", "true");
    else link?.removeAttribute("aria-current");
  }
  timeline.mark(trace);
  tellZoom();
}

function zoom() {
  timeline.zoom(timeline.zoomed ? null : timeline.stretch(turn.open.trace));
  tellZoom();
}

/** @param {number} factor */
function zoomBy(factor) {
  timeline.zoomBy(factor);
  tellZoom();
}

function tellZoom() {
  byId("out").disabled = !timeline.zoomed;
  byId("zoom").textContent = timeline.zoomed ? "Whole call" : "Zoom to turn";
  byId("zoom").setAttribute("aria-pressed", String(timeline.zoomed));
  byId("zoom").disabled = !turn.open.trace && !timeline.zoomed;
}

/** Another turn, with the player at its start. @param {number} step */
function stepTurn(step) {
  const trace = neighbour(timeline.turns.map((each) => each.trace_id), turn.open.trace, step);
  if (!trace || trace === turn.open.trace) return;
  openTurn(trace);
  player.seek(timeline.stretch(trace)?.from ?? 0);
}

const commands = {
  play: () => player.toggle(),
  back: () => player.skip(-2),
  on: () => player.skip(2),
  "back far": () => player.skip(-10),
  "on far": () => player.skip(10),
  "next span": () => stepTurn(1), // while no turn is open
  "previous span": () => stepTurn(-1),
  "next turn": () => stepTurn(1),
  "previous turn": () => stepTurn(-1),
  zoom: () => byId("zoom").disabled || zoom(),
  in: () => zoomBy(1.6),
  out: () => zoomBy(1 / 1.6),
  whole: () => timeline.zoomed && zoom(),
  help: () => byId("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  const name = byId("help").open ? null : command(event);
  if (!name) return;
  event.preventDefault();
  if (!turn.run(name)) /** @type {Record<string, () => void>} */ (commands)[name]?.();
});
byId("zoom").addEventListener("click", zoom);
byId("in").addEventListener("click", commands.in);
byId("out").addEventListener("click", commands.out);
byId("keys").addEventListener("click", commands.help);
byId("main").addEventListener("click", (/** @type {MouseEvent} */ event) => {
  const link = /** @type {Element} */ (event.target).closest("#turns a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openTurn(link.closest("li")?.dataset.trace ?? "");
});
addEventListener("popstate", () => show(parseHash(location.hash)));
player.onTime((now) => {
  timeline.tick();
  turn.tick(now);
});
player.audio.addEventListener("loadedmetadata", () => data && timeline.show(data));

/** @type {any} */
let data = null;
/** Settled once the page has what the server knew when it was opened. */
let loaded = Promise.resolve();
async function load() {
  const response = await fetch(`/api/calls/${encodeURIComponent(callId)}`);
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  data = await response.json();
  timeline.show(data);
}

/** The call goes on: take the server's new lists, leave the reader where they are. */
const renew = settled(async () => {
  const page = await fetchPage(location.pathname);
  swap(page, ["facts", "work"]);
  const turns = page.getElementById("turns");
  if (turns) renewRows(byId("turns"), turns);
  const lines = page.getElementById("transcript");
  if (lines) transcript.renew(lines);
  localMoments(document);
  await load();
  const pieces = data.audio.length; // in the address, as browsers mix what they kept of one with what it is now
  if (pieces) player.grown(`/api/calls/${encodeURIComponent(callId)}/audio?pieces=${pieces}`);
  markTurn(turn.open.trace);
  await turn.renew();
}, 400);

remember(byId("turns"));
localMoments(document);
loaded = load().catch((error) => {
  byId("trouble").textContent = `Could not load the waveform: ${error.message}`;
});
const asked = choiceOf(new URLSearchParams(location.search));
const wanted = parseHash(location.hash);
if (wanted.trace) await show(wanted);
else if (asked.trace) {
  await loaded; // the server has the turn in the page already
  turn.open = asked;
  history.replaceState(null, "", location.pathname + hashOf(asked));
  markTurn(asked.trace);
  transcript.showTurn(asked.trace);
  turn.adopt();
}
await loaded;
if (facts.dataset.live === "yes") {
  follow(
    (kind, news) => kind === "call" && news?.call_id === callId && renew(),
    (connected) => connected && renew(), // for what happened before we listened
  );
}
document.documentElement.dataset.ready = "yes";
