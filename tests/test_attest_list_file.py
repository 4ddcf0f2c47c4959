# SPDX-License-Identifier: EUPL-1.2
"""Entries of a hand-kept YAML list are changed; every other line stays, or the change is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nis2check.attest.list_file import Entry, changed
from nis2check.errors import InputError
from nis2check.files import parse_yaml

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


def put(text: str, *values: dict[str, Any]) -> str:
    entries = {one["id"]: Entry(one, "titre") for one in values}
    return changed(
        text, "f.yaml", "list", entries, name_of=lambda item: str(item["id"]), rank=lambda name: ord(name[0])
    )


@pytest.mark.parametrize(
    "text",
    [
        "list:\n",
        "list: []\n",
        "list: []  # rien encore\n",
        "a: 1\nlist:\nb: 2\n",
        "---\nlist: ~\n",
        "list: []",
        "list: []\r\nb: 2\r\n",
    ],
)
def test_an_empty_list_gets_its_first_entries_in_order(text: str) -> None:
    new = put(text, {"id": "b"}, {"id": "a"})
    data = parse_yaml(new, "f").data

    assert [item["id"] for item in data["list"]] == ["a", "b"]
    assert {key: value for key, value in data.items() if key != "list"} == {
        key: value for key, value in parse_yaml(text, "f").data.items() if key != "list"
    }


def test_new_entries_go_between_others_and_never_between_a_comment_and_its_entry() -> None:
    text = (
        "list:\n  # de b\n  - id: b\n    x: |\n      # pas un commentaire\n\n      fin\n"
        "\n  # de d\n  - {id: d}\n\n# suite\nz: 1\n"
    )
    new = put(text, {"id": "a"}, {"id": "c"}, {"id": "e"})

    assert new == (
        'list:\n  - id: "a"  # titre\n  # de b\n  - id: b\n    x: |\n      # pas un commentaire\n\n      fin\n'
        '  - id: "c"  # titre\n\n  # de d\n  - {id: d}\n  - id: "e"  # titre\n\n# suite\nz: 1\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "list: [{id: a}, {id: b}]\n",
        "{list: [{id: a}]}\n",
        "list:\n  - id: a\n  -\n    id: b\n",
        "list: &x\n  - id: a\nother: *x\n",
        "list: {}\n",
    ],
)
def test_a_layout_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        put(text, {"id": "c"})
    assert caught.value.place is not None


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), WORDS, WORDS), min_size=1, max_size=6))
def test_whatever_is_written_is_what_is_read(rows: list[tuple[str, str, str]]) -> None:
    text = "list: []\n"
    wanted: dict[str, Any] = {}
    for name, word, other in rows:
        value = {"id": name, "word": word, "proof": [{"file": other}]}
        text = put(text, value)
        wanted[name] = value

    assert parse_yaml(text, "f").data["list"] == [wanted[name] for name in sorted(wanted)]
