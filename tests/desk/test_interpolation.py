from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.desk.interpolation import UnresolvedReference, interpolate

HERE = Path()


def test_environment_variables_and_defaults_are_put_in():
    env = {"HOST": "db", "EMPTY": ""}
    assert interpolate("http://${env:HOST}:${env:PORT:-80}/", env, HERE) == "http://db:80/"
    assert interpolate("${env:EMPTY:-x}", env, HERE) == "x"
    assert interpolate("${env:URL:-http://127.0.0.1:1/a}", env, HERE) == "http://127.0.0.1:1/a"


def test_a_default_may_be_empty_on_purpose():
    assert interpolate("${env:NONE:-}", {}, HERE) == ""


def test_a_file_is_put_in_without_its_last_line_end(tmp_path: Path):
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    assert interpolate("${file:secret}", {}, tmp_path) == "s3cret"
    assert interpolate(f"${{file:{tmp_path}/secret}}", {}, HERE) == "s3cret"


def test_all_that_is_missing_in_one_text_is_named():
    with pytest.raises(UnresolvedReference) as caught:
        interpolate("${env:A} ${env:B} ${file:/nowhere/x}", {"B": ""}, HERE)
    a, b, file = caught.value.messages
    assert a == "the environment variable A is not set: set it, or write ${env:A:-default}"
    assert "B is empty" in b
    assert "/nowhere/x can't be read: No such file" in file


def test_a_file_that_is_large_or_not_text_is_refused(tmp_path: Path):
    (tmp_path / "big").write_bytes(b"x" * 100_000)
    (tmp_path / "raw").write_bytes(b"\xff\xfe")
    with pytest.raises(UnresolvedReference, match="larger than 64 KiB"):
        interpolate("${file:big}", {}, tmp_path)
    with pytest.raises(UnresolvedReference, match="not UTF-8"):
        interpolate("${file:raw}", {}, tmp_path)


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_references_stays_as_it_is(text: str):
    assert interpolate(text, {}, HERE) == text


@given(st.text())
def test_what_a_variable_holds_is_not_looked_through_again(value: str):
    expected = value or "empty"
    assert interpolate("${env:X:-empty}", {"X": value}, HERE) == expected


def test_a_price_before_a_template_expression_is_left_alone():
    assert interpolate("${{ result.price }}", {}, HERE) == "${{ result.price }}"
