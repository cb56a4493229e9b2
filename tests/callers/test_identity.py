"""Who is calling is the word of whoever has the key."""

import json

import pytest
from redis import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus


async def refusal(server, query, headers=None):
    sent = {"authorization": f"Bearer {'fd-a-key-of-the-tests-0123456789'}", **(headers or {})}
    async with connect(f"{server.ws}/v1/realtime?{query}", additional_headers=sent) as socket:
        return json.loads(await socket.recv())["error"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("user=", "user: a caller id is 1 to 128 letters"),
        ("user=anna%20b", "user: a caller id is"),
        ("user=+49301234", "(a + in a URL is written %2B)"),
        (f"user={'a' * 129}", "user: a caller id is"),
        ("user=%2Fetc", "user: a caller id is"),
        ("user=..", "a letter or digit among them"),
        ("user=anna&user=berta", "user: it is given more than once"),
        ("consent=true", "consent: it needs a user"),
        ("user=anna&consent=perhaps", "consent: it is true or false"),
        ("user=anna&consent=true&model=sieve", "consent: team sieve remembers no callers"),
    ],
)
async def test_an_id_that_cannot_be_one_is_refused_in_words(keyed, query, message):
    error = await refusal(keyed, query)
    assert error["code"] == "invalid_value"
    assert message in error["message"]


async def test_a_proxy_names_the_caller_in_a_header_and_its_client_cannot_name_another(
    keyed, dial, rest
):
    named = {"x-frontdesk-user": "header-anna"}
    async with dial(keyed, headers=named) as line:
        await line.say("hello")
    held = rest(keyed, "GET", "/api/callers/header-anna").json()
    assert [call["call_id"] for call in held["calls"]] == [line.call_id]
    error = await refusal(keyed, "user=berta", named)
    assert "more than once" in error["message"]


async def test_a_client_secret_is_for_one_caller(keyed, dial, rest):
    asked = {"user": "secret-anna", "consent": True}
    made = rest(keyed, "POST", "/v1/realtime/client_secrets", json=asked).json()
    async with dial(keyed, key=made["value"]) as line:
        await line.say("hello")
    held = rest(keyed, "GET", "/api/callers/secret-anna").json()
    assert [call["call_id"] for call in held["calls"]] == [line.call_id]
    assert held["consent"]["support"]["how"] == "connection"
    for query in ({"user": "berta"}, {"consent": "false"}, {"user": "secret-anna"}):
        with pytest.raises(InvalidStatus) as refused:
            async with dial(keyed, key=made["value"], **query):
                pass
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("asked", "param"), [({"user": "a b"}, "user"), ({"consent": True}, "consent")]
)
def test_a_client_secret_for_nobody_is_refused(keyed, rest, asked, param):
    answer = rest(keyed, "POST", "/v1/realtime/client_secrets", json=asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


async def test_nobody_goes_on_with_the_call_of_another(keyed, dial):
    async with dial(keyed, user="owner") as line:
        await line.say("hello")
        for query in ("user=thief", "user=thief&resume=true"):
            error = await refusal(keyed, f"call_id={line.call_id}&{query}")
            assert "another caller's" in error["message"]
        await line.say("still there")  # it was not taken away from them
        async with dial(keyed, user="owner", call_id=line.call_id) as beside:
            assert beside.call_id == line.call_id
    error = await refusal(keyed, f"call_id={line.call_id}&user=thief")
    assert "another caller's" in error["message"]
    async with dial(keyed, user="owner", call_id=line.call_id) as again:
        assert again.call_id == line.call_id


async def test_no_key_of_the_store_has_the_id_in_it(keyed, dial):
    async with dial(keyed, user="+4930555", consent="true") as line:
        await line.say("hello")
    with Redis.from_url(f"unix://{keyed.data / 'valkey' / 'valkey.sock'}") as store:
        keys = [key.decode() for key in store.scan_iter()]
    assert any(key.startswith("frontdesk:caller:") for key in keys)
    assert not [key for key in keys if "4930555" in key]
