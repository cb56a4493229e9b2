"""Which model speaks for an agent, and how to get at it.

A provider is a function from ``ModelRequest`` to the SDK's ``Model``. Ours are built in; an entry
point of an installed package in the group ``frontdesk.models`` stands in for ours of that name.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, runtime_checkable

from agents.models import get_default_model, get_default_model_settings
from openai import AsyncOpenAI
from openai.types.shared import Reasoning

from agents import Model, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel
from frontdesk.desk.guarding import NO_JUDGE
from frontdesk.desk.schema import ModelChoice, Team
from frontdesk.settings import Settings
from frontdesk.team.chain import Link, ModelChain
from frontdesk.team.circuit import Circuit
from frontdesk.team.realtime.upstream import Upstream, upstream_of
from frontdesk.warmth import http_client

GROUP = "frontdesk.models"
BUILT_IN = {
    "embedded": "frontdesk.team.models:embedded",
    "instant": "frontdesk.team.models:instant",
    "openai": "frontdesk.team.models:openai_responses",
    "openai-compatible": "frontdesk.team.models:openai_compatible",
}


HOSTED_WINDOW = 128_000
"""Tokens: the smallest context of the text models that OpenAI serves now
(platform.openai.com/docs/models)."""
OTHER_WINDOW = 32_000
"""Tokens, for a server of one's own: as much as gpt-realtime has."""
_SECONDS = 600.0
"""Longest wait of a client for the next bytes, which is its own default: the team's time-outs are
those that count."""
FIRST_TOKEN = 5.0
"""Seconds for a model's first word, where another model could be asked instead."""


