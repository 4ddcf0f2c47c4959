# SPDX-License-Identifier: EUPL-1.2
"""A hostile body through every format, those to come included: nothing executed, nothing broken, nothing cut without a word."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nis2check.report import csv as our_csv
from nis2check.report.formats import FOLDERS, FORMATS, Format

GOLDEN = Path(__file__).parent / "golden" / "result.json"
NAMES = [one.NAME for one in FORMATS]
PAYLOAD = "=cmd|' /C calc'!A0<script>alert(1)</script>\x1b]0;PWNED\x07\u202egnp::error::`|](x)"
LINES = "\r\nEND:VCALENDAR\r\n::error::\n=1+1\n<script>\u2028\ud800\ufffe\x00]]>"
LONG = "CN=" + "é" * 40_000  # a field of a certificate
ALIVE = ("\x00", "\x07", "\x1b", "\x85", "\u2028", "\u202e")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
MANY = 5000


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def poisoned(document: dict[str, Any], payload: str) -> dict[str, Any]:
    """The same result with a payload in every place that a target, a repository or a user's file can fill."""
    document["body"]["name"] = document["scope"]["name"] = payload
    for one in document["findings"]:
        one["target"]["name"] = one["target"]["address"] = payload
        one["reason"] = payload
        one["facts"] = {f"x.{payload}": payload, "y.list": [payload], "z.map": {payload: [payload]}}
        one["location"] = {"file": payload, "line": 1}
        one["offenders"] = [{"fact": payload, "location": {"file": payload, "line": 2}, "print": payload}]
        one["addresses"] = [{"address": payload, "verdict": one["verdict"], "reason": payload}]
    for gap in document["gaps"]:
        gap |= {"name": payload, "subject": payload, "address": payload, "detail": payload}
    for waiver in document["waivers"]:
        waiver |= dict.fromkeys(("rule", "target", "reason", "author", "approver", "id"), payload)
    for one in document["plan"]["measures"] + document["plan"]["roadmap"]:
        one |= {"owner": payload, "title": {"fr": payload}, "because": {"fr": payload}}
    for one in document["drift"]:
        one |= {"subject": payload, "declared": payload, "observed": [payload]}
    document["imported"] = [
        {
            **dict.fromkeys(("tool", "version", "rule", "title", "message", "resource", "concern", "theme"), payload),
            "severity": "high", "references": [{"source": "nis2", "clause": payload, "strength": "indicator"}],
            "location": {"file": payload, "line": 3}, "duplicate_of": None,
        }
    ]  # fmt: skip
    for rule in document["rules"].values():
        rule |= {key: {"fr": payload} for key in ("title", "why", "impact", "limits")}
        rule["remediation"] = {"fr": payload, payload: payload}
    return document


