"""The guardrails of one reply: what the caller said, and what is about to be said."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

from agents import TResponseInputItem
from frontdesk.call.tongue import Tongue
from frontdesk.team.events import TurnRequest
from frontdesk.team.guardrails.build import Guardrails
from frontdesk.team.guardrails.checking import Checked, check, open_from
from frontdesk.team.guardrails.guard import Guard, Outcome
from frontdesk.team.guardrails.passage import Passage, Stage
from frontdesk.team.guardrails.verdicts import Verdicts
from frontdesk.voice.cutting import DoubtfulSplitter, closing, cut

BEFORE = 400
"""Letters of what was said before that a check gets to see."""
_AHEAD = 8
"""Clauses that are checked while an earlier one is spoken."""

_Checking = tuple[asyncio.Task[Checked], str, float]
"""A check under way, its clause, and since when (of the loop) that was complete."""


class Blocked(Exception):
    """The words must not go on: ``line`` is said instead."""

    def __init__(self, guardrail: str, line: str, stage: Stage) -> None:
        super().__init__(f"blocked by the guardrail {guardrail}")
        self.guardrail = guardrail
        self.line = line
        self.stage = stage


class Notes(Protocol):
    """Where it is noted what guardrails did."""

    def guarded(self, outcome: Outcome) -> None: ...

    def held(self, seconds: float) -> None: ...

    def blocked(self, guardrail: str) -> None: ...


class Guarding:
    """Owned by a reply. Each outcome is noted on its ``turn``. ``verdicts`` has those that were
    found ``ahead``, when it was not sure yet that the words count."""

    def __init__(
        self,
        guardrails: Guardrails,
        turn: Notes,
        verdicts: Verdicts | None = None,
        *,
        tongue: Tongue | None = None,
        ahead: bool = False,
    ) -> None:
        """``tongue`` has what is said instead of what is blocked, to a caller who does not speak
        the language of the guardrails' own lines."""
        self._tongue = tongue
        self._guardrails = guardrails
        self._turn = turn
        self._verdicts = verdicts
        self._in_advance = ahead
        self._late: Outcome | None = None
        if verdicts is not None and not ahead:
            verdicts.listen(self._come_late)
        self._passage = Passage("", "output")
        self._said = ""

    def watches(self, agent: str) -> bool:
        """Whether what ``agent`` says has to come by here."""
        guardrails = self._guardrails
        return bool(guardrails.guards and (guardrails.output(agent) or guardrails.input(agent)))

    # What the caller said

    async def begin(self, request: TurnRequest) -> TurnRequest:
        """Check what can be checked at once. Gives the request as the team may see it; raises
        :class:`Blocked`."""
        variables = {**self._guardrails.team.variables, **request.variables}
        self._passage = Passage("", "output", call_id=request.call_id, variables=variables)
        guards = self._guardrails.input(request.agent)
        if not guards:
            return request
        if replacing := [guard for guard in guards if guard.mode == "replace"]:
            history = [await self._cleaned(item, replacing) for item in request.history]
            request = replace(request, history=history)
        quick = [guard for guard in guards if guard.quick and guard.mode != "replace"]
        await self._check_input(request, quick)
        return request

    def slow_input(self, request: TurnRequest) -> Sequence[Guard]:
        """Guards of what the caller said that take their time."""
        if not asked_words(request.history):
            return ()
        return [guard for guard in self._guardrails.input(request.agent) if not guard.quick]

    async def decide(self, request: TurnRequest, guards: Sequence[Guard]) -> None:
        """Put what the caller said to these guards. Raises :class:`Blocked`."""
        await self._check_input(request, guards)

    async def _check_input(self, request: TurnRequest, guards: Sequence[Guard]) -> None:
        words = asked_words(request.history)
        if not words or not guards:
            return
        passage = replace(self._passage, text=words, stage="input", agent=request.agent)
        checked = await self._check(guards, passage)
        if checked.blocked:
            raise self._blocked(checked.blocked, "input")

    def _check(self, guards: Sequence[Guard], passage: Passage) -> Coroutine[Any, Any, Checked]:
        return check(
            guards,
            passage,
            self._turn.guarded,
            self._come_late,
            self._verdicts,
            ahead=self._in_advance,
        )

    async def _cleaned(self, item: TResponseInputItem, guards: list[Guard]) -> TResponseInputItem:
        """An item of the history without what must not reach a model."""
        fields = cast("dict[str, Any]", item)
        if fields.get("role") != "user":
            return item
        content: str | list[dict[str, Any]] = fields["content"]
        if isinstance(content, str):
            cleaned: Any = await self._clean(content, guards)
        else:
            cleaned = [
                {**part, "text": await self._clean(part["text"], guards)}
                if part["type"] == "input_text"
                else part
                for part in content
            ]
        return cast("TResponseInputItem", {**fields, "content": cleaned})

    async def _clean(self, text: str, guards: list[Guard]) -> str:
        cleaned = self._guardrails.cleaned.get(text)
        if cleaned is None:
            passage = replace(self._passage, text=text, stage="input")
            checked = await check(guards, passage, self._turn.guarded)
            if checked.blocked:
                raise self._blocked(checked.blocked, "input")
            cleaned = self._guardrails.cleaned[text] = checked.text
        return cleaned

    # What is about to be said

    async def checked(self, deltas: AsyncIterator[str], agent: str) -> AsyncGenerator[str]:
        """What is written, by clause, as it may be said. Clauses are checked while earlier ones
        are spoken. Raises :class:`Blocked` after those that may be said."""
        loop, wanted = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        ahead = _Ahead()
        pump = asyncio.create_task(self._pump(deltas, agent, ahead))
        try:
            async for task, clause, complete in ahead.each():
                result = await task
                self._turn.held(loop.time() - max(complete, wanted))
                if result.blocked:
                    raise self._blocked(result.blocked, "output")
                if self._late is not None:
                    raise self._blocked(self._guardrails.guards[self._late.guardrail], "output")
                if said := _spaced_like(clause, result.text):
                    yield said
                wanted = loop.time()
            await pump
        finally:
            await ahead.stop(pump)

    async def _pump(self, deltas: AsyncIterator[str], agent: str, ahead: "_Ahead") -> None:
        guards = self._guardrails.output(agent)
        splitter = DoubtfulSplitter(open_from(guards))
        try:
            async with closing(cut(deltas, splitter)) as clauses:
                async for clause in clauses:
                    before = self._said[-BEFORE:]
                    self._said = before + clause
                    passage = replace(self._passage, text=clause, before=before, agent=agent)
                    checking = self._check(guards, passage)
                    await ahead.put(checking, clause, splitter.cut_at.pop(0))
        finally:
            ahead.close()

    def _come_late(self, outcome: Outcome) -> None:
        """A verdict on words that have gone on: nothing more is said."""
        self._turn.guarded(outcome)
        if outcome.blocks:
            self._late = outcome

    def _blocked(self, guard: Guard, stage: Stage) -> Blocked:
        self._turn.blocked(guard.name)
        said = self._tongue.blocked if self._tongue else None
        return Blocked(guard.name, said or guard.line, stage)


