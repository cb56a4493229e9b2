"""Writes requirements.lock: every package that Frontdesk runs or is tested with, with hashes. And
beside their tests the same for other people's clients and MCP servers, which need versions of their
own.

Needs `uv` on the PATH. One resolution serves all platforms and Python versions. The lock has three
parts, so that an install can do without the later ones: the packages everyone needs, those of the
embedded models, and those of development.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
EMBEDDED_PART = "# --- embedded models: left out where a wheel does not exist ---"
DEVELOPMENT_PART = "# --- development ---"

# Wanted for two ONNX files inside it (voice activity, end of turn), never imported: so without
# its own dependencies, which pyproject.toml could not say.
WEIGHTS = "pipecat-ai==1.14.0"

HEADER = f"""\
# Made by `make lock` from pyproject.toml and scripts/lock.py: do not edit.
# It is complete: install with pip install --no-deps --require-hashes -r requirements.lock
# {WEIGHTS} stands here for two model files in its wheel; its dependencies are not wanted.
"""

PEERS = (
    "tests/clients/python/requirements.in",
    "tests/mcp_peers/modern.in",
    "tests/mcp_peers/legacy.in",
)

# Wanted without the packages that it can hand tables to.
ENGINE = "tests/clickhouse.in"

Entries = dict[str, str]


def main() -> None:
    if shutil.which("uv") is None:
        sys.exit("make lock needs uv: pip install uv")
    # One resolution decides the versions; the narrower ones only tell who needs what.
    models = ("--extra", "embedded", "--extra", "noise")
    everything = resolve("--extra", "dev", *models, "pyproject.toml")
    embedded = resolve(*models, "pyproject.toml").keys()
    development = resolve("--extra", "dev", "pyproject.toml").keys()
    core = embedded & development
    weights = resolve("--no-deps", "--no-annotate", "-", source=WEIGHTS)
    lines = [
        HEADER,
        *(entry for name, entry in everything.items() if name in core),
        f"\n{EMBEDDED_PART}\n",
        *(entry for name, entry in everything.items() if name in embedded - core),
        *weights.values(),
        f"\n{DEVELOPMENT_PART}\n",
        *(entry for name, entry in everything.items() if name in development - core),
    ]
    (ROOT / "requirements.lock").write_text("".join(lines), encoding="utf-8")
    for peers in PEERS:
        write(Path(peers), resolve(peers))
    write(Path(ENGINE), resolve("--no-deps", "--no-annotate", ENGINE))


def write(source: Path, entries: Entries) -> None:
    """The lock of packages that have an environment of their own."""
    header = f"# Made by `make lock` from {source.name}: do not edit.\n"
    lock = ROOT / source.with_suffix(".lock")
    lock.write_text(header + "".join(entries.values()), encoding="utf-8")


def resolve(*arguments: str, source: str | None = None) -> Entries:
    """The pinned packages, by name."""
    command = ["uv", "pip", "compile", "--universal", "--generate-hashes", "--no-header", "--quiet"]
    result = subprocess.run(
        [*command, "--python-version", "3.11", *arguments],
        cwd=ROOT,
        input=source,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    entries = re.split(r"^(?=[a-z0-9])", result.stdout, flags=re.MULTILINE | re.IGNORECASE)
    named: Entries = {}
    for entry in filter(None, entries):
        # One package may have several versions, for different platforms.
        name = entry.split("==")[0]
        named[name] = named.get(name, "") + entry
    return named


if __name__ == "__main__":
    main()
