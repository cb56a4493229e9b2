"""The caller's side: audio in, who speaks when, and what becomes a turn."""

from frontdesk.protocol import options, wire
from frontdesk.protocol.commands import (
    AudioAppended,
    AudioCleared,
    AudioCommitted,
    ResponseRequested,
)
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.idle import IdleTimer
from frontdesk.protocol.input_audio import InputAudio, check_size
from frontdesk.protocol.items import user_audio
from frontdesk.protocol.outbox import Outbox
from frontdesk.protocol.responses import Responses
from frontdesk.protocol.session import Session
from frontdesk.protocol.transcripts import Transcripts


class Turns:
    """Input audio from the first sample to the user item, by the client's word or the server's."""

    def __init__(
        self,
        session: Session,
        conversation: Conversation,
        responses: Responses,
        transcripts: Transcripts,
        outbox: Outbox,
    ) -> None:
        self.idle = IdleTimer()
        self._session = session
        self._conversation = conversation
        self._responses = responses
        self._transcripts = transcripts
        self._outbox = outbox
        self._input = InputAudio(session.audio_input["format"])

    @property
    def announced(self) -> str | None:
        """Id of the user item that the present speech will become."""
        return self._input.announced

    def reconfigure(self, changed: frozenset[str]) -> None:
        """The session changed in these dotted fields."""
        if "audio.input.format" in changed:
            self._input.set_format(self._session.audio_input["format"])
        if "audio.input.turn_detection" in changed:
            self.idle.stop()
        if self._input.speaking and self._session.turn_detection is None:
            self._end_speech()

    def hear(self, audio: str) -> bytes:
        """Count audio; gives its whole samples."""
        check_size(len(audio))
        return self._input.append(wire.decode_base64(audio, "audio"))

    def append(self, audio: str) -> None:
        if samples := self.hear(audio):
            self._outbox.put(AudioAppended(samples))

    def commit_by_client(self) -> None:
        """Commit without answering. Raises :class:`ProtocolError` on less than 100 ms."""
        self._input.check_commit()
        if self._input.speaking:
            self._end_speech()
        self._commit(self._input.announced or self._outbox.ids("item"))

    def clear(self) -> None:
        if self._input.speaking:
            self._end_speech()
        if self._input.announced is not None:
            self._transcripts.forget(self._input.announced)
        self._input.clear()
        self._outbox.send("input_audio_buffer.cleared", {})
        self._outbox.put(AudioCleared())

    def await_caller(self, now: float) -> None:
        """A spoken reply is over: from the end of its playback, silence may become too long."""
        timeout = self._session.idle_timeout_ms
        if timeout is not None and not self._input.speaking:
            self.idle.start(timeout, now)

    def start_speech(self, audio_start_ms: int, now: float) -> None:
        detection = self._session.turn_detection
        if detection is None or self._input.speaking:
            return
        item_id = self._input.announced or self._outbox.ids("item")
        self._input.start_speech(item_id, audio_start_ms)
        if not self._session.responds:
            # Only transcribing, words may be told before the speech has ended.
            self._transcripts.expect(item_id, self._session.transcribes)
        self.idle.stop()
        fields = {"audio_start_ms": audio_start_ms, "item_id": item_id}
        self._outbox.send("input_audio_buffer.speech_started", fields)
        if detection["interrupt_response"]:
            self._responses.interrupt("turn_detected")
            self.idle.hush(now)

    def stop_speech(self, audio_end_ms: int) -> None:
        item_id = self._input.announced
        if not self._input.speaking or item_id is None:
            return
        self._end_speech(audio_end_ms)
        self._commit(item_id)
        self._answer()

    def _answer(self) -> None:
        if self._answers:
            self._responses.answer(options.automatic(self._session))

    @property
    def _answers(self) -> bool:
        """Whether a turn is answered without the client asking."""
        detection = self._session.turn_detection
        return bool(self._session.responds and detection and detection["create_response"])

    @property
    def next_answer(self) -> ResponseRequested | None:
        """The response to the present speech, if it would begin with its end."""
        if not (self._input.speaking and self._answers and self._responses.idle):
            return None
        return self._responses.at_once(options.automatic(self._session))

    @property
    def quiet(self) -> bool:
        """Whether nobody speaks in the conversation, nor is about to."""
        return self._responses.idle and self._input.announced is None

    @property
    def at_rest(self) -> bool:
        """Whether no audio is on its way to become an item. Without turn detection all is that the
        client has not committed."""
        held = self._session.turn_detection is None and self._input.buffered_ms > 0
        return self._input.announced is None and not held

    def speak_up(self) -> None:
        """The agent has something to say of its own accord. A client that says itself when its
        turns are answered is not spoken to unasked."""
        detection = self._session.turn_detection
        leaves_it = detection is None or detection["create_response"]
        if self._session.responds and leaves_it and self.quiet:
            self.idle.stop()
            self._responses.speak_up(options.unasked(self._session))

    def take_leave(self) -> None:
        """The agent has the last word."""
        self.idle.stop()
        self._responses.cancel_all("client_cancelled")
        if self._session.responds:
            self._responses.speak_up(options.unasked(self._session))

    def _end_speech(self, audio_end_ms: int | None = None) -> None:
        """Tell the end of the present speech, by default at the last audio received."""
        end = self._input.received_ms if audio_end_ms is None else audio_end_ms
        fields = {"audio_end_ms": self._input.stop_speech(int(end))}
        fields |= {"item_id": self._input.announced}
        self._outbox.send("input_audio_buffer.speech_stopped", fields)

    def _commit(self, item_id: str, *, silent: bool = False) -> None:
        """The buffer becomes the user message ``item_id``."""
        self.idle.stop()
        self._input.clear()
        previous = self._conversation.last
        self._outbox.send(
            "input_audio_buffer.committed", {"previous_item_id": previous, "item_id": item_id}
        )
        self._transcripts.expect(item_id, self._session.transcribes)
        self._conversation.add_done(user_audio(item_id), previous)
        self._outbox.put(AudioCommitted(item_id, self._session.transcribes, silent))

    def time_out(self) -> None:
        """The caller stayed silent: commit the silence and let the agent speak up."""
        end = int(self._input.received_ms)
        start = max(0, end - self.idle.timeout_ms)
        item_id = self._input.announced or self._outbox.ids("item")
        fields = {"audio_start_ms": start, "audio_end_ms": end, "item_id": item_id}
        self._outbox.send("input_audio_buffer.timeout_triggered", fields)
        self._commit(item_id, silent=True)
        self._responses.answer(options.automatic(self._session))
