"""Keys for what is kept: made, read and refused."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from frontdesk.cli import app
from frontdesk.encryption import Cipher, KeyGone, KeysUnfit, is_sealed, load_cipher, new_key
from frontdesk.settings import Settings


def settings(keys: str | None = None, file: Path | None = None) -> Settings:
    secret = None if keys is None else SecretStr(keys)
    return Settings(encryption_keys=secret, encryption_keys_file=file)


def test_the_command_makes_a_key_that_is_taken() -> None:
    made = CliRunner().invoke(app, ["key", "--encryption"]).stdout.strip()
    assert load_cipher(settings(made))


def test_without_keys_nothing_is_encrypted() -> None:
    cipher = load_cipher(settings())
    assert not cipher
    assert cipher.seal(b"words") == b"words"


def test_new_values_take_the_first_key_and_old_ones_are_read_with_theirs(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    file = tmp_path / "keys"
    file.write_text(f"# since March\n{old}\n")
    before, after = load_cipher(settings(file=file)), load_cipher(settings(new, file))
    sealed = before.seal(b"words")
    assert is_sealed(sealed) and b"words" not in sealed
    assert after.open(sealed) == b"words"
    with pytest.raises(KeyGone):
        before.open(after.seal(b"words"))


def test_what_was_tampered_with_is_not_opened() -> None:
    cipher = Cipher([new_key()])
    sealed = cipher.seal(b"words")
    for place in (1, 12, 30, len(sealed) - 1):
        changed = bytes([*sealed[:place], sealed[place] ^ 1, *sealed[place + 1 :]])
        with pytest.raises(KeyGone):
            cipher.open(changed)


def test_a_key_that_is_none_is_refused_by_its_place_and_never_shown(tmp_path: Path) -> None:
    with pytest.raises(KeysUnfit, match="FRONTDESK_ENCRYPTION_KEYS: key 2 is no") as refusal:
        load_cipher(settings(f"{new_key()}, hunter2-hunter2"))
    assert "hunter2" not in str(refusal.value)
    (tmp_path / "empty").write_text("# to come\n")
    with pytest.raises(KeysUnfit, match="there is no key in it"):
        load_cipher(settings(file=tmp_path / "empty"))
    with pytest.raises(KeysUnfit, match="No such file"):
        load_cipher(settings(file=tmp_path / "nowhere"))


def test_a_setting_that_holds_no_key_is_refused() -> None:
    """It was meant to encrypt. An empty one is none, as everywhere."""
    with pytest.raises(KeysUnfit, match="there is no key in it"):
        load_cipher(settings(" , \n"))
    assert not load_cipher(settings(""))
