"""The keeper of the call's log: it builds the conversation from the commands."""

import json
from collections.abc import Iterator
from typing import Any

from frontdesk.protocol.commands import (
    AudioCommitted,
    Command,
    DropMcpServer,
    ItemAdded,
    ItemChanged,
    ItemDeleted,
    ListMcpTools,
    ResponseCancelled,
    ResponseRequested,
    RunMcpTool,
)
from tests.properties.watching import Watcher


class Keeper:
    """Builds the conversation from the commands, as the call's log does."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.running: set[str] = set()
        self.asked: set[str] = set()
        self.listing: set[str] = set()
        self.tools_run: set[str] = set()
        self.all_tools_run: set[str] = set()

    def ordered(self) -> Iterator[dict[str, Any]]:
        return (self.items[item_id] for item_id in self.order)

    def keep(self, command: Command, watcher: Watcher) -> None:
        match command:
            case ItemAdded(item, previous):
                place = self.order.index(previous) + 1 if previous is not None else 0
                self.order.insert(place, item["id"])
                self.items[item["id"]] = item
            case ItemChanged(item):
                assert item["id"] in self.items
                self.items[item["id"]] = item
            case ItemDeleted(item_id):
                self.order.remove(item_id)
                del self.items[item_id]
            case AudioCommitted(item_id, transcribe):
                assert item_id in self.items
                if transcribe:
                    watcher.awaited[item_id] = ""
            case ResponseRequested():
                assert command.response_id not in self.asked
                assert not watcher.replies[command.response_id].done
                self.asked.add(command.response_id)
                self.running.add(command.response_id)
            case ListMcpTools(item_id):
                assert self.items[item_id]["type"] == "mcp_list_tools"
                self.listing.add(item_id)
            case DropMcpServer(item_id):
                self.listing.discard(item_id)
            case RunMcpTool(item_id):
                call = self.items[item_id]
                assert call["output"] is call["error"] is None
                assert item_id not in self.all_tools_run
                request = call["approval_request_id"]
                assert command.approved == (request is not None)
                assert request not in watcher.mcp.asked
                assert isinstance(json.loads(command.arguments), dict)
                self.tools_run.add(item_id)
                self.all_tools_run.add(item_id)
            case ResponseCancelled(response_id):
                assert watcher.replies[response_id].done
                self.running.remove(response_id)
            case _:
                pass
