"""What callers hear when the example team's templates say the real tools' results."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from frontdesk.desk.loader import load_desk
from frontdesk.desk.prompts import compile_template
from tools import shipping
from tools.lighting import recommend_light

TEAM = load_desk(Path(__file__).parents[2], {}).team().team


def speak(answer: str | None, result: dict, args: dict) -> str:
    assert answer
    said = " ".join(compile_template(answer).render(result=result, args=args).split())
    assert re.search(r"[.?!]$", said), said
    assert not re.search(r"None|built-in|[<>{}_]|\bon on\b| [.,]", said), said
    return said


async def ask(server, tool: str, **arguments: str) -> str:
    result = await server.call(tool, **arguments)
    use = TEAM.mcp["orders" if "order" in str(result) else "knowledge"]
    return speak(use.phrases[use.tools.rename.get(tool, tool)].answer, result, arguments)


async def test_the_return_policy_is_told_in_full(knowledge):
    question = "Hello. I would like to know what your return policy is."
    said = await ask(knowledge, "search_articles", query=question)
    assert said.startswith("You can return any lamp within 30 days, free of charge")


async def test_an_order_on_its_way_is_told_with_its_day(orders):
    said = await ask(orders, "find_order", order_number="48271")
    assert said.startswith(
        "Your order 4 8 2 7 1, a Juniper desk lamp, is on its way. It should arrive "
    )


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("48302", "two Fern shades, is being packed. It should arrive "),
        ("51940", "a Pebble table lamp, is out for delivery. It should arrive "),
        ("47118", "was delivered on "),
        ("50366", "was cancelled, so there is nothing to pay"),
        ("11111", "I can't find an order with the number 1 1 1 1 1."),
    ],
)
async def test_every_status_of_an_order_has_its_sentence(orders, number: str, expected: str):
    assert expected in await ask(orders, "find_order", order_number=number)


async def test_a_customer_s_orders_are_told_one_by_one(orders):
    said = await ask(orders, "orders_of", email="anna.berg@example.com")
    assert said.startswith("I found 3 orders. Number 4 8 3 0 2, two Fern shades, is being packed.")
    result = await orders.call("orders_of", email="eva.novak@example.com")
    one = speak(TEAM.mcp["orders"].phrases["orders_by_email"].answer, result, {})
    assert one.startswith("I found one order. ")
    missing = await orders.call("orders_of", email="x@example.com")
    answer = TEAM.mcp["orders"].phrases["orders_by_email"].answer
    assert "any orders for x@example.com" in speak(answer, missing, {"email": "x@example.com"})


@pytest.mark.parametrize(
    ("tool", "number", "expected"),
    [
        ("refund_status", "43128", "The 158 euros for order 4 3 1 2 8 have been paid back to you."),
        ("refund_status", "45033", "being checked. You will get 79 euros back within five"),
        ("refund_status", "48271", "There is no return for order 4 8 2 7 1 yet."),
        ("refund_status", "11111", "I can't find an order"),
        ("start_return", "48271", "I can't take back order 4 8 2 7 1, because it is not del"),
        (
            "start_return",
            "44790",
            "The return of a Pebble table lamp and a Fern shade is",
        ),
        ("start_return", "11111", "I can't find an order"),
    ],
)
async def test_returns_and_refunds_have_their_sentences(orders, tool: str, number: str, expected):
    assert expected in await ask(orders, tool, order_number=number)


async def test_what_the_knowledge_base_lacks_is_admitted(knowledge):
    result = await knowledge.call("search_articles", query="who won the football match")
    answer = TEAM.mcp["knowledge"].phrases["search_articles"].answer
    assert speak(answer, result, {}).startswith("I'm sorry, I have nothing on that.")


async def test_a_delivery_estimate_is_told_with_time_and_price(monkeypatch):
    at_once = tuple(replace(carrier, answers_after=0) for carrier in shipping.CARRIERS)
    monkeypatch.setattr(shipping, "CARRIERS", at_once)
    answer = TEAM.tools["estimate_delivery"].answer
    berlin = await shipping.estimate_delivery("Berlin", "express")
    said = speak(answer, dict(berlin), {})
    assert re.fullmatch(
        r"Express delivery to Berlin takes one working day and costs \d+ euros( and \d+ cents)?\.",
        said,
    )
    tokyo = await shipping.estimate_delivery("Tokyo", "express")
    assert "can't estimate the delivery to Tokyo" in speak(answer, dict(tokyo), {})


async def test_a_light_recommendation_is_told_in_lumens_and_bulbs():
    answer = TEAM.tools["recommend_light"].answer
    said = speak(answer, dict(await recommend_light("hallway", 4)), {})
    assert said.endswith("needs about 400 lumens. One of our bulbs is enough.")
    said = speak(answer, dict(await recommend_light("kitchen", 12)), {})
    assert said.endswith("needs about 3600 lumens. That is 4 of our bulbs.")


async def test_the_team_may_use_only_tools_that_the_servers_have(orders, knowledge):
    for name, server in (("orders", orders), ("knowledge", knowledge)):
        async with server.client() as client:
            there = {tool.name for tool in (await client.list_tools()).tools}
        tools = TEAM.mcp[name].tools
        assert set(tools.allow) <= there
        assert TEAM.mcp[name].phrases.keys() == {tools.rename.get(t, t) for t in tools.allow}
