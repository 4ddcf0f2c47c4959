# SPDX-License-Identifier: EUPL-1.2
"""What a change means: the table of every step of a verdict, and the two traps (vanished, unknown)."""

from __future__ import annotations

from typing import Any

import pytest

from nis2check.history.compare import KINDS, Earlier, compare, earlier, settled, states, with_changes

NOW, THEN = "2026-11-22T10:00:00+00:00", "2026-11-15T10:00:00+00:00"


def finding(verdict: str, *, id: str = "a", severity: str = "high", since: str = NOW) -> dict[str, Any]:
    target = {"kind": "tls", "name": "www.exemple.test:443", "address": None}
    proof = {"id": id, "rule": "tls/versions", "target": target, "verdict": verdict, "severity": severity}
    return {**proof, "proof": "observed", "since": since}


def result(*findings: dict[str, Any], started: str = NOW) -> dict[str, Any]:
    return {"run": {"started": started}, "findings": list(findings), "changes": {"since": None}}


def kinds(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    changes = compare(earlier(result(*before, started=THEN)), result(*after))
    return [kind for kind in KINDS for _change in getattr(changes, kind)]


@pytest.mark.parametrize(
    ("was", "now", "meaning"),
    [
        ("pass", "fail", "new"),
        (None, "fail", "new"),
        (None, "partial", "new"),
        ("unknown", "fail", "new"),
        ("to_attest", "fail", "new"),
        ("not_applicable", "fail", "new"),
        ("fail", "pass", "fixed"),
        ("partial", "pass", "fixed"),
        ("partial", "fail", "worse"),
        ("fail", "partial", "better"),
        ("fail", "not_applicable", "better"),
        ("fail", "unknown", "not_retested"),
        ("fail", "to_attest", "not_retested"),
        ("fail", None, "not_retested"),
        ("pass", "unknown", "not_retested"),
        ("pass", "to_attest", "not_retested"),
        ("pass", None, "not_retested"),
        ("fail", "fail", ""),
        ("pass", "pass", ""),
        (None, "pass", ""),
        (None, "unknown", ""),
        ("unknown", "pass", ""),
        ("unknown", "unknown", ""),
        ("unknown", None, ""),
        ("not_applicable", None, ""),
    ],
)
def test_each_step(was: str | None, now: str | None, meaning: str) -> None:
    found = kinds([finding(was)] if was else [], [finding(now)] if now else [])

    assert found == ([meaning] if meaning else [])


@pytest.mark.parametrize(("was", "now", "meaning"), [("medium", "high", "worse"), ("high", "low", "better")])
def test_a_gap_of_another_severity(was: str, now: str, meaning: str) -> None:
    assert kinds([finding("fail", severity=was)], [finding("fail", severity=now)]) == [meaning]


def test_gaps_that_stand_are_counted() -> None:
    before = result(finding("fail"), finding("fail", id="b"), started=THEN)

    assert compare(earlier(before), result(finding("fail"), finding("pass", id="b"))).open == 1


def test_a_host_that_was_silent_last_week_makes_no_old_gap_new() -> None:
    old = settled(states(result(finding("fail", since="2026-10-01"))))
    before = Earlier(THEN, states(result(finding("unknown"))), old)

    assert compare(before, result(finding("fail"))).new == ()
    assert [one.state.id for one in compare(before, result(finding("pass"))).fixed] == ["a"]
    assert with_changes(result(finding("fail")), before)["findings"][0]["since"] == "2026-10-01"


def test_what_is_lost_is_said_once() -> None:
    """The run that lost it says so; the next has nothing to add."""
    old = settled(states(result(finding("fail"))))

    assert compare(Earlier(THEN, {}, old), result()).not_retested == ()


@pytest.mark.parametrize(
    ("was", "now", "kept"),
    [
        ("fail", "fail", True),
        ("partial", "fail", True),
        ("pass", "pass", True),
        ("unknown", "unknown", True),
        ("to_attest", "to_attest", True),
        ("pass", "fail", False),
        ("fail", "pass", False),
        ("fail", "unknown", False),
        ("unknown", "to_attest", False),
    ],
)
def test_since_is_when_the_verdict_began(was: str, now: str, kept: bool) -> None:
    before = earlier(result(finding(was, since="2026-01-01"), started=THEN))
    found = with_changes(result(finding(now)), before)

    assert found["findings"][0]["since"] == ("2026-01-01" if kept else NOW)
    assert found["changes"]["since"] == THEN


def test_a_first_run_changes_nothing() -> None:
    only = result(finding("fail"))

    assert with_changes(only, None) == only


def test_the_document_given_is_left_as_it_was() -> None:
    after = result(finding("fail"))
    with_changes(after, earlier(result(finding("fail", since="2026-01-01"), started=THEN)))

    assert after["findings"][0]["since"] == NOW and after["changes"] == {"since": None}


def test_changes_name_the_gravest_first() -> None:
    after = result(*(finding("fail", id=word, severity=word) for word in ("low", "critical", "medium")))

    assert with_changes(after, earlier(result(started=THEN)))["changes"]["new"] == ["critical", "medium", "low"]
