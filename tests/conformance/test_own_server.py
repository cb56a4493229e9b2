"""Our own server passes the whole suite, and docs/realtime.md says what that run showed."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from openai.types.realtime import RealtimeClientEvent, RealtimeSessionCreateRequest
from pydantic import BaseModel

from frontdesk.conformance.areas import AREAS
from frontdesk.conformance.areas.fields import RESPONSE, SESSION

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def docs() -> Any:
    """scripts/realtime_docs.py, which no package holds."""
    path = ROOT / "scripts" / "realtime_docs.py"
    spec = importlib.util.spec_from_file_location("realtime_docs", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def outcome(server_process: Any, tmp_path_factory: Any, docs: Any) -> tuple[Any, dict[str, Any]]:
    """The command's result, and what it wrote."""
    folder = tmp_path_factory.mktemp("conformance")
    running = server_process(folder, desk=docs.DESK)
    try:
        result = conformance(running.url, "--json", str(folder / "run.json"))
    finally:
        running.stop()
    return result, json.loads((folder / "run.json").read_text("utf-8"))


def conformance(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "frontdesk", "conformance", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_it_passes_entirely(outcome: Any) -> None:
    result, document = outcome
    assert result.returncode == 0, result.stdout
    assert document["passed"]
    listed = [line.split()[0] for line in result.stdout.splitlines() if line[:1].isalpha()]
    assert set(AREAS) <= {*listed}


def test_nothing_is_skipped_that_could_be_tried(outcome: Any) -> None:
    _, document = outcome
    skipped = {
        f"{check['area']}: {check['name']}"
        for check in document["checks"]
        if check["status"] == "skipped"
    }
    for_keys = {"connect: a wrong key is refused", "keys: a made up secret opens nothing"}
    assert skipped == {*for_keys, "javascript: d"}  # test_command tries the keys


def test_the_tables_of_the_docs_are_what_the_run_showed(outcome: Any, docs: Any) -> None:
    _, document = outcome
    assert docs.PAGE.read_text("utf-8") == docs.page(document), "run scripts/realtime_docs.py"


def test_a_table_is_not_made_from_a_run_that_failed(outcome: Any, docs: Any) -> None:
    _, document = outcome
    broken = {**document["checks"][0], "status": "failed"}
    with pytest.raises(ValueError, match="must pass first"):
        docs.tables({**document, "checks": [broken]})


def test_an_event_that_is_neither_sent_nor_explained_is_noticed(outcome: Any, docs: Any) -> None:
    _, document = outcome
    seen = {**document["events"]["seen"]}
    del seen["response.done"]
    events = {**document["events"], "seen": seen}
    with pytest.raises(ValueError, match=r"response\.done"):
        docs.page({**document, "events": events})


def test_every_field_of_a_session_is_tried() -> None:
    assert set(SESSION) == set(leaves(RealtimeSessionCreateRequest))


def test_what_scenarios_cover_exists(docs: Any) -> None:
    known = {*docs.names(RealtimeClientEvent)}
    known |= {f"session.{name}" for name in SESSION} | {f"response.{name}" for name in RESPONSE}
    covered = {name for area in AREAS.values() for s in area.scenarios for name in s.covers}
    assert covered <= known


def test_every_scenario_says_its_rule() -> None:
    for area in AREAS.values():
        for scenario in area.scenarios:
            assert re.search(r"\(?\b\d(\.\d+)*\b", scenario.rule), f"{area.name}: {scenario.name}"


def leaves(model: type[BaseModel], at: str = "") -> list[str]:
    """The dotted names of all fields of a session, the members of a union by their ``type``."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        path = f"{at}{name}"
        if path in ("prompt.variables",) or (at and name == "type" and "noise" not in at):
            found += [path] if name != "type" else []
            continue
        members = models(field.annotation)
        if path not in ("audio", "audio.input", "audio.output"):
            found.append(path)
        if path.endswith("format"):
            found.append(f"{path}.rate")
            continue
        for member in members:
            tag = f"{tag_of(member)}." if len(members) > 1 else ""
            if tag and path.endswith("turn_detection"):
                found.append(f"{path}.{tag[:-1]}")
            if not path.endswith((".always", ".never", "token_limits")):
                found += leaves(member, f"{path}.{tag}")
    return found


def models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for inner in get_args(annotation) for model in models(inner)]


def tag_of(model: type[BaseModel]) -> str:
    annotation = model.model_fields["type"].annotation
    while not isinstance(annotation, str):
        annotation = get_args(annotation)[0]
    return annotation
