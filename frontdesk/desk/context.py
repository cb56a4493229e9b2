"""What becomes of a conversation that grows too long for a model."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from frontdesk.desk.document import Document, Location
from frontdesk.desk.problems import Problem, did_you_mean, warning
from frontdesk.desk.references import mapping
from frontdesk.desk.section import Section

NO_WORDS = "the embedded model has no words of its own, and cannot sum a conversation up"


class Compact(Section):
    """How the older part of a conversation is summed up."""

    at: float = Field(
        default=0.8,
        ge=0.3,
        le=0.95,
        description="Share of the room for the conversation that is filled when a summary is made "
        "of the older part.",
    )
    keep: int = Field(
        default=12,
        ge=2,
        le=1000,
        description="At least so many of the newest items stay word for word.",
    )
    model: str | None = Field(
        default=None,
        description="A name under models: who sums up; default: the agent's own model.",
    )


def _section(value: object) -> object:
    """``true`` is a section with nothing in it, ``false`` none."""
    if value is True:
        return {}
    return None if value is False else value


class Context(Section):
    """What of a long conversation a model is given."""

    compact: Annotated[
        Compact | None,
        BeforeValidator(_section, json_schema_input_type=bool | Compact | None),
    ] = Field(
        default=None,
        description="A summary stands for the older part before there is no room for it: true, or "
        "how. Without it the oldest are left out.",
    )


def check_context(document: Document, env: Mapping[str, str]) -> Iterator[Problem]:
    """Models that are to sum up and do not exist, or cannot."""
    data = mapping(document.data)
    models = mapping(data.get("models", {"main": None}))
    own = next(iter(models), None)
    agents = mapping(data.get("agents"))
    holders: list[tuple[Location, dict[str, Any], object]] = [((), data, own)]
    for name, agent in agents.items():
        holders.append((("agents", name), mapping(agent), mapping(agent).get("model", own)))
    for at, holder, model in holders:
        place: Location = (*at, "context", "compact")
        compact = mapping(holder.get("context")).get("compact")
        if compact is not None and compact is not False:
            yield from _check_model(document, place, mapping(compact), models, model, env)


def _check_model(
    document: Document,
    place: Location,
    compact: dict[str, Any],
    models: dict[str, Any],
    own: object,
    env: Mapping[str, str],
) -> Iterator[Problem]:
    model, at = compact.get("model", own), (*place, "model") if "model" in compact else place
    if not isinstance(model, str):
        return  # the schema says so
    if model not in models:
        if "model" in compact:  # of an agent's own, others tell
            hint = did_you_mean(model, models)
            yield document.problem(at, f"no model `{model}` under `models`", hint)
        return
    provider = mapping(models[model]).get("provider", "auto")
    if provider == "embedded":
        yield document.problem(at, f"`{model}`: {NO_WORDS}", "name a hosted one as its `model`")
    elif provider == "auto" and not (env.get("OPENAI_API_KEY") or env.get("OPENAI_BASE_URL")):
        message = f"`{model}` is the embedded model where OPENAI_API_KEY is not set; {NO_WORDS}"
        yield warning(document.problem(at, message))
