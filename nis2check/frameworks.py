# SPDX-License-Identifier: EUPL-1.2
"""Frameworks as data: ReCyF and NIS 2, their objectives, measures and links. ``policies/frameworks/*.yaml`` in, values out.

Rules, attestations, plan and reports all name measures, so this stands beside ``files``, under every room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from nis2check.errors import InputError
from nis2check.files import load_yaml, shipped
from nis2check.language import _
from nis2check.model import Category, Json, Severity, Text

RECYF = "recyf-2.5"
FAMILIES = ("governance", "protection", "defence", "resilience")

# Who answers a measure or leads an action.
ROLES: Mapping[str, Text] = {
    "dsi": {"fr": "DSI", "en": "IT department"},
    "dgs": {"fr": "DGS", "en": "Chief executive"},
    "outsourcer": {"fr": "Infogérant", "en": "Outsourcer"},
    "hr": {"fr": "RH", "en": "HR"},
}


@dataclass(frozen=True, slots=True)
class Link:
    """Clauses of another text that a measure or objective corresponds to. ``source`` "own" means: our own reading."""

    to: str  # nis2, reg-2024-2690, iso-27001, iso-27002, anssi-hygiene
    clauses: tuple[str, ...]
    source: str  # a key of Framework.sources
    confidence: str  # A official, B secondary, C to be confirmed


@dataclass(frozen=True, slots=True)
class Measure:
    """One means of conformity, in our own words. ``position`` is its place in the framework: the order of last resort."""

    id: str
    objective: str
    family: str
    title: Text
    group: str  # "EI/EE": important and essential entities; "EE": essential only
    severity: Severity  # of its absence
    position: int
    doubt: Text | None  # why its group is not sure
    who: str  # who usually answers: dsi, dgs, outsourcer, hr; "" when nobody is asked
    effort_days: float  # ours
    proof: Text  # what counts as proof; empty when nobody is asked
    every_months: int | None  # a frequency that the framework itself sets
    validity_months: int  # how long an answer without an end date holds
    cyberdepart: int | None  # rank among ANSSI's 13 first actions
    monaidecyber: int | None  # rank in MonAideCyber's order, by our own correspondence
    needs: tuple[str, ...]  # measures to do first
    links: tuple[Link, ...]
    confidence: str  # how sure our words for it are: A, B or C; "" when its file does not say

    def applies(self, category: Category) -> bool:
        """Whether an entity of this category must look at it. A body out of scope has no measure; an undecided one is
        taken as important, since every measure of an important entity is asked of an essential one too."""
        if category is Category.OUT_OF_SCOPE:
            return False
        return self.group == "EI/EE" or category is Category.ESSENTIAL


@dataclass(frozen=True, slots=True)
class Objective:
    id: str
    title: Text
    family: str  # one of FAMILIES
    group: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework as loaded; both mappings are in the order of the text."""

    id: str
    name: Text
    version: str
    published: str
    status: Text
    notice: Text
    sources: Mapping[str, Mapping[str, str]]
    objectives: Mapping[str, Objective]
    measures: Mapping[str, Measure]

    def applicable(self, category: Category) -> tuple[Measure, ...]:
        return tuple(measure for measure in self.measures.values() if measure.applies(category))


def ids() -> tuple[str, ...]:
    """The shipped frameworks, by name."""
    return tuple(sorted(path.stem for path in (shipped("policies") / "frameworks").glob("*.yaml")))


@lru_cache(maxsize=8)
def load(framework_id: str = RECYF) -> Framework:
    """A shipped framework. Raises InputError when no file has this id. The file is schema-checked by tests, not here."""
    if framework_id not in ids():
        what = _("Référentiel inconnu : {id}.").format(id=framework_id)
        raise InputError(what, advice=_("Référentiels connus : {ids}.").format(ids=", ".join(ids())))
    data = load_yaml(shipped("policies") / "frameworks" / f"{framework_id}.yaml", ours=True).data
    measures: dict[str, Measure] = {}
    for objective in data["objectives"]:
        for item in objective["measures"]:
            measures[item["id"]] = _measure(item, objective, data, len(measures))
    return Framework(
        id=data["id"],
        name=data["name"],
        version=data["version"],
        published=data["published"],
        status=data["status"],
        notice=data["notice"],
        sources=data["sources"],
        objectives={item["id"]: _objective(item) for item in data["objectives"]},
        measures=measures,
    )


def _objective(item: Json) -> Objective:
    return Objective(item["id"], item["title"], item["family"], item["for"], _links(item))


def _measure(item: Json, objective: Json, data: Json, position: int) -> Measure:
    severities = data.get("severity", {"default": "medium", "cyberdepart": "high"})
    every = item.get("every_months")
    return Measure(
        id=item["id"],
        objective=objective["id"],
        family=objective["family"],
        title=item["title"],
        group=item["for"],
        severity=Severity(severities["cyberdepart" if "cyberdepart" in item else "default"]),
        position=position,
        doubt=item.get("doubt"),
        who=item.get("who", ""),
        effort_days=float(item.get("effort_days", 0)),  # the loader keeps 0.5 as text: only integers are implicit
        proof=item.get("proof", {}),
        every_months=every,
        validity_months=every or data.get("validity_months", 12),
        cyberdepart=item.get("cyberdepart"),
        monaidecyber=item.get("monaidecyber"),
        needs=tuple(item.get("needs", ())),
        links=_links(item),
        confidence=item.get("confidence", ""),
    )


def _links(item: Json) -> tuple[Link, ...]:
    return tuple(
        Link(link["to"], tuple(link["clauses"]), link["source"], link["confidence"]) for link in item.get("links", ())
    )