class _Ahead:
    """The checks of a passage's clauses, in order, a few of them under way at once."""

    def __init__(self) -> None:
        self._checks: asyncio.Queue[_Checking | None] = asyncio.Queue()
        self._slots = asyncio.Semaphore(_AHEAD)
        self._tasks: list[asyncio.Task[Checked]] = []

    async def put(self, checking: Coroutine[Any, Any, Checked], clause: str, at: float) -> None:
        task = asyncio.create_task(checking)
        self._tasks.append(task)
        self._checks.put_nowait((task, clause, at))
        await self._slots.acquire()

    def close(self) -> None:
        self._checks.put_nowait(None)

    async def each(self) -> AsyncGenerator[_Checking]:
        while (checking := await self._checks.get()) is not None:
            yield checking
            self._slots.release()

    async def stop(self, pump: asyncio.Task[None]) -> None:
        """Nobody waits for them any more."""
        for task in (pump, *self._tasks):
            task.cancel()
        await asyncio.gather(pump, *self._tasks, return_exceptions=True)


def asked_words(history: list[TResponseInputItem]) -> str:
    """What the caller said since anybody answered or a tool was called."""
    words: list[str] = []
    for item in reversed(history):
        fields = cast("dict[str, Any]", item)
        if fields.get("role") == "assistant" or fields.get("type") == "function_call":
            break
        if fields.get("role") == "user":
            words.append(_text(fields["content"]))
    return " ".join(reversed(words))


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "input_text")


def _spaced_like(clause: str, text: str) -> str:
    """``text``, in place of ``clause``, with the same blanks around it; nothing if it is empty."""
    if text == clause or not text.strip():
        return text if text == clause else ""
    begin = clause[: len(clause) - len(clause.lstrip())]
    end = clause[len(clause.rstrip()) :]
    return f"{begin}{text.strip()}{end}"
