"""Calls of the team's own tools that the client's side has to approve, as it approves MCP calls.

The request is an ``mcp_approval_request`` item, which clients that run MCP tools know; its id is
that of the engine's question. The tool and what it gives stay the team's: no ``mcp_call`` follows.
"""

from frontdesk.protocol.commands import ApprovalAnswered, Item
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.engine import ApprovalWanted
from frontdesk.protocol.outbox import Outbox

DELETED = "the request for its approval was deleted"


class TeamApprovals:
    def __init__(self, conversation: Conversation, outbox: Outbox) -> None:
        self._conversation = conversation
        self._outbox = outbox
        self._open: set[str] = set()

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._open

    def ask(self, event: ApprovalWanted) -> None:
        """Send the request; one of a call that is carried on was sent before."""
        self._open.add(event.question_id)
        if event.question_id not in self._conversation:
            request: Item = {
                "id": event.question_id,
                "type": "mcp_approval_request",
                "server_label": event.server_label,
                "name": event.name,
                "arguments": event.arguments,
            }
            self._conversation.add_done(request, self._conversation.last)

    def answer(self, answer: Item) -> None:
        """The client approves or denies."""
        self._settle(answer["approval_request_id"], answer["approve"], answer.get("reason"))

    def forget(self, item_id: str) -> None:
        """An item was deleted: what it asked for is denied."""
        if item_id in self._open:
            self._settle(item_id, False, DELETED)

    def close(self, question_id: str) -> None:
        """It was decided otherwise, or nobody answered in time."""
        self._open.discard(question_id)

    def _settle(self, question_id: str, approve: bool, reason: str | None) -> None:
        self._open.discard(question_id)
        self._outbox.put(ApprovalAnswered(question_id, approve, reason))
