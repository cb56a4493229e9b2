"""Decides the next step: call a tool, hand over, ask, answer, or own up to not knowing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from frontdesk.team.embedded.hints import AgentHints
from frontdesk.team.embedded.history import ToolUse, UserTurn
from frontdesk.team.embedded.memory import Memory, Pending
from frontdesk.team.embedded.offers import Deed, Offer
from frontdesk.team.embedded.ranking import Heard, Ranked, Ranker
from frontdesk.team.embedded.reading import phrases
from frontdesk.team.embedded.reading.arguments import read_arguments
from frontdesk.team.embedded.reading.parameters import Kind
from frontdesk.team.embedded.saying.questions import AGAIN, question
from frontdesk.team.embedded.saying.smalltalk import CLASSES, SmallTalk
from frontdesk.team.summary import NOTED

FLOOR = 0.36
"""Least score to act on. Off-topic lines reach about this on a desk with examples."""
SEARCH_FLOOR = 0.12
"""Least score for a search tool to be tried with a question that nothing else fits."""
SWITCH = 0.6
"""Score at which an answer to a question is taken for a new request after all."""
SWITCH_UNREAD = 0.42
"""The same, when nothing that was asked for could be read in it."""
CLEAR = 0.3
"""Lead over the last tool at which "and …" begins something new all the same."""
FILLED_BONUS = 0.03
PUT_THROUGH_BONUS = 0.15
"""For handoffs, when the caller asks in so many words to be put through."""
_MOST_HANDOFFS = 2
_FOLLOW_UP = re.compile(
    r"^(?:(?:okay|ok|good|and|so|thanks|then)\b[\s,.]*)*"
    r"(?:and\b|what about|how about|same (?:for|with)|or\b)",
    re.IGNORECASE,
)
_PUT_THROUGH = re.compile(
    r"\b(?:speak|talk|someone in|the people|(?:put|transfer|connect) (?:me|us))\b",
    re.IGNORECASE,
)
_TO_SOMEONE = re.compile(
    r"\b(?:(?:speak|talk) (?:to|with)|(?:put|transfer|connect|pass) (?:me|us))\b", re.IGNORECASE
)
_QUESTION = re.compile(
    r"\?\s*$|^(?:what|how|when|where|who|why|which|can|could|do|does|is|are|should|may)\b",
    re.IGNORECASE,
)
_PARTICULAR = (Kind.EMAIL, Kind.CODE, Kind.DATE, Kind.TIME, Kind.MOMENT, Kind.NUMBER, Kind.CHOICE)

Step = Literal["tool", "handoff", "ask", "answer", "small_talk", "unknown"]


@dataclass(frozen=True)
class Decision:
    """The next step, and why: ``score`` is that of the offer chosen (0 when none was)."""

    step: Step
    text: str = ""
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: str = ""
    score: float = 0.0


class Decider:
    """Decides for one agent. Holds nothing between decisions but the embedder's vectors."""

    def __init__(self, hints: AgentHints, ranker: Ranker) -> None:
        self._hints = hints
        self._ranker = ranker

    def decide(self, turns: Sequence[UserTurn], offers: Sequence[Offer], today: date) -> Decision:
        """The step that answers the last of ``turns``."""
        if not turns:
            return self._small_talk(CLASSES[0], offers, turns)
        turn = turns[-1]
        if not re.search(r"\w", turn.text):
            return Decision("unknown", self._hints.lines.unheard)
        open_offers = _without_return(offers, turns, self._hints)
        memory = Memory(turns, open_offers, self._ranker, today)
        heard = self._ranker.sort(turn.text, open_offers)
        ranked = self._ranked(heard, open_offers, memory)
        if (pending := memory.pending()) and (
            found := self._resume(pending, turn.text, ranked, heard.small_talk, memory)
        ):
            return found
        if heard.small_talk:
            return self._small_talk(heard.small_talk, open_offers, turns)
        if found := self._follow_up(turn.text, ranked, memory):
            return found
        return self._fresh(turn, heard.text, ranked, memory)

    def _ranked(self, heard: Heard, offers: Sequence[Offer], memory: Memory) -> list[Ranked]:
        """By meaning, and a little by whether what a tool needs was said."""
        if not heard.request or not offers:
            return []
        ranked = self._ranker.rank(heard.request, offers)
        if _TO_SOMEONE.search(heard.text):
            ranked = [
                Ranked(r.offer, r.score + PUT_THROUGH_BONUS * (r.offer.deed is Deed.HANDOFF))
                for r in ranked
            ]
        best = max(r.score for r in ranked)
        weighed = [
            Ranked(r.offer, r.score + FILLED_BONUS * _filled(r.offer, heard.text, memory))
            if r.score > best - 2 * FILLED_BONUS
            else r
            for r in ranked
        ]
        return sorted(weighed, key=lambda r: -r.score)

    def _resume(
        self,
        pending: Pending,
        text: str,
        ranked: list[Ranked],
        small_talk: SmallTalk | None,
        memory: Memory,
    ) -> Decision | None:
        """Read ``text`` as the answer to what was asked, unless it is plainly something else."""
        tool, asked = pending.tool, pending.asked
        if small_talk and small_talk.name == "never mind":
            return None
        values = read_arguments(tool.parameters, memory.told(text, tool, asked.name), pending.known)
        rival = ranked[0] if ranked and ranked[0].offer.name != tool.name else None
        free = asked.kind in (Kind.PHRASE, Kind.SENTENCE)
        if rival and rival.score >= SWITCH and (free or asked.name not in values):
            return None
        if asked.name not in values and rival and rival.score >= SWITCH_UNREAD:
            return None
        if small_talk and asked.kind is not Kind.YES_NO and small_talk.name in ("goodbye", "again"):
            return None
        if asked.name in values:
            return self._complete(tool, pending.known | values, 1.0)
        if memory.earlier[-1].replies[-1].startswith(AGAIN):
            return Decision("unknown", self._hints.lines.unknown)
        return Decision("ask", f"{AGAIN} {question(asked)}", tool.name, pending.known, asked.name)

    def _follow_up(self, text: str, ranked: list[Ranked], memory: Memory) -> Decision | None:
        """ "And 48290?": the last tool again, with what is new in it."""
        last = memory.last_use()
        if last is None:
            return None
        tool, use = last
        cue = _FOLLOW_UP.match(text)
        best = ranked[0] if ranked else None
        if best and best.offer.name != tool.name:
            again = next((r.score for r in ranked if r.offer.name == tool.name), 0.0)
            if best.score >= FLOOR and (not cue or best.score >= max(SWITCH, again + CLEAR)):
                return None
        fresh = read_arguments(
            [p for p in tool.parameters if p.kind in _PARTICULAR], memory.told(text, tool)
        )
        if cue and not fresh:
            fresh = _phrase_after(text[cue.end() :], tool)
        if not fresh or not (cue or len(text.split()) <= 4 + 5 * len(fresh)):
            return None
        kept = {name: value for name, value in use.arguments.items() if value is not None}
        return self._complete(tool, kept | fresh, best.score if best else 0.0)

    def _fresh(
        self, turn: UserTurn, request: str, ranked: list[Ranked], memory: Memory
    ) -> Decision:
        best = ranked[0] if ranked else None
        if (
            _handed_over(turn)
            and _PUT_THROUGH.search(turn.text)
            and (best is None or best.score < SWITCH)
        ):
            return self._small_talk(CLASSES[0], [r.offer for r in ranked], [turn])
        if best is None or best.score < FLOOR:
            search = next((r for r in ranked if r.offer.is_search), None)
            if search and search.score >= SEARCH_FLOOR and _QUESTION.search(request):
                best = search
            else:
                return Decision(
                    "unknown", self._hints.lines.unknown, score=best.score if best else 0
                )
        offer = best.offer
        if offer.deed is Deed.ANSWER:
            return Decision("answer", offer.reply, score=best.score)
        if offer.deed is Deed.HANDOFF:
            return Decision("handoff", name=offer.name, score=best.score)
        return self._complete(offer, memory.arguments(request, offer), best.score)

    def _complete(self, tool: Offer, values: dict[str, Any], score: float) -> Decision:
        """Call ``tool``, or ask for the first argument it still needs."""
        for parameter in tool.required:
            if parameter.name not in values:
                return Decision(
                    "ask", question(parameter), tool.name, values, parameter.name, score
                )
        for parameter in tool.parameters:
            if parameter.name not in values and parameter.insists:
                values = values | {parameter.name: parameter.fallback}
        return Decision("tool", name=tool.name, arguments=_ordered(tool, values), score=score)

    def _small_talk(
        self, kind: SmallTalk, offers: Sequence[Offer], turns: Sequence[UserTurn]
    ) -> Decision:
        if own := self._ranker.answer_of(kind, offers):
            return Decision("answer", own.reply, score=1.0)
        if kind.name == "again":
            told = (reply for turn in turns[:-1] for reply in turn.replies)
            said = [reply for reply in told if reply not in NOTED]
            return Decision(
                "small_talk", said[-1] if said else self._hints.lines.unheard, kind.name
            )
        if kind.name == "abilities":
            return Decision("small_talk", _abilities(offers), kind.name)
        return Decision("small_talk", kind.reply or self._hints.lines.unknown, kind.name)


