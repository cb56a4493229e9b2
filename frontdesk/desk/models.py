"""The ``models`` of a team file: who stands in for whom, and settings that nothing would act on."""

from collections.abc import Iterator, Mapping
from typing import Any

from frontdesk.desk.document import Document
from frontdesk.desk.problems import Problem, did_you_mean, warning
from frontdesk.desk.references import items, mapping

OF_SERVERS = (
    "model",
    "base_url",
    "api_key",
    "temperature",
    "top_p",
    "reasoning_effort",
    "extra_body",
)
"""Settings that the models of this process have no use for."""


def check_models(document: Document) -> Iterator[Problem]:
    """Fallbacks that are no models or lead back to where they began; settings without a use."""
    models = mapping(mapping(document.data).get("models"))
    for name, model in models.items():
        for index, other in enumerate(items(mapping(model).get("fallback"))):
            at = ("models", name, "fallback", index)
            if other not in models:
                message = f"no model `{other}` under `models`"
                yield document.problem(at, message, did_you_mean(str(other), models))
            elif way := _way(models, str(other), name):
                names = " → ".join((name, *way))
                yield document.problem(at, f"fallbacks lead back to where they began: {names}")
        yield from _without_use(document, name, mapping(model))


def _without_use(document: Document, name: str, model: dict[str, Any]) -> Iterator[Problem]:
    if model.get("provider") not in ("embedded", "instant"):
        return
    for key in OF_SERVERS:
        if key in model:
            message = f"`{key}` means nothing to the {model['provider']} model"
            yield warning(document.key_problem(("models", name, key), message))


def _way(models: Mapping[str, Any], start: str, goal: str) -> list[str]:
    """The fallbacks from ``start`` to ``goal``, both included; empty when there is no way."""
    ways, seen = [[start]], {start}
    for way in ways:
        if way[-1] == goal:
            return way
        for other in map(str, items(mapping(models.get(way[-1])).get("fallback"))):
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []
