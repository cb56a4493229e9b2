from typing import Any

import pytest

from frontdesk.mcp.config import McpConfigError
from frontdesk.team.build import TeamBuildError

ESTIMATE = {"call": "tools.shipping:estimate"}


@pytest.mark.parametrize(
    ("agent", "sections", "message"),
    [
        ({"tools": ["gone"]}, {}, r"agents\.frontdesk\.tools: there is no 'gone'"),
        ({"mcp": ["gone"]}, {}, r"agents\.frontdesk\.mcp: there is no 'gone'"),
        ({"handoffs": ["gone"]}, {}, r"agents\.frontdesk\.handoffs: there is no 'gone'"),
        ({}, {"entry": "gone"}, "entry: there is no agent 'gone'"),
        (
            {"tools": ["transfer_to_frontdesk"], "handoffs": ["frontdesk"]},
            {"tools": {"transfer_to_frontdesk": ESTIMATE}},
            "two of its tools and handoffs have one name",
        ),
    ],
)
async def test_a_team_that_cannot_work_is_refused_by_field(
    start_team: Any, agent: Any, sections: Any, message: str
) -> None:
    with pytest.raises(TeamBuildError, match=message):
        await start_team({"frontdesk": agent}, **sections)


async def test_a_server_that_is_not_configured_is_told(start_team: Any) -> None:
    with pytest.raises(McpConfigError, match=r"'orders' is not in mcp_servers/mcp\.json"):
        await start_team({"frontdesk": {"mcp": ["orders"]}}, mcp={"orders": {}})
