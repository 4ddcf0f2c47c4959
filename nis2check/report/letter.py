# SPDX-License-Identifier: EUPL-1.2
"""A letter ready to send to whoever carries an action: what was seen, where, what to do, which proof to send back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nis2check import printing
from nis2check.language import _, plural, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import findings, reasons, words
from nis2check.report.pen import Pen

Document = Mapping[str, Json]
Item = Mapping[str, Json]

SHOWN = 100  # targets of one rule, without --all
LONGEST_LINE = 2000  # characters of one line of a remediation
_PROSE = ("fr", "en")  # keys of a remediation that are sentences; the others are products


def render(document: Document, item: Item, pen: Pen, *, all: bool = False) -> str:
    """The letter of one action, in the language of the pen, as plain text that ends with a newline.

    Names and signatures that no file knows stand between square brackets.
    """
    with speaking(pen.lang):
        title = _own(words.spoken(item["title"], pen.lang), pen)
        lines = [pen.own(_("Objet : {title}")).format(title=title), ""]
        for block in _blocks(document, item, pen, all):
            lines += [*block, ""]
        return "\n".join([*lines, pen.own(_("[Nom, fonction, téléphone]")), *_body(document, pen)]) + "\n"


def _blocks(document: Document, item: Item, pen: Pen, all: bool) -> Iterator[list[str]]:
    yield pen.wrap(pen.own(_("Madame, Monsieur,")))
    yield pen.wrap(_opening(document, pen))
    groups = findings.closed_by(document, item)
    for number, group in enumerate(groups, 1):
        yield list(_what(document, group, number, pen, all))
    yield _proof(item, pen)
    yield pen.wrap(_when(item, pen))
    yield pen.wrap(
        pen.own(
            _(
                "Si une contrainte s'y oppose (équipement ancien, prestataire tiers, interruption de service), merci de nous le "
                "dire avant d'intervenir : nous chercherons ensemble une mesure qui en réduise le risque."
            )
        )
    )
    yield pen.wrap(
        pen.own(_("Vous remerciant de votre concours, nous vous prions d'agréer nos salutations distinguées."))
    )


def _opening(document: Document, pen: Pen) -> str:
    day = printing.date(document["run"]["started"], pen.lang)
    text = _(
        "Dans le cadre de notre préparation à la directive NIS 2, nous avons fait le point sur notre sécurité numérique le "
        "{day}. Nous vous demandons l'intervention suivante."
    )
    return pen.own(text).format(day=day)


def _what(document: Document, group: findings.Group, number: int, pen: Pen, all: bool) -> Iterator[str]:
    yield from pen.wrap(f"{number}. {_own(group.title(document, pen.lang), pen)}", "", "   ")
    why = words.spoken(group.says.get("why", {}), pen.lang)
    if why:
        yield from pen.wrap(_own(why, pen), "   ", "   ")
    yield from _where(group, pen, all)
    remediation = group.says.get("remediation", {})
    if remediation:
        yield ""
        yield from pen.wrap(
            pen.own(_("À faire :")) + " " + _own(words.spoken(remediation, pen.lang), pen), "   ", "   "
        )
    for product, text in remediation.items():
        if product not in _PROSE:
            yield "   " + pen.own(_("{product} :")).format(product=pen.foreign(product))
            yield from (f"     {_line(line, pen)}" for line in str(text).splitlines())


def _where(group: findings.Group, pen: Pen, all: bool) -> Iterator[str]:
    """The targets one a line, with what was seen; the body itself is no place to go to."""
    members = [one for one in group.members if one["target"]["kind"] != "body"]
    if not members:
        return
    yield ""
    yield from pen.wrap(
        pen.own(_("Où et ce qui a été vu ({how}) :").format(how=findings.proofs_text(group))), "   ", "   "
    )
    for one in members if all else members[:SHOWN]:
        place = one["location"] if one["proof"] == "declared_files" else None
        name = f"{one['target']['name']} ({place['file']}:{place['line']})" if place else one["target"]["name"]
        told = _(" ; ").join(part for part in reasons.told(str(one["reason"])) if part)
        yield from pen.wrap("- " + pen.foreign(f"{name} – {told}" if told else name), "   ", "     ")
    left = 0 if all else len(members) - SHOWN
    if left > 0:
        yield "   " + pen.own(plural("- et {n} autre (--all)", "- et {n} autres (--all)", left))


def _proof(item: Item, pen: Pen) -> list[str]:
    asked = words.spoken(item.get("proof", {}), pen.lang)
    if not asked:
        return pen.wrap(pen.own(_("Une fois l'intervention faite, merci de nous en donner la date et le détail.")))
    text = pen.own(_("Une fois l'intervention faite, merci de nous en donner la date et la preuve attendue : {proof}."))
    return pen.wrap(text.format(proof=_own(asked, pen).rstrip(".")))


def _when(item: Item, pen: Pen) -> str:
    if "month" not in item:
        return pen.own(_("Merci de nous proposer une date."))
    month = printing.month(item["month"], pen.lang)
    text = _(
        "Nous souhaitons que ce soit fait avant la fin du mois suivant : {month}. Merci de confirmer ou de proposer une date."
    )
    return pen.own(text).format(month=month)


def _body(document: Document, pen: Pen) -> list[str]:
    return [pen.foreign(document["body"]["name"])] if document["body"] else []


def _own(text: str, pen: Pen) -> str:
    """Our own sentence, but out of a file that anyone may have written."""
    return pen.foreign(pen.own(text))


def _line(text: str, pen: Pen) -> str:
    """A line to paste: never wrapped, never shortened without a word."""
    return clean(text, Medium.TERMINAL, longest=LONGEST_LINE)
