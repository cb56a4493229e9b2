"""What one response is made with: the session's values and the overrides of the request."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from frontdesk.protocol import items
from frontdesk.protocol.commands import Item
from frontdesk.protocol.conversation import Conversation
from frontdesk.protocol.errors import ProtocolError, invalid_value
from frontdesk.protocol.mcp_server import McpServer
from frontdesk.protocol.response import Plan
from frontdesk.protocol.schema import RESPONSE
from frontdesk.protocol.session import Config, Session, full_format
from frontdesk.protocol.tools import check_choice, check_type, clean_tools, declared_servers
from frontdesk.protocol.validation import check

INHERITED = (
    "output_modalities",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "prompt",
    "reasoning",
    "parallel_tool_calls",
)


def automatic(session: Session) -> Plan:
    """The response to a turn that the server itself saw end."""
    return Plan(_options(session, {}), by_client=False, servers=session.servers)


def unasked(session: Session) -> Plan:
    """The response with which the agent speaks up. It need not call anything."""
    plan = automatic(session)
    return replace(plan, options={**plan.options, "tool_choice": "auto"}, unasked=True)


def requested(
    session: Session,
    conversation: Conversation,
    request: Config | None,
    ids: Callable[[str], str],
) -> Plan:
    """The response that ``response.create`` asks for.

    Raises :class:`ProtocolError` naming the first bad field as ``response.…``.
    """
    given = {key: value for key, value in (request or {}).items() if value is not None}
    check_type(given.get("tools"), "response")
    check(RESPONSE, given, "response")
    servers = _servers(session, given)
    if "prompt" in given:
        given["prompt"] = session.look_up(given["prompt"], "response.prompt")
    context: tuple[Item, ...] | None = None
    if "input" in given:
        context = tuple(
            _input_item(item, session, conversation, ids, f"response.input[{index}]")
            for index, item in enumerate(given["input"])
        )
    out_of_band = given.get("conversation") == "none"
    return Plan(
        _options(session, given), context, out_of_band, servers=servers, request=request or {}
    )


def _servers(session: Session, given: Config) -> tuple[McpServer, ...]:
    """The MCP servers of a response. Raises :class:`ProtocolError`."""
    session.check_servers(given.get("tools"), "response")
    servers = declared_servers(given["tools"]) if "tools" in given else session.servers
    check_choice(given.get("tool_choice"), servers, "response.tool_choice")
    if given.get("conversation") != "none":
        return servers
    if "tools" in given and servers:
        index = next(i for i, tool in enumerate(given["tools"]) if tool.get("type") == "mcp")
        raise _beside(f"response.tools[{index}]")
    choice: object = given.get("tool_choice")
    if isinstance(choice, dict) and cast(Config, choice)["type"] == "mcp":
        raise _beside("response.tool_choice")
    return ()


def _beside(field: str) -> ProtocolError:
    why = "what an MCP tool gives is told in the conversation, and this response is beside it."
    return ProtocolError("unsupported_value", f"Unsupported value for '{field}': {why}", field)


def _input_item(
    given: dict[str, Any],
    session: Session,
    conversation: Conversation,
    ids: Callable[[str], str],
    param: str,
) -> Item:
    if given.get("type") != "item_reference":
        item = items.from_client(given, ids, param)
        session.check_sight(item, param)
        return item
    reference = given.get("id")
    item = conversation.get(reference) if isinstance(reference, str) else None
    if item is None:
        raise invalid_value(f"{param}.id", f"no item with id '{reference}'.")
    return item


def _options(session: Session, given: Config) -> Config:
    config = session.config
    options: Config = {key: given.get(key, config.get(key)) for key in INHERITED}
    options["tools"] = clean_tools(options["tools"])
    # The default instructions are for show: an engine has better ones of its own.
    own = config["instructions"] if session.instructed else None
    options["instructions"] = given.get("instructions", own)
    options["metadata"] = given.get("metadata")
    options["audio"] = {"output": _audio_output(session, given)}
    return options


def _audio_output(session: Session, given: Config) -> Config:
    effective: Config = dict(session.config["audio"]["output"])
    audio: Config = given.get("audio") or {}
    override: Config = audio.get("output") or {}
    if override.get("format"):
        effective["format"] = full_format(override["format"])
    if override.get("voice") and not session.is_fixed("audio.output.voice"):
        effective["voice"] = override["voice"]
    return effective
