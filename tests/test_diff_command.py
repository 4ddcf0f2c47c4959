# SPDX-License-Identifier: EUPL-1.2
"""``nis2check diff`` by the real command."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nis2check import files
from nis2check.history.store import History

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
GOLDEN = Path(__file__).parent / "golden" / "result.json"


@pytest.fixture
def two(tmp_path: Path) -> Callable[..., None]:
    """Write ``a.json`` and ``b.json``: the second with the verdicts given by index of finding (None: gone)."""

    def write(verdicts: dict[int, str | None], **changed: Any) -> None:
        first = json.loads(GOLDEN.read_bytes())
        second = copy.deepcopy(first) | changed
        second["run"]["started"] = "2026-11-29T14:05:12+01:00"
        for index, verdict in verdicts.items():
            second["findings"][index]["verdict"] = verdict
        second["findings"] = [one for one in second["findings"] if one["verdict"] is not None]
        for name, document in (("a.json", first), ("b.json", second)):
            (tmp_path / name).write_bytes(files.canonical(document))

    return write


def test_each_change_under_its_heading(two: Callable[..., None], nis2check: Command) -> None:
    two({0: "pass", 1: "unknown", 2: None, 4: "fail"})
    done = nis2check("diff", "a.json", "b.json")
    text = done.stdout.decode().replace("\u202f", " ").replace("\u00a0", " ")

    assert (done.returncode, done.stderr) == (0, b"")
    assert "Du 22/11/2026 au 29/11/2026 : 1 nouveau, 1 corrigé, 0 aggravé, 0 amélioré, 2 non" in text
    new, fixed, lost = (text.index(heading) for heading in ("NOUVEAUX ÉCARTS", "CORRIGÉS", "NON RETESTÉS"))
    assert new < text.index("www.exemple.test:443") < fixed < text.index("203.0.113.14:3389") < lost
    assert lost < text.index("ancien.exemple.test:443") and lost < text.index("mail.exemple.test:443")
    assert "AGGRAVÉS" not in text


def test_json_is_valid_and_alone(two: Callable[..., None], nis2check: Command, tmp_path: Path) -> None:
    two({0: "pass", 4: "fail"})
    done = nis2check("diff", "a.json", "b.json", "--json")
    (tmp_path / "d.json").write_bytes(done.stdout)
    document = files.load_json(tmp_path / "d.json")
    files.check(document, "diff")

    assert done.stderr == b""
    (fixed,) = document.data["fixed"]
    assert (fixed["rule"], fixed["before"], fixed["after"]) == ("ports/remote-admin", "fail", "pass")
    assert fixed["title"]["fr"] == "Aucun accès d'administration à distance ouvert sur Internet"


def test_a_measure_has_its_title(two: Callable[..., None], nis2check: Command) -> None:
    golden = json.loads(GOLDEN.read_bytes())
    index, measure = next(
        (index, one["rule"].removeprefix("recyf/"))
        for index, one in enumerate(golden["findings"])
        if one["rule"].startswith("recyf/") and one["verdict"] == "pass"
    )
    two({index: "fail"})
    (new,) = json.loads(nis2check("diff", "a.json", "b.json", "--json").stdout)["new"]

    assert new["title"] == golden["framework"]["measures"][measure]["title"]


@pytest.mark.parametrize(
    ("fail_on", "verdicts", "code"),
    [
        ("high", {4: "fail"}, 1),
        ("critical", {4: "fail"}, 0),
        ("info", {0: "pass", 2: None, 1: "unknown"}, 0),
        ("info", {}, 0),
    ],
)
def test_fail_on_speaks_of_what_is_new_or_worse(
    two: Callable[..., None], nis2check: Command, fail_on: str, verdicts: dict[int, str | None], code: int
) -> None:
    two(verdicts)

    assert nis2check("diff", "a.json", "b.json", "--fail-on", fail_on).returncode == code


def test_a_waived_gap_does_not_fail(two: Callable[..., None], nis2check: Command, tmp_path: Path) -> None:
    two({4: "fail"})
    document = json.loads((tmp_path / "b.json").read_bytes())
    document["findings"][4]["waiver"] = document["waivers"][0]
    (tmp_path / "b.json").write_bytes(files.canonical(document))
    done = nis2check("diff", "a.json", "b.json", "--fail-on", "info")

    assert done.returncode == 0
    assert "(dérogation)" in done.stdout.decode()


def test_kept_runs_by_their_numbers(two: Callable[..., None], nis2check: Command, tmp_path: Path) -> None:
    two({4: "fail"})
    for name in ("a.json", "b.json"):
        History(tmp_path / ".nis2check" / "history.sqlite").save(json.loads((tmp_path / name).read_bytes()))
    by_file = json.loads(nis2check("diff", "a.json", "b.json", "--json").stdout)

    assert json.loads(nis2check("diff", "1", "2", "--json").stdout) == by_file
    assert len(by_file["new"]) == 1
    missing = nis2check("diff", "1", "9")
    assert missing.returncode == 2 and "n° 9" in missing.stderr.decode()


def test_what_may_explain_a_change_is_said(two: Callable[..., None], nis2check: Command) -> None:
    tool = json.loads(GOLDEN.read_bytes())["tool"]
    tool["rules"]["sha256"] = "0" * 64
    two({}, complete=False, regime="government-2024", tool=tool)
    text = nis2check("diff", "a.json", "b.json").stdout.decode()

    for said in ("interrompue", "Les règles ont changé", "régime juridique"):
        assert said in text


def test_two_bodies_are_not_compared(two: Callable[..., None], nis2check: Command) -> None:
    body = json.loads(GOLDEN.read_bytes())["body"] | {"siren": "200000016"}
    two({}, body=body)
    done = nis2check("diff", "a.json", "b.json")

    assert done.returncode == 2
    assert "200000016" in done.stderr.decode() and done.stdout == b""


@pytest.mark.parametrize("arguments", [[], ["a.json"], ["a.json", "absent.json"], ["a.json", "bad.json"]])
def test_usage_is_2(two: Callable[..., None], nis2check: Command, tmp_path: Path, arguments: list[str]) -> None:
    two({})
    (tmp_path / "bad.json").write_text("{}")
    done = nis2check("diff", *arguments)

    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_foreign_names_are_cleaned(two: Callable[..., None], nis2check: Command, tmp_path: Path) -> None:
    two({4: "fail"})
    document = json.loads((tmp_path / "b.json").read_bytes())
    document["findings"][4]["target"]["name"] = "\x1b]0;PWNED\x07\u202egpj.exe"
    (tmp_path / "b.json").write_bytes(files.canonical(document))
    text = nis2check("diff", "a.json", "b.json").stdout.decode()

    assert "PWNED" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_every_body_of_a_history(nis2check: Command, tmp_path: Path) -> None:
    history = History(tmp_path / ".nis2check" / "history.sqlite")
    golden = json.loads(GOLDEN.read_bytes())
    golden["body"]["name"] = "Ville\x1b[2J"
    for day, verdict in ((1, "pass"), (8, "fail")):
        golden["run"]["started"] = f"2026-11-{day:02}T10:00:00+00:00"
        golden["findings"][0]["verdict"] = verdict
        history.save(golden)
    shown = nis2check("diff", "--all")
    told = nis2check("diff", "--all", "--json")
    (tmp_path / "d.json").write_bytes(told.stdout)
    document = files.load_json(tmp_path / "d.json")
    files.check(document, "fleet-diff")

    assert (shown.returncode, shown.stderr) == (0, b"")
    text = shown.stdout.decode()
    assert "1 organisme comparé" in text and "1 nouveau," in text and "nis2check diff 1 2" in text
    assert "\x1b" not in text
    assert document.data["moved"][0]["changes"]["new"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["diff"], "Nommer deux résultats"),
        (["diff", "1"], "Nommer deux résultats"),
        (["diff", "--all", "1", "2"], "--all s'emploie sans"),
        (["diff", "--all", "--fail-on", "high"], "--all s'emploie sans"),
    ],
)
def test_what_to_type(inside: Command, arguments: list[str], said: str) -> None:
    done = inside(*arguments)

    assert done.returncode == 2
    assert said in done.stderr.decode() and len(done.stderr.splitlines()) == 1
