"""A connection does not last for ever."""

import pytest
from agents.testing import function_call
from pydantic import ValidationError

from frontdesk.settings import Settings


async def test_an_hour_ends_the_call_with_an_error_that_says_so(house):
    phone = await house.place()
    await phone.hang_up()
    begun = phone.clock.now()
    phone = await house.place(expires_at=int(begun + 3600))
    assert phone.frames[0]["session"]["expires_at"] == int(begun + 3600)
    await phone.clock.advance(int(begun + 3600) - phone.clock.now() - 1)
    await phone.read_all()
    assert phone.closed is None
    await phone.clock.advance(2)
    error = (await phone.until("error"))[-1]["error"]
    assert (error["code"], error["event_id"]) == ("session_expired", None)
    await phone.running
    assert phone.closed == (1001, "session expired")


async def test_a_response_under_way_is_closed_before_the_end(house):
    phone = await house.place()
    await phone.hang_up()
    phone = await house.place(expires_at=int(phone.clock.now() + 60))
    house.stage.tool_may_end.clear()
    house.script([function_call("look_up", {"what": "x"}, call_id="c1")])
    await phone.write("hello")
    await phone.send("response.create")
    await phone.until("response.created")
    await phone.clock.advance(70)
    kinds = [frame["type"] for frame in await phone.until("error")]
    assert kinds[-2:] == ["response.done", "error"]
    await phone.running


def test_the_longest_call_is_a_setting_of_the_process(monkeypatch):
    assert Settings().max_call_seconds == 3600
    monkeypatch.setenv("FRONTDESK_MAX_CALL_SECONDS", "90")
    assert Settings().max_call_seconds == 90
    monkeypatch.setenv("FRONTDESK_MAX_CALL_SECONDS", "-1")
    with pytest.raises(ValidationError, match="max_call_seconds"):
        Settings()
