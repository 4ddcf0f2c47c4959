# SPDX-License-Identifier: EUPL-1.2
"""What stands beside the findings: results of other tools, what a baseline knew, what a change left out. Shared by formats.

Sentences are ours; what `Group` holds is foreign text, to be cleaned for the medium.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nis2check.language import _, plural
from nis2check.model import Json, Severity

_RANKS = {word.value: word.rank for word in Severity}


@dataclass(frozen=True, slots=True)
class Group:
    """The results of one rule of another tool, without those that a finding of ours tells already."""

    tool: str
    rule: str
    title: str
    severity: str
    references: Sequence[Mapping[str, Json]]
    rows: tuple[Mapping[str, Json], ...]


def groups(document: Mapping[str, Json]) -> list[Group]:
    """One a tool and rule, worst first, then the most frequent."""
    found: dict[tuple[str, str], list[Mapping[str, Json]]] = {}
    for row in document["imported"]:
        if not row.get("duplicate_of"):
            found.setdefault((row["tool"], row["rule"]), []).append(row)
    out = [
        Group(tool, rule, rows[0]["title"], rows[0]["severity"], rows[0]["references"], tuple(rows))
        for (tool, rule), rows in found.items()
    ]
    return sorted(out, key=lambda one: (_RANKS.get(one.severity, 9), -len(one.rows), one.tool.lower(), one.rule))


def places(group: Group) -> list[str]:
    """``main.tf:12`` or a cloud resource, of each result, each once."""
    told = ["{file}:{line}".format(**row["location"]) if row["location"] else row["resource"] for row in group.rows]
    return list(dict.fromkeys(one for one in told if one))


def imported(document: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Of each tool: its name (foreign), and our sentence on what it gave."""
    tools: dict[str, list[Mapping[str, Json]]] = {}
    for row in document["imported"]:
        tools.setdefault(row["tool"], []).append(row)
    return [(tool, _counted(rows)) for tool, rows in sorted(tools.items(), key=lambda item: item[0].lower())]


def _counted(rows: Sequence[Mapping[str, Json]]) -> str:
    same = sum(bool(row.get("duplicate_of")) for row in rows)
    bare = sum(not row["references"] for row in rows)
    told = [plural("{n} constat", "{n} constats", len(rows))]
    if same:
        told.append(plural("{n} déjà compté ici", "{n} déjà comptés ici", same))
    if bare:
        told.append(plural("{n} sans mesure correspondante", "{n} sans mesure correspondante", bare))
    return ", ".join(told)


def base(document: Mapping[str, Json]) -> str:
    """The revision that a change was told from; empty when the whole was judged. Foreign text."""
    return str(document["diff"]["base"]) if "diff" in document else ""


def adoption(document: Mapping[str, Json], base: str) -> list[str]:
    """Sentences on a change alone judged, ``base`` being its revision made clean, and on what was known before."""
    told = []
    if "diff" in document:
        files = plural("{n} fichier touché", "{n} fichiers touchés", len(document["diff"]["files"]))
        told.append(_("Seul le changement depuis {base} a été jugé : {files}.").format(base=base, files=files))
    if "baseline" in document:
        known = document["baseline"]
        told.append(
            _("Par rapport à la référence : {new}, {known}, {fixed}, {gone}.").format(
                new=plural("{n} nouveau", "{n} nouveaux", len(known["new"])),
                known=plural("{n} déjà connu", "{n} déjà connus", len(known["known"])),
                fixed=plural("{n} corrigé", "{n} corrigés", len(known["fixed"])),
                gone=plural("{n} disparu des fichiers", "{n} disparus des fichiers", len(known["gone"])),
            )
        )
    return told


def is_known(one: Mapping[str, Json]) -> bool:
    """Whether a finding was there before a baseline was written."""
    return bool(one.get("known"))
