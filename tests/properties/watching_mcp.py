"""What the strictest client knows of the MCP servers that it declared."""

from typing import Any


class McpWatcher:
    """What the strictest client knows of its MCP servers: lists and calls, each told once."""

    def __init__(self) -> None:
        self.lists: dict[str, str] = {}
        self.calls: dict[str, str] = {}
        self.responses: dict[str, str] = {}
        self.requests: dict[str, str | None] = {}
        self.ended: set[str] = set()
        self.asked: dict[str, dict[str, Any]] = {}
        """Approval requests that nobody has answered, by id."""
        self.declared = False

    def see(self, kind: str, event: dict[str, Any]) -> None:
        item = event.get("item", {})
        is_mcp = "mcp" in kind or item.get("type", "").startswith("mcp_")
        assert self.declared or not is_mcp
        match kind, item.get("type"):
            case "conversation.item.added", "mcp_list_tools":
                assert item["tools"] == []
                self.lists[item["id"]] = "added"
            case "conversation.item.added", "mcp_call":
                self.calls[item["id"]] = "added"
            case "response.output_item.done", "mcp_call":
                self.responses[item["id"]] = event["response_id"]
                self.requests[item["id"]] = item["approval_request_id"]
            case "conversation.item.done", "mcp_approval_request":
                self.asked[item["id"]] = item
            case "conversation.item.done", "mcp_approval_response":
                assert self.asked.pop(item["approval_request_id"])
            case "conversation.item.deleted", _:
                self.asked.pop(event["item_id"], None)
            case "conversation.item.done", "mcp_list_tools":
                assert self.lists[item["id"]] == ("failed" if "error" in item else "completed")
                assert all(isinstance(tool["description"], str) for tool in item["tools"])
                self.lists[item["id"]] = "done"
            case "conversation.item.done", "mcp_call":
                self.call_done(item)
            case "response.done", _:
                self.ended.add(event["response"]["id"])
            case _ if kind.startswith("mcp_list_tools."):
                self.step(self.lists, kind, event["item_id"])
            case _ if kind.startswith("response.mcp_call."):
                assert self.responses[event["item_id"]] in self.ended
                assert self.requests.get(event["item_id"]) not in self.asked
                self.step(self.calls, kind, event["item_id"])
            case _:
                pass

    def unfinished(self) -> set[str]:
        """Lists and calls that are not over; they outlive responses."""
        known = [*self.lists.items(), *self.calls.items()]
        return {item_id for item_id, state in known if state != "done"}

    def step(self, known: dict[str, str], kind: str, item_id: str) -> None:
        before, after = known[item_id], kind.rpartition(".")[2]
        allowed = {"in_progress": {"added"}, "completed": {"in_progress"}}
        # A call that is not to be made fails without having run.
        failing = {"in_progress"} if known is self.lists else {"in_progress", "added"}
        assert before in allowed.get(after, failing), (kind, before)
        known[item_id] = after

    def call_done(self, item: dict[str, Any]) -> None:
        assert self.calls[item["id"]] == ("completed" if item["error"] is None else "failed")
        assert (item["output"] is None) == (item["error"] is not None)
        assert item["approval_request_id"] not in self.asked
        self.calls[item["id"]] = "done"
