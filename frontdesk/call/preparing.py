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
from frontdesk.call.events import CallEvent
from frontdesk.call.guarding import Guarding
from frontdesk.call.hearing import Hearing
from frontdesk.call.journal import SECONDS, Journal
from frontdesk.call.live_team import LiveTeam
from frontdesk.call.mouth import Mouth
from frontdesk.call.recovery import GoingOn
from frontdesk.call.reply import Reply
from frontdesk.call.request import newest_words, said_since, trace_labels
from frontdesk.call.resuming import Cut, Hold, Rest, read
from frontdesk.call.sound_ahead import KnownPhrases, SoundAhead
from frontdesk.call.speculation import Speculation
from frontdesk.call.telling import NOTE, Occasion
from frontdesk.call.tongue import Tongue
from frontdesk.call.turn import Turn
from frontdesk.call.upstream import CallUpstream
from frontdesk.protocol.commands import ResponseRequested
from frontdesk.protocol.core import RealtimeProtocol
from frontdesk.state.entries import StoredItem
from frontdesk.team.events import Jobs, TurnRequest
from frontdesk.tracing.ahead import TraceAhead
from frontdesk.tracing.calls import Tracing
from frontdesk.voice.backchannel import Listening
from frontdesk.voice.base import TextToSpeech
from frontdesk.voice.loudness import Levels
from frontdesk.voice.models import voice_of
from frontdesk.voice.phrases import PhraseCache
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
        tongue: Tongue,
        asking: Asking,
        answering: Answering,
        answers: Answers,
        servers: ClientServers,
        tracing: Tracing,
        clock: Clock,
        post: Callable[[CallEvent], None],
        away: Callable[[], bool],
        upstream: CallUpstream | None,
    ) -> None:
        """``away``: whether there is nobody to hear anything. ``upstream`` answers what is asked in
        the conversation."""
        self._upstream = upstream
        self._team = live_team
        self._protocol = protocol
        self._book = book
        self._hearing = hearing
        self._tongue = tongue
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
        rest: Rest | None = None,
        ahead: Speculation | None = None,
    ) -> Reply:
        """What makes the response. ``heard``: tokens of the caller's audio that it answers;
        ``jobs`` takes its background work; ``occasion`` is what it tells if nobody asked. It
        takes the place of one that was lost, as ``going_on`` says, and may go on with the ``rest``
        of one that was stopped. ``ahead`` was begun for it."""
        hold = Hold(request.response_id)
        record = Journal(
            hold,
            self._post,
            lambda: self._book.surely_recorded(SECONDS),
            going_on.done if going_on else None,
        )
        if going_on and going_on.trace:
            turn.resumes(going_on.trace)
        if occasion is not None and occasion.about:
            turn.tells(occasion.about, (known.trace for known in occasion.results))

        async def asked() -> TurnRequest | Rest | str:
            if rest is not None:
                await self._hearing.words_known()
                if self._goes_on(rest):
                    return rest
                rest.drop()
            if occasion is not None and occasion.line is not None:
                return occasion.line
            note = NOTE if occasion else None
            session = self._protocol.session
            made = await self._asking.request(request, turn, session, jobs, note, going_on)
            if isinstance(made, str):
                return made
            if self._upstream is not None and not request.out_of_band:
                line, speed = self._upstream.line, self._speed()
                made = replace(made, line=line, aloud=spoken, speed=speed)
            return replace(made, record=record)

        return Reply(
            request.response_id,
            asked,
            agent=self._book.state.agent,
            out_of_band=request.out_of_band,
            unasked=request.unasked and not (occasion and occasion.ours),
            run_team=ahead.answer if ahead else self._team.runner.run,
            answering=self._answering,
            guarding=Guarding(
                self._team.runner.guardrails,
                turn,
                ahead.verdicts if ahead else None,
                tongue=self._tongue,
            ),
            speaker_for=partial(self._speaker, turn, ahead and ahead.sound) if spoken else None,
            silent_for=self.silent_for,
            silence=self._team.loaded.team.budgets.silence,
            tongue=self._tongue,
            going_on=going_on,
            rest=rest,
            hold=hold,
            turn=turn,
            heard=heard,
            clock=self._clock,
            post=self._post,
        )

    def _goes_on(self, rest: Rest) -> bool:
        """Whether the caller meant nothing by what stopped an answer, which is noted in it."""
        kind = self._listening(rest)
        rest.kind = kind or rest.kind
        return kind is not None

    def _listening(self, rest: Rest) -> Listening | None:
        """What it was that stopped an answer, if the caller meant nothing by it."""
        asked = self._answering.questions.for_caller() is not None
        cut = Cut(rest.said, rest.unheard, rest.there_is_more, asked)
        return read(said_since(self._book.state, rest.since), cut) if cut.goes_on else None

    def is_no_turn(self, spoken: StoredItem) -> bool:
        """Whether what stopped an answer means nothing, if ``spoken`` is all of it."""
        rest = self._answers.stopped.rest
        if rest is None:
            return False
        with self._book.state.supposing(spoken):
            return self._listening(rest) is not None

    def silent_for(self) -> float:
        """Seconds since either side was last heard; negative while nobody is there to hear."""
        if self._away():
            return -1.0
        if self._protocol.speech_item_id is not None:
            return 0.0
        return min(self._answers.silent_for(), self._clock.now() - self._hearing.spoken_until)

    @property
    def language(self) -> str | None:
        """What the caller is taken to speak."""
        return self._tongue.code

    def turn(self, *, answers: bool, ahead: TraceAhead | None = None) -> Turn:
        """The trace of a turn, which ``answers`` what the caller said or stands beside it.
        ``ahead``: that of an answer that was begun for it."""
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
            ahead=ahead,
        )
        voice = self._team.voice
        turn = Turn(
            trace,
            self._clock,
            stt=self._upstream.transcriber if self._upstream else voice.stt.name,
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

    def _speed(self) -> float:
        """How fast the client would have it spoken."""
        output: dict[str, Any] = self._protocol.session["audio"].get("output") or {}
        return output.get("speed") or 1.0

    def _speaker(self, turn: Turn, ahead: SoundAhead | None, agent: str) -> Speaker:
        """The voice of ``agent``, as the team file has it."""
        mouth = Mouth(
            self._team.voice,
            agent=agent,
            turn=turn,
            clock=self._clock,
            patience=self._team.loaded.team.budgets.speech,
            language=self._tongue.code,
            ahead=ahead,
        )
        return self._speaker_with(mouth, agent, self._team.phrases, self._team.voice.levels)

    def speaker_ahead(self, agent: str, mouth: SoundAhead) -> Speaker:
        """The same, for words that may never be said."""
        return self._speaker_with(mouth, agent, KnownPhrases(self._team.phrases))

    def _speaker_with(
        self,
        mouth: TextToSpeech,
        agent: str,
        phrases: PhraseCache,
        levels: Levels | None = None,
    ) -> Speaker:
        team = self._team.loaded.team
        self._team.rehearsal.begin()
        own = self._tongue.voice(voice_of(team, agent))
        return Speaker(
            mouth,
            voice=own.voice,
            style=own.style,
            speed=min(max((own.speed or 1.0) * self._speed(), 0.25), 1.5),
            language=self._tongue.code,
            cache=phrases,
            levels=levels,
        )
