# SPDX-License-Identifier: EUPL-1.2
"""Results of other tools → the ``imported`` rows of a result. Pure.

Apart from our own findings and never judged by us: they change no verdict, no total and no exit code. The same result given
twice is one row; one that tells what a finding of ours tells at the same place names that finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from nis2check.imports.foreign import Foreign
from nis2check.imports.table import Table, own_clauses
from nis2check.model import Json, Severity

MOST = 100_000  # rows of one result
TIGHT = 3  # lines of a region that names the fault itself; a wider one names the whole resource

_GAPS = {"fail", "partial"}


def rows(found: Iterable[Foreign], document: Mapping[str, Json], table: Table, root: str) -> list[dict[str, Json]]:
    """The rows, worst first. ``root`` is the absolute POSIX path of the examined folder, to make paths relative to it."""
    ours = _Ours(document, table)
    folder = document.get("folder", "")
    kept = list(dict.fromkeys(_ready(one, table, root, folder) for one in found))
    kept.sort(
        key=lambda one: (one.severity.rank, one.tool.lower(), one.rule, one.file, one.line, one.resource, one.message)
    )
    return [_row(one, table, ours) for one in kept[:MOST]]


def _ready(one: Foreign, table: Table, root: str, folder: str) -> Foreign:
    ranked = one.scored or one.tool.lower() not in table.unranked
    return replace(one, file=relative(one.file, root, folder), severity=one.severity if ranked else Severity.MEDIUM)


def relative(file: str, root: str, folder: str = "") -> str:
    """A path as our findings have it: POSIX, relative, without ``./``. One outside of the folder stays as it is; a tool that
    ran above it (``folder``, seen from there) names it from there."""
    path = urlsplit(file).path if file.startswith("file:") else file
    path = path.replace("\\", "/")
    if root and path.startswith(root.rstrip("/") + "/"):
        path = path[len(root.rstrip("/")) + 1 :]
    plain = "/".join(part for part in path.split("/") if part not in {"", "."})
    return plain.removeprefix(f"{folder}/") if folder else plain


def _row(one: Foreign, table: Table, ours: _Ours) -> dict[str, Json]:
    concern = table.concern(one)
    theme = table.theme(concern)
    references: Sequence[Mapping[str, Json]] = table.themes[theme].references if theme else own_clauses(one.clauses)
    return {
        "tool": one.tool,
        "version": one.version,
        "rule": one.rule,
        "title": one.title,
        "message": one.message,
        "severity": one.severity.value,
        "location": {"file": one.file, "line": max(1, one.line)} if one.file else None,
        "resource": one.resource,
        "concern": concern,
        "theme": theme,
        "references": [dict(reference) for reference in references],
        "duplicate_of": ours.same(one, concern),
    }


class _Ours:
    """Our own gaps by file, with their concern and lines."""

    def __init__(self, document: Mapping[str, Json], table: Table) -> None:
        self._by_file: dict[str, list[tuple[str, str, int]]] = {}  # file → (concern, id, line)
        for one in document["findings"]:
            says = document["rules"].get(one["rule"])
            if one["verdict"] not in _GAPS or says is None:
                continue
            concern = table.told(one["rule"], says["title"].get("en", ""))
            places = [part["location"] for part in one.get("offenders", ())] or [one["location"]]
            for place in places:
                place = place or one["location"]
                if place and concern:
                    self._by_file.setdefault(place["file"], []).append((concern, one["id"], place["line"]))

    def same(self, one: Foreign, concern: str) -> str | None:
        """The id of our finding of the same concern at the same lines of the same file; None when there is none."""
        for ours, id_, line in self._by_file.get(one.file, ()):
            if concern and ours == concern and _meets(one, line):
                return id_
        return None


def _meets(one: Foreign, line: int) -> bool:
    """Whether our line is in their region, give or take a line where the region names the fault and not a whole resource."""
    if one.line == 0:
        return True
    loose = 1 if one.end - one.line < TIGHT else 0
    return one.line - loose <= line <= max(one.line, one.end) + loose
