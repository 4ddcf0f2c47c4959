# SPDX-License-Identifier: EUPL-1.2
"""YAML and JSON in, results out: hostile input refused with its place, codes kept as text, the old file never harmed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nis2check import files
from nis2check.errors import InputError, WriteError


def refused(text: str, tmp_path: Path) -> InputError:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        files.load_yaml(path, name="x.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("01004", "01004"),
        ("243400819", 243400819),
        ("22:30", "22:30"),
        ("1.10", "1.10"),
        ("no", "no"),
        ("NO", "NO"),
        ("on", "on"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        (".nan", ".nan"),
        ("1e3", "1e3"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("-3", -3),
        ('"12"', "12"),
        ("2026-11-22", "2026-11-22"),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
    ],
)
def test_only_a_few_scalars_have_a_type(text: str, value: object) -> None:
    found = files.parse_yaml(f"key: {text}\n", "x").data["key"]

    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("key", ["siren", "insee", "clause", "measure", "version"])
def test_codes_are_text_whatever_they_look_like(key: str) -> None:
    assert files.parse_yaml(f"{key}: 243400819\n", "x").data == {key: "243400819"}


def test_lines_are_known_and_paths_readable() -> None:
    document = files.parse_yaml("a: 1\nb:\n  - x\n  - {c: 2}\n", "f.yaml")

    assert str(document.place(("b", 1, "c"))) == "f.yaml:4: b[1].c"
    assert str(document.place(("b", 1, "nothing"))) == "f.yaml:4: b[1].nothing"


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "répétée"),
        ("a:\n\t- b\n", 2, "YAML"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "tiquette"),
        ("a: !!binary aGk=\n", 1, "tiquette"),
        ("base: &b {x: 1}\nc: {<<: *b}\n", 2, "Clé YAML refusée"),
        ("? [1, 2]\n: 3\n", 1, "Clé YAML refusée"),
        ("a: 2026-02-31\n", 1, "Date impossible"),
        ("--- 1\n--- 2\n", 2, "plusieurs documents"),
        ("a: [1\n", 2, "YAML"),
    ],
)
def test_a_fault_has_its_line_and_its_word(text: str, line: int, word: str, tmp_path: Path) -> None:
    fault = refused(text, tmp_path)

    assert word in fault.what
    assert fault.place is not None and (fault.place.file, fault.place.line) == ("x.yaml", line)


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize(
    "text",
    [BOMB, "a: " + "[" * 50_000, "a: &a [*a]\n", "- 1\n" * 300_000, "k: " + "x" * (2 << 20)],
    ids=["bomb", "deep", "endless", "many", "long"],
)
def test_bombs_are_refused_before_they_are_built(text: str, tmp_path: Path) -> None:
    start = time.process_time()
    fault = refused(text, tmp_path)

    assert "refusé" in fault.what
    assert time.process_time() - start < 3


@pytest.mark.parametrize(("data", "word"), [(b"", "vide"), ("é".encode("utf-16"), "UTF-16"), (b"a: \xe9\n", "UTF-8")])
def test_other_encodings_and_nothing_are_said(data: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(data)

    with pytest.raises(InputError, match=word):
        files.load_yaml(path)


def test_a_bom_and_crlf_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")

    assert files.load_yaml(path).data == {"a": 1, "b": 2}


def test_what_is_not_a_file_is_said_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "fifo"):
        with pytest.raises(InputError):
            files.load_yaml(path)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        files.parse_yaml(text, "x")
    except InputError as fault:
        assert fault.place is not None


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1', "", "[" * 100_000, '{"a": Infinity}'])
def test_json_is_strict(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)

    with pytest.raises(InputError):
        files.load_json(path)


def test_a_schema_fault_names_place_and_proposes_the_near_key(tmp_path: Path) -> None:
    document = files.parse_yaml("body: {siren: 243400819}\ntargets:\n  domain: [x.test]\n", "n.yaml")

    with pytest.raises(InputError) as caught:
        files.check(document, "body")

    assert str(caught.value.place) == "n.yaml:3: targets.domain"
    assert "« domains »" in caught.value.what


def test_every_fault_of_a_file_is_said_in_one_go() -> None:
    document = files.parse_yaml("body: {siren: 12}\nregime: []\nplan: {days_per_month: 0}\n", "n.yaml")

    with pytest.raises(InputError) as caught:
        files.check(document, "body")

    assert "neuf chiffres" in caught.value.what
    assert len(caught.value.more) == 2


def test_each_missing_key_is_named_once() -> None:
    with pytest.raises(InputError) as caught:
        files.check(
            files.Document({"schema": "nis2check.evidence/1", "facts": [], "gaps": [], "run": {}}, "e.json"), "evidence"
        )

    said = [caught.value.what, *caught.value.more]
    assert len(said) == len(set(said)) == 4
    assert all(any(f"« {key} »" in line for line in said) for key in ("tool", "body", "started", "finished"))


_PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_VALUES = st.recursive(
    _PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@given(_VALUES)
def test_canonical_is_what_json_writes(value: object) -> None:
    """But for what a terminal would obey, which is escaped."""
    text = files.canonical(value).decode()
    plain = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2)
    assert text == files._UNSEEN.sub(lambda one: f"\\u{ord(one.group()):04x}", plain) + "\n"
    assert json.loads(text) == value


def test_canonical_bytes_do_not_depend_on_order() -> None:
    assert (
        files.canonical({"b": 1, "a": "é"})
        == files.canonical({"a": "é", "b": 1})
        == '{\n  "a": "é",\n  "b": 1\n}\n'.encode()
    )


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up while we write: the old bytes stay, no temporary file is left."""
    import resource

    path = tmp_path / "r.json"
    files.write_aside(path, b"old")
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        with pytest.raises(WriteError):
            files.write_aside(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_device_is_a_write_error() -> None:
    with pytest.raises(WriteError):
        files.write_aside("/dev/full", b"x" * 10)


def test_a_missing_folder_is_a_write_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError):
        files.write_aside(tmp_path / "no" / "r.json", b"x")


def test_shipped_schemas_are_valid_schemas() -> None:
    from jsonschema import Draft202012Validator

    schemas = sorted(files.shipped("schemas").glob("*.json"))

    assert schemas
    for path in schemas:
        Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def test_another_kind_of_file_is_named_and_not_picked_apart(tmp_path: Path) -> None:
    path = tmp_path / "E.json"
    path.write_text('{"schema": "nis2check.evidence/1", "facts": []}', encoding="utf-8")
    with pytest.raises(InputError) as problem:
        files.check(files.load_json(path), "result")
    assert "nis2check.evidence/1" in problem.value.what and "nis2check.result/1" in problem.value.what
    assert not problem.value.more
