"""Rules that hold on every stream of events, whatever is talked about.

Numbers are those of the list of invariants (2.10 of the reference), letters those of 3.2.
"""

from frontdesk.conformance.rules.base import Rules
from frontdesk.conformance.rules.conversation import Conversation
from frontdesk.conformance.rules.input_audio import InputAudio
from frontdesk.conformance.rules.javascript import JavaScript
from frontdesk.conformance.rules.order import Order
from frontdesk.conformance.rules.pipecat import Pipecat
from frontdesk.conformance.rules.responses import Responses
from frontdesk.conformance.rules.types import Types
from frontdesk.conformance.verdicts import Ledger

TEXTS = {
    ("invariants", "1"): "session.created comes first, unasked",
    ("invariants", "2"): "each session.update has one answer, in order",
    ("invariants", "3"): "response.created and exactly one response.done bracket a response",
    ("invariants", "4"): "at most one response of the conversation is active",
    ("invariants", "5"): "items and parts are added before they are named, and done once",
    ("invariants", "6"): "deltas joined are what .done, the item and response.done say",
    ("invariants", "7"): "previous_item_id forms one chain",
    ("invariants", "8"): "speech, commit and user item carry one item_id",
    ("invariants", "9"): "speech starts and stops in turn, on the clock of the audio received",
    ("invariants", "10"): "event_id and call_id are unique in a session",
    ("invariants", "11"): "an event that fails has one error, with its event_id",
    ("invariants", "12"): "no delta after a response was cancelled",
    ("invariants", "13"): "one transcript, with usage, for each committed item",
    ("invariants", "14"): "an item that was added and not deleted can be retrieved",
    ("types", "unknown events"): "no event that the API does not have",
    ("javascript", "a"): "input_audio content has the key transcript",
    ("javascript", "b"): "response.audio.output.voice is a string",
    ("javascript", "c"): "no nulls where a field is merely optional",
    ("javascript", "d"): "token usage of a transcript has its details",
    ("javascript", "e"): "MCP items and arguments have all their keys",
    ("pipecat", "items"): "no item of a type that the client did not ask for",
    ("pipecat", "transcription"): "the echo of transcription has no key that nobody set",
}
"""What each rule says. The rules of ``types`` are the events themselves."""

AREAS = ("invariants", "types", "javascript", "pipecat")


def every_rule(ledger: Ledger) -> list[Rules]:
    kinds = (Order, Conversation, InputAudio, Responses, Types, JavaScript, Pipecat)
    return [kind(ledger) for kind in kinds]
