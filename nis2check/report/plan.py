# SPDX-License-Identifier: EUPL-1.2
"""The plan for a terminal (wireframe: facts ux 5.4): the first six with their months, what follows, and why in this order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nis2check import printing
from nis2check.frameworks import ROLES
from nis2check.language import _, pick, plural, speaking
from nis2check.model import Json
from nis2check.report import factors, findings, timeline, words
from nis2check.report.pen import Pen

Document = Mapping[str, Json]
Item = Mapping[str, Json]

PERIODS = ("1-6", "7-12", "13-24", "25-36")
SHOWN = 8  # of one period, of what is to be verified, of the findings of an action, without --all
CLAUSES, OWNER, DAYS, MONTH = 9, 12, 7, 11  # columns of the table; the title takes the rest


def render(document: Document, pen: Pen, *, all: bool = False) -> str:
    """The whole plan of a result, as text that ends with a newline."""
    with speaking(pen.lang):
        plan = document["plan"]
        blocks = [
            _first(plan, pen),
            _roadmap(plan, pen, all),
            _later(plan, pen, all),
            _verify(plan, pen, all),
            _why(plan, pen),
            _end(document, pen),
        ]
        return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def find(document: Document, rank: int) -> Item | None:
    """The action of this rank, wherever it is in the plan."""
    plan = document["plan"]
    listed = (item for part in ("measures", "roadmap", "later") for item in plan.get(part, ()))
    return next((item for item in listed if item["rank"] == rank), None)


def explain(document: Document, item: Item, pen: Pen, *, all: bool = False) -> str:
    """One action with all its factors and what it closes."""
    with speaking(pen.lang):
        lines = [pen.paint(f"{item['rank']}  {_title(item, pen)}", "bold")]
        for label, text in _facts(item, pen):
            lines += pen.wrap(f"{pen.own(label)} {text}", "  ", "      ")
        lines += ["", *pen.wrap(_foreign_text(item["because"], pen), "  ", "  ")]
        lines += factors.lines(document, item, pen)
        lines += _how(document, item, pen, all)
        lines += _closes(document, item, pen, all)
        letter = _("Lettre prête à envoyer : nis2check plan RESULT.json --letter {n}").format(n=item["rank"])
        lines += ["", *pen.wrap(pen.own(letter), "  ", "      ")]
        return "\n".join(lines) + "\n"


# ------------------------------------------------------------------------------------------------------ first six


def _first(plan: Document, pen: Pen) -> list[str]:
    items = plan["measures"]
    capacity = plan.get("capacity")
    if not items:
        return [pen.paint(pen.own(_("PLAN D'ACTIONS")), "bold"), pen.own(_("Aucune action à mener en six mois."))]
    title = plural("PLAN D'ACTIONS – {n} mesure en six mois", "PLAN D'ACTIONS – {n} mesures en six mois", len(items))
    right = _("capacité : {n} j/mois").format(n=printing.number(capacity, pen.lang)) if capacity else ""
    lines = [*pen.row(pen.own(title), pen.own(right)), "", _head(pen)]
    for item in items:
        lines += _row(item, pen)
    return [*lines, *_total(plan, pen)]


def _head(pen: Pen) -> str:
    cells = (_("Rg"), _("Mesure"), _("ReCyF"), _("Pilote"), _("Jours"), _("Échéance"))
    rank, title, clauses, owner, days, month = (pen.own(cell) for cell in cells)
    left = f"{rank:<3} {title:<{_room(pen)}} {clauses:<{CLAUSES}}{owner:<{OWNER}}"
    return pen.paint(f"{left}{days:>{DAYS - 2}}  {month}", "bold")


def _row(item: Item, pen: Pen) -> Iterator[str]:
    room = _room(pen)
    title, *more = Pen(pen.lang, room, ascii=pen.ascii).wrap(_title(item, pen))
    days = printing.number(item["effort"], pen.lang)
    month = pen.own(printing.month(item["month"], pen.lang, short=True))
    left = f"{item['rank']:>2}  {title:<{room}} {_clauses(item, pen):<{CLAUSES}}"
    yield f"{left}{_owner(item, pen):<{OWNER}}{days:>{DAYS - 2}}  {month}"
    yield from (f"    {line}" for line in more)


def _clauses(item: Item, pen: Pen) -> str:
    """The first measure and how many more: the whole list is in ``--explain``."""
    more = f" +{len(item['measures']) - 1}" if len(item["measures"]) > 1 else ""
    return pen.foreign(item["measures"][0]) + more if item["measures"] else pen.own("–")


def _room(pen: Pen) -> int:
    return max(20, pen.width - 5 - CLAUSES - OWNER - DAYS - MONTH)


def _total(plan: Document, pen: Pen) -> list[str]:
    lines = pen.wrap(pen.own(timeline.total(plan, pen.lang)))
    return lines + pen.wrap(pen.own(timeline.rest(plan, pen.lang)))


# ------------------------------------------------------------------------------------------------------ what follows


def _roadmap(plan: Document, pen: Pen, all: bool) -> list[str]:
    if not plan["roadmap"]:
        return []
    lines = [pen.paint(pen.own(_("FEUILLE DE ROUTE ENSUITE")), "bold")]
    for period in PERIODS:
        items = [item for item in plan["roadmap"] if item["period"] == period]
        if items:
            lines += [f"  {pen.own(words.period(period))}", *_list(items, pen, all)]
    return lines


def _later(plan: Document, pen: Pen, all: bool) -> list[str]:
    items = plan.get("later", ())
    if not items:
        return []
    lines = [pen.paint(line, "bold") for line in pen.wrap(pen.own(timeline.beyond(plan, pen.lang)))]
    return lines + (_list(items, pen, all) if all else [])


def _verify(plan: Document, pen: Pen, all: bool) -> list[str]:
    items = plan.get("verify_first", ())
    if not items:
        return []
    lines = [pen.paint(pen.own(_("À VÉRIFIER D'ABORD (indéterminé, donc dans aucune mesure)")), "bold")]
    for item in items if all else items[:SHOWN]:
        lines += pen.wrap(f"{pen.sign('unknown')} {_title(item, pen)}", "  ", "    ")
        lines += pen.wrap(_foreign_text(item["because"], pen), "    ", "    ")
    return lines + _more(len(items), pen, all)


def _list(items: Sequence[Item], pen: Pen, all: bool) -> list[str]:
    lines: list[str] = []
    for item in items if all else items[:SHOWN]:
        clause = f" ({', '.join(item['measures'][:3])})" if item["measures"] else ""
        lines += pen.wrap(f"{item['rank']:>3}  {_title(item, pen)}{pen.foreign(clause)}", "    ", "         ")
    return lines + _more(len(items), pen, all)


def _more(count: int, pen: Pen, all: bool) -> list[str]:
    left = 0 if all else count - SHOWN
    return [f"    {pen.own(plural('et {n} autre (--all)', 'et {n} autres (--all)', left))}"] if left > 0 else []


# ------------------------------------------------------------------------------------------------------ the reasons


def _why(plan: Document, pen: Pen) -> list[str]:
    if not plan["measures"]:
        return []
    lines = [pen.paint(pen.own(_("POURQUOI CET ORDRE (détail : nis2check plan --explain N)")), "bold")]
    for item in plan["measures"]:
        lines += pen.wrap(f"{item['rank']:>2}  {_foreign_text(item['because'], pen)}", "", "    ")
    return lines


def _end(document: Document, pen: Pen) -> list[str]:
    waived = document["plan"].get("waived", 0)
    lines = []
    if waived:
        text = plural(
            "{n} écart sous dérogation n'est pas dans le plan.",
            "{n} écarts sous dérogation ne sont pas dans le plan.",
            waived,
        )
        lines += pen.wrap(pen.own(text))
    return lines + pen.wrap(_foreign_text(document["notice"], pen))


def _facts(item: Item, pen: Pen) -> Iterator[tuple[str, str]]:
    yield _("Pilote :"), _owner(item, pen)
    yield _("Effort :"), factors.days(item["effort"], pen)
    if "month" in item:
        begins, ends = (
            printing.month(item.get(key, item["month"]), pen.lang, short=True) for key in ("begins", "month")
        )
        yield _("Mois :"), pen.own(begins if begins == ends else _("{a} à {b}").format(a=begins, b=ends))
    if item["measures"]:
        yield _("Mesures du ReCyF :"), pen.foreign(", ".join(item["measures"]))
    if "proof" in item:
        yield _("Preuve attendue :"), _foreign_text(item["proof"], pen)
    needs = item.get("factors", {}).get("needs")  # those that are still to be done
    if needs:
        yield _("À faire avant :"), pen.foreign(", ".join(need.removeprefix("recyf/") for need in needs))


def _how(document: Document, item: Item, pen: Pen, all: bool) -> list[str]:
    """What to do, one line a rule, then how to answer for its measures; what to paste, product by product, is in the letter."""
    told = dict.fromkeys(
        _foreign_text(group.says["remediation"], pen)
        for group in findings.closed_by(document, item)
        if group.says.get("remediation")
    )
    steps = list(told) if all else list(told)[:SHOWN]
    lines = [line for step in steps for line in pen.wrap(f"- {step}", "    ", "      ")]
    wanted = set(item["findings"])
    rules = [str(one["rule"]) for one in document["findings"] if one["id"] in wanted and one["proof"] == "attested"]
    for rule in rules:
        text = pen.own(_("Une fois fait : nis2check attest --measure {measure} --answer yes --proof FICHIER"))
        lines += pen.wrap("- " + text.format(measure=pen.foreign(rule.partition("/")[2])), "    ", "      ")
    return ["", "  " + pen.own(_("Comment faire :")), *lines, *_more(len(told), pen, all)] if lines else []


def _closes(document: Document, item: Item, pen: Pen, all: bool) -> list[str]:
    wanted = set(item["findings"])
    found = [finding for finding in document["findings"] if finding["id"] in wanted]
    if not found:
        return []
    lines = ["", pen.own(plural("  Ferme {n} constat :", "  Ferme {n} constats :", len(found)))]
    for finding in found if all else found[:SHOWN]:
        sign = pen.sign(finding["verdict"])
        lines.append(f"    {sign} {pen.foreign(finding['rule'])}  {pen.foreign(finding['target']['name'])}")
    return lines + _more(len(found), pen, all)


def _title(item: Item, pen: Pen) -> str:
    return pen.foreign(pen.own(words.spoken(item["title"], pen.lang)))


def _owner(item: Item, pen: Pen) -> str:
    role = ROLES.get(item["owner"])
    return pen.own(pick(role, pen.lang)) if role else pen.foreign(item["owner"])


def _foreign_text(text: Json, pen: Pen) -> str:
    """Our own sentence, but out of a file that anyone may have written."""
    return pen.foreign(pen.own(words.spoken(text, pen.lang)))
