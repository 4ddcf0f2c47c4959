# SPDX-License-Identifier: EUPL-1.2
"""The typography of French, and true apostrophes in both languages, in what people open beside the pages."""

from __future__ import annotations

import html
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nis2check.language import written
from nis2check.report import plan_page
from nis2check.report.formats import BY_NAME

GOLDEN = Path(__file__).parent / "golden" / "result.json"
RAW = {"fr": "L'essai : « là » ; vu ?", "en": "The body's test"}
DRESSED = {"fr": "L’essai\u00a0: «\u202flà\u202f»\u202f; vu\u202f?", "en": "The body’s test"}

Render = Callable[[dict[str, Any], str], bytes]
RENDERS: dict[str, Render] = {
    **{name: BY_NAME[name].render for name in ("xlsx", "ods", "csv", "ics", "mon-service-securise")},
    "plan csv": plan_page.table,
}


def text(data: bytes) -> str:
    """What is written in a file, the members of a workbook and the folded lines of a calendar put together."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "".join(html.unescape(archive.read(name).decode()) for name in archive.namelist())
    return data.replace(b"\r\n ", b"").decode("utf-8-sig").replace("\\;", ";")


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("name", RENDERS)
def test_a_sentence_of_ours_is_dressed(name: str, lang: str) -> None:
    document = json.loads(GOLDEN.read_bytes())
    for rule in document["rules"].values():
        rule |= {"title": RAW, "remediation": RAW}
    for item in document["plan"]["measures"] + document["plan"]["roadmap"]:
        item |= {"title": RAW, "because": RAW, "proof": RAW}
    told = text(RENDERS[name](document, lang))
    assert DRESSED[lang] in told
    assert RAW[lang] not in told


def test_code_to_copy_keeps_its_quotes() -> None:
    assert written("Ajouter frame-ancestors 'self' à l'en-tête", "fr") == "Ajouter frame-ancestors 'self' à l’en-tête"
    assert written("the residents' files of 'none'", "en") == "the residents’ files of 'none'"


def test_the_source_of_the_law_is_dressed_in_the_page() -> None:
    document = json.loads(GOLDEN.read_bytes())
    document["scope"]["legal_status"]["source"] = RAW["fr"]
    page = html.unescape(BY_NAME["html"].render(document, "fr").decode())
    assert DRESSED["fr"] in page
    assert RAW["fr"] not in page
