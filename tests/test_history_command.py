# SPDX-License-Identifier: EUPL-1.2
"""``scan --save`` and ``history`` by the real command, on a stored look: nothing is sent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nis2check import files
from nis2check.history.store import History
from tests.runs import evidence

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
GOLDEN = Path(__file__).parent / "golden" / "result.json"


@pytest.fixture
def save(nis2check: Command, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Judge a look and keep it: the result delivered."""

    def run(day: int, *versions: str, code: int = 1) -> dict[str, Any]:
        (tmp_path / "e.json").write_text(json.dumps(evidence(day, *versions)))
        done = nis2check("scan", "--evidence", "e.json", "--save", "--json")
        assert done.returncode == code, done.stderr.decode()
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    return run


def versions_finding(result: dict[str, Any]) -> dict[str, Any]:
    (found,) = [one for one in result["findings"] if one["rule"] == "tls/versions"]
    return dict(found)


def test_a_gap_is_followed_from_run_to_run(save: Callable[..., dict[str, Any]]) -> None:
    first = save(1, "TLSv1", "TLSv1.2")
    gap = versions_finding(first)["id"]
    silent, still = save(8, code=3), save(15, "TLSv1", "TLSv1.2")
    mended = save(22, "TLSv1.2", "TLSv1.3", code=3)

    assert first["changes"]["since"] is None
    assert gap in silent["changes"]["not_retested"] and silent["changes"]["fixed"] == []
    assert still["changes"]["new"] == []
    assert versions_finding(still)["since"] == "2026-11-01T10:00:00+00:00"
    assert gap in mended["changes"]["fixed"] and mended["changes"]["not_retested"] == []
    assert mended["changes"]["since"] == "2026-11-15T10:00:00+00:00"
    assert versions_finding(mended)["since"] == "2026-11-22T10:00:00+00:00"


@pytest.fixture
def kept(tmp_path: Path) -> list[dict[str, Any]]:
    """Three runs in the history of the current folder, as delivered."""
    history = History(tmp_path / ".nis2check" / "history.sqlite")
    document = json.loads(GOLDEN.read_bytes())
    delivered = []
    for day in (1, 8, 15):
        run = document["run"] | {"started": f"2026-11-{day:02}T10:00:00+00:00"}
        delivered.append(history.save(document | {"run": run})[1])
    return delivered


def test_list(kept: list[dict[str, Any]], nis2check: Command) -> None:
    listed = nis2check("history", "list")

    assert listed.returncode == 0 and listed.stderr == b""
    rows = [line.split() for line in listed.stdout.decode().splitlines() if "Étangs" in line]
    assert [row[:2] for row in rows] == [["3", "15/11/2026"], ["2", "08/11/2026"], ["1", "01/11/2026"]]
    assert nis2check("history", "list", "--body", "200000016").stdout == b""


def test_show(kept: list[dict[str, Any]], nis2check: Command, tmp_path: Path) -> None:
    shown = nis2check("history", "show", "2", "--json", "--output", "json=r.json")

    assert shown.stdout == (tmp_path / "r.json").read_bytes() == files.canonical(kept[1])
    assert nis2check("history", "show", "--json").stdout == files.canonical(kept[2])
    assert "Depuis le 08/11/2026" in nis2check("history", "show").stdout.decode()
    missing = nis2check("history", "show", "9")
    assert missing.returncode == 2 and "n° 9" in missing.stderr.decode()


def test_prune(kept: list[dict[str, Any]], nis2check: Command, tmp_path: Path) -> None:
    would = nis2check("history", "prune", "--keep", "1", "--dry-run")
    assert "2 analyses seraient oubliées" in would.stderr.decode()
    pruned = nis2check("history", "prune", "--keep", "1", "--json")
    assert json.loads(pruned.stdout)["pruned"] == [2, 1]
    for done in (pruned, nis2check("history", "list", "--json")):
        (tmp_path / "h.json").write_bytes(done.stdout)
        document = files.load_json(tmp_path / "h.json")
        files.check(document, "history")
        assert [run["number"] for run in document.data["runs"]] == [3]


