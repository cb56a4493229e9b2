"""Team files that change, and go wrong, while a server runs on them."""

import asyncio
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def copy(desk, tmp_path):
    """A desk to change."""
    return Path(shutil.copytree(desk, tmp_path / "desk"))


@pytest.mark.timeout(60)  # it starts two servers
async def test_files_may_change_and_go_wrong_and_calls_keep_their_version_through_a_kill(
    serve, copy, dial, get
):
    server = serve(desk=copy)
    file = copy / "agents" / "support.yaml"
    right = file.read_text()

    async def until(holds):
        """The team as it is told once ``holds`` is true of it: the files are looked at now and
        then."""
        async with asyncio.timeout(40):
            while not holds(  # noqa: ASYNC110 (another process)
                team := get(server, "/api/teams")["teams"][0]
            ):
                await asyncio.sleep(0.1)
        return team

    def version_of(line):
        return get(server, f"/api/calls/{line.call_id}/conversation")["team_version"]

    first = await dial(server)
    await first.ask("Hello?")
    version = version_of(first)

    file.write_text(right.replace("entry: clerk", "entry: clark"))
    [problem] = (await until(lambda team: team["trouble"]))["trouble"]["problems"]
    assert (problem["file"], problem["line"]) == ("agents/support.yaml", 3)
    assert "agents/support.yaml:3:8: no agent `clark`" in server.log.read_text()
    second = await dial(server)
    assert (await second.ask("Hello?"))["status"] == "completed"
    assert version_of(second) == version

    file.write_text(right + "description: Another desk.\n")
    team = await until(lambda team: team["current"] != version)
    assert team["trouble"] is None
    assert {v["version"]: v["calls"] for v in team["versions"]} == {version: 2, team["current"]: 0}
    third = await dial(server)
    await third.ask("Hello?")
    assert version_of(third) == team["current"]
    assert (await first.ask("Still there?"))["status"] == "completed"

    server.kill()
    server.start()
    again = await dial(server, first.call_id)
    assert (await again.ask("Still there?"))["status"] == "completed"
    assert version_of(again) == version
    assert get(server, "/api/teams")["teams"][0]["current"] == team["current"]
