"""Going on with a call whose last server was lost in the middle of something."""

from dataclasses import dataclass, replace

from frontdesk.protocol import options
from frontdesk.protocol.commands import Asked, Command
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.errors import ProtocolError
from frontdesk.protocol.outbox import Outbox
from frontdesk.protocol.response import Plan, Response
from frontdesk.protocol.responses import Responses
from frontdesk.protocol.session import Session
from frontdesk.protocol.transcripts import Transcripts
from frontdesk.protocol.turns import Turns

LOST = {"type": "server_error", "code": "worker_lost", "message": "The server was lost."}


@dataclass(frozen=True, slots=True)
class CutResponse:
    """A response that was being made: its id, who asked for it, and the ids of its items."""

    id: str
    asked: Asked
    items: list[str]
    beside: bool = False


class AfterLoss:
    """A part of :class:`~frontdesk.protocol.core.RealtimeProtocol`, after its ``restore`` and
    ``open``. Each method returns what to do."""

    def __init__(
        self,
        session: Session,
        conversation: Conversation,
        responses: Responses,
        transcripts: Transcripts,
        turns: Turns,
        outbox: Outbox,
    ) -> None:
        self._session = session
        self._conversation = conversation
        self._responses = responses
        self._transcripts = transcripts
        self._turns = turns
        self._outbox = outbox

    def close(self, cut: CutResponse) -> list[Command]:
        """Tell the end of a response that was cut off: what there is of it is ``incomplete``, and
        one beside the conversation has failed, as nothing is kept of it."""
        plan = self._plan(cut.asked) or options.automatic(self._session)
        plan = replace(plan, out_of_band=cut.beside)
        conversation = None if cut.beside else self._conversation
        response = Response(plan, conversation, self._outbox, id=cut.id)
        items = [item for id in cut.items if (item := self._conversation.get(id))]
        status, details = "incomplete", {"type": "incomplete"}
        if response.take_up(items):
            status, details = "completed", None
        if cut.beside:
            status, details = "failed", {"type": "failed", "error": LOST}
        response.end(status, details)
        return self._outbox.take()

    def listen_anew(self, now: float) -> list[Command]:
        """What the caller was just saying is gone: tell where listening begins anew, and wait for
        the caller where nobody is to speak first."""
        self._turns.clear()
        if self._session.spoken:
            self._turns.await_caller(now)
        return self._outbox.take()

    def expect_words(self, item_id: str) -> None:
        """The words of a restored item are to come after all."""
        self._transcripts.expect(item_id, self._session.transcribes)

    def ask_again(self, asked: Asked) -> list[Command]:
        """Begin the response that was asked for, once more. Nothing, when it cannot be asked for
        any more: what it referred to is gone."""
        plan = self._plan(asked)
        if plan is not None and self._session.responds:
            self._turns.idle.stop()
            self._responses.answer(replace(plan, again=True))
        return self._outbox.take()

    def _plan(self, asked: Asked) -> Plan | None:
        if asked.by != "client":
            return options.automatic(self._session)
        try:
            ids = self._outbox.ids
            return options.requested(self._session, self._conversation, asked.request, ids)
        except ProtocolError:
            return None
