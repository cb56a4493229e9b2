"""All responses of a call: one in the default conversation, any number beside it, one waiting."""

from frontdesk.protocol.commands import CancelReason, ResponseCancelled, ResponseRequested
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.errors import ProtocolError
from frontdesk.protocol.outbox import Outbox
from frontdesk.protocol.response import Plan, Response

MAX_OUT_OF_BAND = 32
"""Parallel out-of-band responses; a client asking for more is flooding."""


class Responses:
    def __init__(self, conversation: Conversation, outbox: Outbox) -> None:
        self.active: Response | None = None
        self._beside: dict[str, Response] = {}
        self._waiting: Plan | None = None
        self._conversation = conversation
        self._outbox = outbox

    def get(self, response_id: str) -> Response | None:
        """The response, if it is still being made."""
        if self.active is not None and self.active.id == response_id:
            return self.active
        return self._beside.get(response_id)

    def request(self, plan: Plan) -> None:
        """Start a response the client asked for, or queue it behind one that is closing.

        Raises :class:`ProtocolError` when the conversation has an active response.
        """
        if plan.out_of_band:
            if len(self._beside) >= MAX_OUT_OF_BAND:
                raise ProtocolError(
                    "rate_limit_exceeded",
                    f"{MAX_OUT_OF_BAND} out-of-band responses are in progress: let one finish.",
                    type="rate_limit_error",
                )
            self._start(plan)
        elif self.active is None:
            self._start(plan)
        elif self.active.closing and self._waiting is None:
            self._waiting = plan
        else:
            raise ProtocolError(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {self.active.id}. "
                "Wait until the response is finished before creating a new one.",
            )

    def answer(self, plan: Plan) -> None:
        """Start the response to a turn, after the active one if that was not interrupted."""
        if self.active is None:
            self._start(plan)
        elif self._waiting is None:
            self._waiting = plan

    def end(self, response: Response, status: str, details: dict[str, object] | None) -> None:
        """Finish a response and start the one that waits for it."""
        response.end(status, details)
        if response is not self.active:
            del self._beside[response.id]
            return
        self.active = None
        if plan := self._take_waiting():
            self._start(plan)

    def interrupt(self, reason: CancelReason) -> None:
        """Cancel the active response of the conversation and the one waiting behind it."""
        if self.active is None:
            return
        response, self.active = self.active, None
        self._cancel(response, reason)
        plan = self._take_waiting()
        if plan is None:
            return
        if plan.by_client:
            # Its client waits for a response.done; nothing was generated yet.
            never = Response(plan, self._conversation, self._outbox)
            never.end("cancelled", _cancelled(reason))
        elif reason == "client_cancelled":
            # What the caller said over the cancelled response is still to be answered.
            self._start(plan)

    def cancel(self, response_id: str | None) -> None:
        """Cancel as the client asked. Raises :class:`ProtocolError` when nothing is active."""
        if response_id is None and self.active is not None:
            self.interrupt("client_cancelled")
            return
        response = self.get(response_id) if response_id is not None else None
        if response is None:
            raise ProtocolError(
                "response_cancel_not_active", "Cancellation failed: no active response found"
            )
        if response is not self.active:
            del self._beside[response.id]
            self._cancel(response, "client_cancelled")
            return
        self.active = None
        self._cancel(response, "client_cancelled")
        if plan := self._take_waiting():
            self._start(plan)

    def cancel_all(self, reason: CancelReason) -> None:
        while self.active is not None:
            self.interrupt(reason)
        while self._beside:
            self._cancel(self._beside.popitem()[1], reason)

    def _start(self, plan: Plan) -> None:
        response = Response(plan, None if plan.out_of_band else self._conversation, self._outbox)
        if plan.out_of_band:
            self._beside[response.id] = response
        else:
            self.active = response
        self._outbox.put(ResponseRequested(response.id, plan.options, plan.input, plan.out_of_band))

    def _cancel(self, response: Response, reason: CancelReason) -> None:
        response.end("cancelled", _cancelled(reason))
        self._outbox.put(ResponseCancelled(response.id, reason))

    def _take_waiting(self) -> Plan | None:
        plan, self._waiting = self._waiting, None
        return plan


def _cancelled(reason: CancelReason) -> dict[str, object]:
    return {"type": "cancelled", "reason": reason}
