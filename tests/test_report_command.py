# SPDX-License-Identifier: EUPL-1.2
"""``nis2check report`` by its real command: what is written, what is said, and the exit codes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nis2check.cli import outputs
from nis2check.errors import InputError
from nis2check.report.formats import FORMATS

GOLDEN = Path(__file__).parent / "golden" / "result.json"
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_every_format_from_one_run(nis2check: Command, tmp_path: Path) -> None:
    wanted = [f"{one.NAME}=r{one.SUFFIX}" for one in FORMATS]
    done = nis2check("report", str(GOLDEN), *[word for value in wanted for word in ("--output", value)])
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert sorted(path.name for path in tmp_path.glob("r.*")) == sorted(f"r{one.SUFFIX}" for one in FORMATS)
    assert (tmp_path / "r.json").read_bytes() == GOLDEN.read_bytes()


def test_standard_output_holds_the_result_and_nothing_else(nis2check: Command) -> None:
    done = nis2check("report", str(GOLDEN), "--output", "json=-")
    assert done.returncode == 0
    assert done.stdout == GOLDEN.read_bytes()


def test_without_output_the_gap_report(nis2check: Command) -> None:
    done = nis2check("report", str(GOLDEN))
    assert done.returncode == 0
    assert "CRITIQUE  ports/remote-admin" in done.stdout.decode()
    assert b"\x1b" not in done.stdout
    coloured = nis2check("report", str(GOLDEN), FORCE_COLOR="1")
    assert b"\x1b[31m" in coloured.stdout


def test_a_terminal_that_cannot_show_signs_gets_ascii(nis2check: Command) -> None:
    done = nis2check("report", str(GOLDEN), "--all", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"[X] CRITIQUE" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report"], "RESULT"),
        (["report", "absent.json"], "absent.json"),
        (["report", str(GOLDEN), "--output", "htlm=r.html"], "html"),
        (["report", str(GOLDEN), "--output", "r.html"], "FORMAT=CHEMIN"),
        (["report", str(GOLDEN), "--output", "html=r", "--output", "csv=r"], "même endroit"),
    ],
)
def test_usage_is_2_with_one_clear_line(nis2check: Command, arguments: list[str], said: str) -> None:
    done = nis2check(*arguments)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": "nis2check.evidence/1"}', b"\xff\xfe"])
def test_what_is_no_result_is_2(nis2check: Command, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    done = nis2check("report", "bad.json", "--output", "html=r.html")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert not (tmp_path / "r.html").exists()


def test_a_write_that_fails_is_74_and_the_others_are_written(nis2check: Command, tmp_path: Path) -> None:
    done = nis2check("report", str(GOLDEN), "-o", "html=absent/r.html", "-o", "csv=/dev/full", "-o", "markdown=r.md")
    assert done.returncode == 74
    assert (tmp_path / "r.md").stat().st_size > 1000
    assert b"absent/r.html" in done.stderr
    assert b"/dev/full" in done.stderr


def test_a_failed_write_leaves_the_old_file_whole(nis2check: Command, tmp_path: Path) -> None:
    folder = tmp_path / "r.html"
    folder.mkdir()
    (folder / "old").write_text("old")
    done = nis2check("report", str(GOLDEN), "-o", f"html={folder}")
    assert done.returncode == 74
    assert (folder / "old").read_text() == "old"
    assert list(tmp_path.glob(".r.html*")) == []


def test_a_closed_pipe_is_not_1(nis2check: Command) -> None:
    done = nis2check("report", str(GOLDEN), "-o", "json=/dev/full")
    assert done.returncode == 74


def test_parse() -> None:
    assert outputs.parse(["html=a=b.html", "csv=-"]) == (("html", "a=b.html"), ("csv", "-"))
    with pytest.raises(InputError):
        outputs.parse(["html="])


def test_a_bug_in_one_format_costs_only_that_one(tmp_path: Path) -> None:
    document = json.loads(GOLDEN.read_bytes())
    document["coverage"]["by_proof"] = {}  # not valid: every format but JSON needs it
    wanted = (("html", str(tmp_path / "r.html")), ("json", str(tmp_path / "r.json")))
    with pytest.raises(Exception, match="observed"):
        outputs.write_all(document, wanted, "fr")
    assert (tmp_path / "r.json").exists()
    assert not (tmp_path / "r.html").exists()
