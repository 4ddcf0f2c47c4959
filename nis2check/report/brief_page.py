# SPDX-License-Identifier: EUPL-1.2
"""The page for elected officials in each of its forms: HTML, PDF, Markdown, and plain text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from nis2check import printing
from nis2check.language import _, say, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import brief, pages, typeset, words
from nis2check.report.brief import Brief
from nis2check.report.pen import Pen

Document = Mapping[str, Json]
SHEETS = ("report.css", "brief.css")


def formats(audience: str = "", *, full: bool = False) -> dict[str, Callable[[Document, str], bytes]]:
    """The forms by name of ``--output``: functions of a result and a language."""

    def of(form: Callable[[Document, Brief, str], bytes]) -> Callable[[Document, str], bytes]:
        def render(document: Document, lang: str) -> bytes:
            with speaking(lang):
                return form(document, brief.build(document, lang, audience=audience, full=full), lang)

        return render

    return {"html": of(_html), "pdf": of(_pdf), "markdown": of(_markdown)}


def _html(document: Document, page: Brief, lang: str) -> bytes:
    return pages.render("brief.html.j2", lang, {"brief": page, "document": document}, sheets=SHEETS)


def _pdf(document: Document, page: Brief, lang: str) -> bytes:
    """One sheet of A4. Raises InputError when the extra is not installed."""
    heads = {
        "title": _("Point cybersécurité"),
        "standing": _("Où en sommes-nous ?"),
        "risks": _("Ce que cela veut dire pour nos services"),
        "decisions": _("Ce que nous vous demandons"),
        "law": _("Ce que dit le texte"),
        "for": _("Pour {audience}").format(audience=page.audience) if page.audience else "",
        "on": _("Analyse du {day}").format(day=page.day),
        "none": _("Aucun écart n'a été constaté. Cela ne vaut que pour ce qui a été regardé."),
        "sheet": _("Point cybersécurité – {name} – {day}").format(name=page.name, day=page.day),
    }
    figures = [
        asdict(one) | {"shown": printing.number(one.count, lang), "sign": words.verdict(one.verdict).sign}
        for one in page.figures
    ]
    data = asdict(page) | {"heads": heads, "figures": figures, "logo": typeset.logo(document)}
    return typeset.pdf("brief.typ", data, lang, str(document["run"]["finished"]))


def _markdown(_document: Document, page: Brief, lang: str) -> bytes:
    def safe(text: str) -> str:
        return clean(say(text, lang), Medium.MARKDOWN)

    lines = [f"# {safe(_('Point cybersécurité – {name}').format(name=page.name))}", ""]
    lines += [" · ".join(safe(part) for part in (page.marking, *_when(page))), ""]
    if page.note:
        lines += [f"**{safe(page.note)}**", ""]
    for title, items in _blocks(page, lang):
        lines += [f"## {safe(title)}", "", *(f"{mark}{safe(text)}" for mark, text in items), ""]
    lines += ["---", "", *(f"{safe(one)}  " for one in page.foot)]
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def text(document: Document, pen: Pen, audience: str = "", *, full: bool = False) -> str:
    """The same page for a terminal; ends with a newline."""
    with speaking(pen.lang):
        page = brief.build(document, pen.lang, audience=audience, full=full)
        lines = [pen.paint(pen.own(_("POINT CYBERSÉCURITÉ")), "bold"), pen.foreign(page.name)]
        lines += pen.wrap(_line(" · ".join((page.marking, *_when(page))), pen))
        lines += pen.wrap(pen.own(page.note)) if page.note else []
        for title, items in _blocks(page, pen.lang):
            lines += ["", *pen.heading(title.upper())]
            for mark, one in items:
                lines += pen.wrap(_line(mark + one, pen), "  ", " " * (2 + len(mark)))
        lines += [""]
        for one in page.foot:
            lines += pen.wrap(_line(one, pen))
        return "\n".join(lines) + "\n"


def _line(text: str, pen: Pen) -> str:
    return pen.foreign(pen.own(text))


def _when(page: Brief) -> list[str]:
    audience = [_("Pour {audience}").format(audience=page.audience)] if page.audience else []
    return [*audience, _("Analyse du {day}").format(day=page.day)]


def _blocks(page: Brief, lang: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Title and lines of each part, a line with the mark it starts with."""
    none = [("", _("Aucun écart n'a été constaté. Cela ne vaut que pour ce qui a été regardé."))]
    figures = " · ".join(f"{printing.number(one.count, lang)} {one.text}" for one in page.figures)
    risks = [
        (f"{n}. ", " ".join((f"{one.service}.", one.sentence, f"({', '.join(one.where)})" * bool(one.where))).strip())
        for n, one in enumerate(page.risks, 1)
    ]
    asked = [(f"{n}. ", f"{one.what}. {one.how}") for n, one in enumerate(page.decisions, 1)]
    return [
        (_("Où en sommes-nous ?"), [("", f"{figures}. " + " ".join(page.standing))]),
        (_("Ce que cela veut dire pour nos services"), risks or none),
        (_("Ce que nous vous demandons"), [*asked, ("", page.ahead)]),
        (_("Ce que dit le texte"), [("- ", one) for one in page.law]),
    ]
