# SPDX-License-Identifier: EUPL-1.2
"""Evidence as a file, ``nis2check.evidence/1``, and back: a replay needs no other file and gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nis2check import __version__
from nis2check.errors import InputError, Place
from nis2check.files import check, load_json
from nis2check.language import _
from nis2check.model import Evidence, Fact, FactSpec, Gap, Json, Kind, Location, Source, Target, Why

SCHEMA = "nis2check.evidence/1"


def to_document(
    evidence: Evidence,
    *,
    started: str,
    finished: str,
    body: Mapping[str, Json] | None,
    settings: Mapping[str, Json] | None = None,
) -> dict[str, Json]:
    """The evidence/1 document: facts and gaps in a fixed order, so that the same looks give the same bytes.

    ``body`` is the identity as declared; ``settings`` what else of the body's file a judgement depends on (regime, plan).
    """
    facts = [
        {
            "name": f.name,
            "subject": f.subject,
            "address": f.address,
            "value": f.value,
            "source": f.source.value,
            "where": f.where,
            "seen_at": f.seen_at,
        }
        for f in evidence.facts
    ]
    gaps = [
        {
            "name": g.name,
            "subject": g.subject,
            "address": g.address,
            "why": g.why.value,
            "detail": g.detail,
            **({"source": g.source.value, "where": g.where} if g.source is not Source.PROBE else {}),
        }
        for g in evidence.gaps
    ]
    targets = [
        {
            "kind": t.kind.value,
            "name": t.name,
            "location": {"file": t.location.file, "line": t.location.line} if t.location else None,
            "options": dict(t.options),
        }
        for t in evidence.targets
    ]
    return {
        "schema": SCHEMA,
        "tool": {"name": "nis2check", "version": __version__},
        "run": {"started": started, "finished": finished, "complete": evidence.complete},
        "body": dict(body) if body is not None else None,
        "settings": dict(settings or {}),
        "targets": sorted(targets, key=lambda t: (str(t["kind"]), str(t["name"]))),
        "facts": sorted(facts, key=_order),
        "gaps": sorted(gaps, key=_order),
    }


def _order(item: Mapping[str, Json]) -> tuple[str, ...]:
    return (item["subject"], item["name"], item["address"] or "", item.get("source", ""), item.get("where", ""))


def from_document(document: Mapping[str, Json]) -> Evidence:
    """A checked evidence/1 document → Evidence."""
    return Evidence(
        facts=tuple(
            Fact(f["name"], f["subject"], f["value"], Source(f["source"]), f["where"], f["seen_at"], f["address"])
            for f in document["facts"]
        ),
        gaps=tuple(_gap(g) for g in document["gaps"]),
        targets=tuple(_target(t) for t in document.get("targets", [])),
        complete=document["run"].get("complete", True),
    )


def _gap(data: Mapping[str, Json]) -> Gap:
    source = Source(data.get("source", "probe"))
    why = Why(data["why"])
    return Gap(data["name"], data["subject"], why, data["detail"], data["address"], source, data.get("where", ""))


def _target(data: Mapping[str, Json]) -> Target:
    place = data.get("location")
    location = Location(place["file"], place["line"]) if place else None
    return Target(Kind(data["kind"]), data["name"], location, data.get("options", {}))


_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def check_types(data: Mapping[str, Json], specs: Mapping[str, FactSpec], path: Path) -> None:
    """Refuse a value of another type than its fact has: JSON Schema would let most of them pass. Raises InputError.

    A fact that nobody makes any more is kept: no rule reads it.
    """
    for index, fact in enumerate(data["facts"]):
        spec = specs.get(fact["name"])
        if spec is None:
            continue
        kinds = (spec.type,) if isinstance(spec.type, str) else spec.type
        allowed = tuple(python for kind in kinds for python in _PYTHON_TYPES[kind])
        value = fact["value"]
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            what = _("Le fait « {name} » n'a pas le type attendu ({kinds}).").format(
                name=fact["name"], kinds=", ".join(kinds)
            )
            raise InputError(what, place=Place(str(path), None, f"facts[{index}].value"))


def load(path: Path) -> Mapping[str, Json]:
    """Read and check an evidence file. Raises InputError: unreadable, truncated, not evidence, a later major version."""
    document = load_json(path)
    data = document.data
    if not isinstance(data, dict) or not str(data.get("schema", "")).startswith("nis2check.evidence/"):
        raise InputError(
            _("Ce n'est pas un fichier de preuves nis2check (schema : nis2check.evidence/1)."), place=document.place()
        )
    check(document, "evidence")
    return data
