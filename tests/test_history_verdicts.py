# SPDX-License-Identifier: EUPL-1.2
"""The verdicts of a run as one text, and what a history does with a text that it did not write."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from nis2check.errors import InputError
from nis2check.history import fleet
from nis2check.history.compare import State
from nis2check.history.door import door
from nis2check.history.store import History
from nis2check.history.verdicts import different, read, written
from nis2check.model import Proof, Severity, Verdict

GOLDEN = Path(__file__).parent / "golden" / "result.json"


def state(name: str, verdict: Verdict, severity: Severity) -> State:
    return State(name, "recyf/1", "body", "x", verdict, severity, Proof.OBSERVED, "2026-11-01")


FOUND = (
    state("0b", Verdict.FAIL, Severity.HIGH),
    state("0a", Verdict.FAIL, Severity.HIGH),
    state("0c", Verdict.FAIL, Severity.LOW),
    state("0d", Verdict.NOT_APPLICABLE, Severity.HIGH),
)


def test_ids_stand_under_their_verdict_and_severity() -> None:
    assert written({one.id: one for one in FOUND}) == "fail high:0a 0b\nfail low:0c\nnot_applicable high:0d"


def test_the_same_findings_in_another_order_have_the_same_text() -> None:
    assert written({one.id: one for one in FOUND}) == written({one.id: one for one in reversed(FOUND)})


@pytest.mark.parametrize("found", [FOUND, ()])
def test_what_is_written_is_read_back(found: tuple[State, ...]) -> None:
    told = read(written({one.id: one for one in found}))

    assert {(name, words) for words, ids in told.items() for name in ids} == {
        (one.id, f"{one.verdict} {one.severity}") for one in found
    }


def test_new_other_and_gone_findings_differ() -> None:
    was, now = "fail high:0a 0b\npass low:0c", "fail high:0b\npass high:0a\npass low:0d"

    assert sorted(different(was, now), key=str) == [
        ("fail high", "pass high"),
        ("pass low", None),
        (None, "pass low"),
    ]
    assert not list(different(was, was))


def test_a_text_is_read_whatever_it_holds() -> None:
    assert read("") == {}
    assert read("fail\n:\nx:a\n\0") == {"x": {"a"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("catastrophe high:0a", "verdict inconnu"),
        ("fail enormous:0a", "verdict inconnu"),
        (b"fail high:0a", "type inattendu"),
    ],
)
def test_verdicts_that_are_not_ours_are_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    path, document = tmp_path / "h.sqlite", json.loads(GOLDEN.read_bytes())
    for day in (1, 8):
        document["run"]["started"] = f"2026-11-{day:02}T00:00:00+00:00"
        History(path).save(document)
    assert fleet.changes(door(path)).compared == 1
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE run SET verdicts = ? WHERE number = 2", (text,))

    with pytest.raises(InputError, match=said):
        fleet.changes(door(path))
