"""The tools of the MCP servers that the client declared: asked for, waited for, offered."""

from dataclasses import dataclass
from typing import Any, Literal

from frontdesk.protocol import wire
from frontdesk.protocol.commands import DropMcpServer, Item, ListMcpTools, McpTool
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.mcp_server import McpServer
from frontdesk.protocol.outbox import Outbox

Json = dict[str, Any]

PATIENCE = 5.0
"""Seconds from the begin of a list that a response waits for it. Then it goes on without."""
MAX_TOOLS = 128
MAX_BYTES = 256 * 1024
"""What one server may add to each request to a model."""


@dataclass(slots=True)
class McpList:
    """One server's tools. ``overdue``: no response waits for it any longer."""

    item: Item
    server: McpServer
    deadline: float
    state: Literal["in_progress", "completed", "failed"] = "in_progress"
    overdue: bool = False

    @property
    def id(self) -> str:
        return self.item["id"]

    def tool(self, name: str) -> Json | None:
        """The tool called ``name``, if there is one and it may be used."""
        if self.state != "completed":
            return None
        return next((tool for tool in self.item["tools"] if tool["name"] == name), None)


class McpLists:
    """Lists of the session's servers by label, and those of servers that only a response named."""

    def __init__(self, conversation: Conversation, outbox: Outbox) -> None:
        self._conversation = conversation
        self._outbox = outbox
        self._session: dict[str, McpList] = {}
        self._others: dict[str, McpList] = {}

    def declare(self, servers: tuple[McpServer, ...], now: float) -> None:
        """These are the session's servers from now on; what is new of them is listed."""
        before, self._session = self._session, {}
        for server in servers:
            known = self.find(server, before)
            if known is not None:
                known.server = server  # what needs approval may have changed
            self._session[server.label] = known or self._begin(server, now)
        for dropped in before.values():
            if dropped is not self._session.get(dropped.server.label):
                self._drop(dropped)

    def prepare(self, servers: tuple[McpServer, ...], now: float) -> None:
        """A response names these servers: list those that are not the session's. (What failed
        for the session is asked anew when the session is updated.)"""
        for server in servers:
            ours = self._session.get(server.label)
            is_ours = ours is not None and ours.server.same_list(server)
            if is_ours or self.find(server, self._others):
                continue
            if before := self._others.get(server.label):
                self._drop(before)
            self._others[server.label] = self._begin(server, now)

    def find(self, server: McpServer, among: dict[str, McpList] | None = None) -> McpList | None:
        """The list of this very server, unless it failed: then it has to be asked anew."""
        if among is None:
            return self.find(server, self._session) or self.find(server, self._others)
        known = among.get(server.label)
        if known is None or known.state == "failed" or not known.server.same_list(server):
            return None
        return known

    def by_label(self, label: str) -> McpList | None:
        """The session's list of this label, or what a response last named so."""
        return self._session.get(label) or self._others.get(label)

    def is_alive(self, known: McpList) -> bool:
        """Whether the connection behind a list stands."""
        label = known.server.label
        return known.state == "completed" and (
            known is self._session.get(label) or known is self._others.get(label)
        )

    def awaited(self, servers: tuple[McpServer, ...]) -> bool:
        """Whether a response with these servers should wait for a list."""
        found = (self.find(server) for server in servers)
        return any(known and known.state == "in_progress" and not known.overdue for known in found)

    def offered(self, servers: tuple[McpServer, ...]) -> tuple[McpTool, ...]:
        """What the model may call, as far as it is known by now."""
        return tuple(
            McpTool(server, tool["name"], tool["description"], tool["input_schema"])
            for server in servers
            if (known := self.find(server)) is not None and known.state == "completed"
            for tool in known.item["tools"]
        )

    def completed(self, item_id: str, tools: list[Json]) -> None:
        """The server told its tools; those that the client allows count."""
        known = self._in_progress(item_id)
        if known is None:
            return
        allowed = [tool for tool in tools if known.server.allows(tool)]
        if len(allowed) > MAX_TOOLS or len(wire.encode({"tools": allowed})) > MAX_BYTES:
            self.failed(
                item_id,
                f"The server lists too much: at most {MAX_TOOLS} tools of together "
                f"{MAX_BYTES // 1024} KiB can be offered. Choose with 'allowed_tools'.",
            )
            self._outbox.put(DropMcpServer(item_id))
            return
        known.state = "completed"
        known.item = {**known.item, "tools": allowed}
        self._outbox.send("mcp_list_tools.completed", {"item_id": item_id})
        self._conversation.finish(known.item, 0.0)

    def failed(self, item_id: str, message: str) -> None:
        """There is no list. The reason is not in the specification; it is shown in the item."""
        known = self._in_progress(item_id)
        if known is None:
            return
        known.state = "failed"
        known.item = {**known.item, "error": message}
        self._outbox.send("mcp_list_tools.failed", {"item_id": item_id})
        self._conversation.finish(known.item, 0.0)

    @property
    def under_way(self) -> bool:
        """Whether a list is waited for."""
        return bool(self._waited_for())

    @property
    def deadline(self) -> float | None:
        """When the next list becomes overdue."""
        if not (self._session or self._others):  # as nearly always, and asked at each event
            return None
        return min((known.deadline for known in self._waited_for()), default=None)

    def tick(self, now: float) -> None:
        for known in self._waited_for():
            known.overdue = now >= known.deadline

    def _waited_for(self) -> list[McpList]:
        lists = [*self._session.values(), *self._others.values()]
        return [known for known in lists if known.state == "in_progress" and not known.overdue]

    def _in_progress(self, item_id: str) -> McpList | None:
        lists = [*self._session.values(), *self._others.values()]
        found = (known for known in lists if known.id == item_id)
        known = next(found, None)
        return known if known and known.state == "in_progress" else None

    def _begin(self, server: McpServer, now: float) -> McpList:
        item: Item = {
            "id": self._outbox.ids("item"),
            "type": "mcp_list_tools",
            "server_label": server.label,
            "tools": [],
        }
        self._conversation.add(item, self._conversation.last, pending=True)
        self._outbox.send("mcp_list_tools.in_progress", {"item_id": item["id"]})
        self._outbox.put(ListMcpTools(item["id"], server))
        return McpList(item, server, now + PATIENCE)

    def _drop(self, known: McpList) -> None:
        if known.state == "in_progress":
            known.state = "failed"
            known.item = {**known.item, "error": "The server is not declared any more."}
            self._outbox.send("mcp_list_tools.failed", {"item_id": known.id})
            self._conversation.finish(known.item, 0.0)
        self._outbox.put(DropMcpServer(known.id))
