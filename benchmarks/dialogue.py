"""Accuracy and speed of the embedded dialogue model on desks it was not made for.

    python benchmarks/dialogue.py [--json FILE] [--misses dev|held_out|all] [DESK ...]

Each YAML file in benchmarks/dialogue/ is a desk of another trade with two lists of utterances:
``dev``, which thresholds were set on, and ``held_out``, which they were not. What is measured is
the model behind the SDK's `Model` interface, with the SDK's own tools and handoffs.
"""

import argparse
import asyncio
import json
import re
import statistics
import time
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from agents import Agent, FunctionTool, handoff
from frontdesk.desk.schema import Team
from frontdesk.team.embedded import EmbeddedModel, hints_for, warm_up
from frontdesk.team.embedded.decision import Decision

HERE = Path(__file__).parent / "dialogue"
TODAY = date(2026, 11, 22)
SPLITS = ("dev", "held_out")


@dataclass
class Score:
    """Counts over one list of utterances. A decision is one model step."""

    cases: int = 0
    decisions: int = 0
    decisions_right: int = 0
    arguments: int = 0
    arguments_right: int = 0
    by_kind: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    misses: list[str] = field(default_factory=list[str])
    milliseconds: list[float] = field(default_factory=list[float])


class Desk:
    """One desk: a model, tools and handoffs for each agent, and a memory of the talk."""

    def __init__(self, path: Path) -> None:
        self.data: dict[str, Any] = YAML(typ="safe").load(path)
        self.team = Team(**self.data["team"])
        self.agents = {name: Agent(name=name) for name in self.team.agents}
        self.models = {
            name: EmbeddedModel(hints_for(self.team, name), today=lambda: TODAY)
            for name in self.team.agents
        }

    def tools(self, agent: str) -> list[Any]:
        own = self.team.agents[agent]
        names = [*own.tools, *(t for s in own.mcp for t in self.data["servers"][s])]
        return [_tool(name, self.data["tools"][name]) for name in names]

    def handoffs(self, agent: str) -> list[Any]:
        edges = self.team.agents[agent].handoffs
        targets = [edge if isinstance(edge, str) else edge.to for edge in edges]
        return [
            handoff(self.agents[to], tool_description_override=self.team.agents[to].description)
            for to in targets
        ]

    async def talk(self, agent: str, said: list[str], score: Score) -> list[tuple[str, Decision]]:
        """The decisions on the last of ``said``, one for each agent that had the floor."""
        items: list[Any] = []
        steps: list[tuple[str, Decision]] = []
        for utterance in said:
            steps = []
            items.append({"role": "user", "content": utterance})
            while True:
                start = time.perf_counter()
                decision = await self.models[agent].decide(
                    items, self.tools(agent), self.handoffs(agent)
                )
                score.milliseconds.append((time.perf_counter() - start) * 1000)
                steps.append((agent, decision))
                if decision.step == "handoff":
                    agent = decision.name.removeprefix("transfer_to_")
                    items += _call(len(items), decision, json.dumps({"assistant": agent}))
                    continue
                if decision.step == "tool":
                    items += _call(len(items), decision, '{"status": "done"}')
                items.append({"role": "assistant", "content": decision.text or "Done."})
                break
        return steps


def _tool(name: str, spec: dict[str, Any]) -> FunctionTool:
    async def never(_context: Any, _arguments: str) -> str:
        raise AssertionError("the benchmark decides, it does not act")

    return FunctionTool(
        name=name,
        description=spec["description"],
        params_json_schema=spec["parameters"],
        on_invoke_tool=never,
        strict_json_schema=False,
    )


def _call(number: int, decision: Decision, output: str) -> list[dict[str, Any]]:
    call = {
        "type": "function_call",
        "call_id": f"call_{number}",
        "name": decision.name,
        "arguments": json.dumps(decision.arguments),
    }
    return [call, {"type": "function_call_output", "call_id": f"call_{number}", "output": output}]


def _kind(expected: dict[str, Any]) -> str:
    for kind in ("ask", "tool", "handoff", "answer", "smalltalk"):
        if kind in expected:
            return kind
    return "unknown"


def _is_right(expected: dict[str, Any], decision: Decision) -> bool:
    match _kind(expected):
        case "ask":
            wanted = (expected["tool"], expected["ask"])
            return decision.step == "ask" and (decision.name, decision.asked) == wanted
        case "tool":
            return decision.step == "tool" and decision.name == expected["tool"]
        case "handoff":
            return decision.name == f"transfer_to_{expected['handoff']}"
        case "answer":
            return decision.step == "answer" and decision.text == expected["answer"]
        case "smalltalk":
            return decision.step == "small_talk"
        case _:
            return decision.step == "unknown"


