# SPDX-License-Identifier: EUPL-1.2
"""A legal regime as loaded: dated data of one YAML file, or of a file that states its differences with another (``extends``).

No nature of body and no number is known to this code: a new law is one more file under ``policies/law/``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from nis2check.errors import InputError
from nis2check.files import Document, check, load_yaml, shipped
from nis2check.language import _
from nis2check.model import Category, Json, Text
from nis2check.printing import date

DEFAULT = "senate-2025"
REGISTER_FACTS = frozenset({"population", "largest_commune"})  # known of a body though it declares nothing
AS_ASKED = "as_asked"  # the text names no notion of population: the reader chooses, both are computed


@dataclass(frozen=True, slots=True)
class Comparison:
    """One fact against one value. ``when_missing`` is what an absent fact gives: None (cannot tell) or False."""

    fact: str
    operator: str  # > >= < <= = any_of
    value: Json  # any_of: a frozenset
    unit: str
    notion: str  # totale, municipale, or AS_ASKED
    reference: Mapping[str, str]
    when_missing: bool | None


@dataclass(frozen=True, slots=True)
class AllOf:
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    tests: tuple[Test, ...]


Test = Comparison | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class RegimeClause:
    """One heading of the law. ``natures`` empty: any body. ``since`` and ``until`` are ISO dates, empty when open."""

    id: str
    clause: str
    natures: tuple[str, ...]
    category: Category
    confidence: str
    test: Test | None
    text: Text
    note: Text | None  # what a reader must know when the clause is cited
    references: tuple[Mapping[str, str], ...]
    residual: bool  # reads "other than those of the essential heading": never a second heading of its own
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Obligation:
    """What follows from a category. ``natures`` empty: for any body."""

    id: str
    categories: tuple[Category, ...]
    natures: tuple[str, ...]
    clause: str
    confidence: str
    text: Text


Item = TypeVar("Item", bound=RegimeClause | Obligation)


@dataclass(frozen=True, slots=True)
class Regime:
    """A regime ready to judge. ``clauses_of`` gives each nature its clauses, in the order of the file; ``plain_clauses_of``
    those that can be met by a body that declares nothing (36 000 bodies are judged in a second: most clauses are of no use)."""

    id: str
    title: Text
    state: str  # draft, enacted, hypothetical
    dates: Mapping[str, str | None]
    checked_on: str
    legal_status: Mapping[str, str]  # text (English), text_fr, as_of, source, confidence where the file has one
    hysteresis: int  # vintages that a new side of a threshold must last before it counts; 0: at once
    activities: Mapping[str, Mapping[str, Text]]
    clauses: tuple[RegimeClause, ...]
    clauses_of: Mapping[str, tuple[RegimeClause, ...]]
    plain_clauses_of: Mapping[str, tuple[RegimeClause, ...]]
    clauses_of_any: tuple[RegimeClause, ...]
    obligations: tuple[Obligation, ...]


def known() -> tuple[str, ...]:
    """The ids of the shipped regimes, the default first."""
    folder = shipped("policies") / "law"
    ids = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))
    return tuple(sorted(ids, key=lambda one: (one != DEFAULT, one.startswith("what-if/"), one)))


@lru_cache(maxsize=32)
def load(name: str) -> Regime:
    """The regime of an id, or of a YAML file of the user's (a name ending in ``.yaml``: checked against its schema).

    Raises InputError: unknown id, fault of the file, overlapping dates, a number without reference, a cycle.
    """
    return _load(name, ())


def _load(name: str, chain: tuple[str, ...]) -> Regime:
    if name in chain:
        raise InputError(_("Régimes en boucle : {chain}.").format(chain=" → ".join((*chain, name))))
    document = _dated(_read(name))
    parent = document.data.get("extends")
    if parent is None:
        return _build(name, document, None)
    beside = str(Path(name).parent / parent) if name.endswith(".yaml") and parent.endswith(".yaml") else parent
    # A shipped parent is loaded once for all its children; a chain is only followed to find a cycle.
    return _build(name, document, load(beside) if beside == DEFAULT else _load(beside, (*chain, name)))


def _read(name: str) -> Document:
    if name.endswith(".yaml"):
        document = load_yaml(name)
        check(document, "regime")
        return document
    ids = known()
    if name not in ids:
        near = difflib.get_close_matches(name, ids, 1)
        advice = _("Vouliez-vous dire « {near} » ?").format(near=near[0]) if near else ""
        what = _("Régime inconnu : « {name} » ; connus : {ids}.").format(name=name, ids=", ".join(ids))
        raise InputError(what, advice=advice)
    return load_yaml(shipped("policies") / "law" / f"{name}.yaml", name=f"policies/law/{name}.yaml", ours=True)


def _dated(document: Document) -> Document:
    """The file with ``{as_of}`` in its texts filled by the date of its own legal status, in words. A child keeps the
    dates of what it inherits: what its parent says was read on the day of its parent."""
    day = document.data["legal_status"]["as_of"]

    def filled(item: Json) -> Json:
        if isinstance(item, list):
            return [filled(one) for one in item]
        if not isinstance(item, dict):
            return item
        if isinstance(item.get("fr"), str):
            return {lang: text.replace("{as_of}", date(day, lang)) for lang, text in item.items()}
        return {key: filled(one) for key, one in item.items()}

    return replace(document, data=filled(document.data))


def _replaced(inherited: Sequence[Item], own: Sequence[Item]) -> tuple[Item, ...]:
    """The items of a parent, those of the same id replaced where they stand, the new ones at the end."""
    by_id: dict[str, list[Item]] = {}
    for item in own:
        by_id.setdefault(item.id, []).append(item)
    out: list[Item] = []
    for item in inherited:
        out += by_id.pop(item.id, [item])
    return (*out, *(item for items in by_id.values() for item in items))


def _inherited(parent: Regime, document: Document) -> tuple[RegimeClause, ...]:
    """The clauses of a parent but those that the child leaves out."""
    left_out = set(document.data.get("without", ()))
    unknown = left_out - {clause.id for clause in parent.clauses}
    if unknown:
        what = _("Clause inconnue de {parent} : {ids}.").format(parent=parent.id, ids=", ".join(sorted(unknown)))
        raise InputError(what, place=document.place(("without",)))
    return tuple(clause for clause in parent.clauses if clause.id not in left_out)


def _build(name: str, document: Document, parent: Regime | None) -> Regime:
    data: Mapping[str, Json] = document.data
    activities: Mapping[str, Mapping[str, Text]] = data.get("activities") or (parent.activities if parent else {})
    own = tuple(_clause(item, activities, document) for item in data["clauses"])
    _refuse_overlaps(own, document)
    clauses = _replaced(_inherited(parent, document), own) if parent else own
    duties = tuple(_obligation(item) for item in data.get("obligations", []))
    natures = dict.fromkeys(nature for clause in clauses for nature in clause.natures)
    declared = {clause.id for clause in clauses if _needs_declaration(clause.test)}
    clauses_of = {n: tuple(c for c in clauses if not c.natures or n in c.natures) for n in natures}
    return Regime(
        id=Path(name).name if name.endswith(".yaml") else name,  # a result never holds a path of the user's machine
        title=data["title"],
        state=data["state"],
        dates=data["dates"],
        checked_on=data["checked_on"],
        legal_status=_status(data["legal_status"]),
        hysteresis=data.get("hysteresis", parent.hysteresis if parent else 0),
        activities=activities,
        clauses=clauses,
        clauses_of=clauses_of,
        plain_clauses_of={n: tuple(c for c in each if c.id not in declared) for n, each in clauses_of.items()},
        clauses_of_any=tuple(c for c in clauses if not c.natures),
        obligations=_replaced(parent.obligations, duties) if parent else duties,
    )


def _status(item: Mapping[str, Json]) -> Mapping[str, str]:
    text: Text = item["text"]
    return {
        "text": text.get("en", text["fr"]),
        "text_fr": text["fr"],
        "as_of": item["as_of"],
        "source": item["source"],
        **({"confidence": item["confidence"]} if "confidence" in item else {}),
    }


def _clause(item: Mapping[str, Json], activities: Mapping[str, Mapping[str, Text]], document: Document) -> RegimeClause:
    test = item.get("test")
    return RegimeClause(
        id=item["id"],
        clause=item["clause"],
        natures=() if item["natures"] == "any" else tuple(item["natures"]),
        category=Category(item["category"]),
        confidence=item["confidence"],
        test=None if test is None else _test(test, activities, item["id"], document),
        text=item["text"],
        note=item.get("note"),
        references=tuple(item.get("references", ())),
        residual=item.get("residual", False),
        since=item.get("from") or "",
        until=item.get("until") or "",
    )


def _test(item: Json, activities: Mapping[str, Mapping[str, Text]], clause: str, document: Document) -> Test:
    if "all" in item:
        return AllOf(tuple(_test(one, activities, clause, document) for one in item["all"]))
    if "any" in item:
        return AnyOf(tuple(_test(one, activities, clause, document) for one in item["any"]))
    value = item["value"]
    if type(value) is int and not item.get("reference"):
        what = _("Clause « {clause} » : le nombre {value} n'a pas de référence.").format(clause=clause, value=value)
        raise InputError(what, place=document.place())
    if item["operator"] == "any_of":
        value = frozenset(_listed(value, activities))
    return Comparison(
        fact=item["fact"],
        operator=item["operator"],
        value=value,
        unit=item.get("unit", ""),
        notion=item.get("notion", AS_ASKED),
        reference=item.get("reference", {}),
        when_missing=False if item.get("when_missing") == "not_met" else None,
    )


def _listed(value: Json, activities: Mapping[str, Mapping[str, Text]]) -> Iterator[str]:
    """The activities of a list, of a named group, or of all groups (``sectors``)."""
    if isinstance(value, list):
        yield from value
        return
    for group, members in activities.items():
        if value in {group, "sectors"}:
            yield from members


def _needs_declaration(test: Test | None) -> bool:
    """True when the test is not met, whatever the figures, by a body that declares no fact and no activity."""
    if isinstance(test, Comparison):
        return test.when_missing is False and test.fact not in REGISTER_FACTS
    if isinstance(test, AllOf):
        return any(_needs_declaration(one) for one in test.tests)
    return isinstance(test, AnyOf) and all(_needs_declaration(one) for one in test.tests)


def _refuse_overlaps(clauses: Sequence[RegimeClause], document: Document) -> None:
    """One clause may stand several times, for periods that do not meet."""
    periods: dict[str, list[tuple[str, str]]] = {}
    for clause in clauses:
        since, until = clause.since or "0000-00-00", clause.until or "9999-99-99"
        if since > until:
            what = _("Clause « {clause} » : elle finit avant de commencer.").format(clause=clause.id)
            raise InputError(what, place=document.place(("clauses",)))
        for other_since, other_until in periods.setdefault(clause.id, []):
            if since <= other_until and other_since <= until:
                what = _("Clause « {clause} » : deux périodes se chevauchent.").format(clause=clause.id)
                raise InputError(what, place=document.place(("clauses",)))
        periods[clause.id].append((since, until))


def _obligation(item: Mapping[str, Json]) -> Obligation:
    categories = tuple(Category(word) for word in item["categories"])
    natures = tuple(item.get("natures", ()))
    return Obligation(item["id"], categories, natures, item["clause"], item["confidence"], item["text"])
