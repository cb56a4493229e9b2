from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from frontdesk.desk.document import LARGEST_TREE, read_document
from frontdesk.desk.problems import DeskError


def read(folder: Path, text: str):
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return read_document(path)


def test_every_key_and_value_has_its_position(tmp_path: Path):
    document = read(tmp_path, "a: 1\nb:\n  - x\n  - { c: y }\n")
    assert document.data == {"a": 1, "b": ["x", {"c": "y"}]}
    assert document.keys["b", 1, "c"] == (4, 7)
    assert document.values["b", 1, "c"] == (4, 10)
    assert document.values["a",] == (1, 4)


def test_values_are_read_as_yaml_1_2(tmp_path: Path):
    text = "a: no\nb: 12:30:00\nc: 0o17\nd: 1e3\ne: true\nf: ~\ng: 2026-05-01\nh: 007\n5: x\n"
    assert read(tmp_path, text).data == {
        "a": "no",
        "b": "12:30:00",
        "c": 15,
        "d": 1000.0,
        "e": True,
        "f": None,
        "g": "2026-05-01",
        "h": 7,
        "5": "x",
    }


def test_aliases_and_merge_keys_bring_in_what_they_name(tmp_path: Path):
    text = "base: &b { x: 1, y: 2 }\nuse: { <<: *b, y: 3 }\nlist: [*b, *b]\n"
    document = read(tmp_path, text)
    assert document.data["use"] == {"x": 1, "y": 3}
    assert document.data["list"] == [{"x": 1, "y": 2}] * 2
    assert document.values["use", "y"] == (2, 19)
    assert document.problems == []


def test_of_several_merged_mappings_the_first_wins(tmp_path: Path):
    text = "a: &a { x: 1 }\nb: &b { x: 2, y: 2 }\nc: { <<: [*a, *b] }\n"
    assert read(tmp_path, text).data["c"] == {"x": 1, "y": 2}


def test_an_alias_bomb_is_refused_before_it_goes_off(tmp_path: Path):
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(DeskError, match=f"more than {LARGEST_TREE} values, counting aliases"):
        read(tmp_path, "\n".join(levels))


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a { b: *a }\n", "&a a: { <<: *a }\n"])
def test_an_alias_to_itself_is_refused(tmp_path: Path, text: str):
    try:
        document = read(tmp_path, text)
    except DeskError as error:
        assert "nested" in str(error)
    else:
        assert document.problems


def test_a_merge_key_that_names_itself_is_refused(tmp_path: Path):
    with pytest.raises(DeskError):
        read(tmp_path, "a: &a\n  <<: *a\n")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_document_or_problems(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)
    try:
        assert read_document(path).data is not ...
    except DeskError as error:
        assert error.problems


@given(st.text(alphabet="ab:-[]{}&*<!#|>'\" \n\t,?%@0", max_size=60))
def test_any_yaml_like_text_gives_a_document_or_problems(
    tmp_path_factory: pytest.TempPathFactory, text: str
):
    path = tmp_path_factory.getbasetemp() / "like.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        read_document(path)
    except DeskError as error:
        assert error.problems


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="abc xyz", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("pqrs"), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from("klmn"), plain, min_size=1))
def test_written_data_is_read_back_with_a_position_for_each_part(
    tmp_path_factory: pytest.TempPathFactory, data: dict
):
    path = tmp_path_factory.getbasetemp() / "back.yaml"
    YAML(typ="safe").dump(data, path)
    document = read_document(path)
    assert document.data == data
    assert set(locations(data)) <= document.values.keys()


def locations(data, at=()):
    yield at
    pairs = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in pairs:
        yield from locations(value, (*at, key))
