"""Images in items: checked when they are sent, and not shown again when they are large."""

import base64
from typing import Any

import pytest

BEGINS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "jpg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a",
    "webp": b"RIFF\0\0\0\0WEBP",
}


def image(kind: str, data: bytes, **fields: Any) -> dict[str, Any]:
    url = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return {"type": "input_image", "image_url": url, **fields}


def send(talk: Any, part: dict[str, Any]) -> list[dict[str, Any]]:
    item = {"type": "message", "id": "a", "role": "user", "content": [part]}
    return talk.send("conversation.item.create", item=item, event_id="e1")


@pytest.mark.parametrize("kind", BEGINS)
def test_the_kinds_that_models_take_are_taken(talk: Any, kinds: Any, kind: str) -> None:
    said = send(talk, image(kind, BEGINS[kind]))
    assert kinds(said) == ["conversation.item.added", "conversation.item.done"]
    assert said[0]["item"]["content"] == [image(kind, BEGINS[kind], detail="auto")]


@pytest.mark.parametrize(
    ("part", "code", "name"),
    [
        ({"type": "input_image"}, "missing_required_parameter", "image_url"),
        ({"type": "input_image", "image_url": 5}, "invalid_type", "image_url"),
        (
            {"type": "input_image", "image_url": "https://x.test/a.png"},
            "invalid_value",
            "image_url",
        ),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,%%%"},
            "invalid_value",
            "image_url",
        ),
        (
            {"type": "input_image", "image_url": "data:text/html;base64,AAAA"},
            "invalid_value",
            "image_url",
        ),
        (image("tiff", b"II*\0"), "invalid_value", "image_url"),
        (image("png", BEGINS["gif"]), "invalid_value", "image_url"),
        (image("png", BEGINS["png"], detail="huge"), "invalid_value", "detail"),
        (
            {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 21_000_000},
            "invalid_value",
            "image_url",
        ),
    ],
)
def test_a_bad_image_is_named_and_not_added(
    talk: Any, part: dict[str, Any], code: str, name: str
) -> None:
    (event,) = send(talk, part)
    error = event["error"]
    assert (error["code"], error["param"]) == (code, f"item.content[0].{name}")
    assert error["event_id"] == "e1"
    assert talk.core.items == ()


def test_a_large_image_reaches_the_engine_and_is_not_sent_back(talk: Any) -> None:
    part = image("png", BEGINS["png"] + bytes(1_000_000), detail="low")
    said = send(talk, part)
    assert [event["item"]["content"] for event in said] == 2 * [
        [{"type": "input_image", "detail": "low"}]
    ]
    assert talk.told[0].item["content"] == [part]
    shown = talk.send("conversation.item.retrieve", item_id="a")[0]["item"]
    assert shown["content"] == [{"type": "input_image", "detail": "low"}]


def test_a_team_that_cannot_see_refuses_images_wherever_they_come(new_talk: Any) -> None:
    talk = new_talk(sees_images=False)
    talk.open()
    (event,) = send(talk, image("png", BEGINS["png"]))
    assert event["error"]["param"] == "item.content[0].type"
    words = {"type": "input_text", "text": "What is this?"}
    item = {"type": "message", "role": "user", "content": [words, image("gif", BEGINS["gif"])]}
    (event,) = talk.send("response.create", response={"input": [item]})
    assert event["error"]["param"] == "response.input[0].content[1].type"
    assert talk.core.active_response is None
