# SPDX-License-Identifier: EUPL-1.2
"""What a supposition changes in a plan, in a few lines above the new plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nis2check import printing
from nis2check.language import _, plural, speaking
from nis2check.model import Json
from nis2check.report import words
from nis2check.report.pen import Pen

Plan = Mapping[str, Json]


def render(before: Plan, after: Plan, pen: Pen) -> str:
    """The comparison of two plans of the same findings; ends with an empty line."""
    with speaking(pen.lang):
        lines = [pen.paint(line, "bold") for line in pen.wrap(_title(before, after, pen))]
        for text in _changes(before, after, pen):
            lines += pen.wrap(text, "  ", "    ")
        return "\n".join(lines) + "\n\n"


def _title(before: Plan, after: Plan, pen: Pen) -> str:
    now = printing.number(after["capacity"], pen.lang)
    if "capacity" not in before:
        return pen.own(_("ET SI : {now} jours par mois").format(now=now))
    was = printing.number(before["capacity"], pen.lang)
    return pen.own(_("ET SI : {now} jours par mois au lieu de {was}").format(now=now, was=was))


def _changes(before: Plan, after: Plan, pen: Pen) -> Iterator[str]:
    old, new = _titles(before["measures"], pen), _titles(after["measures"], pen)
    come, gone = [one for one in new if one not in old], [one for one in old if one not in new]
    if come:
        yield pen.own(_("Entrent dans les six premiers mois : {titles}.")).format(titles=" · ".join(come))
    if gone:
        yield pen.own(_("En sortent : {titles}.")).format(titles=" · ".join(gone))
    if not come and not gone:
        yield pen.own(_("Les premières mesures restent les mêmes."))
    for label, most in ((_("Finies en six mois"), 0), (_("Finies en un an"), 1), (_("Finies en trois ans"), 3)):
        yield pen.own(_("{label} : {now} au lieu de {was}.")).format(
            label=pen.own(label), now=_done(after, most), was=_done(before, most)
        )
    left = len(after.get("later", ()))
    if left:
        yield pen.own(plural("Au-delà de trois ans : {n} mesure.", "Au-delà de trois ans : {n} mesures.", left))


def _titles(items: Sequence[Mapping[str, Json]], pen: Pen) -> list[str]:
    return [pen.foreign(pen.own(words.spoken(item["title"], pen.lang))) for item in items]


def _done(plan: Plan, years: int) -> int:
    """How many actions end in the first six months (0), the first year (1) or the three years (3) of a plan."""
    periods = {0: ("1-6",), 1: ("1-6", "7-12"), 3: ("1-6", "7-12", "13-24", "25-36")}[years]
    return len(plan["measures"]) + sum(item["period"] in periods for item in plan["roadmap"])
