"""Calls to the MCP servers that the client declared: announced, approved, run, told.

A call is an item of its response. It runs when that response is done and, if it needs one, the
approval is given; then its item is done. The client asks for the response that uses it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from frontdesk.protocol.commands import Item, McpCallRefused, RunMcpTool
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.engine import ResponseMcpCall
from frontdesk.protocol.errors import invalid_value
from frontdesk.protocol.mcp_lists import McpList, McpLists
from frontdesk.protocol.outbox import Outbox
from frontdesk.protocol.response import Response

INTERRUPTED = (
    "The call was interrupted before the tool answered: it is not known whether it took effect."
)


@dataclass(slots=True)
class _Call:
    """``request_id``: the approval that it waits or waited for. ``refusal``: why it will not run;
    ``denied``: by the client's word. ``released``: its response is done."""

    item: Item
    tools: McpList | None
    output_index: int
    response_id: str | None = None
    request_id: str | None = None
    answered: bool = False
    refusal: str | None = None
    denied: bool = False
    released: bool = False

    @property
    def waits(self) -> bool:
        """Whether the client has to approve it first."""
        return self.request_id is not None and not self.answered


class McpCalls:
    def __init__(self, lists: McpLists, conversation: Conversation, outbox: Outbox) -> None:
        self._lists = lists
        self._conversation = conversation
        self._outbox = outbox
        self._calls: dict[str, _Call] = {}

    @property
    def under_way(self) -> bool:
        """Whether a call runs, or is about to without further questions."""
        return any(not call.waits for call in self._calls.values())

    def announce(self, response: Response, event: ResponseMcpCall) -> None:
        """The model calls a tool."""
        arguments = event.arguments or "{}"
        item, index = response.open_mcp_call(event.server_label, event.name, arguments)
        servers = (s for s in response.plan.servers if s.label == event.server_label)
        tools = next((found for s in servers if (found := self._lists.find(s))), None)
        tool = tools.tool(event.name) if tools else None
        call = _Call(item, tools, index, response.id)
        if tools is None or tool is None:
            call.refusal = f"There is no tool {event.name!r} at this server."
        elif not _is_object(arguments):
            call.refusal = "The arguments are not a JSON object."
        elif tools.server.needs_approval(tool):
            self._request_approval(call)
        self._calls[item["id"]] = call
        self._conversation.change(call.item)
        response.close_mcp_call(call.item)

    def _request_approval(self, call: _Call) -> None:
        call.request_id = self._outbox.ids("item")
        kept = ("server_label", "name", "arguments")
        request: Item = {"id": call.request_id, "type": "mcp_approval_request"}
        request |= {key: call.item[key] for key in kept}
        self._conversation.add_done(request, self._conversation.last)
        call.item = {**call.item, "approval_request_id": call.request_id}

    def release(self, response_id: str) -> None:
        """A response is done: its calls may run. Also if it was cancelled: they were told."""
        for call in [*self._calls.values()]:
            if call.response_id == response_id and not call.released:
                call.released = True
                self._go_on(call)

    def check(self, answer: Item) -> None:
        """Raise :class:`ProtocolError` when this is not an answer to an open approval request."""
        field = "item.approval_request_id"
        request_id: str = answer["approval_request_id"]
        if (call := self._waiting(request_id)) is None:
            asked = self._conversation.get(request_id)
            if asked is not None and asked["type"] == "mcp_approval_request":
                raise invalid_value(field, f"'{request_id}' is answered already.")
            raise invalid_value(field, f"there is no approval request with id '{request_id}'.")
        if answer["approve"] and self._reached(call) is None:
            label = call.item["server_label"]
            raise invalid_value(
                field,
                f"the MCP server '{label}' is not connected: declare it in 'session.tools', "
                "and answer again when its tools are listed.",
            )

    def answer(self, answer: Item) -> None:
        """The client approves or denies a call. The answer has been checked."""
        call = self._waiting(answer["approval_request_id"])
        if call is None:
            return
        if answer["approve"]:
            call.tools, call.answered = self._reached(call), True
            self._go_on(call)
        else:
            reason = answer.get("reason")
            self._deny(call, f"The call was denied: {reason}" if reason else "The call was denied.")

    def forget(self, item_id: str) -> None:
        """An item was deleted: a request for approval that is gone cannot be answered."""
        if call := self._waiting(item_id):
            self._deny(call, "The call was denied: the request for its approval was deleted.")

    def ended(self, item_id: str, output: str | None, error: dict[str, Any] | None) -> None:
        """A tool has given its result, or failed."""
        call = self._calls.get(item_id)
        if call is not None and call.released and not call.waits:
            self._finish(call, output, error)

    def restore(self, items: Iterable[Item]) -> None:
        """Go on with a stored call. A call that nobody answered yet can still be approved; any
        other without a result has failed."""
        stored = [*items]
        answered = {item.get("approval_request_id") for item in stored if "approve" in item}
        asked = {item["id"] for item in stored if item["type"] == "mcp_approval_request"}
        for item in stored:
            if item["type"] != "mcp_call" or item["output"] is not None or item["error"]:
                continue
            request_id = item["approval_request_id"]
            if request_id in asked - answered:
                self._calls[item["id"]] = _Call(item, None, 0, None, request_id, released=True)
                self._conversation.reopen(item["id"])
            else:
                self._conversation.change({**item, "error": _error(INTERRUPTED)})

    def _waiting(self, request_id: str) -> _Call | None:
        calls = (call for call in self._calls.values() if call.waits)
        return next((call for call in calls if call.request_id == request_id), None)

    def _reached(self, call: _Call) -> McpList | None:
        """The connection to run a call on: its own, or the one its server has now."""
        known = call.tools
        if known is None or not self._lists.is_alive(known):
            known = self._lists.by_label(call.item["server_label"])
        return known if known is not None and known.tool(call.item["name"]) else None

    def _go_on(self, call: _Call) -> None:
        """Run a call if nothing has to be waited for, or say why it will not run."""
        if call.waits or not call.released:
            return
        if call.refusal is not None or call.tools is None:
            error = _error(call.refusal or INTERRUPTED)
            refused = {**call.item, "error": error}
            self._outbox.put(McpCallRefused(refused, call.response_id, call.denied))
            self._finish(call, None, error)
            return
        item = call.item
        fields = {"item_id": item["id"], "output_index": call.output_index}
        self._outbox.send("response.mcp_call.in_progress", fields)
        approved = call.request_id is not None
        where = (item["id"], call.tools.id, item["name"], item["arguments"])
        self._outbox.put(RunMcpTool(*where, call.response_id, approved))

    def _deny(self, call: _Call, message: str) -> None:
        call.answered = call.denied = True
        call.refusal = message
        self._go_on(call)

    def _finish(self, call: _Call, output: str | None, error: dict[str, Any] | None) -> None:
        del self._calls[call.item["id"]]
        fields = {"item_id": call.item["id"], "output_index": call.output_index}
        failed = error is not None
        kind = "response.mcp_call.failed" if failed else "response.mcp_call.completed"
        self._outbox.send(kind, fields)
        self._conversation.finish({**call.item, "output": output, "error": error}, 0.0)


def _is_object(arguments: str) -> bool:
    """A JavaScript client that is asked for approval crashes on anything else."""
    try:
        return isinstance(orjson.loads(arguments), dict)
    except orjson.JSONDecodeError:
        return False


def _error(message: str) -> dict[str, Any]:
    return {"type": "tool_execution_error", "message": message}
