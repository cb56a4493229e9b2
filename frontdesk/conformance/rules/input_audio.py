"""Speech, commits and transcripts: rules 8, 9 and 13."""

from collections.abc import Iterator

from frontdesk.conformance.rules.base import TRANSCRIPTION, Rules
from frontdesk.conformance.verdicts import Event, Ledger, inner

BYTES_A_MS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}
SLACK_MS = 100
"""What a server may be out by: it looks at windows, not at samples."""


class InputAudio(Rules):
    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._received = 0.0
        self._rate = 48
        self._transcribes = False
        self._speech: tuple[str, int] | None = None
        self._announced: str | None = None
        self._committed: str | None = None
        self._deltas: dict[str, str] = {}
        self._awaited: set[str] = set()
        self._told: set[str] = set()

    def sent(self, event: Event) -> None:
        if event.get("type") == "input_audio_buffer.append":
            audio = event.get("audio")
            if isinstance(audio, str):
                self._received += len(audio) * 3 / 4 / self._rate

    def seen(self, event: Event) -> None:
        kind: str = event["type"]
        match kind:
            case "session.created" | "session.updated":
                self._configure(event)
            case "input_audio_buffer.speech_started":
                self._start(event)
            case "input_audio_buffer.speech_stopped":
                self._stop(event)
            case "input_audio_buffer.timeout_triggered":
                self._announced = event["item_id"]
            case "input_audio_buffer.committed":
                self._commit(event)
            case "input_audio_buffer.cleared":
                self._speech = self._announced = None
            case "conversation.item.added":
                self._added(event)
            case "conversation.item.deleted":
                self._awaited.discard(event["item_id"])
            case _ if kind.startswith(TRANSCRIPTION):
                self._transcript(kind.removeprefix(f"{TRANSCRIPTION}."), event)
            case _:
                pass

    def _configure(self, event: Event) -> None:
        given = inner(event, "session", "audio", "input")
        self._rate = BYTES_A_MS.get(inner(given, "format").get("type", ""), self._rate)
        self._transcribes = given.get("transcription") is not None

    def _start(self, event: Event) -> None:
        self.must("9", self._speech is None, "speech_stopped before another start", event)
        start = event["audio_start_ms"]
        heard = 0 <= start <= self._received + SLACK_MS
        expected = f"audio_start_ms within the {self._received:.0f} ms received"
        self.must("9", heard, expected, event)
        self._speech = (event["item_id"], start)
        self._announced = event["item_id"]

    def _stop(self, event: Event) -> None:
        if not self.must("9", self._speech is not None, "speech_started before it", event):
            return
        item_id, start = self._speech or ("", 0)
        self.must("8", event["item_id"] == item_id, f"the item_id of its start, {item_id}", event)
        end = event["audio_end_ms"]
        within = start < end <= self._received + SLACK_MS
        expected = f"audio_end_ms after {start} and within the {self._received:.0f} ms received"
        self.must("9", within, expected, event)
        self._speech = None

    def _commit(self, event: Event) -> None:
        if self._announced is not None:
            same = event["item_id"] == self._announced
            self.must("8", same, f"the item_id announced, {self._announced}", event)
        self.must("9", self._speech is None, "speech_stopped before the commit", event)
        self._committed, self._announced = event["item_id"], None
        if self._transcribes:
            self._awaited.add(event["item_id"])

    def _added(self, event: Event) -> None:
        item = event["item"]
        if self._committed is not None and item.get("role") == "user":
            same = item["id"] == self._committed
            self.must("8", same, f"the user's item is the one committed, {self._committed}", event)
            self._committed = None

    def _transcript(self, kind: str, event: Event) -> None:
        item_id = event["item_id"]
        if kind == "delta":
            self.must("13", item_id not in self._told, "no delta after completed", event)
            self._deltas[item_id] = self._deltas.get(item_id, "") + (event.get("delta") or "")
        elif kind in ("completed", "failed"):
            self.must("13", item_id not in self._told, "one transcript an item", event)
            self._told.add(item_id)
            self._awaited.discard(item_id)
            if kind == "completed":
                said = self._deltas.get(item_id)
                same = said is None or said == event.get("transcript")
                self.must("6", same, f"the joined deltas: {said!r}", event)
                counted = isinstance(event.get("usage"), dict)
                self.must("13", counted, "usage in the transcript", event)

    def promises(self) -> Iterator[tuple[str, str]]:
        for item_id in self._awaited:
            yield "13", f"{TRANSCRIPTION}.completed or .failed for {item_id}"
        if self._committed is not None:
            yield "8", f"conversation.item.added for the committed item {self._committed}"
