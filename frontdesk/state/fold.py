"""Folding a log into the state of a call. No I/O, no clock: equal logs give equal states."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from typing import Any

import orjson

from frontdesk.state.entries import CallState, Compacted, Entry, Given, StoredItem

logger = logging.getLogger(__name__)


def fold(entries: Iterable[Entry], state: CallState) -> CallState:
    """Apply ``entries`` to ``state``, in place, and return it."""
    for entry in entries:
        apply(state, entry)
    return state


def apply(state: CallState, entry: Entry) -> None:
    """Apply one entry, in place.

    An entry that this version cannot read (a newer worker wrote it) is counted in ``unknown`` and
    otherwise passed over: a call must stay loadable while versions are mixed.
    """
    state.seq += 1
    step = _STEPS.get(entry.get("kind", ""))
    try:
        if step is None:
            raise LookupError("unknown kind")
        step(state, entry)
        state.last = entry["at"]
    except (LookupError, TypeError, AttributeError) as error:
        state.unknown += 1
        logger.warning(
            "Call %s: entry %d (%s) is not understood: %s",
            state.call_id,
            state.seq,
            entry.get("kind"),
            error,
        )


def dump(state: CallState) -> bytes:
    """A snapshot of ``state`` as JSON. What goes without saying is left out of it: a long call
    has hundreds of items."""
    about = {name: getattr(state, name) for name in CallState.__slots__ if name[0] != "_"}
    about["items"] = [_briefly(stored) for stored in state.items]
    about["audio"] = [[each[name] for name in _AUDIO] for each in state.audio]
    return orjson.dumps(about)


def restore(snapshot: bytes) -> CallState:
    """The state that :func:`dump` wrote. Fields of a newer version are passed over. Raises
    ``ValueError`` when it is not a snapshot."""
    found: dict[str, Any] = orjson.loads(snapshot)
    items = [_in_full(item) for item in found.pop("items", [])]
    found["audio"] = [_named(each) for each in found.pop("audio", [])]
    if "call_id" not in found:
        raise ValueError("not a snapshot of a call")
    if given := found.get("given"):
        given["compacted"] = _compacted_of(given)
        found["given"] = Given(**{name: given[name] for name in Given.__slots__ if name in given})
    found["compacted"] = _compacted_of(found)
    return CallState(
        **{name: found[name] for name in CallState.__slots__ if name in found}, items=items
    )


def _compacted_of(fields: dict[str, Any]) -> Compacted | None:
    if (found := fields.get("compacted")) is None:
        return None
    return Compacted(found["text"], found["before"], found["kept"])


def _briefly(stored: StoredItem) -> dict[str, Any]:
    brief = {
        name: value
        for name, usual in _USUAL.items()
        if (value := getattr(stored, name)) is not usual
    }
    if stored.heard is not None and stored.heard == _words(stored.item):
        brief["heard"] = True
    return brief


def _in_full(brief: dict[str, Any]) -> StoredItem:
    if brief.get("heard") is True:
        brief["heard"] = _words(brief["item"])
    return StoredItem(**{name: brief[name] for name in _USUAL if name in brief})


def _words(item: dict[str, Any]) -> Any:
    """Of the first part of a message."""
    content: list[dict[str, Any]] = item.get("content") or [{}]
    return content[0].get("transcript", content[0].get("text"))


def _named(audio: list[Any] | dict[str, Any]) -> dict[str, Any]:
    return dict(zip(_AUDIO, audio, strict=True)) if isinstance(audio, list) else audio


def _opened(state: CallState, entry: Entry) -> None:
    state.team = entry["team"]
    state.team_version = entry["team_version"]
    state.agent = entry["agent"]
    state.transport = entry["transport"]
    state.opened_before = state.opened_at > 0
    state.broke_off = state.opened_before and (state.ended is None or state.broke_off)
    state.pause = max(0.0, entry["at"] - state.last) if state.opened_before else 0.0
    state.opened_again = entry["at"]
    state.user = state.user or entry.get("user")
    state.opened_at = state.opened_at or entry["at"]
    state.ended = None  # a second one means that the call was taken up again


def _consent(state: CallState, entry: Entry) -> None:
    state.consent = bool(entry["given"])


def _language(state: CallState, entry: Entry) -> None:
    state.language = entry["code"]


def _memory(state: CallState, entry: Entry) -> None:
    state.memory, state.earlier_calls = entry["text"], entry["calls"]


def _session(state: CallState, entry: Entry) -> None:
    state.session = entry["session"]


def _item_added(state: CallState, entry: Entry) -> None:
    item = entry["item"]
    if state.index(item["id"]) is not None:
        _item_changed(state, entry)
        return
    stored = StoredItem(
        item,
        hidden=entry.get("hidden", False),
        asked=entry.get("asked"),
        response=entry.get("response"),
        goes_on=entry.get("goes_on", False),
    )
    state.insert(_place(state, entry), stored)
    if state.tools and item.get("type") == "function_call_output":
        state.tools = [tool for tool in state.tools if not _answered(state, tool, item)]


def _answered(state: CallState, tool: dict[str, Any], output: dict[str, Any]) -> bool:
    """Whether this output says what came of it. The one of a tool that works in the background is
    at first a receipt: what comes of it is the end of that work."""
    return tool["call_id"] == output["call_id"] and tool["within"] not in state.delegations


def _place(state: CallState, entry: Entry) -> int:
    """Behind ``after``, and behind the team's hidden items that follow it: the wire, which gives
    ``after``, does not know of those."""
    if "after" not in entry:
        return len(state.items)
    place = 0
    if entry["after"] is not None:
        before = state.index(entry["after"])
        if before is None:
            return len(state.items)
        place = before + 1
    while place < len(state.items) and state.items[place].hidden:
        place += 1
    return place


def _item_changed(state: CallState, entry: Entry) -> None:
    index = state.index(entry["item"]["id"])
    if index is not None:
        state.items[index].item = entry["item"]
        state.touch(index)


def _item_words(state: CallState, entry: Entry) -> None:
    index = state.index(entry["item_id"])
    if index is None:
        return
    item = state.items[index].item
    name, kind = _SPOKEN if entry["spoken"] else _WRITTEN
    parts: list[dict[str, Any]] = item["content"] or [{"type": kind, name: ""}]
    part = {**parts[-1], name: parts[-1][name] + entry["words"]}
    state.items[index].item = {**item, "content": [*parts[:-1], part]}


def _item_sent(state: CallState, entry: Entry) -> None:
    index = state.index(entry["item_id"])
    if index is not None:
        stored = state.items[index]
        stored.sent = sum(len(part["transcript"]) for part in stored.item["content"])
        stored.sent_ms = entry["audio_ms"]


def _item_deleted(state: CallState, entry: Entry) -> None:
    index = state.index(entry["item_id"])
    if index is not None:
        state.remove(index)


def _item_withheld(state: CallState, entry: Entry) -> None:
    index = state.index(entry["item_id"])
    if index is not None:
        state.items[index].withheld = True
        state.touch(index)


def _agent_changed(state: CallState, entry: Entry) -> None:
    state.agent = entry["agent"]
    history, handed = entry.get("history", "full"), entry.get("handed")
    if history == "full":
        state.given = None
        return
    since = entry.get("since")
    place = None if since is None else state.index(since)
    if place is None:  # nothing was asked that is in the conversation: from the handoff on
        calls = (i for i, s in enumerate(state.items) if handed and _is_call(s, handed))
        place = next(calls, len(state.items))
    state.given = Given(history, place, handed)


def _is_call(stored: StoredItem, call_id: str) -> bool:
    item = stored.item
    return item.get("type") == "function_call" and item.get("call_id") == call_id


def _summary(state: CallState, entry: Entry) -> None:
    if state.given:
        state.given.summary = entry["text"]


def _compacted(state: CallState, entry: Entry) -> None:
    index = state.index(entry["until"])
    if index is None:  # the client deleted it meanwhile
        return
    compacted = Compacted(entry["text"], index + 1, entry["kept"])
    if entry["whole"]:
        state.compacted = compacted
    elif state.given:
        state.given.compacted = compacted


def _heard(state: CallState, entry: Entry) -> None:
    text, audio_ms = entry["text"], entry["audio_ms"]
    index = state.index(entry["item_id"])
    if index is not None:  # None: the client deleted the item while it was played
        state.items[index].heard, state.items[index].heard_ms = text, audio_ms
        state.touch(index)


def _delegation(state: CallState, entry: Entry) -> None:
    known = entry["delegation"]
    state.delegations[known["id"]] = known
    over = known.get("ended") is not None and known.get("status") != "lost"
    if over or known.get("told"):
        _forget_tools(state, known["id"])


def _response_begun(state: CallState, entry: Entry) -> None:
    response = entry["response"]
    state.responses[response["id"]] = response
    if not response["beside"]:
        state.waits = None


def _response_over(state: CallState, entry: Entry) -> None:
    response_id = entry["response_id"]
    if state.responses.pop(response_id, None) is None:
        return
    _forget_tools(state, response_id)
    for stored in reversed(state.items[-_NEAR:]):
        if stored.response == response_id:  # it has served its purpose, and costs memory
            stored.response, stored.sent = None, 0


def _response_waits(state: CallState, entry: Entry) -> None:
    state.waits = entry["asked"]


def _tool_started(state: CallState, entry: Entry) -> None:
    state.tools.append(entry["tool"])


def _forget_tools(state: CallState, within: str) -> None:
    if state.tools:
        state.tools = [tool for tool in state.tools if tool["within"] != within]


def _audio(state: CallState, entry: Entry) -> None:
    state.audio.append({name: entry[name] for name in _AUDIO})
    if (index := state.index(entry["item_id"])) is not None:
        state.items[index].sent_ms = 0  # how long it is stands with the sound from here on


def _question_asked(state: CallState, entry: Entry) -> None:
    fresh: dict[str, Any] = {"answers": [], "decided": None, "resumed": False}
    state.questions.append({**entry["question"], **fresh})


def _question_answered(state: CallState, entry: Entry) -> None:
    answer = {name: value for name, value in entry.items() if name not in ("kind", "question_id")}
    _question(state, entry["question_id"])["answers"].append(answer)


def _question_put(state: CallState, entry: Entry) -> None:
    _question(state, entry["question_id"])["deadline"] = entry["deadline"]


def _question_decided(state: CallState, entry: Entry) -> None:
    decided = {name: value for name, value in entry.items() if name not in ("kind", "question_id")}
    question = _question(state, entry["question_id"])
    question["decided"] = question["decided"] or decided  # the first decision stands


def _question_resumed(state: CallState, entry: Entry) -> None:
    for question_id in entry["question_ids"]:
        _question(state, question_id).update(resumed=True, given=entry["at"])


def _question_kept(state: CallState, entry: Entry) -> None:
    for question_id in entry["question_ids"]:
        _question(state, question_id)["resumed"] = False


def _question(state: CallState, question_id: str) -> dict[str, Any]:
    for question in reversed(state.questions):
        if question["id"] == question_id:
            return question
    raise LookupError(f"no question {question_id!r}")


def _resume_key(state: CallState, entry: Entry) -> None:
    state.resume_key = state.resume_key or entry["key"]


def _resume(state: CallState, entry: Entry) -> None:
    """A token was shown, so it had arrived: those before it in its chain are void."""
    if "chain" not in entry:
        return  # by an earlier version: its tokens are not known any more
    shown, chain, number = state.resume_shown, entry["chain"], entry["number"]
    shown[chain] = max(number, shown.get(chain, number))
    if len(shown) > RESUME_CHAINS:
        oldest = min(shown, key=shown.__getitem__)
        state.resume_least = max(state.resume_least, shown.pop(oldest))


def _ended(state: CallState, entry: Entry) -> None:
    state.ended = entry["reason"]
    state.broke_off = entry.get("moved", False)


_NEAR = 64
"""Items that a response, with its tools and what came meanwhile, surely lies within."""
_SPOKEN, _WRITTEN = ("transcript", "output_audio"), ("text", "output_text")
RESUME_CHAINS = 16
"""Clients of a call that came back and are told apart. Of others, tokens older than those that gave
way are void."""

_USUAL: dict[str, Any] = {
    each.name: None if each.default is MISSING else each.default for each in fields(StoredItem)
}
_AUDIO = ("item_id", "role", "uri", "offset_ms", "seconds")

_STEPS: dict[str, Callable[[CallState, Entry], None]] = {
    "call.opened": _opened,
    "consent": _consent,
    "language": _language,
    "memory": _memory,
    "session": _session,
    "item.added": _item_added,
    "item.changed": _item_changed,
    "item.words": _item_words,
    "item.sent": _item_sent,
    "item.deleted": _item_deleted,
    "item.withheld": _item_withheld,
    "agent.changed": _agent_changed,
    "response.begun": _response_begun,
    "response.over": _response_over,
    "response.waits": _response_waits,
    "tool.started": _tool_started,
    "summary": _summary,
    "compacted": _compacted,
    "heard": _heard,
    "question.asked": _question_asked,
    "question.put": _question_put,
    "question.answered": _question_answered,
    "question.decided": _question_decided,
    "question.resumed": _question_resumed,
    "question.kept": _question_kept,
    "delegation": _delegation,
    "audio": _audio,
    "resume.key": _resume_key,
    "resume": _resume,
    "call.ended": _ended,
}
