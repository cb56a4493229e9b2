"""The Realtime API's ``tool_choice``, in the words of the Agents SDK."""

from frontdesk.team.events import ClientMcpTool, TurnRequest


def sdk_choice(request: TurnRequest) -> str | None:
    """A mode or a function's name; None when the model is free.

    A tool of a client's MCP server may go by another name with some agents. So where one is asked
    for, nothing else is offered, and something has to be called. The model is free if the server
    has no such tool.
    """
    choice = request.tool_choice
    if not isinstance(choice, dict):
        return None if choice == "auto" else choice
    if choice.get("type") == "mcp":
        return "required" if wanted(request) else None
    return choice.get("name")


def wanted(request: TurnRequest) -> tuple[ClientMcpTool, ...]:
    """The tools that the client asked for by naming an MCP server of its own, if it did."""
    choice = request.tool_choice
    if not isinstance(choice, dict) or choice.get("type") != "mcp":
        return ()
    return tuple(
        tool
        for tool in request.client_tools
        if isinstance(tool, ClientMcpTool)
        and tool.server_label == choice["server_label"]
        and choice.get("name") in (None, tool.name)
    )
