# SPDX-License-Identifier: EUPL-1.2
"""Why an answer is what it is: how far from each threshold, what would change it, what follows from it. Pure, like `scope`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from nis2check.language import _, chosen, pick
from nis2check.law.regime import AS_ASKED, Comparison, Obligation, Regime, RegimeClause
from nis2check.law.scope import NOTIONS, comparisons, decide, fact, words
from nis2check.model import Body, Category, Json, Scope
from nis2check.printing import number


@dataclass(frozen=True, slots=True)
class Distance:
    """One figure of a body against one threshold. ``gap`` is how many units more (not met) or less (met) change the test."""

    clause: RegimeClause
    comparison: Comparison
    notion: str
    known: int
    met: bool
    gap: int

    @property
    def percent(self) -> float:
        """The gap in per cent of the threshold."""
        return 100 * self.gap / self.comparison.value if self.comparison.value else 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """Something that would give another category. ``kind``: notion, threshold, regime or designation."""

    kind: str
    category: Category
    text: str
    regime: str = ""


def distances(body: Body, regime: Regime, on: str) -> tuple[Distance, ...]:
    """Every known figure against every threshold of the clauses of its nature, under both notions where both matter."""
    out: list[Distance] = []
    for clause in regime.clauses_of.get(body.nature, ()):
        if clause.test is None or (clause.since and on < clause.since) or (clause.until and on > clause.until):
            continue
        for comparison in comparisons(clause.test):
            out.extend(_distances(body, clause, comparison))
    return tuple(out)


def _distances(body: Body, clause: RegimeClause, comparison: Comparison) -> Iterator[Distance]:
    if type(comparison.value) is not int:
        return
    by_notion = isinstance(body.facts.get(comparison.fact), Mapping) or comparison.fact in {
        "population",
        "largest_commune",
    }
    notions = NOTIONS if by_notion and comparison.notion == AS_ASKED else (comparison.notion,)
    for notion in notions:
        known = fact(body, comparison.fact, notion)
        if type(known) is int:
            met, gap = _gap(known, comparison)
            yield Distance(clause, comparison, notion, known, met, gap)


def _gap(known: int, comparison: Comparison) -> tuple[bool, int]:
    """Whether the figure passes, and the least change that turns the answer: strict and loose operators differ by one."""
    edge = comparison.value + (comparison.operator in {">", "<="})  # the least figure on the upper side
    above = known >= edge
    met = above if comparison.operator in {">", ">="} else not above
    return met, known - edge + 1 if above else edge - known


def changes(scope: Scope, regime: Regime, others: Iterable[Regime], notion: str) -> tuple[Change, ...]:
    """What would give another category: the other notion, the threshold crossed, another regime, a designation."""
    body, on = scope.body, scope.as_of
    out: list[Change] = []
    other = next(one for one in NOTIONS if one != notion)
    if scope.by_notion[other] != scope.category:
        text = _("En population {notion} : {category}.")
        category = scope.by_notion[other]
        out.append(Change("notion", category, text.format(notion=other, category=pick(words(category)))))
    for distance in sorted(distances(body, regime, on), key=lambda each: each.percent):  # the nearest first
        if distance.notion in {notion, AS_ASKED}:
            out.extend(_crossed(scope, regime, distance, notion))
    for each in others:
        there = decide(body, each, notion, on)
        if each.id != regime.id and _another(there, scope):
            text = _("{title} : {category}.").format(title=pick(each.title), category=pick(words(there.category)))
            out.append(Change("regime", there.category, text, each.id))
    if scope.category in {Category.OUT_OF_SCOPE, Category.IMPORTANT} and "designated" not in body.facts:
        named = decide(replace(body, facts={**body.facts, "designated": "essential"}), regime, notion, on).category
        if named is not scope.category:
            text = _("Une désignation individuelle par le Premier ministre : {category} au plus.")
            out.append(Change("designation", named, text.format(category=pick(words(named)))))
    return tuple(dict.fromkeys(out))  # two clauses may share a threshold


def _another(there: Scope, here: Scope) -> bool:
    """Whether it answers, and otherwise: undecided for lack of a further fact is no answer, only a question more."""
    return there.category is not here.category and not there.missing


def _crossed(scope: Scope, regime: Regime, distance: Distance, notion: str) -> Iterator[Change]:
    """The category of the same body on the other side of one threshold."""
    comparison = distance.comparison
    above = distance.met == (comparison.operator in {">", ">="})
    figure = distance.known - distance.gap if above else distance.known + distance.gap
    there = decide(_with(scope.body, comparison.fact, figure), regime, notion, scope.as_of)
    if not _another(there, scope):
        return
    if not above:
        text = _("Avec {gap} {unit} de plus ({whose}) : {category}.")
    elif (
        comparison.fact == "largest_commune"
    ):  # another member may be over the threshold too: only the largest is known
        text = _("Si plus aucune commune ne passait le seuil ({whose} : {gap} {unit} de moins) : {category}.")
    else:
        text = _("Avec {gap} {unit} de moins ({whose}) : {category}.")
    yield Change(
        "threshold",
        there.category,
        text.format(
            gap=number(distance.gap, chosen()),
            unit=unit_words(comparison.unit, distance.gap),
            whose=whose(scope.body, comparison.fact, distance.notion),
            category=pick(words(there.category)),
        ),
    )


def _with(body: Body, name: str, figure: int) -> Body:
    if name == "population":
        return replace(body, population=dict.fromkeys(NOTIONS, figure))
    if name == "largest_commune":
        return replace(body, largest_commune=dict.fromkeys(NOTIONS, figure))
    return replace(body, facts={**body.facts, name: figure})


def whose(body: Body, name: str, notion: str) -> str:
    """Whose figure it is, in words: the body's own, or that of its largest commune, named."""
    commune = body.largest_commune_names.get(notion, "")
    known = {
        "population": _("sa population"),
        "largest_commune": commune or _("sa plus grande commune"),
        "staff": _("ses effectifs"),
        "turnover": _("ses produits d'exploitation"),
        "balance_sheet": _("son total de bilan"),
    }
    return known.get(name, name)