def test_older_than_a_number_of_days(kept: list[dict[str, Any]], inside: Command, tmp_path: Path) -> None:
    import datetime

    today = datetime.datetime.now(datetime.UTC)
    fresh = json.loads(GOLDEN.read_bytes())
    fresh["run"]["started"] = (today - datetime.timedelta(days=29)).isoformat(timespec="seconds")
    History(tmp_path / ".nis2check" / "history.sqlite").save(fresh)
    old = fresh["run"] | {"started": (today - datetime.timedelta(days=32)).isoformat(timespec="seconds")}
    number, _changed = History(tmp_path / ".nis2check" / "history.sqlite").save(fresh | {"run": old})
    pruned = json.loads(inside("history", "prune", "--older-than", "30", "--json").stdout)

    assert number in pruned["pruned"]
    assert 4 in [run["number"] for run in pruned["runs"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["history", "prune", "--older-than", "0"], "--older-than"),
        (["history", "list", "--history", "mysql://h/b"], "mysql:// : inconnu"),
        (["history", "list"], "scan --save"),
        (["history", "show"], "scan --save"),
        (["history", "prune", "--keep", "1"], "scan --save"),
        (["history", "prune"], "--keep N"),
        (["history", "prune", "--keep", "0"], "--keep"),
        (["history", "prune", "--before", "hier"], "AAAA-MM-JJ"),
        (["history", "list", "--history", "absent.sqlite"], "absent.sqlite"),
        (["scan", "--evidence", "e.json", "--history", "h.sqlite"], "--save"),
    ],
)
def test_usage_is_2_with_what_to_type(nis2check: Command, arguments: list[str], said: str) -> None:
    done = nis2check(*arguments)

    assert done.returncode == 2
    assert said in done.stderr.decode() and done.stdout == b""
    assert len(done.stderr.splitlines()) == 1


def test_a_history_that_cannot_be_used_costs_no_result(
    kept: list[dict[str, Any]], nis2check: Command, tmp_path: Path
) -> None:
    (tmp_path / "e.json").write_text(json.dumps(evidence(22, "TLSv1")))
    broken = tmp_path / ".nis2check" / "history.sqlite"
    broken.write_bytes(broken.read_bytes()[:5000])
    before = broken.read_bytes()
    done = nis2check("scan", "--evidence", "e.json", "--save", "--json", "--exit-zero")

    assert done.returncode == 74
    assert json.loads(done.stdout)["findings"]
    (line,) = done.stderr.decode().splitlines()
    assert "Analyse non gardée" in line and "endommagé" in line
    assert broken.read_bytes() == before
    for arguments in (["list"], ["show"], ["prune", "--keep", "1"]):
        done = nis2check("history", *arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_without_save_no_history_is_read_or_written(nis2check: Command, tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(json.dumps(evidence(1, "TLSv1")))
    done = nis2check("scan", "--evidence", "e.json", "--json")

    assert json.loads(done.stdout)["changes"]["since"] is None
    assert not (tmp_path / ".nis2check").exists()


def test_hostile_rows_reach_no_terminal(nis2check: Command, tmp_path: Path) -> None:
    document = json.loads(GOLDEN.read_bytes())
    document["body"]["name"] = "\x1b]0;PWNED\x07\x9b31m\u202e::error::x"
    document["regime"] = "\x1b[2J"
    History(tmp_path / "h.sqlite").save(document)

    for arguments in (["list"], ["list", "--json"], ["show"], ["show", "--json"], ["prune", "--keep", "1"]):
        done = nis2check("history", *arguments, "--history", "h.sqlite")
        text = (done.stdout + done.stderr).decode()
        assert done.returncode == 0
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach, unlike ``tmp_path``."""
    folder = Path(tempfile.mkdtemp(prefix="nis2check-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_history_on_a_medium_that_cannot_be_written_is_still_read(open_folder: Path) -> None:
    document = json.loads(GOLDEN.read_bytes())
    path = open_folder / "h.sqlite"
    History(path).save(document)
    path.chmod(0o444)
    open_folder.chmod(0o555)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from nis2check.history.store import History\n"
        "from nis2check.errors import InputError\n"
        "import nis2check.files, nis2check.history.sqlite, jsonschema, yaml\n"
        "import json\n"
        "document = json.loads(Path(sys.argv[2]).read_bytes())\n"
        "if os.getuid() == 0:\n"
        "    os.setgid(65534), os.setuid(65534)\n"
        "history = History(Path(sys.argv[1]), 0.2)\n"
        "print(len(history.runs()))\n"
        "for use in (lambda: history.save(document), lambda: history.prune(keep=1)):\n"
        "    try:\n"
        "        use()\n"
        "    except InputError as fault:\n"
        "        print(fault.what)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(GOLDEN)],
        capture_output=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONUTF8": "1"},
        timeout=30,
        check=False,
    )

    assert done.stdout.decode().splitlines() == ["1", *["Historique en lecture seule ou inaccessible."] * 2], (
        done.stderr
    )
