# SPDX-License-Identifier: EUPL-1.2
"""What a regime says of a body on a day: a pure function of values, in three-valued logic.

A clause is met, not met, or cannot be told for lack of a fact. An essential heading beats an important one (directive (EU)
2022/2555, art. 3(2)); an unknown heading that would beat what is known makes the answer undecided, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt

from nis2check.language import pick
from nis2check.law.regime import AS_ASKED, AnyOf, Comparison, Regime, RegimeClause, Test
from nis2check.model import Body, Category, Clause, Json, Scope, Text

NOTIONS = ("totale", "municipale")

_OPERATORS: Mapping[str, Callable[[Json, Json], bool]] = {
    ">": gt,
    ">=": ge,
    "<": lt,
    "<=": le,
    "=": eq,
    "any_of": lambda known, wanted: not wanted.isdisjoint(known),
}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a regime says under one notion of population."""

    category: Category
    because: tuple[RegimeClause, ...]
    met: bool | None  # of all of them: met, tried in vain, or they cannot be told
    lesser: tuple[RegimeClause, ...]  # headings met that a stronger one beats
    missing: tuple[str, ...]


def decide(body: Body, regime: Regime, notion: str = "totale", on: str = "", strict: bool = False) -> Scope:
    """The category of a body under a regime on an ISO date. ``notion`` decides; both are computed.

    ``strict``: two notions that disagree make it undecided rather than a note.
    """
    opinions = {one: opinion(body, regime, one, on) for one in NOTIONS}
    chosen = opinions[notion]
    by_notion = {one: each.category for one, each in opinions.items()}
    disagree = by_notion["totale"] != by_notion["municipale"]
    category = Category.UNDECIDED if strict and disagree else chosen.category
    notes = list(body.notes)
    if disagree:
        notes.append(_disagreement(by_notion, notion, strict))
    notes.extend(map(_second_heading, chosen.lesser))
    for clause in chosen.because:
        if clause.note and clause.note not in notes:
            notes.append(clause.note)
    start = regime.dates.get("from")
    if start and on and on < start:
        notes.append(_not_yet(start))
    if body.nature not in regime.clauses_of:
        notes.append(_UNKNOWN_NATURE)
    missing = chosen.missing if chosen.missing or not (strict and disagree) else ("population_notion",)
    return Scope(
        body=body,
        regime=regime.id,
        as_of=on,
        category=category,
        by_notion=by_notion,
        because=tuple([Clause(c.clause, c.text, c.confidence, chosen.met, c.id) for c in chosen.because]),
        missing=missing,
        notes=tuple(notes),
        legal_status=regime.legal_status,
    )


def opinion(body: Body, regime: Regime, notion: str, on: str) -> Opinion:
    """The category under one notion, the clauses that make it, and the facts that lack."""
    met: list[RegimeClause] = []
    unknown: list[RegimeClause] = []
    failed: list[RegimeClause] = []
    clauses_of = regime.clauses_of if body.facts or body.activities else regime.plain_clauses_of
    for clause in clauses_of.get(body.nature, regime.clauses_of_any):
        if (clause.since and on < clause.since) or (clause.until and on > clause.until):
            continue
        answer = True if clause.test is None else holds(clause.test, body, notion)
        if answer:
            met.append(clause)
        elif answer is None:
            unknown.append(clause)
        elif clause.natures:
            failed.append(clause)
    if met or unknown:
        return _weighed(met, unknown, body, notion)
    if body.nature not in regime.clauses_of:
        return Opinion(Category.UNDECIDED, (), None, (), ("nature",))
    return Opinion(Category.OUT_OF_SCOPE, tuple(failed), False, (), ())


def _weighed(met: Sequence[RegimeClause], unknown: Sequence[RegimeClause], body: Body, notion: str) -> Opinion:
    """The strongest heading that is met, unless a stronger one is open."""
    for category in (Category.ESSENTIAL, Category.IMPORTANT):
        because = tuple(c for c in met if c.category is category)
        if because:
            beaten = category is Category.ESSENTIAL
            lesser = tuple(c for c in met if beaten and c.category is Category.IMPORTANT and not c.residual)
            return Opinion(category, because, True, lesser, ())
        if any(c.category is category for c in unknown):
            return _undecided(unknown, body, notion)
    if not met:
        return _undecided(unknown, body, notion)
    return Opinion(Category.UNDECIDED, tuple(met), None, (), ())


def _undecided(clauses: Sequence[RegimeClause], body: Body, notion: str) -> Opinion:
    missing = dict.fromkeys(
        fact for clause in clauses if clause.test is not None for fact in _lacking(clause.test, body, notion)
    )
    return Opinion(Category.UNDECIDED, tuple(clauses), None, (), tuple(missing))


