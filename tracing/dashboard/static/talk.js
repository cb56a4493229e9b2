// The talk page: microphone and keyboard in, speech and words out, over the Realtime socket.
import { byId, element } from "./lib/dom.js";
import { follow } from "./lib/live.js";
import { Beside } from "./talk/beside.js";
import { Floor } from "./talk/floor.js";
import { Following } from "./talk/following.js";
import { Microphone, troubleWith } from "./talk/microphone.js";
import { decode, encode } from "./talk/pcm.js";
import { backUrl, broke, kept, pauses } from "./talk/resume.js";
import { Speaker } from "./talk/speaker.js";
import { cameBack, closed, cutOff, next, silence, spoken } from "./talk/state.js";
import { append, cancel, respond, say, sessionUpdate, socketUrl, truncate } from "./talk/wire.js";

const WORDS = {
  idle: ["Ready", "Start the call, or type."],
  connecting: ["Connecting", "One moment."],
  reconnecting: ["Connection lost", "The call goes on as soon as it is back."],
  listening: ["Listening", "Speak when you like."],
  hearing: ["Hearing you", "Take your time."],
  thinking: ["Thinking", "The team works on it."],
  speaking: ["Speaking", "Speak to cut in."],
  error: ["Not connected", "Start again when it is mended."],
};

/** Of the line alone, for screen readers. @type {Partial<Record<import("./talk/state.js").Phase, string>>} */
const LINE = { idle: "No call.", connecting: "Connecting.", reconnecting: "Connection lost.", error: "Not connected." };

const NOTED = 8000; // ms that the caller is told of something that is over

let talk = silence();
/** Who has the floor; "" until the trace store tells. */
let agent = "";
/** Who said which line, by its item, one after the other: the trace tells a little later. @type {Map<string, string>} */
const speakers = new Map();
let micLevel = 0;
let micNote = "";
/** @type {WebSocket | null} */
let socket = null;
/** What brings us back when the connection breaks. @type {import("./talk/resume.js").Ticket | null} */
let ticket = null;
const microphone = new Microphone((pcm, level) => {
  micLevel = level;
  send(append(encode(pcm)));
});
const speaker = new Speaker((speaking) => {
  update(spoken(talk, speaking));
  if (inCall()) beside.look(); // the trace has who it is, and at the end how long it took
});
const beside = new Beside(byId("beside"), (name) => {
  if (following.trace) return; // the spans tell sooner
  floor.thinking = name;
  nameSpeaker();
});
const following = new Following(byId("now"));
const floor = new Floor();
/** @type {EventSource | null} */
let feed = null;

/** Follow the trace of the call while it runs. */
function watch() {
  feed?.close();
  following.clear();
  feed = follow((kind, span) => {
    if (kind !== "span" || !span) return;
    if (following.hear(span)) floor.begin();
    if (span.trace_id !== following.trace) return;
    floor.hear(span);
    nameSpeaker();
  }, undefined, talk.callId);
}

/** Who speaks at this moment, on the stage and beside the words. */
function nameSpeaker() {
  const sounds = speaker.position;
  const spoke = floor.until(sounds?.seconds ?? 0);
  const name = spoke.at(-1) ?? floor.thinking;
  if (!name || (name === agent && !sounds)) return;
  const by = spoke.length ? spoke.join(" → ") : name;
  if (name === agent && speakers.get(sounds?.item ?? "") === by) return;
  agent = name;
  if (sounds && talk.phase === "speaking") speakers.set(sounds.item, by);
  draw();
}

/** @param {object} event @returns {boolean} */
function send(event) {
  if (socket?.readyState !== WebSocket.OPEN || !talk.callId) return false;
  socket.send(JSON.stringify(event));
  return true;
}

/** @param {import("./talk/state.js").Talk} changed */
function update(changed) {
  talk = changed;
  draw();
}

/** Begin a call; resolves when the server has answered with a session. */
async function connect() {
  await speaker.open();
  agent = "";
  ticket = null;
  update({ ...silence(), phase: "connecting" });
  await dial(socketUrl(location));
}

/** Open a socket; resolves when the server has answered with a session. @param {string} url */
async function dial(url) {
  const mine = new WebSocket(url, "realtime");
  socket = mine;
  await new Promise((created, failed) => {
    let opened = false;
    let begun = false;
    mine.addEventListener("open", () => {
      opened = true;
    });
    mine.addEventListener("message", ({ data }) => {
      const event = JSON.parse(data);
      if (mine !== socket) return;
      begun ||= event.type === "session.created";
      ticket = kept(ticket, event);
      hear(event);
      if (begun) created(null);
    });
    mine.addEventListener("close", ({ code, reason }) => {
      const wanted = mine !== socket;
      if (!wanted && ticket && broke(code, reason)) {
        if (begun) comeBack();
        failed(new Error("The connection broke."));
        return;
      }
      const trouble = closed(code, reason, opened, wanted);
      if (trouble) hangUp("error", trouble);
      failed(new Error(trouble || "The call was ended."));
    });
  });
}

/** The connection broke: try until it is back, or the caller has had enough. */
async function comeBack() {
  update({ ...talk, phase: "reconnecting" });
  for (const pause of pauses()) {
    await new Promise((done) => setTimeout(done, pause));
    if (talk.phase !== "reconnecting" || !ticket) return;
    try {
      await dial(backUrl(socketUrl(location), ticket));
      update(cameBack(talk, speaker.speaking));
      setTimeout(() => update({ ...talk, note: "" }), NOTED);
      return;
    } catch {
      // The next try, unless the call is over: then it was said why.
    }
  }
  hangUp("error", "The connection did not come back. Start again; the trace keeps what was said.");
}

