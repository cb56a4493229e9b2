import pytest

from tools.promises import promised


@pytest.mark.parametrize(
    "words",
    [
        "I can give you a discount of ten percent.",
        "We'll send you another one for free.",
        "Then we would offer you a compensation.",
    ],
)
async def test_a_promise_is_found(words):
    assert await promised(words)


@pytest.mark.parametrize(
    "words",
    [
        "You can return any lamp within 30 days, free of charge.",
        "I can look up your order.",
        "Our gift cards are for sale in the shop. Discounts are not.",
    ],
)
async def test_other_words_are_not(words):
    assert await promised(words) is None
