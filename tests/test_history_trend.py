# SPDX-License-Identifier: EUPL-1.2
"""The curve of a body: what each kept run counted, split by how it was shown."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from nis2check.errors import InputError
from nis2check.files import Document, check
from nis2check.history.store import History
from nis2check.history.trend import LONGEST

GOLDEN = Path(__file__).parent / "golden" / "result.json"


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def of_day(document: dict[str, Any], day: int, month: int = 1) -> dict[str, Any]:
    new = copy.deepcopy(document)
    new["run"]["started"] = f"2026-{month:02}-{day:02}T10:00:00+00:00"
    return new


def test_a_point_counts_as_the_result_did(tmp_path: Path, document: dict[str, Any]) -> None:
    history = History(tmp_path / "h.sqlite")
    history.save(of_day(document, 8))
    better = of_day(document, 15)
    mended = next(one for one in better["findings"] if one["verdict"] == "fail" and one["proof"] == "observed")
    mended["verdict"] = "pass"
    history.save(better)
    first, second = history.trend("200000008")

    assert first.coverage == document["coverage"]
    assert (first.run, first.started, first.complete) == (1, "2026-01-08T10:00:00+00:00", document["complete"])
    assert first.rules == document["tool"]["rules"]["sha256"] and first.regime == document["regime"]
    before, after = (one.coverage["by_proof"]["observed"] for one in (first, second))
    assert after == before | {"fail": before["fail"] - 1, "pass": before["pass"] + 1}


def test_a_run_that_found_nothing_is_a_point_too(tmp_path: Path, document: dict[str, Any]) -> None:
    History(tmp_path / "h.sqlite").save(of_day(document, 8) | {"findings": [], "complete": False})
    (point,) = History(tmp_path / "h.sqlite").trend("200000008")

    assert not point.complete and point.coverage["applicable"] == 0


def test_the_oldest_comes_first_and_other_bodies_not_at_all(tmp_path: Path, document: dict[str, Any]) -> None:
    history = History(tmp_path / "h.sqlite")
    other = of_day(document, 9)
    other["body"]["siren"] = "200000016"
    for one in (of_day(document, 15), other, of_day(document, 8)):
        history.save(one)

    assert [point.run for point in history.trend("200000008")] == [3, 1]
    assert [point.run for point in history.trend("200000016")] == [2]
    assert history.trend("200000024") == ()


def test_a_kept_result_carries_its_curve(tmp_path: Path, document: dict[str, Any]) -> None:
    history = History(tmp_path / "h.sqlite")
    history.save(of_day(document, 8))
    history.save(of_day(document, 22))
    _number, between = history.save(of_day(document, 15))  # an older look, judged later

    assert [point["run"] for point in between["trend"]] == [1, 3]
    assert between["trend"][-1]["coverage"] == document["coverage"]
    check(Document(between, "result"), "result")


def test_the_curve_in_a_result_is_bounded(tmp_path: Path, document: dict[str, Any]) -> None:
    document["findings"] = document["findings"][:1]
    history = History(tmp_path / "h.sqlite")
    for number in range(LONGEST + 2):
        _number, kept = history.save(of_day(document, number % 28 + 1, number // 28 + 1))

    assert [point["run"] for point in kept["trend"]] == list(range(3, LONGEST + 3))
    assert len(history.trend("200000008")) == LONGEST + 2
    check(Document(kept, "result"), "result")


def test_a_word_that_no_nis2check_writes_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    import sqlite3
    from contextlib import closing

    History(tmp_path / "h.sqlite").save(document)
    with closing(sqlite3.connect(tmp_path / "h.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE state SET proof = 'hearsay'")

    with pytest.raises(InputError, match="verdict inconnu"):
        History(tmp_path / "h.sqlite").trend("200000008")