/** @param {any} event */
function hear(event) {
  update(next(talk, event));
  switch (event.type) {
    case "session.created":
      if (event.resume?.replay) break; // the session is as it was
      send(sessionUpdate());
      beside.start(talk.callId);
      watch();
      break;
    case "response.created":
      agent = "";
      break;
    case "response.output_audio.delta":
      speaker.play(event.item_id, event.content_index ?? 0, decode(event.delta));
      break;
    case "response.output_audio.done":
      speaker.finish(event.item_id);
      break;
    case "input_audio_buffer.speech_started":
      bargeIn();
      break;
    case "response.done":
      beside.look();
      break;
  }
}

/** Fall silent at once, and tell the server what was heard. */
function bargeIn() {
  const heard = speaker.stop();
  if (!heard) return;
  send(truncate(heard));
  update(cutOff(talk, heard.item));
}

/** @param {"idle" | "error"} phase @param {string} [trouble] */
function hangUp(phase, trouble = "") {
  const old = socket;
  socket = ticket = null;
  microphone.close();
  speaker.close();
  micLevel = 0;
  old?.close(1000);
  update({ ...talk, phase, trouble, response: "" });
}

async function start() {
  micNote = "";
  try {
    await connect();
  } catch (error) {
    if (talk.phase !== "error" && talk.phase !== "idle") hangUp("error");
    if (!talk.trouble && talk.phase !== "idle") update({ ...talk, phase: "error", trouble: /** @type {Error} */ (error).message });
    return false;
  }
  return true;
}

async function startWithMicrophone() {
  if (!(await start())) return;
  try {
    await microphone.open();
    if (!socket) microphone.close(); // the call ended while the browser asked
  } catch (error) {
    microphone.close();
    micNote = troubleWith(error);
    byId("text").focus();
  }
  draw();
}

byId("call").addEventListener("click", () => {
  if (inCall()) hangUp("idle");
  else startWithMicrophone();
});
byId("mute").addEventListener("click", () => {
  microphone.muted = !microphone.muted;
  draw();
});
byId("composer").addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const text = byId("text").value.trim();
  if (!text || talk.phase === "connecting" || talk.phase === "reconnecting") return;
  if (!inCall() && !(await start())) return;
  byId("text").value = "";
  if (talk.response) send(cancel());
  bargeIn();
  send(say(text));
  send(respond());
});

function inCall() {
  return socket !== null && talk.phase !== "idle" && talk.phase !== "error";
}

function draw() {
  const live = inCall();
  const [word, hint] = WORDS[talk.phase];
  byId("stage").dataset.phase = talk.phase;
  const who = talk.phase === "speaking" && agent ? `${agent} speaks` : word;
  if (byId("phase").textContent !== who) byId("phase").textContent = who;
  const line = LINE[talk.phase] ?? "Connected.";
  if (line !== byId("line").textContent) byId("line").textContent = line;
  const todo = live && !microphone.stream && talk.phase === "listening" ? "Type below." : hint;
  byId("hint").textContent = talk.note || todo;
  byId("call").textContent = live ? "End call" : talk.lines.length ? "Start again" : "Start talking";
  byId("call").classList.toggle("primary", !live);
  byId("call").classList.toggle("end", live);
  byId("mute").hidden = !live || !microphone.stream;
  byId("mute").setAttribute("aria-pressed", String(microphone.muted));
  byId("mute").textContent = microphone.muted ? "Unmute" : "Mute";
  byId("trouble").hidden = !(talk.trouble || micNote);
  const trouble = [talk.trouble, micNote].filter(Boolean).join(" ");
  if (byId("trouble").textContent !== trouble) byId("trouble").textContent = trouble;
  drawLines();
}

/** Only what changed is touched: the log is read aloud as it grows. */
function drawLines() {
  const log = byId("log");
  byId("nothing").hidden = talk.lines.length > 0;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  const ids = new Set(talk.lines.map((line) => line.id));
  for (const item of [...log.children]) if (!ids.has(item.getAttribute("data-item") ?? "")) item.remove();
  talk.lines.forEach((line, index) => {
    let item = /** @type {HTMLElement | undefined} */ ([...log.children].find((each) => each.getAttribute("data-item") === line.id));
    if (!item) {
      item = element("li", { class: line.role, "data-item": line.id }, element("p", { class: "by" }), element("p", { class: "words" }));
      log.insertBefore(item, log.children[index] ?? null);
    }
    const by = /** @type {HTMLElement} */ (item.querySelector(".by"));
    const name = line.role === "caller" ? "You" : (speakers.get(line.id) ?? "Agent");
    if (by.textContent !== name) by.textContent = name;
    const words = /** @type {HTMLElement} */ (item.querySelector(".words"));
    const text = line.text || (line.role === "caller" ? "…" : "");
    if (words.textContent !== text) words.textContent = text;
    item.classList.toggle("partial", !line.done);
    item.setAttribute("aria-busy", String(!line.done)); // read aloud when it is whole
    item.hidden = !text;
    if (line.cut && !item.querySelector(".badge")) item.append(element("p", { class: "badge warn" }, "cut off"));
  });
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function meters() {
  byId("mic").value = micLevel;
  byId("voice").value = speaker.level;
  if (talk.phase === "speaking") nameSpeaker();
  byId("orb").style.setProperty("--level", String(talk.phase === "speaking" ? speaker.level : micLevel));
  requestAnimationFrame(meters);
}

addEventListener("pagehide", () => hangUp("idle"));
draw();
meters();
document.documentElement.dataset.ready = "yes";