def _filled(offer: Offer, text: str, memory: Memory) -> int:
    """How many particular things that ``offer`` must have ``text`` gives, two at most."""
    wanted = [p for p in offer.required if p.kind in _PARTICULAR]
    if not wanted:
        return 0
    return min(2, len(read_arguments(wanted, memory.told(text, offer))))


def _phrase_after(text: str, tool: Offer) -> dict[str, Any]:
    """The name or place in "what about Berlin?", when the tool has one such argument."""
    match [p for p in tool.parameters if p.kind in (Kind.PHRASE, Kind.SENTENCE)]:
        case [parameter] if value := phrases.reply(text, parameter):
            return {parameter.name: value}
        case _:
            return {}


def _ordered(tool: Offer, values: dict[str, Any]) -> dict[str, Any]:
    return {p.name: values[p.name] for p in tool.parameters if p.name in values}


def handoff_target(use: ToolUse) -> str | None:
    """The agent that a call handed over to, or None when it was a tool."""
    match = re.match(r'\{"assistant": "([^"]*)"\}$', use.output or "")
    if match:
        return match[1]
    return use.name.removeprefix("transfer_to_") if use.name.startswith("transfer_to_") else None


def _handed_over(turn: UserTurn) -> list[str]:
    return [target for use in turn.uses if (target := handoff_target(use))]


def _without_return(
    offers: Sequence[Offer], turns: Sequence[UserTurn], hints: AgentHints
) -> list[Offer]:
    """Leave out handoffs to whoever already had the floor for this utterance.

    Whoever gets the floor must answer, pass it on to someone new, or say that they do not know;
    never send the caller round in circles.
    """
    handed = _handed_over(turns[-1])
    if not handed:
        return list(offers)
    before = [target for turn in turns[:-1] for target in _handed_over(turn)]
    visited = {*handed, before[-1] if before else hints.entry}
    return [
        offer
        for offer in offers
        if offer.deed is not Deed.HANDOFF
        or (len(handed) < _MOST_HANDOFFS and offer.target not in visited)
    ]


def _abilities(offers: Sequence[Offer]) -> str:
    told = [
        offer.descriptions[:2][-1]  # the description without the name before it
        for offer in offers
        if offer.descriptions
    ]
    lines = [line if line.endswith(".") else f"{line}." for line in told[:4]]
    return " ".join(["Here is what I can help with.", *lines]) if lines else "I'm not sure yet."
