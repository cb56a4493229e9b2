/**
 * @typedef {"idle" | "connecting" | "reconnecting" | "listening" | "hearing" | "thinking" | "speaking" | "error"} Phase
 * @typedef {{id: string, role: "caller" | "agent", text: string, done: boolean, cut: boolean, response: string}} Line
 * @typedef {{phase: Phase, callId: string, response: string, lines: Line[], trouble: string, note: string}} Talk
 */

/** @returns {Talk} */
export function silence() {
  return { phase: "idle", callId: "", response: "", lines: [], trouble: "", note: "" };
}

/**
 * What a server event makes of the talk. Pure: the page draws what comes out.
 * @param {Talk} talk @param {any} event
 * @returns {Talk}
 */
export function next(talk, event) {
  switch (event.type) {
    case "session.created":
      return {
        ...talk,
        phase: "listening",
        callId: event.session?.id ?? "",
        // Told from the items, not from the events: what became of an answer is not known.
        response: event.resume?.replay === "items" ? "" : talk.response,
        trouble: "",
      };
    case "input_audio_buffer.speech_started":
      return withLine({ ...talk, phase: "hearing" }, event.item_id, "caller", (line) => line);
    case "input_audio_buffer.speech_stopped":
      return { ...talk, phase: "thinking" };
    case "conversation.item.added":
      return added(talk, event.item);
    case "conversation.item.input_audio_transcription.delta":
      return withLine(talk, event.item_id, "caller", (line) => ({ ...line, text: line.text + event.delta }));
    case "conversation.item.input_audio_transcription.completed":
      return withLine(talk, event.item_id, "caller", (line) => ({ ...line, text: event.transcript, done: true }));
    case "conversation.item.input_audio_transcription.failed":
      return withLine(talk, event.item_id, "caller", (line) => ({ ...line, text: "(not understood)", done: true }));
    case "response.created":
      return { ...talk, response: event.response?.id ?? "", phase: ["hearing", "speaking"].includes(talk.phase) ? talk.phase : "thinking" };
    case "response.output_audio_transcript.delta":
    case "response.output_text.delta":
      return withLine(talk, event.item_id, "agent", (line) =>
        ({ ...line, text: line.text + event.delta, response: event.response_id ?? "" }));
    case "response.output_audio_transcript.done":
      return withLine(talk, event.item_id, "agent", (line) => ({ ...line, text: event.transcript, done: true }));
    case "response.output_text.done":
      return withLine(talk, event.item_id, "agent", (line) => ({ ...line, text: event.text, done: true }));
    case "response.done":
      return responseDone(talk, event.response);
    case "error":
      return { ...talk, trouble: harmless(event.error) ? talk.trouble : (event.error?.message ?? "The server reported an error.") };
    default:
      return talk;
  }
}

/** @param {Talk} talk @param {any} response @returns {Talk} */
function responseDone(talk, response) {
  const trouble = response?.status === "failed"
    ? (response.status_details?.error?.message ?? "The agent could not answer. Say it again.")
    : "";
  const phase = talk.phase === "thinking" ? "listening" : talk.phase;
  return { ...talk, response: "", phase, trouble: trouble || talk.trouble };
}

/** The connection broke, and is back. @param {Talk} talk @param {boolean} speaking @returns {Talk} */
export function cameBack(talk, speaking) {
  const note = "The connection was lost for a moment. The call goes on.";
  const phase = talk.phase !== "listening" ? talk.phase : speaking ? "speaking" : talk.response ? "thinking" : "listening";
  return { ...talk, phase, note };
}

/** The speaker started or fell silent. @param {Talk} talk @param {boolean} speaking @returns {Talk} */
export function spoken(talk, speaking) {
  if (["idle", "error", "reconnecting"].includes(talk.phase)) return talk;
  if (speaking) return talk.phase === "hearing" ? talk : { ...talk, phase: "speaking" };
  if (talk.phase !== "speaking") return talk;
  return { ...talk, phase: talk.response ? "thinking" : "listening" };
}

/** The caller spoke over an item. @param {Talk} talk @param {string} item @returns {Talk} */
export function cutOff(talk, item) {
  return { ...talk, lines: talk.lines.map((line) => (line.id === item ? { ...line, cut: true, done: true } : line)) };
}

/**
 * A line for each message, where the conversation has it, words or not yet.
 * @param {Talk} talk @param {any} item @returns {Talk}
 */
function added(talk, item) {
  if (item?.type !== "message" || item.role === "system") return talk;
  const role = item.role === "user" ? "caller" : "agent";
  const words = (item.content ?? []).map((/** @type {any} */ part) => part.text ?? part.transcript ?? "").join("");
  return withLine(talk, item.id, role, (line) => ({ ...line, text: line.text || words, done: line.done || Boolean(words) }));
}

/** @param {Talk} talk @param {string} id @param {"caller" | "agent"} role @param {(line: Line) => Line} change */
function withLine(talk, id, role, change) {
  if (!id) return talk;
  const known = talk.lines.some((line) => line.id === id);
  const fresh = { id, role, text: "", done: false, cut: false, response: "" };
  const lines = known ? talk.lines.map((line) => (line.id === id ? change(line) : line)) : [...talk.lines, change(fresh)];
  return { ...talk, lines };
}

/** Races that every talk has: the answer ended just before it was cancelled or cut. @param {any} error */
function harmless(error) {
  return ["response_cancel_not_active", "item_truncate_invalid_item_id", "conversation_already_has_active_response"].includes(error?.code);
}

/**
 * Why the socket closed, for the caller; "" when it was meant to.
 * @param {number} code @param {string} reason @param {boolean} opened @param {boolean} wanted
 */
export function closed(code, reason, opened, wanted) {
  if (wanted) return "";
  if (!opened) return "No connection to the server. Is it running? Reload the page: your sign-in may have ended.";
  if (code === 1008 || code === 4001) return `The server ended the call: ${reason || "not allowed"}.`;
  return `The call was cut off${reason ? `: ${reason}` : ""}. Start again; the trace keeps what was said.`;
}
