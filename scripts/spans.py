"""Write frontdesk/tracing/names.py, metric_names.py, docs/spans.md and what tracing/collector.yaml
says of content from tracing/spans.yaml.

Run without arguments after editing the vocabulary; ``--check`` only tells whether they differ.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tracing" / "spans.yaml"
NAMES = ROOT / "frontdesk" / "tracing" / "names.py"
METRICS = ROOT / "frontdesk" / "tracing" / "metric_names.py"
PAGE = ROOT / "docs" / "spans.md"
COLLECTOR = ROOT / "tracing" / "collector.yaml"
BEGIN, END = "  # Made by scripts/spans.py: begin\n", "  # Made by scripts/spans.py: end\n"
EVENT_CONTENT = ("exception.message", "exception.stacktrace")


def load() -> dict[str, Any]:
    """The vocabulary, each span's attributes as one flat list.

    Raises :class:`ValueError` when a span or a metric uses an attribute that is not described.
    """
    vocabulary = YAML(typ="safe").load(SOURCE)
    for span in vocabulary["spans"]:
        span["attributes"] = list(dict.fromkeys(_flat(span["attributes"])))
        for name in span["attributes"]:
            if name not in vocabulary["attributes"]:
                raise ValueError(f"{SOURCE.name}: span {span['name']!r} uses {name!r}: describe it")
    for event, entry in vocabulary["events"].items():
        if unknown := set(entry["attributes"]) - set(vocabulary["attributes"]):
            raise ValueError(f"{SOURCE.name}: event {event!r} uses {unknown}: describe it")
    for metric, entry in vocabulary["metrics"].items():
        if "buckets" in entry and entry["buckets"] not in vocabulary["buckets"]:
            raise ValueError(f"{SOURCE.name}: metric {metric!r}: no such buckets")
        if unknown := set(entry["attributes"]) - set(vocabulary["attributes"]):
            raise ValueError(f"{SOURCE.name}: metric {metric!r} uses {unknown}: describe it")
    return vocabulary


def _flat(values: list[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def constant(name: str) -> str:
    """The Python name for an attribute: gen_ai.tool.name is GEN_AI_TOOL_NAME."""
    return name.upper().replace(".", "_")


def names(vocabulary: dict[str, Any]) -> str:
    """The module of constants."""
    spans, attributes = vocabulary["spans"], vocabulary["attributes"]
    ours = [span for span in spans if span["from"] != "mcp"]
    lines = [
        '"""Names of spans and attributes. Made by scripts/spans.py from tracing/spans.yaml."""',
        "",
    ]
    lines += [f'{constant(name)} = "{name}"' for name in sorted(attributes)]
    lines += ["", *(f'{constant(span["name"])} = "{span["name"]}"' for span in ours)]
    lines += ["", *(f'{constant(event)} = "{event}"' for event in vocabulary["events"]), ""]
    lines += _mapping("STAGES", "Stage by the first word of a span's name.", spans, "stage")
    clients = {span["name"] for span in ours if span["kind"] == "client"}
    lines += _set("CLIENTS", "Spans of kind CLIENT; all other spans of ours are INTERNAL.", clients)
    pii = {name for name, entry in attributes.items() if entry.get("pii")}
    lines += _set("PII", "Attributes that hold content: left out when content is off.", pii)
    lines += _set("ATTRIBUTES", "Every attribute that a span may carry.", set(attributes))
    return "\n".join(lines)


def metrics(vocabulary: dict[str, Any]) -> str:
    """The module of metrics."""
    lines = [
        '"""Names of metrics. Made by scripts/spans.py from tracing/spans.yaml."""',
        "",
        "from typing import Literal, NamedTuple",
        "",
        "",
        "class Metric(NamedTuple):",
        '    """What a metric is; ``buckets`` names a histogram\'s upper bounds."""',
        "",
        '    instrument: Literal["counter", "histogram", "gauge", "total"]',
        "    unit: str",
        "    meaning: str",
        "    attributes: tuple[str, ...]",
        '    buckets: str = ""',
        "",
        "",
    ]
    found = vocabulary["metrics"]
    lines += [f'{constant(name)} = "{name}"' for name in found]
    lines += ["", "METRICS: dict[str, Metric] = {"]
    for name, entry in found.items():
        fields = (entry["instrument"], entry["unit"], entry["meaning"])
        lines += [f'    "{name}": Metric(', *(f'        "{field}",' for field in fields)]
        lines += [f"        {_tuple(entry['attributes'])},"]
        lines += [f'        "{entry["buckets"]}",'] if "buckets" in entry else []
        lines += ["    ),"]
    lines += ["}", '"""Every metric, by its name."""', ""]
    lines += ["BUCKETS: dict[str, tuple[float, ...]] = {"]
    for name, bounds in vocabulary["buckets"].items():
        lines += [f'    "{name}": (', *(f"        {bound}," for bound in bounds), "    ),"]
    lines += ["}", ""]
    return "\n".join(lines)


