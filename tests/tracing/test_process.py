"""What holds for a process as a whole."""

import subprocess
import sys
from pathlib import Path

from agents.tracing import get_trace_provider

from frontdesk.settings import Settings
from frontdesk.tracing.calls import Tracing
from frontdesk.tracing.store import FILE, TraceStore

TURN = """
import sys
from pathlib import Path
from frontdesk.settings import Settings
from frontdesk.tracing.calls import Tracing
tracing = Tracing(Settings(data=Path(sys.argv[1])))
tracing.start()
turn = tracing.turn(
    call_id="c", index=0, team="t", team_version="1", agent="a", transport="text"
)
turn.end(reason="completed")
print(turn.trace_id)
"""

INSTALLED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
theirs = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(theirs))
trace.set_tracer_provider(provider)
"""


def run(script: str, folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def test_a_process_that_just_exits_loses_nothing(tmp_path: Path) -> None:
    (trace_id,) = run(TURN, tmp_path)
    found = TraceStore(tmp_path / FILE).trace(trace_id)
    assert found and found["trace"]["end_reason"] == "completed"


def test_a_provider_that_was_there_first_is_joined(tmp_path: Path) -> None:
    trace_id, seen, same = run(
        f"{INSTALLED}{TURN}print(len(theirs.get_finished_spans()))\n"
        "print(trace.get_tracer_provider() is provider)",
        tmp_path,
    )
    assert (seen, same) == ("1", "True")
    assert TraceStore(tmp_path / FILE).trace(trace_id)


async def test_the_agents_sdk_sends_nothing_home_unless_told(settings: Settings) -> None:
    for told in (False, True):
        tracing = Tracing(settings.model_copy(update={"openai_traces": told}))
        tracing.start()
        processors = get_trace_provider()._multi_processor._processors  # type: ignore[attr-defined]
        assert [type(each).__name__ for each in processors] == [
            "AgentsProcessor",
            *(["OpenAiDashboard"] if told else []),
        ]
        await tracing.aclose()
