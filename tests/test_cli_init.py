# SPDX-License-Identifier: EUPL-1.2
"""``nis2check init``: the file that options or answers write is the file that ``scan`` reads."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nis2check import bodyfile

ROOT = Path(__file__).parent.parent
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_the_issue_s_line_writes_a_file_that_reads_back(nis2check: Command, tmp_path: Path) -> None:
    done = nis2check("init", "--siren", "200072460", "--domain", "agglo.example")
    body = bodyfile.load(tmp_path / "nis2check.yaml")

    assert done.returncode == 0, done.stderr.decode()
    assert "entité importante" in done.stderr.decode()
    assert body.identity["siren"] == "200072460"
    assert {(t.kind.value, t.name) for t in body.targets} == {
        ("dns", "agglo.example"),
        ("mail", "agglo.example"),
        ("http", "www.agglo.example:443"),
        ("tls", "www.agglo.example:443"),
    }


def test_editors_find_the_schema_beside_the_file(nis2check: Command, tmp_path: Path) -> None:
    nis2check("init", "--siren", "200072460", "--domain", "agglo.example")
    first = (tmp_path / "nis2check.yaml").read_text(encoding="utf-8").splitlines()[0]
    path = first.removeprefix("# yaml-language-server: $schema=")

    assert json.loads((tmp_path / path).read_text(encoding="utf-8"))["title"] == "nis2check.yaml"


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["--domain", "x.example"], "--siren"),
        (["--siren", "200072460"], "--domain"),
        (["--siren", "200072460", "--domain", "x.example", "--ports", "192.0.2.1"], "--authorised-by"),
    ],
)
def test_no_input_names_the_missing_flag(
    nis2check: Command, arguments: list[str], missing: str, tmp_path: Path
) -> None:
    done = nis2check("init", "--no-input", *arguments)

    assert done.returncode == 2
    assert missing in done.stderr.decode() and done.stderr.count(b"\n") == 1
    assert not (tmp_path / "nis2check.yaml").exists()


@pytest.mark.parametrize("siren", ["200072461", "12345", "999999998x"])
def test_a_wrong_siren_says_which_rule_fails(nis2check: Command, siren: str) -> None:
    done = nis2check("init", "--siren", siren, "--domain", "x.example")

    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1 and b"Traceback" not in done.stderr


def test_an_existing_file_is_kept_unless_forced(nis2check: Command, tmp_path: Path) -> None:
    (tmp_path / "nis2check.yaml").write_text("mine\n")
    refused = nis2check("init", "--siren", "200072460", "--domain", "agglo.example")

    assert refused.returncode == 2 and (tmp_path / "nis2check.yaml").read_text() == "mine\n"
    assert nis2check("init", "--siren", "200072460", "--domain", "agglo.example", "--force").returncode == 0
    assert bodyfile.load(tmp_path / "nis2check.yaml").targets


def test_dry_run_writes_nothing(nis2check: Command, tmp_path: Path) -> None:
    done = nis2check("init", "--siren", "200072460", "--domain", "agglo.example", "--dry-run")

    assert done.returncode == 0 and b"agglo.example" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder_is_74(nis2check: Command, tmp_path: Path) -> None:
    target = tmp_path / "no-such-folder" / "nis2check.yaml"
    done = nis2check("init", "--siren", "200072460", "--domain", "agglo.example", "--output", str(target))

    assert done.returncode == 74 and b"Traceback" not in done.stderr


def test_a_hostile_answer_stays_a_value(nis2check: Command, tmp_path: Path) -> None:
    """A contact that looks like YAML is written as text, not as structure."""
    done = nis2check(
        "init", "--siren", "200072460", "--domain", "x.example", "--contact", 'a"\nregime: what-if/five-years #'
    )
    body = bodyfile.load(tmp_path / "nis2check.yaml")

    assert done.returncode == 0
    assert body.regime == "" and body.identity["contact"] == 'a"\nregime: what-if/five-years #'


def test_the_wizard_asks_one_question_a_line(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NIS2CHECK_LANG": "fr", "HOME": str(tmp_path)}
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - the child becomes the command
        os.chdir(tmp_path)
        os.execvpe(sys.executable, [sys.executable, "-m", "nis2check", "init"], environment)
    answers = iter([b"200 072 460\n", b"agglo.example\n", b"\n", b"\n", b"\n", b"5\n"])
    seen, asked = b"", 0
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
        while seen.count(b": ") - seen.count(b"statut pr") > asked and seen.rstrip(b" ").endswith(b":"):
            os.write(terminal, next(answers, b"\n"))
            asked += 1
            break
    _pid, status = os.waitpid(child, 0)
    os.close(terminal)
    body = bodyfile.load(tmp_path / "nis2check.yaml")

    assert os.waitstatus_to_exitcode(status) == 0, seen.decode()
    assert body.identity["siren"] == "200072460"
    assert body.identity["contact"] == "dsi@agglo.example"
    assert body.plan["days_per_month"] == 5