def unit_words(unit: str, count: int) -> str:
    """The unit of a threshold in words."""
    one = {"inhabitants": _("habitant"), "persons": _("agent"), "euros": _("euro")}
    many = {"inhabitants": _("habitants"), "persons": _("agents"), "euros": _("euros")}
    return (one if abs(count) < 2 else many).get(unit, unit)


def duties(scope: Scope, regime: Regime) -> tuple[Obligation, ...]:
    """What follows from the category, for this nature of body."""
    return tuple(
        duty
        for duty in regime.obligations
        if scope.category in duty.categories and (not duty.natures or scope.body.nature in duty.natures)
    )


def explanation(scope: Scope, regime: Regime, others: Iterable[Regime], notion: str) -> dict[str, Json]:
    """The further keys of a single scope/1: ``largest_commune``, ``distances``, ``would_change``, ``obligations``."""
    body = scope.body
    return {
        "largest_commune": {
            one: {"name": body.largest_commune_names.get(one, ""), "population": figure}
            for one, figure in body.largest_commune.items()
        },
        "distances": [
            {
                "clause": each.clause.clause,
                "fact": each.comparison.fact,
                "notion": each.notion if each.notion in NOTIONS else None,
                "value": each.known,
                "operator": each.comparison.operator,
                "threshold": each.comparison.value,
                "unit": each.comparison.unit,
                "reference": dict(each.comparison.reference),
                "met": each.met,
                "gap": each.gap,
                "percent": round(each.percent, 2),
            }
            for each in distances(body, regime, scope.as_of)
        ],
        "would_change": [
            {"kind": c.kind, "category": str(c.category), "text": c.text, "regime": c.regime or None}
            for c in changes(scope, regime, others, notion)
        ],
        "obligations": [
            {"id": duty.id, "clause": duty.clause, "text": pick(duty.text), "confidence": duty.confidence}
            for duty in duties(scope, regime)
        ],
    }
