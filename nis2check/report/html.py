# SPDX-License-Identifier: EUPL-1.2
"""The report as one HTML file: no script, no outside asset, a Content-Security-Policy that says so (facts ux 5.2, 6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nis2check import emblem, files
from nis2check.language import speaking
from nis2check.model import Json
from nis2check.report import beside, curve, findings, pages, timeline
from nis2check.report.findings import Group
from nis2check.report.pages import MOST_GROUPS, MOST_TARGETS

NAME = "html"
SUFFIX = ".html"
MEDIA = "text/html; charset=utf-8"

# Findings beyond which the page is a summary: each rule shows its first targets, the tables hold the rest.
MANY = 1_000
MOST_TARGETS_OF_MANY = 5
A_PAGE = 1_000  # findings of one page of a folder


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """The whole page. The same document and language give the same bytes."""
    with speaking(lang):
        values = page_values(document, lang)
    return pages.render("report.html.j2", lang, values)


def documents(document: Mapping[str, Json], lang: str) -> dict[str, bytes]:
    """A folder: the report as ``index.html``, and every gap and unknown finding in pages of `A_PAGE` beside it."""
    with speaking(lang):
        groups = findings.groups(document, (*findings.GAPS, "unknown"))
        sheets = _sheets(groups)
        details = {
            (group.rule, group.verdict): f"{_name(number)}#{_anchor(place)}"
            for number, sheet in reversed(list(enumerate(sheets, 1)))  # the first page of a group that spans several
            for place, group in sheet
        }
        whole = page_values(document, lang) | {"details": details}
    made = {"index.html": pages.render("report.html.j2", lang, whole)}
    for number, sheet in enumerate(sheets, 1):
        values = {"document": document, "sheet": [(_anchor(place), group) for place, group in sheet], "number": number}
        values |= {
            "before": _name(number - 1) if number > 1 else "",
            "after": _name(number + 1) if number < len(sheets) else "",
        }
        made[_name(number)] = pages.render("detail.html.j2", lang, values | {"pages_in_all": len(sheets)})
    return made


def _sheets(groups: Sequence[Group]) -> list[list[tuple[int, Group]]]:
    """Groups with their places, cut into pages of `A_PAGE` findings; a large group goes on over the next pages."""
    out: list[list[tuple[int, Group]]] = []
    room = 0
    for place, group in enumerate(groups, 1):
        left = group.members
        while left:
            if room == 0:
                out.append([])
                room = A_PAGE
            out[-1].append((place, replace(group, members=left[:room])))
            room, left = max(0, room - len(left)), left[room:]
    return out


def _name(number: int) -> str:
    return f"constats-{number}.html"


def _anchor(place: int) -> str:
    return f"r{place}"


def page_values(document: Mapping[str, Json], lang: str) -> dict[str, Any]:
    """What the template of the report wants. Call it inside ``speaking(lang)``."""
    import hashlib

    return sections(document, lang) | {"sha256": hashlib.sha256(files.canonical(emblem.as_read(document))).hexdigest()}


def sections(document: Mapping[str, Json], lang: str) -> dict[str, Any]:
    """What the templates of the report show, already sorted and grouped. Call it inside ``speaking(lang)``."""
    gaps = findings.groups(document, findings.GAPS)
    many = len(document["findings"]) > MANY
    return {
        "document": document,
        "beside": beside,
        "many": many,
        "most_targets": MOST_TARGETS_OF_MANY if many else MOST_TARGETS,
        "exposures": findings.exposures(document),
        "gaps": gaps,
        "anchors": {(group.rule, group.verdict): f"c{place}" for place, group in enumerate(gaps[:MOST_GROUPS], 1)},
        "unknown": findings.groups(document, ("unknown",)),
        "to_attest": findings.by_objective(document, "to_attest"),
        "passed": findings.groups(document, ("pass",)),
        "not_applicable": findings.groups(document, ("not_applicable",)),
        "unseen": findings.gaps_by_why(document),
        "objectives": findings.objectives(document),
        "families": findings.families(document),
        "trend": curve.draw(document.get("trend") or (), lang),
        **planned(document["plan"], lang),
    }


def planned(plan: Mapping[str, Json], lang: str) -> dict[str, Any]:
    """What the template of the plan shows."""
    return {"timeline": timeline.draw(plan, lang), "roadmap": _periods(plan["roadmap"])}


def _periods(roadmap: list[Mapping[str, Json]]) -> list[tuple[str, list[Mapping[str, Json]]]]:
    """The measures that come after the first six months, by period, the nearest first."""
    out: dict[str, list[Mapping[str, Json]]] = {}
    for one in roadmap:
        out.setdefault(str(one["period"]), []).append(one)
    return sorted(out.items(), key=lambda item: findings.natural(item[0]))