def parts(data: bytes) -> dict[str, str]:
    """The texts of a file: its members when it is a zip; none of a PDF, which is no text."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
    return {} if data.startswith(b"%PDF") else {"": data.decode("utf-8")}


def rows(data: bytes) -> list[list[str]]:
    text = data.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=";" if ";" in text.splitlines()[0] else ","))


def well_formed(one: Format, data: bytes) -> None:
    """Refuses what its own kind of reader would refuse, and what it would run."""
    for name, text in parts(data).items():
        if name.endswith(".xml") or ("xml" in one.MEDIA and name == ""):
            root = ElementTree.fromstring(text)
            tags = {element.tag.rpartition("}")[2] for element in root.iter()}
            names = {key.rpartition("}")[2] for element in root.iter() for key in element.attrib}
            assert not {"f", "hyperlink", "ddeLink", "script"} & tags
            assert "formula" not in names
    if "json" in one.MEDIA:
        json.loads(data)
    if one.MEDIA.startswith("text/csv"):
        found = rows(data)
        assert {len(row) for row in found} == {len(found[0])}
        assert [cell for row in found for cell in row if cell.startswith(FORMULA)] == []
    if one.MEDIA.startswith("text/calendar"):
        lines = data.split(b"\r\n")
        assert max(len(line) for line in lines) <= 75
        assert lines.count(b"END:VCALENDAR") == lines.count(b"BEGIN:VCALENDAR") == 1
        assert not re.search(rb"[^\r]\n|\r[^\n]", data)
    if "html" in one.MEDIA:
        assert b"<script" not in data.lower()
    if data.startswith(b"%PDF"):
        assert not [mark for mark in (b"/JavaScript", b"/Launch", b"/OpenAction") if mark in data]


@pytest.mark.parametrize("payload", [PAYLOAD, LINES, LONG], ids=["marks", "lines", "long"])
@pytest.mark.parametrize("one", FORMATS, ids=NAMES)
def test_nothing_hostile_is_left_alive(golden: dict[str, Any], one: Format, payload: str) -> None:
    golden["findings"] = golden["findings"][:20]
    hostile = poisoned(golden, payload)
    data = one.render(hostile, "fr")
    well_formed(one, data)
    text = "\n".join(parts(data).values())
    assert [mark for mark in ALIVE if mark in text] == []
    if one.NAME == "json":  # JSON keeps the truth, and escapes what a terminal would obey
        assert json.loads(text) == hostile
        return
    if one.NAME == "markdown":
        plain = re.sub(r"(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)", "", text)  # code spans show, and run nothing
        assert "<script" not in plain.replace("\\<script", "")
    if one.NAME == "github":
        assert [
            line for line in text.splitlines() if line and not line.startswith(("::error", "::warning", "::notice"))
        ] == []


@pytest.mark.parametrize("name", FOLDERS)
def test_nor_in_the_files_of_a_folder(golden: dict[str, Any], name: str) -> None:
    for file, data in FOLDERS[name](poisoned(golden, PAYLOAD), "fr").items():
        assert re.fullmatch(r"[\w-]+\.[a-z]+", file)  # never a name that came from outside
        assert [mark for mark in ALIVE if mark in data.decode()] == []
        if file.endswith(".json"):
            json.loads(data)
        else:
            assert file.endswith(".html") and b"<script" not in data.lower()


@pytest.mark.parametrize("dialect", our_csv.DIALECTS)
def test_every_dialect_guards_against_formulas(golden: dict[str, Any], dialect: str) -> None:
    found = rows(our_csv.render(poisoned(golden, PAYLOAD), "fr", dialect))
    assert len(found) == 1 + len(golden["findings"])
    assert [cell for row in found for cell in row if cell.startswith(FORMULA)] == []


# What shows every finding, and what says that it does not: a format that is in neither must be added on purpose.
WHOLE = {"csv", "json", "xlsx", "ods", "sarif", "junit", "gitlab", "ocsf", "oscal"}
SAYS_LESS = {
    "html": "400 autres, dans les fichiers CSV et JSON",
    "github": "autres écarts ne sont pas annotés",
}
OF_MEASURES = {"ics", "ciso-assistant", "mon-service-securise", "markdown", "pdf"}  # findings are no row of theirs


@pytest.mark.parametrize("one", FORMATS, ids=NAMES)
def test_five_thousand_findings(golden: dict[str, Any], one: Format) -> None:
    template = golden["findings"][1]
    golden["findings"] = [
        template
        | {"id": f"{n:016x}", "rule": f"tls/rule-{n % 700}", "target": template["target"] | {"name": f"h{n}.test:443"}}
        for n in range(MANY)
    ]
    started = time.process_time()
    data = one.render(golden, "fr")
    assert time.process_time() - started < 12  # the aim is 1 s; a loaded runner must not make a false alarm
    well_formed(one, data)
    text = "\n".join(parts(data).values())
    if one.NAME in WHOLE:
        assert {int(n) for n in re.findall(r"h(\d+)\.test", text)} == set(range(MANY))
    elif one.NAME in SAYS_LESS:
        assert SAYS_LESS[one.NAME] in text
        assert len(data) < 5_000_000
    else:
        assert one.NAME in OF_MEASURES
