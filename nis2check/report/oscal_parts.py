# SPDX-License-Identifier: EUPL-1.2
"""What the three OSCAL documents share: metadata, identifiers, and text as OSCAL's datatypes want it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nis2check.language import say
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import identifiers, words

VERSION = "1.2.3"  # of OSCAL
NAMESPACE = "urn:nis2check:oscal"  # of our props
LONGEST = 4_000  # characters of a text

Document = Mapping[str, Json]


def metadata(document: Document, title: str, lang: str) -> dict[str, Json]:
    """The head of a document; its time is that of the run, so that the same result gives the same bytes."""
    tool = document["tool"]
    out: dict[str, Json] = {
        "title": text(title, lang),
        "last-modified": moment(document["run"]["finished"]),
        "version": text(f"{tool['version']} {tool['rules']['version']}"),
        "oscal-version": VERSION,
        "remarks": text(words.spoken(document["notice"], lang), lang),
    }
    if document["body"]:
        name = text(document["body"]["name"])
        out["parties"] = [{"uuid": identifiers.of(document, "party"), "type": "organization", "name": name}]
    return out


def text(value: object, lang: str = "") -> str:
    """One line without space at its ends, never empty (datatypes ``string`` and ``markup-line``)."""
    said = say(str(value), lang) if lang else value
    return clean(said, Medium.SARIF, longest=LONGEST).strip() or "–"


def moment(value: str) -> str:
    """``dateTime-with-timezone``, in UTC."""
    return identifiers.utc(str(value)).strftime("%Y-%m-%dT%H:%M:%SZ")


def token(*parts: str) -> str:
    """An id that begins with a letter and holds none but letters, digits, dots, hyphens, underscores (datatype ``token``)."""
    joined = re.sub(r"[^A-Za-z0-9._-]", "_", "-".join(parts))[:200]
    return joined if re.match(r"[A-Za-z_]", joined) else f"_{joined}"


def control(document: Document, measure: str) -> str:
    """The id of a measure in the catalog: ``recyf-8.1``; the part that is assessed ends in ``_obj``."""
    return token(str(document["framework"]["id"]), measure)


def prop(name: str, value: object) -> dict[str, str]:
    return {"name": name, "ns": NAMESPACE, "value": text(value)}
