"""What the core keeps of the MCP servers that its client declared."""

from frontdesk.protocol import engine
from frontdesk.protocol.commands import McpTool
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.mcp_calls import McpCalls
from frontdesk.protocol.mcp_lists import McpLists
from frontdesk.protocol.outbox import Outbox
from frontdesk.protocol.response import Plan

McpEvent = engine.McpToolsListed | engine.McpToolsFailed | engine.McpCallEnded


class Mcp:
    """Lists of tools and calls to them. Says nothing at all until a client declares a server."""

    def __init__(self, conversation: Conversation, outbox: Outbox) -> None:
        self.lists = McpLists(conversation, outbox)
        self.calls = McpCalls(self.lists, conversation, outbox)

    @property
    def busy(self) -> bool:
        """Whether tools are being listed, or one runs."""
        return self.lists.under_way or self.calls.under_way

    def holds(self, plan: Plan) -> bool:
        """Whether a response should not begin yet: its tools are being listed, or a tool runs
        whose result its client surely wants in it."""
        return self.lists.awaited(plan.servers) or (plan.by_client and self.calls.under_way)

    def offered(self, plan: Plan) -> tuple[McpTool, ...]:
        """The tools that the model may call in a response."""
        return self.lists.offered(plan.servers)

    def feed(self, event: McpEvent) -> None:
        """What came of a list or of a call; of none that is in progress, it is dropped."""
        match event:
            case engine.McpToolsListed():
                self.lists.completed(event.item_id, event.tools)
            case engine.McpToolsFailed():
                self.lists.failed(event.item_id, event.message)
            case engine.McpCallEnded():
                self.calls.ended(event.item_id, event.output, event.error)
