"""The languages of a team: what is said in each, and which of them its models cannot do."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from frontdesk.desk.document import Document, Location
from frontdesk.desk.handoffs import AgentVoice
from frontdesk.desk.memory import MemoryLines
from frontdesk.desk.problems import Problem, warning
from frontdesk.desk.references import mapping
from frontdesk.desk.schema import LanguageUse, Lines, Team
from frontdesk.desk.tongues import COUNTRIES, code_of, name_of
from frontdesk.desk.translations import GOODBYES, LINES, MEMORY_LINES

WITH_LINES = ("en", *LINES)
"""Languages in which lines come with Frontdesk."""
_EMBEDDED = ("en",)
"""What the embedded models hear and speak."""

Said = TypeVar("Said", bound=BaseModel)


def codes(team: Team) -> tuple[str, ...]:
    """The languages of a team by ISO-639 code, the default one first; none if it names none."""
    named = [*team.languages] or [team.voice.stt.language or ""]
    return tuple(dict.fromkeys(filter(None, map(code_of, named))))


def use_of(team: Team, code: str | None) -> LanguageUse:
    """What the team says of a language."""
    found = (use for tag, use in team.languages.items() if code_of(tag) == code)
    return next(found, LanguageUse())


def is_default(team: Team, code: str | None) -> bool:
    """Whether it is the language that the team file is written in: its own lines are."""
    return code is None or code == (codes(team) or (None,))[0]


def lines_in(team: Team, code: str | None) -> Lines:
    """What is said when no model can say it, to a caller of this language."""
    if code is None or not (code in LINES or team.languages):
        return team.lines
    own = team.lines if is_default(team, code) else Lines()
    return _merged(Lines, LINES.get(code or "", {}), own, use_of(team, code).lines)


def memory_lines_in(team: Team, code: str | None) -> MemoryLines:
    """The same about remembering."""
    own = team.memory.lines if team.memory and is_default(team, code) else MemoryLines()
    return _merged(MemoryLines, MEMORY_LINES.get(code or "", {}), own, use_of(team, code).memory)


def sounding(team: Team, own: AgentVoice, code: str | None) -> AgentVoice:
    """How an agent with a voice of its ``own`` sounds in a language."""
    use = use_of(team, code)
    return AgentVoice(voice=use.voice or own.voice, style=use.style or own.style, speed=own.speed)


def goodbye_in(team: Team, code: str | None) -> str | None:
    """The last words to somebody who says nothing, if they are not those of ``voice.idle``."""
    idle = team.voice.idle
    own = idle is not None and is_default(team, code) and "goodbye" in idle.model_fields_set
    return use_of(team, code).goodbye or (None if own else GOODBYES.get(code or ""))


def _merged(kind: type[Said], ours: Mapping[str, str], *theirs: Said) -> Said:
    """``ours``, with the fields that somebody wrote instead."""
    values = dict(ours)
    for given in theirs:
        values |= {name: getattr(given, name) for name in given.model_fields_set}
    return kind(**values)


def check_languages(document: Document, env: Mapping[str, str]) -> Iterator[Problem]:
    """Whether they are languages, each once, and ones that the models behind them can do."""
    data = mapping(document.data)
    told, listed = data.get("languages"), isinstance(data.get("languages"), list)
    tags: list[Any] = [*told] if isinstance(told, list | dict) else []  # pyright: ignore[reportUnknownArgumentType]
    voice = mapping(data.get("voice"))
    found: dict[str, Location] = {}
    for number, tag in enumerate(tags):
        at: Location = ("languages", number if listed else tag)
        report = document.problem if listed else document.key_problem
        code = code_of(tag) if isinstance(tag, str) else None
        if code is None or code in COUNTRIES or len(code) != 2:
            meant = COUNTRIES.get(code or "")
            hint = f"did you mean `{meant}`?" if meant else None
            yield report(at, f"`{tag}`: expected a language such as en, ko or pt-BR", hint)
        elif code in found:
            yield report(at, f"`{tag}`: {name_of(code)} is there already")
        else:
            found[code] = at
    spoken = mapping(voice.get("stt")).get("language")
    if isinstance(spoken, str) and found and [code_of(spoken)] != [*found]:
        message = "leave it out: nothing but it would be heard, and `languages` says what is spoken"
        yield document.problem(("voice", "stt", "language"), message)
    yield from _check_abilities(document, found, voice, data, env)


def _check_abilities(
    document: Document,
    found: Mapping[str, Location],
    voice: Mapping[str, Any],
    data: Mapping[str, Any],
    env: Mapping[str, str],
) -> Iterator[Problem]:
    hosted = bool(env.get("OPENAI_API_KEY") or env.get("OPENAI_BASE_URL"))
    models = [mapping(each) for each in mapping(data.get("models")).values()] or [{}]
    stages = {
        "hear": ("voice.stt", [*_chain(voice.get("stt"))]),
        "speak": ("voice.tts", [*_chain(voice.get("tts"))]),
        "answer in": ("models", models),
    }
    for code, at in found.items():
        if code not in _EMBEDDED:
            for verb, (where, chain) in stages.items():
                if all(_is_embedded(choice, hosted=hosted) for choice in chain):
                    mend = "a model" if where == "models" else "a `fallback`"
                    yield warning(
                        document.problem(
                            at,
                            f"the embedded model of `{where}` cannot {verb} {name_of(code)}: give "
                            f"it {mend} that can, such as {{ provider: openai }}",
                        )
                    )
        if code not in WITH_LINES:
            told = mapping(mapping(mapping(data.get("languages")).get(str(at[-1]))).get("lines"))
            missing = [name for name in Lines.model_fields if name not in told]
            if missing and code != next(iter(found)):  # whose lines are those of the team
                yield warning(
                    document.problem(
                        at,
                        f"there are no lines in {name_of(code)}: write them under "
                        f"`languages.{code}.lines`, or callers hear English ({missing[0]}, …)",
                    )
                )


def _chain(choice: Any) -> Iterator[Mapping[str, Any]]:
    each = mapping(choice)
    yield each
    while fallback := mapping(each.get("fallback")):
        yield (each := fallback)


def _is_embedded(choice: Mapping[str, Any], *, hosted: bool) -> bool:
    provider = choice.get("provider", "auto")
    return provider == "embedded" or (provider == "auto" and not hosted)
