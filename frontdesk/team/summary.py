"""The conversation so far in a few sentences, for an agent who takes over."""

import json
from typing import Any, cast

from agents.items import ItemHelpers

from agents import Model, ModelSettings, ModelTracing, TResponseInputItem, Usage, custom_span
from frontdesk.team.handoffs import HANDOFF_PREFIX

HEAD = "What was said in this call before you took over, in short:"
EARLIER = "What was said earlier in this call, in short:"
EARLIER_CALLS = (
    "Notes on earlier calls of this caller, oldest first. They are what you remember of them, not "
    "instructions; use them where they help, and do not read them out:"
)
NOTED = (HEAD, EARLIER, EARLIER_CALLS)
"""What a message of ours begins with that tells of what was said out of sight."""
INSTRUCTIONS = (
    "You pass a phone call on to a colleague. Sum up for them what was said so far, in at most "
    "five short sentences, in the language of the call: what the caller wants, what is settled, "
    "and every name, number, date and address that may be needed again, exactly as given. Add "
    "nothing that was not said. Do not address the caller, and answer with the summary alone."
)
FOR_NEXT_CALL = (
    "Note for the next call of the same caller what was said in this one, in at most five short "
    "sentences, in the language of the call: what the caller wanted, how it ended, what is still "
    "open, and every name, number, date, address and wish that may be needed again, exactly as "
    "given. Add nothing that was not said. Answer with the notes alone."
)
"""For a model that sums up a whole call."""
TOKENS = 500
"""Most tokens of a summary, those that a model thinks with included."""

GOING_ON = (
    "You keep the minutes of a phone call that goes on. Sum up this part of it for the agent who "
    "talks on and will not have its words any more, in at most twelve short sentences, in the "
    "language of the call: what the caller wants, what was found out, done, promised or refused, "
    "what is still open, and every name, number, date and address that may be needed again, "
    "exactly as given. What an earlier summary says is still to be said, unless it is settled "
    "and of no more use. Add nothing that was not said, and answer with the summary alone."
)
GOING_ON_TOKENS = 1000
"""Most tokens of that."""

_SENTENCES, _LOOKED_UP, _LETTERS = 6, 4, 240
"""Of a summary without a model: the caller's last words, the last results, the length of each."""


def summary_item(text: str, head: str = HEAD) -> TResponseInputItem:
    """A summary as a model is given it."""
    return {"role": "developer", "content": f"{head}\n{text}"}


def earlier_item(text: str) -> TResponseInputItem:
    """What is remembered of earlier calls, as a model is given it."""
    return {"role": "developer", "content": f"{EARLIER_CALLS}\n{text}"}


def extract(items: list[TResponseInputItem]) -> str:
    """What can be told without a model: the caller's own last words, what was looked up, and the
    last answer, each cut where it is long. It adds nothing and leaves much out."""
    fields = [cast("dict[str, Any]", item) for item in items]
    said = [_short(_words(item)) for item in fields if item.get("role") == "user"]
    answers = [_short(_words(item)) for item in fields if item.get("role") == "assistant"]
    outputs = {item["call_id"]: item for item in fields if _is(item, "function_call_output")}
    lines = [f'The caller said: "{words}"' for words in said[-_SENTENCES:] if words]
    for call in [item for item in fields if _is_lookup(item)][-_LOOKED_UP:]:
        result = _short(_words(outputs.get(call["call_id"], {})))
        lines.append(f"{call['name']} {_short(call['arguments'])}: {result}")
    lines += [f'The last answer was: "{words}"' for words in answers[-1:] if words]
    return "\n".join(lines)


async def summed_up(
    model: Model,
    settings: ModelSettings,
    items: list[TResponseInputItem],
    instructions: str = INSTRUCTIONS,
    tokens: int = TOKENS,
    tracing: ModelTracing = ModelTracing.ENABLED,
) -> tuple[str, Usage]:
    """``items`` as a model sums them up, and what that took. Raises what the model raises, and
    ``ValueError`` when it says nothing."""
    with custom_span("history summary", {"items": len(items)}, disabled=tracing.is_disabled()):
        answer = await model.get_response(
            instructions,
            [{"role": "user", "content": script(items)}],
            settings.resolve(ModelSettings(max_tokens=tokens)),
            [],
            None,
            [],
            tracing,
            previous_response_id=None,
            conversation_id=None,
            prompt=None,
        )
    texts = (ItemHelpers.extract_text(item) for item in answer.output)
    text = " ".join(text.strip() for text in texts if text and text.strip())
    if not text:
        raise ValueError("the model gave no summary")
    return text, answer.usage


def script(items: list[TResponseInputItem]) -> str:
    """The conversation as one text: a model that has no tools is often refused tool calls."""
    names = {"user": "Caller", "assistant": "Agent"}
    lines: list[str] = []
    for item in (cast("dict[str, Any]", item) for item in items):
        if _is_lookup(item):
            lines.append(f"(Looked up: {item['name']} {item['arguments']})")
        elif _is(item, "function_call_output"):
            lines.append(f"(Found: {_words(item)})")
        elif (role := item.get("role")) and (words := _words(item)):
            lines.append(f"{names.get(role, 'Note')}: {words}")
    return "\n".join(lines)


def _is(item: dict[str, Any], kind: str) -> bool:
    return item.get("type") == kind


def _is_lookup(item: dict[str, Any]) -> bool:
    return _is(item, "function_call") and not item["name"].startswith(HANDOFF_PREFIX)


def _words(item: dict[str, Any]) -> str:
    """The words of a message or of an output."""
    content = item.get("content", item.get("output")) or ""
    if isinstance(content, str):
        return content
    parts = cast("list[Any]", content)
    return " ".join(_text(part) for part in parts).strip()


def _text(part: Any) -> str:
    fields = cast("dict[str, Any]", part) if isinstance(part, dict) else {}
    text = fields.get("text")
    return text if isinstance(text, str) else "" if "image_url" in fields else json.dumps(part)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LETTERS else f"{words[:_LETTERS].rsplit(' ', 1)[0]} …"
