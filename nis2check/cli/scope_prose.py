# SPDX-License-Identifier: EUPL-1.2
"""One scope in words, for a general manager: the answer, why, the figures, what would change it, what follows from it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from nis2check.language import _, chosen, pick, say
from nis2check.law import explain
from nis2check.law.explain import Distance
from nis2check.law.regime import Regime
from nis2check.law.scope import words
from nis2check.model import Scope
from nis2check.printing import Medium, clean, number
from nis2check.report.words import missing


def prose(scope: Scope, regime: Regime, others: Iterable[Regime], notion: str) -> list[str]:
    """The lines of the answer, at most 96 columns wide."""
    out = [*_heading(scope, regime), "", *_reasons(scope, regime), *_figures(scope)]
    changes = explain.changes(scope, regime, others, notion)
    sections = [
        (_("Ce qui changerait la réponse"), [change.text for change in changes]),
        (_("Ce qui en découle"), [_cited(pick(d.text), d.clause, d.confidence) for d in explain.duties(scope, regime)]),
        (_("À savoir"), [pick(note) for note in scope.notes]),
    ]
    for title, items in sections:
        if items:
            out += ["", title, *_wrapped(items)]
    status = _("État du droit au {day} : {status} ({source}).").format(
        day=_day(scope.legal_status["as_of"]),
        status=scope.legal_status["text_fr" if chosen() == "fr" else "text"],
        source=scope.legal_status["source"],
    )
    return [*out, "", *_wrapped([status], bullet=""), *_wrapped([_legend()], bullet="")]


def _legend() -> str:
    return _("Confiance : A texte officiel lu, B source secondaire, C à confirmer. Ne vaut pas avis juridique.")


def _day(date: str) -> str:
    return "/".join(reversed(date.split("-"))) if chosen() == "fr" else date


def _heading(scope: Scope, regime: Regime) -> list[str]:
    body = scope.body
    identity = [body.nature] + [_("SIREN {siren}").format(siren=body.siren)] * bool(body.siren)
    identity += [_("Insee {insee}").format(insee=body.insee)] * bool(body.insee)
    verdict = _("{category}, au {day}, selon : {title}").format(
        category=pick(words(scope.category)).upper(), day=_day(scope.as_of), title=pick(regime.title)
    )
    return [f"{clean(body.name, Medium.TERMINAL)} · {' · '.join(identity)}", *_wrapped([verdict], bullet="")]


def _reasons(scope: Scope, regime: Regime) -> list[str]:
    measured = explain.distances(scope.body, regime, scope.as_of)
    titles = {
        True: _("Pourquoi"),
        False: _("Ce qui a été examiné, sans être rempli"),
        None: _("Ce qui n'est pas tranché"),
    }
    out: list[str] = []
    for clause in scope.because:
        title = titles[clause.met]
        if title not in out:
            out.append(title)
        out += _wrapped([_cited(pick(clause.text), clause.clause, clause.confidence)])
        out += [
            line
            for distance in measured
            if distance.clause.id == clause.id
            for line in _wrapped([_distance(scope, distance)], bullet="    ")
        ]
    if not scope.because:
        out += [_("Pourquoi"), *_wrapped([_("Aucune clause de ce régime ne vise cet organisme.")])]
    if scope.missing:
        out += _wrapped([_("Faits manquants : {facts}.").format(facts=", ".join(_missing(f) for f in scope.missing))])
    return out


def _missing(fact: str) -> str:
    """A fact in words, and the option that gives it."""
    options = {
        "population": "--population-figure",
        "largest_commune": "--largest-commune",
        "activities": "--activity",
        "staff": "--staff",
        "turnover": "--turnover",
        "balance_sheet": "--balance-sheet",
        "parent_category": "--parent",
        "nature": "--nature",
        "population_notion": "--population",
    }
    return f"{missing(fact)} ({options[fact]})" if fact in options else fact


def _cited(text: str, clause: str, confidence: str) -> str:
    return _("{text} [{clause} ; confiance {confidence}]").format(text=text, clause=clause, confidence=confidence)


def _distance(scope: Scope, distance: Distance) -> str:
    lang = chosen()
    by_notion = distance.notion in scope.body.population
    of_member = distance.comparison.fact == "largest_commune"
    vintages = scope.body.largest_commune_vintage if of_member else scope.body.vintage
    vintage = vintages.get(distance.notion, "") if by_notion else ""
    notion = _("population {notion}").format(notion=distance.notion) if by_notion else ""
    how = ", ".join(part for part in (notion, vintage) if part)
    whose = explain.whose(scope.body, distance.comparison.fact, distance.notion)
    sign = {">": _("plus de {n}"), ">=": _("{n} ou plus"), "<": _("moins de {n}"), "<=": _("{n} au plus")}
    text = _("{whose} : {known} {unit}{how} ; il faut {wanted} ; écart : {gap}, soit {percent} %.")
    return text.format(
        whose=whose[:1].upper() + whose[1:],
        known=number(distance.known, lang),
        unit=explain.unit_words(distance.comparison.unit, distance.known),
        how=f" ({how})" if how else "",
        wanted=sign[distance.comparison.operator].format(n=number(distance.comparison.value, lang)),
        gap=number(distance.gap, lang),
        percent=number(round(distance.percent, 1), lang),
    )


def _figures(scope: Scope) -> list[str]:
    body = scope.body
    shown = [
        _("{notion} {figure} (en vigueur au 1er janvier {vintage})").format(
            notion=notion, figure=number(figure, chosen()), vintage=body.vintage.get(notion) or "?"
        )
        if body.vintage.get(notion)
        else _("{notion} {figure} (déclarée)").format(notion=notion, figure=number(figure, chosen()))
        for notion, figure in body.population.items()
        if figure is not None
    ]
    return ["", _("Population"), *_wrapped([_(" ; ").join(shown) + "."])] if shown else []


def _wrapped(items: list[str], bullet: str = "  - ") -> list[str]:
    """Each item as a paragraph. Cleaned, for a regime may be the user's own file; dressed first, so that no line starts
    with a colon."""
    out: list[str] = []
    for item in items:
        out += textwrap.wrap(
            say(clean(item, Medium.TERMINAL, longest=2000)),
            96,
            initial_indent=bullet,
            subsequent_indent=" " * len(bullet),
            break_long_words=False,
        )
    return out