def holds(test: Test, body: Body, notion: str) -> bool | None:
    """Kleene's logic: None is a fact that lacks and could change the answer."""
    if isinstance(test, Comparison):
        known = fact(body, test.fact, notion if test.notion == AS_ASKED else test.notion)
        return test.when_missing if known is None else _OPERATORS[test.operator](known, test.value)
    decisive = isinstance(test, AnyOf)
    answers = [holds(one, body, notion) for one in test.tests]
    if decisive in answers:
        return decisive
    return None if None in answers else not decisive


def fact(body: Body, name: str, notion: str) -> Json:
    """A fact of a body under a notion; None when unknown. A mapping of facts by notion is read at that notion."""
    if name == "population":
        return body.population.get(notion)
    if name == "largest_commune":
        return body.largest_commune.get(notion)
    if name == "activities":
        return body.activities or None
    value = body.facts.get(name)
    return value.get(notion) if isinstance(value, Mapping) else value


def comparisons(test: Test) -> Sequence[Comparison]:
    """The leaves of a test, in the order of the file."""
    if isinstance(test, Comparison):
        return (test,)
    return [leaf for one in test.tests for leaf in comparisons(one)]


def _lacking(test: Test, body: Body, notion: str) -> Sequence[str]:
    """The facts whose absence leaves a test open; a part that is already settled lacks nothing."""
    if not isinstance(test, Comparison):
        open_parts = [one for one in test.tests if holds(one, body, notion) is None]
        return [name for one in open_parts for name in _lacking(one, body, notion)]
    return [test.fact]


_WORDS: Mapping[Category, Text] = {
    Category.ESSENTIAL: {"fr": "entité essentielle", "en": "essential entity"},
    Category.IMPORTANT: {"fr": "entité importante", "en": "important entity"},
    Category.OUT_OF_SCOPE: {"fr": "hors du champ", "en": "out of scope"},
    Category.UNDECIDED: {"fr": "indéterminé", "en": "undecided"},
}
_UNKNOWN_NATURE: Text = {
    "fr": "Ce régime ne dit rien de cette nature d'organisme.",
    "en": "This regime says nothing of this nature of body.",
}


def words(category: Category) -> Text:
    """A category in words."""
    return _WORDS[category]


def _disagreement(by_notion: Mapping[str, Category], notion: str, strict: bool) -> Text:
    one, other = (_WORDS[by_notion[name]] for name in NOTIONS)
    ending = {
        "fr": "rien n'est tranché." if strict else f"ici la population {notion} décide ; à confirmer.",
        "en": "nothing is settled." if strict else f"here the population {notion} decides; to be confirmed.",
    }
    return {
        "fr": f"La réponse dépend de la notion de population, que le texte ne précise pas : {one['fr']} en population totale, "
        f"{other['fr']} en population municipale ; {ending['fr']}",
        "en": f"The answer depends on the notion of population, which the text does not state: {one['en']} with population "
        f"totale, {other['en']} with population municipale; {ending['en']}",
    }


def _not_yet(start: str) -> Text:
    return {
        "fr": f"Ce régime n'entre en vigueur que le {start} : la réponse est celle qu'il donnera.",
        "en": f"This regime only comes into force on {start}: the answer is the one it will give.",
    }


def _second_heading(clause: RegimeClause) -> Text:
    return {
        "fr": f"Relève aussi de : {clause.clause} ({pick(clause.text, 'fr').rstrip('.')}) ; le titre essentiel l'emporte.",
        "en": f"Also falls under: {clause.clause} ({pick(clause.text, 'en').rstrip('.')}); the essential heading prevails.",
    }


def document(scope: Scope, lang: str | None = None) -> dict[str, Json]:
    """The ``nis2check.scope/1`` value of a scope. Keys are English; texts are in the chosen language."""
    body = scope.body
    return {
        "schema": "nis2check.scope/1",
        "siren": body.siren,
        "insee": body.insee,
        "name": body.name,
        "nature": body.nature,
        "regime": scope.regime,
        "as_of": scope.as_of,
        "population": {
            "totale": body.population.get("totale"),
            "municipale": body.population.get("municipale"),
            "vintage": dict(body.vintage),
        },
        "category": str(scope.category),
        "by_notion": {notion: str(category) for notion, category in scope.by_notion.items()},
        "because": [
            {"id": c.id, "clause": c.clause, "text": pick(c.text, lang), "confidence": c.confidence, "met": c.met}
            for c in scope.because
        ],
        "missing": list(scope.missing),
        "notes": [pick(note, lang) for note in scope.notes],
        "legal_status": dict(scope.legal_status),
    }


def in_both_languages(scope: Scope) -> dict[str, Json]:
    """The same inside a result, which is shown in either language long after: texts are ``{fr: …, en: …}``."""
    told = document(scope)
    for shown, clause in zip(told["because"], scope.because, strict=True):
        shown["text"] = dict(clause.text)
    return told | {"notes": [dict(note) for note in scope.notes]}