class ModelUnavailable(RuntimeError):
    """A model that a team names cannot be used here. The message says what to do."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """The model ``name`` of ``team`` is wanted for ``agent``.

    ``client(base_url, api_key)`` gives a shared OpenAI client, closed with the registry.
    """

    team: Team
    agent: str
    name: str
    choice: ModelChoice
    client: Callable[[str | None, str | None], AsyncOpenAI]

    def problem(self, what: str) -> ModelUnavailable:
        return ModelUnavailable(f"models.{self.name} of team {self.team.name!r}: {what}")


ModelFactory = Callable[[ModelRequest], Model]
FirstWord = Callable[[str, float], None]


@runtime_checkable
class WarmsUp(Protocol):
    """A model that takes long the first time."""

    async def warm_up(self) -> None:
        """Do that before a caller waits for it."""
        ...


class ModelRegistry:
    """Providers by name and the clients they share. One for the process."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] | None = None,
        *,
        first_word: FirstWord = lambda provider, seconds: None,
    ) -> None:
        """``first_word`` is told of each hosted model's answer, while its span is current, who runs
        the model and after how many seconds the answer began."""
        self.first_word = first_word
        self._environ = os.environ if environ is None else environ
        self._settings = settings
        built_in = {name: EntryPoint(name, value, GROUP) for name, value in BUILT_IN.items()}
        installed = {point.name: point for point in entry_points(group=GROUP)}
        self._providers = built_in | installed
        self._clients: dict[tuple[str | None, str | None], AsyncOpenAI] = {}
        self._circuits: dict[tuple[str | None, ...], Circuit] = {}

    def provider(self, choice: ModelChoice) -> str:
        """The provider really used for ``choice``, with ``auto`` and the settings resolved."""
        if self._settings.models == "instant":
            return "instant"
        if choice.provider != "auto":
            return choice.provider
        if self._settings.models != "auto":
            return self._settings.models
        hosted = self._environ.get("OPENAI_API_KEY") or self._environ.get("OPENAI_BASE_URL")
        return "openai" if hosted else "embedded"

    def model(self, team: Team, agent: str) -> Model:
        """The model for ``agent``; with those that stand in for it, or may be asked again, as a
        :class:`ModelChain`.

        Raises:
            ModelUnavailable: no key, no address, an extra that is not installed.
        """
        return self._chain(team, agent, model_chain(team, agent))

    def _link(self, team: Team, agent: str, name: str, *, last: bool) -> Link:
        choice = team.models[name]
        request = ModelRequest(team, agent, name, choice, self._client)
        factory: ModelFactory = self._providers[self.provider(choice)].load()
        return Link(
            name,
            factory(request),
            self.settings(choice),
            self._circuit(choice),
            retries=choice.retries,
            cooldown=choice.cooldown,
            first_token=choice.first_token or (None if last else FIRST_TOKEN),
            sees=self.sees(choice),
            first_word=partial(self.first_word, self.provider(choice)),
        )

    def _circuit(self, choice: ModelChoice) -> Circuit:
        """One for each model of the process, whatever teams and versions it is in."""
        key = choice.api_key.get_secret_value() if choice.api_key else None
        where = (self.provider(choice), choice.base_url, choice.model, key)
        return self._circuits.setdefault(where, Circuit())

    def judge(self, team: Team, name: str) -> Model:
        """The model called ``name``, for no agent: to judge what is said.

        Raises:
            ModelUnavailable: as above; and the embedded model, which cannot judge.
        """
        if self.provider(team.models[name]) == "embedded":
            request = ModelRequest(team, "", name, team.models[name], self._client)
            raise request.problem(NO_JUDGE)
        names = fallbacks(team, name)
        return self._chain(
            team, "", [n for n in names if self.provider(team.models[n]) != "embedded"]
        )

    def writer(self, team: Team, name: str) -> Model | None:
        """The model called ``name`` and those that stand in for it, for no agent: to sum up. None
        when none of them has words of its own. Raises :class:`ModelUnavailable` as above."""
        names = [n for n in fallbacks(team, name) if self.writes(team.models[n])]
        return self._chain(team, "", names) if names else None

    def _chain(self, team: Team, agent: str, names: list[str]) -> Model:
        links = [self._link(team, agent, name, last=name == names[-1]) for name in names]
        if len(links) == 1 and not self.hosted(team.models[names[0]]):
            return links[0].model
        return ModelChain(links)

    def given(self, model: Model, choice: ModelChoice) -> ModelSettings:
        """The settings to ask ``model`` with: a chain adds those of each of its models itself."""
        return ModelSettings() if isinstance(model, ModelChain) else self.settings(choice)

    def upstream(self, team: Team) -> Upstream | None:
        """The realtime model that the team's calls are answered by; None where its own models are,
        as all are when models are scripted. Raises :class:`ModelUnavailable`."""
        if team.voice.engine != "realtime" or self._settings.models == "instant":
            return None
        try:
            return upstream_of(team.voice.realtime, self._environ)
        except ValueError as error:
            raise ModelUnavailable(f"voice.realtime of team {team.name!r}: {error}") from None

    def settings(self, choice: ModelChoice) -> ModelSettings:
        """How the model is to be run: its own defaults, then what the team file says."""
        provider = self.provider(choice)
        own = ModelSettings()
        if provider == "openai":
            own = get_default_model_settings(choice.model or get_default_model())
        return own.resolve(
            ModelSettings(
                temperature=choice.temperature,
                top_p=choice.top_p,
                max_tokens=choice.max_tokens,
                reasoning=Reasoning(effort=choice.reasoning_effort)
                if choice.reasoning_effort
                else None,
                extra_body=choice.extra_body or None,
                include_usage=True if provider == "openai-compatible" else None,
            )
        )

    def sees(self, choice: ModelChoice) -> bool:
        """Whether the model can be shown images: hosted ones can, unless the team file says no."""
        provider = self.provider(choice)
        if provider in ("embedded", "instant"):
            return bool(choice.vision) and provider == "instant"
        return choice.vision is not False

    def hosted(self, choice: ModelChoice) -> bool:
        """Whether a service runs the model, which takes what the protocol says of reasoning."""
        return self.provider(choice) not in ("embedded", "instant")

    def writes(self, choice: ModelChoice) -> bool:
        """Whether the model has words of its own, and can sum up a conversation."""
        return self.provider(choice) not in ("embedded", "instant")

    def context_window(self, choice: ModelChoice) -> int:
        """Tokens that the model can be given, its answer included."""
        if choice.context_window:
            return choice.context_window
        return HOSTED_WINDOW if self.provider(choice) == "openai" else OTHER_WINDOW

    def describe(self, choice: ModelChoice) -> str:
        """One line for the start banner: ``openai gpt-5.6-luna``, ``embedded``."""
        provider = self.provider(choice)
        if provider == "instant":
            return "instant (scripted, for tests: it says the same whatever is asked)"
        if provider == "embedded":
            return "embedded"
        base_url = choice.base_url or self._environ.get("OPENAI_BASE_URL")
        model = choice.model or get_default_model()
        return f"{provider} {model}" + (f" at {base_url}" if base_url else "")

    def client_of(self, choice: ModelChoice) -> AsyncOpenAI:
        """The shared client of a hosted model. Raises :class:`ModelUnavailable`."""
        key = choice.api_key.get_secret_value() if choice.api_key else None
        return self._client(choice.base_url, key)

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()

    def _client(self, base_url: str | None, api_key: str | None) -> AsyncOpenAI:
        base_url = base_url or self._environ.get("OPENAI_BASE_URL") or None
        api_key = api_key or self._environ.get("OPENAI_API_KEY")
        if api_key is None and base_url is None:
            raise ModelUnavailable("no API key: set OPENAI_API_KEY, or api_key in the team file")
        key = (base_url, api_key)
        if key not in self._clients:
            # Retries are the chain's: it knows of other models, and the trace tells of them.
            self._clients[key] = AsyncOpenAI(
                base_url=base_url,
                api_key=api_key or "none",
                max_retries=0,
                http_client=http_client(_SECONDS),
            )
        return self._clients[key]


