"""A resume token is good or void by what is on record, whatever of that was lost."""

import itertools
from dataclasses import dataclass, field, replace
from typing import Any, cast

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.call.book import CallBook
from frontdesk.call.resume_token import ResumeToken, issue
from frontdesk.state import CallState, Entry, fold
from frontdesk.state.entries import check
from frontdesk.state.fold import RESUME_CHAINS, apply, dump, restore


class Record:
    """The book of a call, and the store that it is written to when a test says so."""

    def __init__(self) -> None:
        self.stored: list[Entry] = []
        self.state, self.epoch, self._waiting = CallState("sess_1"), 1, list[Entry]()

    def record(self, kind: str, **fields: Any) -> None:
        entry = {"kind": kind, "at": 1.0, **fields}
        check(entry)
        apply(self.state, entry)
        self._waiting.append(orjson.loads(orjson.dumps(entry)))

    def write(self, entries: int) -> None:
        self.stored += self._waiting[:entries]
        del self._waiting[:entries]

    def lost(self, *, epoch: int) -> None:
        """Another worker takes over by what is stored; one half of it is in a snapshot."""
        self._waiting.clear()
        half = len(self.stored) // 2
        snapshot = dump(fold(self.stored[:half], CallState("sess_1")))
        self.state, self.epoch = fold(self.stored[half:], restore(snapshot)), epoch

    def issue(self, shown: ResumeToken | None) -> ResumeToken:
        token = issue(cast(CallBook, self), shown)
        if shown is None and len(self.stored) == 0:  # as it waits to be told (Told)
            self.write(len(self._waiting))
        return token


@dataclass
class Client:
    """``got`` are the tokens that arrived, ``given`` all that were sent to it."""

    got: list[ResumeToken] = field(default_factory=list)
    given: list[ResumeToken] = field(default_factory=list)


CONNECTS = st.tuples(st.just("connect"), st.integers(0, 3), st.booleans())
WRITTEN = st.tuples(st.just("write"), st.integers(0, 4), st.just(True))
DIES = st.tuples(st.just("die"), st.integers(0, 0), st.booleans())
STEPS = st.lists(CONNECTS | WRITTEN | DIES, max_size=40)


def live(steps: list[tuple[str, int, bool]], *, epochs_rise: bool) -> list[Client]:
    """Hold each step to what tokens promise."""
    record, clients = Record(), [Client() for _ in range(4)]
    for step, number, so in steps:
        match step:
            case "write":
                record.write(number)
            case "die":
                rises = epochs_rise or so  # a store that lost the claim gives its epoch again
                record.lost(epoch=record.epoch + 1 if rises else max(1, record.epoch - 1))
            case _:
                client = clients[number]
                shown = client.got[-1] if client.got else None
                read = ResumeToken.read(str(shown))
                assert read == shown
                assert shown is None or shown.opens(record.state)
                client.given.append(record.issue(shown))
                if so:
                    client.got.append(client.given[-1])
        for client, shown in itertools.product(clients, record.state.resume_shown.items()):
            chain, least = shown
            for token in client.given:
                older = token.chain == chain and [*token.number] < least
                assert not (older and token.opens(record.state))
    return clients


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_the_newest_that_arrived_is_good_and_those_before_a_shown_one_are_void(steps) -> None:
    for client in live(steps, epochs_rise=True):
        by_chain: dict[str, list[ResumeToken]] = {}
        for token in client.given:
            by_chain.setdefault(token.chain, []).append(token)
        for tokens in by_chain.values():
            numbers = [token.number for token in tokens]
            assert numbers == sorted(set(numbers))  # later is higher, whatever was lost


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_client_gets_in_also_when_a_store_gives_an_epoch_twice(steps) -> None:
    live(steps, epochs_rise=False)


def test_the_one_before_is_good_until_the_next_one_was_shown() -> None:
    record = Record()
    first = record.issue(None)
    second = record.issue(first)
    assert first.opens(record.state)
    assert second.opens(record.state)
    record.issue(second)
    assert not first.opens(record.state)
    assert second.opens(record.state)


@given(st.integers(0, 400), st.sampled_from("0123456789abcdef"), st.integers(-9, 9))
def test_a_forged_one_is_never_good(place: int, digit: str, by: int) -> None:
    record, other = Record(), Record()
    good, foreign = record.issue(None), other.issue(None)
    text = str(good)
    place %= len(text)
    forged = ResumeToken.read(text[:place] + digit + text[place + 1 :])
    assert forged is None or forged == good or not forged.opens(record.state)
    assert not foreign.opens(record.state)
    epoch, n = good.number
    raised = replace(good, number=(epoch, abs(n + by)))
    assert raised == good or not raised.opens(record.state)
    assert not good.opens(CallState("sess_1"))
    assert not replace(good, signature="").opens(record.state)
    assert not replace(good, call_id="sess_2").opens(record.state)


def test_of_very_many_clients_those_that_came_back_last_are_told_apart() -> None:
    record = Record()
    first = [record.issue(None) for _ in range(3 * RESUME_CHAINS)]
    second = [record.issue(token) for token in first]
    third = [record.issue(token) for token in second]
    assert len(record.state.resume_shown) == RESUME_CHAINS
    assert not any(token.opens(record.state) for token in first)
    assert all(token.opens(record.state) for token in third)


def test_a_call_with_tokens_of_an_earlier_version_can_be_read() -> None:
    entry = {"kind": "resume", "at": 1.0, "token": "5f", "shown": None}
    state = fold([entry], CallState("sess_1"))
    assert state.unknown == 0
    snapshot = orjson.loads(dump(state))
    older = {**snapshot, "resume": [{"token": "5f", "shown": None}]}
    assert restore(orjson.dumps(older)) == state
