"""What is remembered from one call to the next, and only with consent."""

ASK = "May I remember what we talk about"


def remembered(rest, server, user):
    return rest(server, "GET", f"/api/callers/{user}").json()["remembered"]


def words_of(rest, server, user):
    """What is remembered, as far as that has been put into words."""
    return [one for one in remembered(rest, server, user) if one["text"]]


def told(rest, server, user, call_id):
    """What the agents of a call were told of earlier ones."""
    calls = rest(server, "GET", f"/api/callers/{user}/export").json()["calls"]
    (call,) = [call for call in calls if call["call_id"] == call_id]
    return call["log"]["memory"]


async def test_who_says_yes_is_known_the_next_time_and_not_asked_again(
    keyed, dial, rest, eventually
):
    async with dial(keyed, user="yes") as line:
        assert ASK in await line.say("My name is Zebedee.")
        assert await line.say("Yes, please.") == (
            "Thank you, I'll remember. What else can I do for you?"
        )
        assert ASK not in await line.say("That was all.")
    first = line.call_id
    await eventually(lambda: words_of(rest, keyed, "yes"))
    (kept,) = remembered(rest, keyed, "yes")
    assert (kept["call_id"], kept["team"], kept["by"]) == (first, "support", "extract")
    assert "My name is Zebedee." in kept["text"]
    async with dial(keyed, user="yes") as line:
        assert ASK not in await line.say("Hello again.")
        notes = told(rest, keyed, "yes", line.call_id)
        assert "My name is Zebedee." in notes
    async with dial(keyed, user="somebody-else") as line:
        await line.say("Hello.")
        assert not told(rest, keyed, "somebody-else", line.call_id)


async def test_of_who_says_no_nothing_is_kept_and_they_are_not_asked_again(keyed, dial, rest):
    async with dial(keyed, user="no") as line:
        assert ASK in await line.say("My name is Zebedee.")
        assert (await line.say("No.")).startswith("All right, I won't.")
    assert remembered(rest, keyed, "no") == []
    async with dial(keyed, user="no") as line:
        assert ASK not in await line.say("Hello again.")
        assert told(rest, keyed, "no", line.call_id) == ""
    assert remembered(rest, keyed, "no") == []


async def test_what_is_no_plain_answer_is_answered_and_keeps_nothing(keyed, dial, rest):
    async with dial(keyed, user="unclear") as line:
        assert ASK in await line.say("My name is Zebedee.")
        answer = await line.say("What do you mean by that?")
        assert ASK not in answer and "looked that up" in answer
        assert ASK not in await line.say("Yes.")  # to nothing that was asked
    held = rest(keyed, "GET", "/api/callers/unclear").json()
    assert (held["remembered"], held["consent"]) == ([], {})


async def test_whoever_connects_can_say_so_and_take_it_back(keyed, dial, rest, eventually):
    async with dial(keyed, user="given", consent="true") as line:
        assert ASK not in await line.say("My name is Zebedee.")
    await eventually(lambda: words_of(rest, keyed, "given"))
    async with dial(keyed, user="given", consent="false") as line:
        assert remembered(rest, keyed, "given") == []
        await line.say("Hello.")
        assert told(rest, keyed, "given", line.call_id) == ""
    assert remembered(rest, keyed, "given") == []


async def test_a_second_connection_can_say_so_of_the_call_that_runs(keyed, dial, rest, eventually):
    async with dial(keyed, user="beside") as line:
        await line.say("My name is Zebedee.")
        path = "/api/callers/beside"
        for given in (True, False):
            word = str(given).lower()
            async with dial(keyed, call_id=line.call_id, user="beside", consent=word):
                await eventually(
                    lambda: (
                        rest(keyed, "GET", path).json()["consent"].get("support", {}).get("given")
                        is given  # noqa: B023 (waited for in the same round)
                    )
                )
    assert remembered(rest, keyed, "beside") == []


async def test_a_team_that_does_not_ask_takes_the_word_of_whoever_connects(
    keyed, dial, rest, eventually
):
    async with dial(keyed, model="quiet", user="quiet") as line:
        assert ASK not in await line.say("My name is Zebedee.")
    assert remembered(rest, keyed, "quiet") == []
    async with dial(keyed, model="quiet", user="quiet", consent="true") as line:
        await line.say("My name is Zebedee.")
    await eventually(lambda: words_of(rest, keyed, "quiet"))
    async with dial(keyed, user="quiet") as line:  # another team
        assert ASK in await line.say("Hello.")
        assert told(rest, keyed, "quiet", line.call_id) == ""


async def test_a_team_that_remembers_nobody_does_not_whoever_says_what(keyed, dial, rest):
    async with dial(keyed, model="sieve", user="sieve", consent="false") as line:
        assert ASK not in await line.say("My name is Zebedee.")
    held = rest(keyed, "GET", "/api/callers/sieve").json()
    assert (held["remembered"], held["consent"]) == ([], {})
    assert len(held["calls"]) == 1  # so that it can be erased
    answer = rest(keyed, "PUT", "/api/callers/sieve/consent", json={"given": True, "team": "sieve"})
    assert answer.status_code == 409


async def test_consent_is_given_and_withdrawn_by_rest(keyed, dial, rest, eventually):
    said = {"given": True, "team": "support"}
    assert rest(keyed, "PUT", "/api/callers/rest/consent", json=said).status_code == 200
    async with dial(keyed, user="rest") as line:
        assert ASK not in await line.say("My name is Zebedee.")
    await eventually(lambda: words_of(rest, keyed, "rest"))
    said["given"] = False
    withdrawn = rest(keyed, "PUT", "/api/callers/rest/consent", json=said).json()
    assert withdrawn["forgotten_calls"] == 1
    assert remembered(rest, keyed, "rest") == []
    unknown = rest(keyed, "PUT", "/api/callers/rest/consent", json={**said, "team": "nobody"})
    assert unknown.status_code == 404


async def test_a_call_whose_worker_died_is_remembered_all_the_same(elsewhere, dial, rest, keyed):
    async with dial(elsewhere, user="died", consent="true") as line:
        await line.say("My name is Zebedee.")
        elsewhere.kill()
    elsewhere.start()
    assert [one["text"] for one in remembered(rest, keyed, "died")] == [None]
    async with dial(keyed, user="died") as line:
        await line.say("Hello.")
        assert "My name is Zebedee." in told(rest, keyed, "died", line.call_id)


async def test_the_calls_of_a_caller_are_found_among_all(keyed, dial, rest, eventually):
    async with dial(keyed, user="listed") as line:
        await line.say("Hello.")
    found = await eventually(lambda: rest(keyed, "GET", "/api/calls?user=listed").json()["calls"])
    assert [call["call_id"] for call in found] == [line.call_id]
    assert rest(keyed, "GET", "/api/calls?user=nobody").json()["calls"] == []
