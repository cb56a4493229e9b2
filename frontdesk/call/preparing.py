"""What a response begins with: its trace, the voice it speaks with, the reply that makes it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from frontdesk.call.answering import Answering
from frontdesk.call.answers import Answers
from frontdesk.call.asking import Asking
from frontdesk.call.book import CallBook
from frontdesk.call.client_mcp import ClientServers
from frontdesk.call.clock import Clock
from frontdesk.call.ears import language
from frontdesk.call.events import CallEvent
from frontdesk.call.guarding import Guarding
from frontdesk.call.hearing import Hearing
from frontdesk.call.journal import SECONDS, Journal
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.mouth import Mouth
from frontdesk.call.recovery import GoingOn
from frontdesk.call.reply import Reply
from frontdesk.call.request import newest_words, trace_labels
from frontdesk.call.telling import NOTE, Occasion
from frontdesk.call.turn import Turn
from frontdesk.protocol.commands import ResponseRequested
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.team.events import Jobs, TurnRequest
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.models import voice_of
from frontdesk.voice.speaker import Speaker


class Preparing:
    """Owned by the call; every method runs in its writer."""

    def __init__(
        self,
        *,
        live_team: LiveTeam,
        protocol: RealtimeProtocol,
        book: CallBook,
        hearing: Hearing,
        asking: Asking,
        answering: Answering,
        answers: Answers,
        servers: ClientServers,
        tracing: Tracing,
        clock: Clock,
        post: Callable[[CallEvent], None],
        away: Callable[[], bool],
    ) -> None:
        """``away``: whether there is nobody to hear anything."""
        self._team = live_team
        self._protocol = protocol
        self._book = book
        self._hearing = hearing
        self._asking = asking
        self._answering = answering
        self._answers = answers
        self._servers = servers
        self._tracing = tracing
        self._clock = clock
        self._post = post
        self._away = away
        self._turns = 0

    def reply(
        self,
        request: ResponseRequested,
        turn: Turn,
        *,
        heard: int,
        spoken: bool,
        jobs: Jobs | None,
        occasion: Occasion | None,
        going_on: GoingOn | None = None,
    ) -> Reply:
        """What makes the response. ``heard``: tokens of the caller's audio that it answers;
        ``jobs`` takes its background work; ``occasion`` is what it tells if nobody asked. It
        takes the place of one that was lost, as ``going_on`` says."""
        record = Journal(
            request.response_id,
            self._post,
            lambda: self._book.surely_recorded(SECONDS),
            going_on.done if going_on else None,
        )
        if going_on and going_on.trace:
            turn.resumes(going_on.trace)
        if occasion is not None and occasion.about:
            turn.tells(occasion.about, (known.trace for known in occasion.results))

        async def asked() -> TurnRequest | str:
            if occasion is not None and occasion.line is not None:
                return occasion.line
            note = NOTE if occasion else None
            session = self._protocol.session
            made = await self._asking.request(request, turn, session, jobs, note, going_on)
            return made if isinstance(made, str) else replace(made, record=record)

        return Reply(
            request.response_id,
            asked,
            agent=self._book.state.agent,
            out_of_band=request.out_of_band,
            unasked=request.unasked and not (occasion and occasion.ours),
            run_team=self._team.runner.run,
            answering=self._answering,
            guarding=Guarding(self._team.runner.guardrails, turn),
            speaker_for=partial(self._speaker, turn) if spoken else None,
            silent_for=self.silent_for,
            silence=self._team.loaded.team.budgets.silence,
            lines=self._team.loaded.team.lines,
            going_on=going_on,
            turn=turn,
            heard=heard,
            clock=self._clock,
            post=self._post,
        )

    def silent_for(self) -> float:
        """Seconds since either side was last heard; negative while nobody is there to hear."""
        if self._away():
            return -1.0
        if self._protocol.speech_item_id is not None:
            return 0.0
        return min(self._answers.silent_for(), self._clock.now() - self._hearing.spoken_until)

    def turn(self, *, answers: bool) -> Turn:
        """The trace of a turn, which ``answers`` what the caller said or stands beside it."""
        speeches = self._hearing.unanswered() if answers else []
        self._turns += 1
        labels, state = trace_labels(self._protocol.session), self._book.state
        trace = self._tracing.turn(
            call_id=state.call_id,
            index=self._turns,
            team=state.team,
            team_version=state.team_version,
            agent=state.agent,
            transport=state.transport,
            user=state.user,
            earlier_calls=state.earlier_calls,
            workflow_name=labels.workflow_name,
            group_id=labels.group_id,
            metadata=labels.metadata,
            start=speeches[0].started if speeches else None,
        )
        voice = self._team.voice
        turn = Turn(
            trace,
            self._clock,
            stt=voice.stt.name,
            tts=voice.tts.name,
            asked=speeches[-1].ended if speeches else self._clock.now(),
        )
        self._servers.turn_began(turn)
        for speech in speeches:
            speech.answered_by(turn)
        if not speeches:
            turn.begins(self._book.offset(self._clock.now()))
            if words := newest_words(state):
                turn.asked(words)
        return turn

    def _speaker(self, turn: Turn, agent: str) -> Speaker:
        """The voice of ``agent``, as the team file has it."""
        team = self._team.loaded.team
        own = voice_of(team, agent)
        session = self._protocol.session
        output: dict[str, Any] = session["audio"].get("output") or {}
        return Speaker(
            Mouth(
                self._team.voice,
                agent=agent,
                turn=turn,
                clock=self._clock,
                patience=team.budgets.speech,
            ),
            voice=own.voice,
            style=own.style,
            speed=min(max((own.speed or 1.0) * (output.get("speed") or 1.0), 0.25), 1.5),
            language=language(session) or team.voice.stt.language,
            cache=self._team.phrases,
        )
