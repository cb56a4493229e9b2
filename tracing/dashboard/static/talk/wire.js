// What the page sends: events of the Realtime protocol, as plain objects.

/** Sent once after `session.created`. The server picks models; the page asks for both transcripts. */
export function sessionUpdate() {
  return {
    type: "session.update",
    session: {
      type: "realtime",
      output_modalities: ["audio"],
      audio: {
        input: {
          format: { type: "audio/pcm", rate: 24000 },
          transcription: { model: "gpt-4o-mini-transcribe" },
          turn_detection: { type: "semantic_vad", create_response: true, interrupt_response: true },
        },
        output: { format: { type: "audio/pcm", rate: 24000 } },
      },
    },
  };
}

/** @param {string} audio base64 */
export function append(audio) {
  return { type: "input_audio_buffer.append", audio };
}

/** @param {string} text */
export function say(text) {
  return {
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
  };
}

export function respond() {
  return { type: "response.create" };
}

export function cancel() {
  return { type: "response.cancel" };
}

/** @param {{item: string, content: number, ms: number}} heard */
export function truncate({ item, content, ms }) {
  return { type: "conversation.item.truncate", item_id: item, content_index: content, audio_end_ms: ms };
}

/** @param {Location | URL} page */
export function socketUrl(page) {
  return `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}/v1/realtime?model=gpt-realtime&reconnects=true`;
}
