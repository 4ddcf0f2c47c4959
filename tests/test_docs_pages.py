# SPDX-License-Identifier: EUPL-1.2
"""The pages of docs/ say what ``explain`` says today, lead nowhere else, and there is one for each thing explained."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from nis2check import frameworks
from nis2check.evidence.sources import fact_specs
from nis2check.law import regime
from nis2check.rules.load import load

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GENERATED = ("rules", "recyf", "nis2", "regimes")


@pytest.fixture(scope="module")
def pages() -> Mapping[str, bytes]:
    made: Mapping[str, bytes] = runpy.run_path(str(ROOT / "tools" / "pages.py"))["pages"]()
    return made


def test_docs_are_in_step(pages: Mapping[str, bytes]) -> None:
    stale = [
        place for place, data in pages.items() if not (DOCS / place).exists() or (DOCS / place).read_bytes() != data
    ]
    assert not stale, "python tools/pages.py write"
    there = {
        path.relative_to(DOCS).as_posix()
        for lang in ("fr", "en")
        for folder in GENERATED
        for path in (DOCS / lang / folder).rglob("*.md")
    }
    assert there <= pages.keys()


def test_each_rule_measure_and_regime_has_its_page_in_both_languages(pages: Mapping[str, bytes]) -> None:
    for lang in ("fr", "en"):
        for rule in load(fact_specs()):
            assert f"\n{rule.id} · ".encode() in pages[f"{lang}/rules/{rule.id}.md"]
        assert all(f"{lang}/recyf/{measure}.md" in pages for measure in frameworks.load().measures)
        assert all(f"{lang}/regimes/{name}.md" in pages for name in regime.known())


def test_links_between_pages_lead_to_a_page(pages: Mapping[str, bytes]) -> None:
    links = 0
    for place, data in pages.items():
        for address in re.findall(r"\]\(([^):]+\.md)\)", data.decode()):
            links += 1
            target = Path("/", place).parent.joinpath(address)
            assert Path(*_flat(target.parts)).as_posix() in pages, (place, address)
    assert links > 1000


def _flat(parts: tuple[str, ...]) -> list[str]:
    kept: list[str] = []
    for part in parts[1:]:
        if part == "..":
            kept.pop()
        else:
            kept.append(part)
    return kept


@pytest.mark.parametrize("subject", ["tls/versions", "recyf:13.2", "recyf:13", "nis2:21(2)(h)", "regime:senate-2025"])
def test_explain_prints_the_page_itself(pages: Mapping[str, bytes], subject: str) -> None:
    place = runpy.run_path(str(ROOT / "tools" / "pages.py"))["page_of"](subject)
    command = [sys.executable, "-m", "nis2check", "--lang", "en", "explain", subject, "--markdown"]
    told = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    unlinked = re.sub(r"\[([^\]]*)\]\([^)]*\.md\)", r"\1", pages[f"en/{place}"].decode())
    assert re.sub(r" ?:? <http[^>]*>", "", told) == re.sub(r" ?:? <http[^>]*>", "", unlinked)
