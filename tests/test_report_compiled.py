# SPDX-License-Identifier: EUPL-1.2
"""The cache of compiled templates: faster when it can, the same page when it cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from nis2check.report.compiled import FOLDER, Beside


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "page.html").write_text("Hello {{ name }}")
    return tmp_path


def page(templates: Path) -> str:
    environment = Environment(loader=FileSystemLoader(templates), bytecode_cache=Beside(templates), autoescape=True)
    return environment.get_template("page.html").render(name="<b>")


def test_it_is_written_once_read_again_and_follows_its_source(templates: Path) -> None:
    assert page(templates) == "Hello &lt;b&gt;"
    (kept,) = (templates / FOLDER).iterdir()
    assert sys.implementation.cache_tag in kept.name
    when = kept.stat().st_mtime_ns
    assert page(templates) == "Hello &lt;b&gt;"
    assert kept.stat().st_mtime_ns == when, "read, not written again"
    (templates / "page.html").write_text("Bye {{ name }}")
    assert page(templates) == "Bye &lt;b&gt;"
    assert [one.name for one in (templates / FOLDER).iterdir()] == [kept.name]


@pytest.mark.parametrize("cut", [0, 10, 60])
def test_a_damaged_cache_is_made_again(templates: Path, cut: int) -> None:
    page(templates)
    (kept,) = (templates / FOLDER).iterdir()
    whole = kept.read_bytes()
    for damaged in (whole[:cut], whole[:41] + b"\xff" * 50, b"garbage"):
        kept.write_bytes(damaged)
        assert page(templates) == "Hello &lt;b&gt;"
        assert kept.read_bytes()[:41] == whole[:41]
        assert len(kept.read_bytes()) == len(whole)


def test_a_folder_that_cannot_be_written_costs_time_only(templates: Path) -> None:
    (templates / FOLDER).write_text("a file in its place")
    assert page(templates) == "Hello &lt;b&gt;"


def test_nothing_is_written_when_python_may_not(templates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert page(templates) == "Hello &lt;b&gt;"
    assert not (templates / FOLDER).exists()
