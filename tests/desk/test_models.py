"""Models that stand in for others, as a team file names them."""

import pytest

TEAM = """\
version: 1
name: shop
entry: hello
models:
{models}
agents:
  hello: {{ description: Greets., instructions: hello.md }}
"""


def team(desk, *models: str) -> None:
    desk.team(TEAM.format(models="\n".join(f"  {model}" for model in models)))


def test_models_may_stand_in_for_one_another(desk):
    team(
        desk,
        "smart: { fallback: [fast, spare], cooldown: 1m, first_token: 3s, retries: 0 }",
        "fast: { fallback: [spare] }",
        "spare: { provider: embedded }",
    )
    loaded = desk.load()
    smart = loaded.team.models["smart"]
    assert (smart.fallback, smart.cooldown, smart.first_token) == (("fast", "spare"), 60, 3)
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("models", "found"),
    [
        (
            ["smart: { fallback: [fats] }", "fast: {}"],
            "5:23: no model `fats` under `models` (did you mean `fast`?)",
        ),
        (
            ["smart: { fallback: [smart] }"],
            "5:23: fallbacks lead back to where they began: smart → smart",
        ),
        (
            ["a: {}", "smart: { fallback: [a, smart] }"],
            "6:26: fallbacks lead back to where they began: smart → smart",
        ),
        (
            ["smart: { first_token: 0s }"],
            "5:25: `first_token`: expected more than 0",
        ),
        (["smart: { retries: 9 }"], "5:21: `retries`: expected at most 5"),
        (["smart: { fallbak: [x] }"], "5:12: unknown key `fallbak` (did you mean `fallback`?)"),
    ],
)
def test_a_wrong_fallback_is_found_where_it_stands(desk, models, found):
    team(desk, *models)
    assert desk.found() == [f"agents/shop.yaml:{found}"]


def test_each_link_of_a_circle_is_told(desk):
    team(desk, "a: { fallback: [b] }", "b: { fallback: [c] }", "c: { fallback: [a] }")
    assert desk.found() == [
        "agents/shop.yaml:5:19: fallbacks lead back to where they began: a → b → c → a",
        "agents/shop.yaml:6:19: fallbacks lead back to where they began: b → c → a → b",
        "agents/shop.yaml:7:19: fallbacks lead back to where they began: c → a → b → c",
    ]


def test_settings_that_the_embedded_model_has_no_use_for_are_a_warning(desk):
    team(desk, "spare: { provider: embedded, temperature: 0.5, max_tokens: 50 }")
    assert [str(warning).partition("shop.yaml:")[2] for warning in desk.load().warnings] == [
        "5:32: warning: `temperature` means nothing to the embedded model"
    ]
