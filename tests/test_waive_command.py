# SPDX-License-Identifier: EUPL-1.2
"""``nis2check waive add|list|expiring|lint`` by its real command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nis2check import bodyfile, files
from nis2check.attest import waivers

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
ON = "2026-11-22"
BODY = (
    "body: {siren: 200072460}\n"
    "targets:\n"
    "  web: [https://www.agglo.example/]\n"
    "  domains: [agglo.example]\n"
    "  ports: [192.0.2.1]\n"
    "authorisation: [{who: DGS, ground: ordre, until: 2027-01-01, covers: [192.0.2.1]}]\n"
    "# waivers: derogations.yaml\n"
)
GAP = ["--rule", "tls/versions", "--target", "www.agglo.example:443"]
WHO = ["--reason", "Retrait prévu", "--author", "DSI", "--approver", "DGS", "--until", "2027-01-15", "--on", ON]


@pytest.fixture
def body(tmp_path: Path) -> Path:
    file = tmp_path / "nis2check.yaml"
    file.write_text(BODY, encoding="utf-8")
    return file


def said(done: subprocess.CompletedProcess[bytes], code: int = 0) -> str:
    text = done.stderr.decode().replace("\xa0", " ").replace("\u202f", " ")
    assert done.returncode == code, text
    assert "Traceback" not in text
    return text


def document(done: subprocess.CompletedProcess[bytes], code: int, name: str) -> dict[str, Any]:
    said(done, code)
    found: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(found, dict(files.schema(name)))
    return found


def declared(folder: Path, *items: str) -> None:
    """A file of waivers, named in nis2check.yaml."""
    (folder / "derogations.yaml").write_text(
        "waivers:\n" + "".join(f"  - {{{one}}}\n" for one in items), encoding="utf-8"
    )
    (folder / "nis2check.yaml").write_text(BODY.replace("# waivers", "waivers"), encoding="utf-8")


FULL = "target: '*', reason: r, author: DSI, approver: DGS, created: 2026-07-15, until: 2027-01-15"


def test_a_waiver_is_added_and_read_back(nis2check: Command, body: Path, tmp_path: Path) -> None:
    said(nis2check("waive", "add", *GAP, *WHO, "--compensating", "Accès filtré", "--id", "D-004"))
    (waiver,) = waivers.read(tmp_path / "derogations.yaml")

    assert (waiver.id, waiver.rule, waiver.target) == ("D-004", "tls/versions", "www.agglo.example:443")
    assert (waiver.author, waiver.approver, waiver.created, waiver.until) == ("DSI", "DGS", ON, "2027-01-15")
    assert waiver.compensating == "Accès filtré"
    assert body.read_text(encoding="utf-8") == BODY.replace("# waivers", "waivers")
    assert bodyfile.load(body).waivers == tmp_path / "derogations.yaml"


def test_a_second_waiver_of_a_gap_is_refused_unless_it_replaces(inside: Command, body: Path, tmp_path: Path) -> None:
    said(inside("waive", "add", *GAP, *WHO))
    before = (tmp_path / "derogations.yaml").read_bytes()
    assert "derogations.yaml:4" in said(inside("waive", "add", *GAP, *WHO), 2)
    assert (tmp_path / "derogations.yaml").read_bytes() == before
    said(inside("waive", "add", *GAP, *WHO[:-4], "--until", "2027-03-01", "--on", ON, "--replace"))
    assert [one.until for one in waivers.read(tmp_path / "derogations.yaml")] == ["2027-03-01"]


def test_dry_run_writes_nothing(inside: Command, body: Path, tmp_path: Path) -> None:
    done = inside("waive", "add", *GAP, *WHO, "--dry-run")

    assert done.returncode == 0 and 'rule: "tls/versions"' in done.stdout.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["nis2check.yaml"]


def without(option: str) -> list[str]:
    every = [*GAP, *WHO]
    at = every.index(option)
    return every[:at] + every[at + 2 :]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        *(
            (without(option), option)
            for option in ("--rule", "--target", "--reason", "--author", "--approver", "--until")
        ),
        ([*GAP, *WHO, "--rule", "tls/version"], "« tls/versions »"),
        ([*GAP, *WHO, "--rule", "recyf/13.9"], "recyf/13."),
        ([*GAP, *WHO, "--target", "www.autre.example:443"], "www.agglo.example:443"),
        ([*GAP, *WHO, "--target", "agglo.example"], "www.agglo.example:443"),  # a domain is no TLS service
        ([*GAP, *WHO, "--rule", "recyf/13.2"], "200072460"),
        ([*GAP, *WHO, "--until", "2027-11-23"], "douze mois"),
        ([*GAP, *WHO, "--until", "2026-11-21"], "Fin refusée"),
        ([*GAP, *WHO, "--until", "2027-02-30"], "2027-02-30"),
        ([*GAP, *WHO, "--approver", "x" * 300], "approver"),
    ],
)
def test_what_is_refused_is_one_line_and_writes_nothing(
    inside: Command, body: Path, tmp_path: Path, arguments: list[str], told: str
) -> None:
    text = said(inside("waive", "add", *arguments), 2)

    assert told in text and text.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["nis2check.yaml"]


def test_twelve_months_to_the_day_and_everywhere_are_allowed(inside: Command, body: Path) -> None:
    said(inside("waive", "add", *GAP, *WHO, "--target", "*", "--until", "2027-11-22"))
    said(inside("waive", "add", *GAP, *WHO, "--rule", "ports/database", "--target", "192.0.2.1:3306"))


def test_the_list_counts_all_and_the_expired_come_first(inside: Command, tmp_path: Path) -> None:
    declared(
        tmp_path,
        f"rule: tls/versions, {FULL}",
        "rule: http/hsts, target: '*', reason: r, author: a, approver: b, created: 2025-12-01, until: 2026-11-21",
        "rule: dns/caa, target: '*', reason: r, author: a, approver: b, created: 2026-12-01, until: 2027-02-01",
    )
    found = document(inside("waive", "list", "--json", "--on", ON), 0, "waive")

    assert found["counts"] == {"in_force": 1, "expired": 1, "not_yet": 1}
    assert [(one["rule"], one["state"], one["days_left"]) for one in found["waivers"]] == [
        ("http/hsts", "expired", -1),
        ("tls/versions", "in_force", 54),
        ("dns/caa", "not_yet", 71),
    ]
    shown = inside("waive", "list", "--on", ON)
    assert "approuvée par DGS" in " ".join(
        shown.stdout.decode().split()
    ) and "1 en cours, 1 expirée, 1 à venir" in said(shown)
    said(inside("waive", "list", "--on", ON, "--fail-on-expired"), 4)


@pytest.mark.parametrize(
    ("days", "rules"), [("0", ["http/hsts"]), ("54", ["http/hsts", "tls/versions"]), ("53", ["http/hsts"])]
)
def test_expiring_is_what_ends_within_the_days_given(
    inside: Command, tmp_path: Path, days: str, rules: list[str]
) -> None:
    declared(
        tmp_path,
        f"rule: tls/versions, {FULL}",
        "rule: http/hsts, target: '*', reason: r, author: a, approver: b, created: 2025-12-01, until: 2026-11-21",
    )
    found = document(inside("waive", "expiring", "--in", days, "--json", "--on", ON), 0, "waive")
    assert [one["rule"] for one in found["waivers"]] == rules


def test_lint_names_every_fault_at_its_line(inside: Command, tmp_path: Path) -> None:
    declared(
        tmp_path,
        f"rule: tls/versions, {FULL}",
        f"rule: tls/version, {FULL}",
        f"rule: tls/versions, {FULL.replace('*', 'ancien.agglo.example:443')}",
        f"rule: recyf/13.2, {FULL.replace('*', '200072460')}",
        "rule: recyf/4.1, target: '*', reason: r, author: a, approver: b, created: 2025-12-01, until: 2026-11-20",
        f"rule: recyf/4.2, {FULL.replace('*', '213100001')}",
    )
    done = inside("waive", "lint", "--json", "--on", ON)
    found = document(done, 1, "waive-lint")

    assert [(one["kind"], one["line"]) for one in found["faults"]] == [
        ("unknown_rule", 3),
        ("no_such_target", 4),
        ("expired", 6),
        ("no_such_target", 7),
    ]
    assert "derogations.yaml:3" in said(done, 1) and "6 dérogations, 4 défauts" in said(done, 1)


def test_a_target_that_a_repository_may_hold_is_no_orphan_until_a_result_says_so(
    inside: Command, tmp_path: Path
) -> None:
    declared(tmp_path, f"rule: tls/versions, {FULL.replace('*', 'intranet.agglo.example:443')}")
    (tmp_path / "infra").mkdir()
    file = tmp_path / "nis2check.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("targets:\n", "targets:\n  repositories: [infra]\n"))
    found = document(inside("waive", "lint", "--json", "--on", ON), 0, "waive-lint")
    assert (found["faults"], [one["kind"] for one in found["unverified"]]) == ([], ["unverified"])

    result = Path(__file__).parent / "golden" / "result.json"
    found = document(inside("waive", "lint", "--json", "--on", ON, "--result", str(result)), 1, "waive-lint")
    assert [one["kind"] for one in found["faults"]] == ["no_such_target"]


def test_lint_says_when_scan_ignores_the_file(inside: Command, body: Path, tmp_path: Path) -> None:
    declared(tmp_path, f"rule: tls/versions, {FULL}")
    body.write_text(BODY, encoding="utf-8")
    assert "scan l'ignore" in said(inside("waive", "lint", "--on", ON), 1)


@pytest.mark.parametrize("wanted", ["list", "lint", "expiring", "add"])
def test_a_file_that_scan_refuses_is_refused(inside: Command, tmp_path: Path, wanted: str) -> None:
    """No end, no approver, too long: every fault at once, by line."""
    declared(
        tmp_path,
        "rule: tls/versions, target: '*', reason: r, author: a, approver: b, created: 2026-01-01, until: 2027-01-02",
        "rule: tls/groups, target: '*', reason: r, author: a, approver: b, created: 2026-01-01, until: 2025-12-31",
    )
    text = said(inside("waive", wanted, *([*GAP, *WHO] if wanted == "add" else [])), 2)
    assert "derogations.yaml:2" in text and "derogations.yaml:3" in text and text.count("\n") == 2
    declared(tmp_path, FULL.replace(", until: 2027-01-15", ", rule: a/b"), FULL.replace("approver: DGS", "rule: a/b"))
    text = said(inside("waive", wanted, *([*GAP, *WHO] if wanted == "add" else [])), 2)
    assert "« until »" in text and "« approver »" in text


def test_without_waivers_there_is_nothing_to_say(inside: Command, body: Path) -> None:
    assert document(inside("waive", "list", "--json"), 0, "waive")["waivers"] == []
    assert document(inside("waive", "lint", "--json"), 0, "waive-lint")["checked"] == 0
    assert inside("waive").returncode == 2


def test_hostile_words_stay_values_and_cannot_command_the_terminal(inside: Command, body: Path, tmp_path: Path) -> None:
    evil = 'a"\n  - {rule: x/y} # \x1b]0;PWNED\x07\u202e'
    said(inside("waive", "add", *GAP, *WHO, "--reason", evil))
    shown = inside("waive", "list", "--on", ON)

    assert waivers.read(tmp_path / "derogations.yaml")[0].reason == evil
    assert b"\x1b" not in shown.stdout and "\u202e" not in shown.stdout.decode()