def _same(wanted: object, got: object) -> bool:
    """Equal, but for spaces and capitals, and for what a search is given."""
    if isinstance(wanted, str) and isinstance(got, str):
        return re.sub(r"\W", "", wanted.lower()) == re.sub(r"\W", "", got.lower())
    return wanted == got


async def run(desk: Desk, cases: list[dict[str, Any]]) -> Score:
    """Hold every talk of ``cases`` and count."""
    score = Score(cases=len(cases))
    for case in cases:
        said = [case["say"]] if isinstance(case["say"], str) else case["say"]
        steps = await desk.talk(case["agent"], said, score)
        expected = case["expect"]
        wanted = [expected, *([expected["then"]] if "then" in expected else [])]
        for index, want in enumerate(wanted):
            decision = steps[index][1] if index < len(steps) else Decision("unknown")
            _count(score, case, want, decision)
    return score


def _count(score: Score, case: dict[str, Any], want: dict[str, Any], got: Decision) -> None:
    right = _is_right(want, got)
    tally = score.by_kind.setdefault(_kind(want), [0, 0])
    tally[0] += right
    tally[1] += 1
    score.decisions += 1
    score.decisions_right += right
    wrong: list[str] = []
    for name, value in want.get("args", {}).items():
        score.arguments += 1
        if right and _same(value, got.arguments.get(name)):
            score.arguments_right += 1
        else:
            wrong.append(f"{name}={got.arguments.get(name)!r}")
    if not right or wrong:
        said = f"{got.step} {got.name} {got.arguments or ''} {got.asked} {got.text[:60]!r}"
        score.misses.append(
            f"{case['agent']}: {case['say']} -> {said} ({got.score:.2f}), wanted {want}"
        )


def _total(scores: list[Score]) -> Score:
    total = Score()
    for score in scores:
        total.cases += score.cases
        total.decisions += score.decisions
        total.decisions_right += score.decisions_right
        total.arguments += score.arguments
        total.arguments_right += score.arguments_right
        total.milliseconds += score.milliseconds
        for kind, (right, all_) in score.by_kind.items():
            tally = total.by_kind.setdefault(kind, [0, 0])
            tally[0] += right
            tally[1] += all_
    return total


def _row(name: str, split: str, score: Score) -> str:
    times = sorted(score.milliseconds)
    p50, p95 = statistics.median(times), times[int(0.95 * (len(times) - 1))]
    kinds = " ".join(
        f"{kind} {right}/{all_}" for kind, (right, all_) in sorted(score.by_kind.items())
    )
    return (
        f"| {name} | {split} | {score.cases} | {score.decisions_right}/{score.decisions}"
        f" ({score.decisions_right / max(1, score.decisions):.0%}) | "
        f"{score.arguments_right}/{score.arguments}"
        f" ({score.arguments_right / max(1, score.arguments):.0%})"
        f" | {p50:.0f} | {p95:.0f} | {kinds} |"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("desks", nargs="*", help="names of desks; default: all")
    parser.add_argument("--list", choices=SPLITS, help="run one list only (tune on dev alone)")
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    parser.add_argument("--misses", choices=[*SPLITS, "all"], help="print what went wrong")
    options = parser.parse_args()
    paths = sorted(HERE.glob("*.yaml"))
    desks = {p.stem: Desk(p) for p in paths if not options.desks or p.stem in options.desks}
    await warm_up(*(hints_for(d.team, a) for d in desks.values() for a in d.team.agents))
    results: dict[tuple[str, str], Score] = {}
    for name, desk in desks.items():
        for split in SPLITS:
            if desk.data.get(split) and options.list in (None, split):
                await run(desk, desk.data[split][:1])  # the tools' descriptions are embedded once
                results[name, split] = await run(desk, desk.data[split])
    for split in SPLITS:
        results["all", split] = _total(
            [s for (n, k), s in results.items() if k == split and n != "all"]
        )
    print("| desk | list | talks | decisions right | arguments right | p50 ms | p95 ms | by kind |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for (name, split), score in results.items():
        if score.cases:
            print(_row(name, split, score))
    if options.misses:
        for (_name, split), score in results.items():
            if options.misses in (split, "all"):
                print(*score.misses, sep="\n")
    if options.json:
        table = [{"desk": n, "list": s, **asdict(score)} for (n, s), score in results.items()]
        options.json.write_text(json.dumps(table, indent=2), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
