"""Speech from upstream on its way through the Agents SDK: events of a Responses stream that bring
words and their sound, in the order in which they came."""

from agents.items import TResponseStreamEvent
from openai.types.responses import (
    ResponseAudioDeltaEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseTextDeltaEvent,
)


class SoundDelta(ResponseAudioDeltaEvent):
    """Sound (24 kHz, 16 bit, base64) of the item upstream ``item_id``."""

    item_id: str


class SpokenWords(ResponseAudioTranscriptDeltaEvent):
    """Words whose sound comes, too, of the item upstream ``item_id``."""

    item_id: str


def sound_delta(item_id: str, audio: str) -> TResponseStreamEvent:
    """Sound of an item."""
    return SoundDelta.model_construct(
        type="response.audio.delta", delta=audio, item_id=item_id, sequence_number=0
    )


def word_delta(item_id: str, words: str, *, spoken: bool) -> TResponseStreamEvent:
    """Words of an item, ``spoken`` upstream or only written."""
    if spoken:
        return SpokenWords.model_construct(
            type="response.audio.transcript.delta", delta=words, item_id=item_id, sequence_number=0
        )
    return ResponseTextDeltaEvent.model_construct(
        type="response.output_text.delta",
        item_id=item_id,
        output_index=0,
        content_index=0,
        delta=words,
        logprobs=[],
        sequence_number=0,
    )