def model_choice(team: Team, agent: str) -> tuple[str, ModelChoice]:
    """The model an agent uses, by name: its own, else the first of the team."""
    name = team.agents[agent].model or next(iter(team.models))
    if name not in team.models:
        known = ", ".join(team.models)
        raise ModelUnavailable(f"agents.{agent}.model: no model {name!r} under models ({known})")
    return name, team.models[name]


def model_chain(team: Team, agent: str) -> list[str]:
    """The agent's model and those that stand in for it, by name."""
    return fallbacks(team, model_choice(team, agent)[0])


def fallbacks(team: Team, name: str) -> list[str]:
    """The model ``name`` and those that stand in for it, each before its own stand-ins."""
    chain: list[str] = []
    ahead = [name]
    while ahead:
        name = ahead.pop()
        if name not in team.models:
            known = ", ".join(team.models)
            raise ModelUnavailable(f"models: no model {name!r} for a fallback ({known})")
        if name not in chain:
            chain.append(name)
            ahead += reversed(team.models[name].fallback)
    return chain


def openai_responses(request: ModelRequest) -> Model:
    """OpenAI's Responses API, or a server that speaks it."""
    model = request.choice.model or get_default_model()
    return OpenAIResponsesModel(model=model, openai_client=_client_for(request))


def openai_compatible(request: ModelRequest) -> Model:
    """Any server with OpenAI's chat completions: vLLM, llama.cpp, Ollama, most gateways."""
    if request.choice.model is None:
        raise request.problem("model: name the model that the server should run")
    client = _client_for(request)
    if client.base_url.host == "api.openai.com" and request.choice.base_url is None:
        raise request.problem("base_url: give the server's address, such as http://host:8000/v1")
    return OpenAIChatCompletionsModel(model=request.choice.model, openai_client=client)


def embedded(request: ModelRequest) -> Model:
    """The dialogue model that runs in this process, without any service."""
    try:
        module: Any = importlib.import_module("frontdesk.team.embedded")
    except ImportError as error:
        raise request.problem(
            f"the embedded dialogue model cannot be loaded ({error}): install frontdesk[embedded], "
            "or set OPENAI_API_KEY or OPENAI_BASE_URL to use a hosted one"
        ) from error
    return module.EmbeddedModel(module.hints_for(request.team, request.agent))


def instant(request: ModelRequest) -> Model:
    """The scripted model for tests and load runs."""
    from frontdesk.team.instant import InstantModel

    return InstantModel()


def _client_for(request: ModelRequest) -> AsyncOpenAI:
    key = request.choice.api_key
    try:
        return request.client(request.choice.base_url, key.get_secret_value() if key else None)
    except ModelUnavailable as error:
        raise request.problem(str(error)) from None
