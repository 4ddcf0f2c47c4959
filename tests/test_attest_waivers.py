# SPDX-License-Identifier: EUPL-1.2
"""waivers.yaml → waivers, its faults, and what a waiver covers on a day."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from nis2check.attest import waivers
from nis2check.errors import InputError
from nis2check.model import Finding, Kind, Proof, Severity, Target, Verdict, Waiver, finding_id

FULL = (
    "rule: tls/versions, target: 'www.ville.example:443', reason: Retrait prévu, author: DSI, approver: DGS,"
    " created: 2026-07-15, until: 2027-01-15"
)


def write(folder: Path, *items: str) -> Path:
    file = folder / "waivers.yaml"
    file.write_text("waivers:\n" + "".join(f"  - {{{item}}}\n" for item in items), encoding="utf-8")
    return file


def finding(rule: str, name: str, verdict: Verdict = Verdict.FAIL) -> Finding:
    target = Target(Kind.TLS, name)
    return Finding(
        finding_id(rule, "tls", name), rule, target, None, verdict, Severity.HIGH, Proof.OBSERVED, "", {}, None, ()
    )


def test_a_waiver_is_read_whole(tmp_path: Path) -> None:
    (waiver,) = waivers.read(write(tmp_path, "id: D-004, compensating: Accès filtré, " + FULL))
    assert waiver == Waiver(
        "D-004",
        "tls/versions",
        "www.ville.example:443",
        "Retrait prévu",
        "DSI",
        "DGS",
        "2026-07-15",
        "2027-01-15",
        "Accès filtré",
    )


def test_the_id_of_a_waiver_is_of_its_gap(tmp_path: Path) -> None:
    (one,) = waivers.read(write(tmp_path, FULL))
    (two,) = waivers.read(write(tmp_path, FULL.replace("Retrait prévu", "Autre raison")))
    assert one.id == two.id
    assert len(one.id) == 12


@pytest.mark.parametrize(
    ("items", "line", "what"),
    [
        ([FULL.replace(", until: 2027-01-15", "")], 2, "« until »"),
        ([FULL.replace("approver: DGS,", "")], 2, "« approver »"),
        ([FULL.replace("2027-01-15", "2027-07-16")], 2, "douze mois"),
        ([FULL.replace("2027-01-15", "2026-07-14")], 2, "précède"),
        ([FULL.replace("tls/versions", "versions TLS")], 2, "tls/versions"),
        ([FULL, FULL], 3, "Deux dérogations"),
        (["id: D, " + FULL, "id: D, " + FULL.replace("www", "intranet")], 3, "identifiant"),
        ([FULL + ", permanent: true"], 2, "permanent"),
    ],
)
def test_faults_are_told_at_their_line(tmp_path: Path, items: list[str], line: int, what: str) -> None:
    with pytest.raises(InputError) as caught:
        waivers.read(write(tmp_path, *items))
    assert caught.value.place is not None
    assert caught.value.place.line == line
    assert what in caught.value.what


def test_twelve_months_to_the_day_are_allowed(tmp_path: Path) -> None:
    assert len(waivers.read(write(tmp_path, FULL.replace("2027-01-15", "2027-07-15")))) == 1


@pytest.mark.parametrize(
    ("day", "covered"), [("2026-07-14", False), ("2026-07-15", True), ("2027-01-15", True), ("2027-01-16", False)]
)
def test_a_waiver_covers_its_days_and_changes_no_verdict(tmp_path: Path, day: str, covered: bool) -> None:
    loaded = waivers.read(write(tmp_path, FULL))
    gap = finding("tls/versions", "www.ville.example:443")
    (after,) = waivers.attach([gap], loaded, datetime.date.fromisoformat(day))
    assert after.verdict is Verdict.FAIL
    assert (after.waiver is not None) is covered


def test_a_waiver_covers_its_rule_and_target_alone(tmp_path: Path) -> None:
    loaded = waivers.read(write(tmp_path, FULL, "id: tous, " + FULL.replace("'www.ville.example:443'", "'*'")))
    on = datetime.date(2026, 11, 22)
    gaps = [
        finding("tls/versions", "www.ville.example:443"),
        finding("tls/versions", "other.example:443"),
        finding("tls/groups", "www.ville.example:443"),
        finding("tls/versions", "fine.example:443", Verdict.PASS),
    ]
    ids = [f.waiver.id if f.waiver else None for f in waivers.attach(gaps, loaded, on)]
    assert ids == [loaded[0].id, "tous", None, None]
