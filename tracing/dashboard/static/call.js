// One call: its recording, its turns, its words and its spans, on one clock.
import { hashOf, parseHash } from "./call/address.js";
import { Fall } from "./call/fall.js";
import { command, neighbour } from "./call/keys.js";
import { Player } from "./call/player.js";
import { Timeline } from "./call/timeline.js";
import { Transcript } from "./call/transcript.js";
import { byId, localMoments } from "./lib/dom.js";
import { follow } from "./lib/live.js";
import { fetchPage, settled, swap } from "./lib/swap.js";

const facts = byId("facts");
const callId = facts.dataset.call;
const callStarted = Number(facts.dataset.started);
const player = new Player();
const timeline = new Timeline(player, (trace) => go({ trace, span: "" }));
const transcript = new Transcript(player);
/** @type {Fall | null} */
let fall = null;
let open = { trace: "", span: "" };
/** @type {AbortController} */
let loading = new AbortController();

/** @param {{trace: string, span: string}} choice */
function go(choice) {
  const url = location.pathname + hashOf(choice);
  if (choice.trace === open.trace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  show(choice);
}

/** @param {{trace: string, span: string}} choice @param {boolean} [focus] */
async function show(choice, focus = false) {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  const sameTurn = choice.trace === open.trace && fall !== null;
  open = choice;
  markTurn(choice.trace);
  if (!sameTurn) transcript.showTurn(choice.trace);
  try {
    if (!choice.trace) closeTurn();
    else if (!sameTurn) await showTurn(choice, signal);
    else await showSpan(choice, signal, focus);
  } catch (error) {
    if (!signal.aborted) byId("turn").textContent = `Could not load this turn: ${/** @type {Error} */ (error).message}`;
  }
}

/** @param {{trace: string, span: string}} choice @param {string} part */
function address(choice, part) {
  return `${location.pathname}?${new URLSearchParams({ ...choice, part })}`;
}

/** @param {{trace: string, span: string}} choice @param {AbortSignal} signal */
async function showTurn(choice, signal) {
  const [page] = await Promise.all([fetchPage(address(choice, "turn"), signal), loaded]);
  byId("turn").replaceChildren(document.importNode(/** @type {Node} */ (page.querySelector(".fall")), true));
  adopt();
  if (choice.span) fall?.mark(choice.span, false);
}

/** @param {{trace: string, span: string}} choice @param {AbortSignal} signal @param {boolean} focus */
async function showSpan(choice, signal, focus) {
  fall?.mark(choice.span, focus);
  const page = await fetchPage(address(choice, "detail"), signal);
  byId("detail").replaceChildren(...[...page.body.childNodes].map((node) => document.importNode(node, true)));
  byId("detail").scrollTop = 0;
}

/** Bring the server's waterfall to life. */
function adopt() {
  fall?.close();
  const section = /** @type {HTMLElement | null} */ (document.querySelector(".fall"));
  fall = section && new Fall(section, { latency: latencyOf(section), callStarted }, (span) => go({ ...open, span }));
  fall?.tick(player.now);
}

/** From the end of the caller's speech to the first sound, unix seconds. @param {HTMLElement} section */
function latencyOf(section) {
  const turn = timeline.turns.find((each) => each.trace_id === section.dataset.trace);
  const speech = section.querySelector('tr[data-stage="user_speech"]');
  if (!turn?.latency_ms) return null;
  const from = Number(speech?.getAttribute("data-end")) || turn.started;
  return { from, to: from + turn.latency_ms / 1000 };
}

function closeTurn() {
  fall?.close();
  fall = null;
  const hint = document.createElement("p");
  hint.className = "faint choose";
  hint.textContent = "Choose a turn to see its agents, models and tools on a time line.";
  byId("turn").replaceChildren(hint);
}

/** @param {string} trace */
function markTurn(trace) {
  for (const item of document.querySelectorAll("#turns li[data-trace]")) {
    const link = item.querySelector("a");
    if (item.getAttribute("data-trace") === trace) link?.setAttribute("aria-current", "true");
    else link?.removeAttribute("aria-current");
  }
  timeline.mark(trace);
  byId("zoom").disabled = !trace && !timeline.zoomed;
  if (timeline.zoomed && trace) timeline.zoom(timeline.stretch(trace));
}

function zoom() {
  const stretch = timeline.zoomed ? null : timeline.stretch(open.trace);
  timeline.zoom(stretch);
  byId("zoom").textContent = timeline.zoomed ? "Whole call" : "Zoom to turn";
  byId("zoom").setAttribute("aria-pressed", String(timeline.zoomed));
  byId("zoom").disabled = !open.trace && !timeline.zoomed;
}

/** Another turn, with the player at its start. @param {number} step */
function stepTurn(step) {
  const trace = neighbour(timeline.turns.map((each) => each.trace_id), open.trace, step);
  if (!trace || trace === open.trace) return;
  go({ trace, span: "" });
  player.seek(timeline.stretch(trace)?.from ?? 0);
}

/** @param {number} step */
function stepSpan(step) {
  if (!fall) return stepTurn(step);
  const span = neighbour(fall.spans, open.span, step);
  if (!span || span === open.span) return;
  history.replaceState(null, "", location.pathname + hashOf({ ...open, span }));
  show({ ...open, span }, true);
}

const commands = {
  play: () => player.toggle(),
  back: () => player.skip(-2),
  on: () => player.skip(2),
  "back far": () => player.skip(-10),
  "on far": () => player.skip(10),
  "next span": () => stepSpan(1),
  "previous span": () => stepSpan(-1),
  "next turn": () => stepTurn(1),
  "previous turn": () => stepTurn(-1),
  zoom: () => byId("zoom").disabled || zoom(),
  help: () => byId("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  const name = byId("help").open ? null : command(event);
  if (!name) return;
  event.preventDefault();
  commands[/** @type {keyof typeof commands} */ (name)]();
});
byId("zoom").addEventListener("click", zoom);
byId("keys").addEventListener("click", commands.help);
byId("main").addEventListener("click", (/** @type {MouseEvent} */ event) => {
  const link = /** @type {Element} */ (event.target).closest("#turns a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go({ trace: link.closest("li")?.dataset.trace ?? "", span: "" });
});
addEventListener("popstate", () => show(parseHash(location.hash)));
player.onTime((now) => {
  timeline.tick();
  fall?.tick(now);
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
  swap(page, ["facts", "turns", "transcript", "work"]);
  localMoments(document);
  await load();
  const pieces = data.audio.length; // in the address, as browsers mix what they kept of one with what it is now
  if (pieces) player.grown(`/api/calls/${encodeURIComponent(callId)}/audio?pieces=${pieces}`);
  transcript.read();
  markTurn(open.trace);
  if (open.trace && fall?.running) {
    const { range } = fall;
    await showTurn(open, loading.signal);
    fall.zoom(range);
  }
}, 400);

localMoments(document);
loaded = load().catch((error) => {
  byId("trouble").textContent = `Could not load the waveform: ${error.message}`;
});
const query = new URLSearchParams(location.search);
const wanted = parseHash(location.hash);
if (wanted.trace) await show(wanted);
else if (query.get("trace")) {
  await loaded;
  open = { trace: query.get("trace") ?? "", span: query.get("span") ?? "" };
  history.replaceState(null, "", location.pathname + hashOf(open));
  markTurn(open.trace);
  transcript.showTurn(open.trace);
  adopt();
  fall?.mark(open.span, false);
}
await loaded;
if (facts.dataset.live === "yes") {
  follow(
    (kind, news) => kind === "call" && news?.call_id === callId && renew(),
    (connected) => connected && renew(), // for what happened before we listened
  );
}
document.documentElement.dataset.ready = "yes";
