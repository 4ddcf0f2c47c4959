# SPDX-License-Identifier: EUPL-1.2
"""The English catalogue: every message of the source and no other, the same fields, and English words only."""

from __future__ import annotations

import ast
import gettext
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nis2check.files import load_yaml

ROOT = Path(__file__).parent.parent
RENEW = "run: python tools/catalogues.py extract, write the English, then: python tools/catalogues.py compile"

# Proper names and words of French public law that have no English: they stay as they are.
KEPT = {
    *("agglomération", "communauté", "communautés", "département", "départements", "métropole", "métropoles", "région"),
    *("établissement", "régie", "monservicesécurisé"),
}
FRENCH = re.compile(
    r"\b(?:le|la|les|une|des|du|est|sont|pas|sur|dans|pour|qui|que|aux|avec|sans|cette|par|et|ou|il|elle|ne)\b"
)
TYPOGRAPHY = re.compile(r"[«»\u00a0\u202f]| [:;!](?= |$)|\w \?(?= |$)")


def catalogues() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogues", ROOT / "tools" / "catalogues.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


TOOL = catalogues()


def messages() -> Iterator[tuple[str, str]]:
    """Each French text with its English one, singular and plural apart."""
    for one in TOOL.read(TOOL.ENGLISH):
        if one.id:
            pair = one.pluralizable
            yield from zip(one.id, one.string, strict=True) if pair else [(one.id, one.string)]


def accents(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"\w*[À-ÖØ-öø-ÿœŒ]\w*", text)} - KEPT


def fields(text: str) -> list[str]:
    return sorted(re.findall(r"\{[^{}]*\}", text))


def test_the_catalogue_holds_the_messages_of_the_source_and_no_other() -> None:
    source = {one.id for one in TOOL.messages() if one.id}
    held = {one.id for one in TOOL.read(TOOL.ENGLISH) if one.id}

    assert (sorted(map(str, source - held)), sorted(map(str, held - source))) == ([], []), RENEW


def test_the_file_is_what_the_tool_writes() -> None:
    assert TOOL.ENGLISH.read_bytes() == TOOL.extracted(), RENEW


def test_nothing_is_empty_uncertain_or_left_over() -> None:
    catalogue = TOOL.read(TOOL.ENGLISH)

    assert [fr for fr, en in messages() if not en.strip()] == []
    assert [one.id for one in catalogue if one.id and one.fuzzy] == []
    assert list(catalogue.obsolete) == []


def test_fields_are_the_same_in_both_languages() -> None:
    assert [(fr, en) for fr, en in messages() if fields(fr) != fields(en)] == []


def test_no_french_is_left_in_english() -> None:
    assert [en for _fr, en in messages() if accents(en) or FRENCH.search(en)] == []


def test_english_has_english_typography() -> None:
    wrong = [en for _fr, en in messages() if TYPOGRAPHY.search(en) and not en.startswith("Answer (y yes")]

    assert wrong == []


@pytest.mark.parametrize("path", sorted(TOOL.LOCALE.rglob("*.po")), ids=lambda path: path.stem)
def test_the_compiled_catalogue_says_what_the_written_one_says(path: Path) -> None:
    with path.with_suffix(".mo").open("rb") as stream:
        compiled = gettext.GNUTranslations(stream)

    for one in TOOL.read(path):
        if one.pluralizable:
            few, many = one.id
            assert (compiled.ngettext(few, many, 1), compiled.ngettext(few, many, 2)) == one.string, RENEW
        elif one.id:
            assert compiled.gettext(one.id) == one.string, RENEW


def test_french_counts_zero_as_one_and_english_does_not() -> None:
    from nis2check import language

    with language.speaking("fr"):
        assert language.plural("{n} écart", "{n} écarts", 0) == "0 écart"
    with language.speaking("en"):
        assert language.plural("{n} écart", "{n} écarts", 0) == "0 gaps"
        assert language.plural("{n} écart", "{n} écarts", 1) == "1 gap"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('_("Un mot")', {"Un mot"}),
        ('_("Un " "mot")', {"Un mot"}),
        ('_n("Un mot")', {"Un mot"}),
        ('plural("{n} mot", "{n} mots", 2)', {("{n} mot", "{n} mots")}),
        ("""f"  {pen.own(plural('{n} mot', '{n} mots', left))}" """, {("{n} mot", "{n} mots")}),
        ('[plural(*pair, 2) for pair in (("{n} mot", "{n} mots"),)]', {("{n} mot", "{n} mots")}),
        ('other("Un mot")', set()),
        ('("un", "deux")', set()),
        ("_(name)", set()),
    ],
)
def test_messages_are_found_where_code_holds_them(source: str, found: set[Any]) -> None:
    assert {one for node in ast.walk(ast.parse(source)) if (one := TOOL._of_node(node))} == found


def texts(value: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every ``{fr: …}`` of a policies file, with its place."""
    if isinstance(value, dict):
        if "fr" in value:
            yield where, value
        for key, one in value.items():
            yield from texts(one, f"{where}/{key}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from texts(one, f"{where}/{index}")


def test_every_text_of_the_policies_is_in_english_too() -> None:
    wrong, count = [], 0
    for path in sorted((ROOT / "policies").rglob("*.yaml")):
        for where, text in texts(load_yaml(path, ours=True).data, path.relative_to(ROOT).as_posix()):
            count += 1
            english = text.get("en") or ""
            if not english or accents(english) or FRENCH.search(english) or TYPOGRAPHY.search(english):
                wrong.append(where)

    assert wrong == []
    assert count > 500