def _tuple(values: list[str]) -> str:
    quoted = ", ".join(f'"{value}"' for value in values)
    return f"({quoted}{',' if len(values) == 1 else ''})"


def _mapping(title: str, doc: str, spans: list[Any], key: str) -> list[str]:
    rows = [f'    "{span["name"]}": "{span[key]}",' for span in spans]
    return [f"{title}: dict[str, str] = {{", *rows, "}", f'"""{doc}"""', ""]


def _set(title: str, doc: str, values: set[str]) -> list[str]:
    rows = [f'        "{value}",' for value in sorted(values)]
    return [f"{title} = frozenset(", "    {", *rows, "    }", ")", f'"""{doc}"""', ""]


def page(vocabulary: dict[str, Any]) -> str:
    """The reference page."""
    lines = ["# Spans and metrics", "", "Made by `scripts/spans.py` from `tracing/spans.yaml`. "]
    lines[-1] += "How traces work is told in [tracing.md](tracing.md)."
    lines += [
        "",
        "One trace is one user turn. Times are unix seconds.",
    ]
    for span in vocabulary["spans"]:
        facts = [f"kind {span['kind']}", f"stage `{span['stage']}`", f"made by: {span['from']}"]
        if "sdk" in span:
            facts.append(f"Agents SDK type: {span['sdk']}")
        lines += ["", f"## {span['name']}", "", f"`{span['label']}`: {span['meaning']}", ""]
        lines += [", ".join(facts) + ".", ""]
        lines += [", ".join(f"`{name}`" for name in span["attributes"])]
    lines += ["", "## Events", "", "Over OTLP alone, as log records in the context of a span."]
    for event, entry in vocabulary["events"].items():
        lines += ["", f"`{event}`: {entry['meaning']}", ""]
        lines += [", ".join(f"`{name}`" for name in entry["attributes"])]
    lines += [
        "",
        "## Metrics",
        "",
        "At `/metrics` for Prometheus, where dots are underscores and the unit is added, and over",
        "OTLP when `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_METRICS_ENDPOINT`) is set.",
        "",
        "| metric | kind | attributes | meaning |",
        "|---|---|---|---|",
    ]
    for name, entry in vocabulary["metrics"].items():
        kind = f"{entry['instrument']}, {entry['unit']}"
        used = ", ".join(f"`{attribute}`" for attribute in entry["attributes"])
        lines.append(f"| `{name}` | {kind} | {used} | {entry['meaning']} |")
    lines += [
        "",
        "## Content",
        "",
        "What holds words, prompts, tool data or names of people, and so may be personal data;",
        "`tracing/collector.yaml` has processors that take it out:",
        "",
        *(f"- `{name}`" for name in pii(vocabulary)),
        "- a span's status message",
        f"- of events, {' and '.join(f'`{name}`' for name in EVENT_CONTENT)}",
        "",
        "## All attributes",
        "",
        "| attribute | type | content | meaning |",
        "|---|---|---|---|",
    ]
    for name, entry in sorted(vocabulary["attributes"].items()):
        unit = f", {entry['unit']}" if "unit" in entry else ""
        content = "pii" if entry.get("pii") else ""
        lines.append(f"| `{name}` | {entry['type']}{unit} | {content} | {entry['meaning']} |")
    return "\n".join(lines) + "\n"


def pii(vocabulary: dict[str, Any]) -> list[str]:
    """The attributes that hold content."""
    return sorted(name for name, entry in vocabulary["attributes"].items() if entry.get("pii"))


def collector(vocabulary: dict[str, Any]) -> str:
    """The Collector's file, with a processor that takes out what is content."""
    head, _, rest = COLLECTOR.read_text(encoding="utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    lines = ["  attributes/no_content:", "    actions:"]
    lines += [f"      - {{ key: {name}, action: delete }}" for name in pii(vocabulary)]
    lines += [
        "  # Messages of errors, with the Collector's contrib distribution, which can:",
        "  # transform/no_content:",
        "  #   error_mode: ignore",
        "  #   trace_statements:",
        "  #     - context: span",
        """  #       statements: ['set(status.message, "")']""",
        "  #     - context: spanevent",
        "  #       statements:",
        *(f"""  #         - 'delete_key(attributes, "{name}")'""" for name in EVENT_CONTENT),
        "",
    ]
    return head + BEGIN + "\n".join(lines) + END + tail


def main() -> int:
    vocabulary = load()
    stale = 0
    written = {NAMES: names, METRICS: metrics, PAGE: page, COLLECTOR: collector}
    for path, make in written.items():
        text = make(vocabulary)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if "--check" in sys.argv[1:]:
            print(f"{path.relative_to(ROOT)} differs from tracing/spans.yaml: run scripts/spans.py")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return stale if "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    raise SystemExit(main())
