"""All responses of a call: one in the default conversation, any number beside it, one waiting."""

from frontdesk.protocol.commands import (
    CancelReason,
    ResponseCancelled,
    ResponseRequested,
    ResponseWaits,
)
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.errors import ProtocolError
from frontdesk.protocol.mcp import Mcp
from frontdesk.protocol.outbox import Outbox
from frontdesk.protocol.response import Plan, Response

MAX_OUT_OF_BAND = 32
"""Parallel out-of-band responses; a client asking for more is flooding."""


class Responses:
    def __init__(self, conversation: Conversation, outbox: Outbox, mcp: Mcp) -> None:
        self.active: Response | None = None
        self._beside: dict[str, Response] = {}
        self._waiting: Plan | None = None
        self._conversation = conversation
        self._outbox = outbox
        self._mcp = mcp

    @property
    def idle(self) -> bool:
        """Whether nothing is being said in the conversation, nor about to be."""
        return self.active is None and self._waiting is None

    @property
    def at_rest(self) -> bool:
        """As :attr:`idle`, beside the conversation, too."""
        return self.idle and not self._beside

    def get(self, response_id: str) -> Response | None:
        """The response, if it is still being made."""
        if self.active is not None and self.active.id == response_id:
            return self.active
        return self._beside.get(response_id)

    def check(self, plan: Plan) -> None:
        """Raise :class:`ProtocolError` when the client cannot have a response now."""
        if plan.out_of_band:
            if len(self._beside) >= MAX_OUT_OF_BAND:
                raise ProtocolError(
                    "rate_limit_exceeded",
                    f"{MAX_OUT_OF_BAND} out-of-band responses are in progress: let one finish.",
                    type="rate_limit_error",
                )
        elif self._asked_for():
            which = self.active.id if self.active else "it waits for an MCP server"
            raise ProtocolError(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {which}. "
                "Wait until the response is finished before creating a new one.",
            )

    def _asked_for(self) -> bool:
        """Whether somebody waits for a response, or gets one that is not at its end."""
        if self._waiting is not None and not self._waiting.unasked:
            return True
        if self.active is None or self.active.closing:
            return False
        return not (self.active.plan.unasked or self.active.plan.again)

    def request(self, plan: Plan) -> None:
        """Start a response the client asked for, which has been checked. One in the conversation
        waits behind one that is closing, and for the MCP servers of its client."""
        if plan.out_of_band:
            self._start(plan)
        else:
            self._wait(plan)

    def answer(self, plan: Plan) -> None:
        """Start the response to a turn, after the active one if that was not interrupted."""
        if self._waiting is None or self._waiting.unasked:
            self._wait(plan)

    def _wait(self, plan: Plan) -> None:
        """Start a response as soon as there is nothing left to wait for."""
        self._waiting = plan
        self.resume()
        if self._waiting is plan:
            self._outbox.put(ResponseWaits(plan.asked))

    def speak_up(self, plan: Plan) -> None:
        """Start a response that nobody asked for, unless there is another."""
        if self.idle:
            self.answer(plan)

    def resume(self) -> None:
        """Start the waiting response, if there is nothing left to wait for."""
        if self.active is None and self._waiting is not None:
            plan = self._waiting
            if not self._mcp.holds(plan):
                self._waiting = None
                self._start(plan)

    def end(self, response: Response, status: str, details: dict[str, object] | None) -> None:
        """Finish a response and start the one that waits for it."""
        response.end(status, details)
        if response is not self.active:
            del self._beside[response.id]
            return
        self.active = None
        self._mcp.calls.release(response.id)
        self.resume()

    def interrupt(self, reason: CancelReason) -> None:
        """Cancel the active response of the conversation and the one that waits."""
        if behind := self.active is not None:
            response, self.active = self.active, None
            self._cancel(response, reason)
        plan = self._take_waiting()
        if plan is None:
            return
        self._outbox.put(ResponseWaits(None))
        if plan.by_client or (reason == "client_cancelled" and not behind):
            # Its client waits for a response.done; nothing was generated yet.
            never = Response(plan, self._conversation, self._outbox)
            never.end("cancelled", _cancelled(reason))
        elif reason == "client_cancelled":
            # What the caller said over the cancelled response is still to be answered.
            self._wait(plan)

    def cancel(self, response_id: str | None) -> None:
        """Cancel as the client asked. Raises :class:`ProtocolError` when nothing is active."""
        if response_id is None and not self.idle:
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
        self.resume()

    def cancel_all(self, reason: CancelReason) -> None:
        while not self.idle:
            self.interrupt(reason)
        while self._beside:
            self._cancel(self._beside.popitem()[1], reason)

    def _start(self, plan: Plan) -> None:
        response = Response(plan, None if plan.out_of_band else self._conversation, self._outbox)
        if plan.out_of_band:
            self._beside[response.id] = response
        else:
            self.active = response
        self._outbox.put(self._requested(response.id, plan))

    def _requested(self, response_id: str, plan: Plan) -> ResponseRequested:
        return ResponseRequested(
            response_id,
            plan.options,
            plan.input,
            plan.out_of_band,
            self._mcp.offered(plan),
            plan.unasked,
            plan.asked,
        )

    def at_once(self, plan: Plan) -> ResponseRequested | None:
        """What :meth:`answer` would begin now, without an id; None if it would have to wait."""
        return None if self._mcp.holds(plan) else self._requested("", plan)

    def _cancel(self, response: Response, reason: CancelReason) -> None:
        response.end("cancelled", _cancelled(reason))
        self._outbox.put(ResponseCancelled(response.id, reason))
        self._mcp.calls.release(response.id)

    def _take_waiting(self) -> Plan | None:
        plan, self._waiting = self._waiting, None
        return plan


def _cancelled(reason: CancelReason) -> dict[str, object]:
    return {"type": "cancelled", "reason": reason}
