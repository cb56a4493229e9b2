"""``${env:NAME}``, ``${env:NAME:-default}`` and ``${file:path}`` in the values of a team file."""

import re
from collections.abc import Mapping
from pathlib import Path

from frontdesk.desk.files import files

# `${{` is left alone: a dollar sign before a Jinja2 expression, as prices have.
REFERENCE = re.compile(r"\$\{(?!\{)([^{}]*)\}")
LARGEST_FILE = 64 * 1024


class UnresolvedReference(ValueError):
    """References that have no value; ``messages`` says which and how to mend each."""

    def __init__(self, messages: list[str]) -> None:
        self.messages = messages
        super().__init__("; ".join(messages))


def interpolate(text: str, env: Mapping[str, str], folder: Path) -> str:
    """Put the values of its references into ``text``. Files are relative to ``folder``.

    A reference without a value never becomes an empty string: ``UnresolvedReference`` is raised,
    after all references of the text were tried.
    """
    messages: list[str] = []

    def value(match: re.Match[str]) -> str:
        try:
            return _resolve(match[1], env, folder)
        except ValueError as error:
            messages.append(str(error))
            return ""

    resolved = REFERENCE.sub(value, text)
    if messages:
        raise UnresolvedReference(messages)
    return resolved


def _resolve(reference: str, env: Mapping[str, str], folder: Path) -> str:
    kind, _, rest = reference.partition(":")
    if kind == "env" and rest:
        return _variable(rest, env)
    if kind == "file" and rest:
        return _content(folder / rest)
    raise ValueError(f"unknown reference `${{{reference}}}`: write ${{env:NAME}} or ${{file:path}}")


def _variable(reference: str, env: Mapping[str, str]) -> str:
    name, has_default, default = reference.partition(":-")
    if value := env.get(name):
        return value
    if has_default:
        return default
    state = "empty" if name in env else "not set"
    raise ValueError(
        f"the environment variable {name} is {state}: set it, or write ${{env:{name}:-default}}"
    )


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"the file {path} is larger than {LARGEST_FILE // 1024} KiB")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"the file {path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the file {path} is not UTF-8 text") from error
    files().remember_secret(path, text)
    return text.rstrip("\r\n")
