"""Keys as settings give them: on lines or behind commas, in a variable and in a file beside it."""

from pathlib import Path

from pydantic import SecretStr


def given_keys(
    field: str, secret: SecretStr | None, file: Path | None, unfit: type[Exception]
) -> list[tuple[str, list[str]]]:
    """The keys of ``field`` and of the file that ``field``_FILE names, each with the name of where
    they stand, for messages. Lines that begin with ``#`` are remarks. Raises ``unfit`` when the
    file cannot be read."""
    given: list[tuple[str, list[str]]] = []
    if secret:  # an empty variable gives nothing
        given.append((field, _keys(secret.get_secret_value())))
    if file is not None:
        source = f"{field}_FILE {file}"
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            raise unfit(f"{source}: {reason}") from None
        given.append((source, _keys(text)))
    return given


def _keys(text: str) -> list[str]:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [key.strip() for line in lines for key in line.split(",") if key.strip()]
