# SPDX-License-Identifier: EUPL-1.2
"""README says what the code does: its tables are made from the code, its two command lines are single lines."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_tables_are_those_of_the_code() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert module("readme").renewed(text) == text, "run: python tools/readme.py write"


@pytest.mark.parametrize("name", ["demo", "test"])
def test_the_two_commands_are_one_line_each(name: str) -> None:
    line = module("readme").command(name)

    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install") and "\n" not in line


def test_every_path_that_the_guide_names_exists() -> None:
    guide = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    spans = [span for span in guide.split("`")[1::2] if not any(mark in span for mark in ("<", "…", "*", "://"))]
    paths = {word for span in spans for word in span.split() if "/" in word}

    assert paths
    assert [
        path for path in sorted(paths) if not any((root / path).exists() for root in (ROOT, ROOT / "nis2check"))
    ] == []


def test_catalogues_are_compiled_and_click_speaks_french() -> None:
    pytest.importorskip("babel")
    catalogues = module("catalogues")
    for path in catalogues.LOCALE.rglob("*.po"):
        assert path.with_suffix(".mo").read_bytes() == catalogues.compiled(path), (
            "run: python tools/catalogues.py compile"
        )
