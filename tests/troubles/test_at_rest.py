"""What two workers of one data folder keep of a call: encrypted, and in its region."""

import asyncio
import contextlib
import json
import urllib.error
import urllib.request

import pytest

from frontdesk.encryption import new_key

SECRET = "quatrefoil-seventeen"


def files(server):
    """All that the server and its store have written."""
    found = {}
    for path in server.data.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # the store puts one in another's place
            if path.is_file():
                found[path] = path.read_bytes()
    return found


def refused(server, path):
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(server.url + path, timeout=40)
    return refusal.value.code, json.load(refusal.value)["error"]


def ranged(server, uri):
    request = urllib.request.Request(server.url + uri, headers={"range": "bytes=0-3"})
    with urllib.request.urlopen(request, timeout=40) as answer:
        return answer.status, answer.read()


@pytest.mark.timeout(60)
async def test_a_call_is_unreadable_on_disk_and_refused_outside_its_region(
    serve, dial, get, sounds, calls_end
):
    environ = {"FRONTDESK_ENCRYPTION_KEYS": new_key(), "FRONTDESK_REGION": "eu-west"}
    server = serve(environ=environ)
    assert get(server, "/healthz")["in_use"]["encryption"] == "on"
    assert get(server, "/healthz")["in_use"]["region"] == "eu-west"
    line = await dial(server)
    assert line.call_id.startswith("sess_eu-west_")
    await line.spoken(sounds.speech)
    await line.ask(f"My word is {SECRET}.")
    line.socket.transport.abort()
    await calls_end(server)
    there = serve(server.data, environ={"FRONTDESK_WORKER": "w2", "FRONTDESK_REGION": "us"})
    for resume in (False, True):
        other = await dial(there, line.call_id, resume=resume)
        error = (await other.until_closed()) and other.events[0]["error"]
        assert error["code"] == "call_in_other_region"
        assert f"{line.call_id} is kept in region eu-west, and this" in error["message"]
    for path in (f"/api/calls/{line.call_id}", f"/api/calls/{line.call_id}/conversation"):
        status, error = await asyncio.to_thread(refused, there, path)
        assert (status, error["code"]) == (403, "call_in_other_region")
    assert get(there, "/api/calls")["calls"] == []
    there.stop()  # they share a folder: its processes would be taken for the other's
    kept = get(server, f"/api/calls/{line.call_id}")
    assert SECRET in json.dumps(kept["transcript"])
    assert SECRET in json.dumps(get(server, f"/api/calls/{line.call_id}/conversation"))
    assert ranged(server, kept["audio"][0]["uri"]) == (206, b"fLaC")
    holding = [path for path, data in files(server).items() if SECRET.encode() in data]
    assert holding == []
    sound = [data for path, data in files(server).items() if path.suffix == ".flac"]
    assert sound and not any(data.startswith(b"fLaC") for data in sound)
