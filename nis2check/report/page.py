# SPDX-License-Identifier: EUPL-1.2
"""What an explanation (``nis2check.explain/1``) says to a person, as blocks: the terminal prints them, the docs are made of them.

Rules for this file: every sentence is said once, here, so that ``explain`` and its page never differ; a block holds plain text,
made harmless only where it is printed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nis2check import printing
from nis2check.frameworks import ROLES
from nis2check.language import _, chosen, pick, plural, say, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import words

_LANGUAGES = {"fr", "en"}  # keys of a remediation that are prose, the others name a product


@dataclass(frozen=True, slots=True)
class Title:
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list. ``subject`` is what ``explain`` would explain further, ``url`` where to read it."""

    text: str
    subject: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    label: str
    text: str


Block = Title | Heading | Line | Item | Code
Blocks = Iterator[Block]
About = Mapping[str, Json]


def blocks(about: About) -> Blocks:
    """The blocks of an explanation, in the language being spoken."""
    yield from _KINDS[about["kind"]](about)


# -------------------------------------------------------------------------------------------------------------- rules


def _head(title: str, *details: str) -> Blocks:
    yield Title(title)
    yield Line(" · ".join(detail for detail in details if detail))


def _section(title: str, text: Mapping[str, str]) -> Blocks:
    said = pick(text)
    if said:
        yield Heading(title)
        yield Line(said)


def _rule(about: About) -> Blocks:
    effort = _("effort {level} sur 3").format(level=about["effort"])
    yield from _head(pick(about["title"]), about["id"], words.severity(about["severity"]).lower(), effort)
    yield from _section(_("Pourquoi"), about["why"])
    yield from _section(_("Ce que cela veut dire pour les services"), about["impact"])
    yield from _section(_("Comment corriger"), about["remediation"])
    for product, snippet in about["remediation"].items():
        if product not in _LANGUAGES:
            yield Code(product, snippet)
    yield from _section(_("Ce que ce contrôle ne voit pas"), about["limits"])
    yield Heading(_("Références"))
    for cited in about["references"]:
        detail = [words.strength(cited["strength"]), pick(cited["title"]) if cited["title"] else ""]
        text = f"{words.reference(cited)} ({_(' ; ').join(filter(None, detail))})"
        yield Item(text, f"{cited['source']}:{cited['clause']}", cited.get("url") or "")
    yield Heading(_("Ce qui est jugé"))
    for section, word in (("when", _("si")), ("unless", _("sauf si")), ("expect", _("alors"))):
        for name, schema in about[section].items():
            shown = json.dumps(schema, ensure_ascii=False)
            yield Item(_("{name} : {text}").format(name=f"{word} {name}", text=shown))


# --------------------------------------------------------------------------------------------- frameworks and clauses


def _measure(about: About) -> Blocks:
    objective = about["objective"]
    yield from _head(pick(about["title"]), about["id"], _group(about["for"]), words.family(objective["family"]))
    yield Item(
        _("Objectif {id} : {title}").format(id=objective["id"], title=pick(objective["title"])),
        f"recyf:{objective['id']}",
    )
    if about["who"]:
        yield Item(_("Qui répond d'ordinaire : {who}.").format(who=pick(ROLES[about["who"]])))
        days = printing.number(about["effort_days"], chosen())
        yield Item(_("Effort (notre estimation, 30 000 à 100 000 habitants) : {days} j.").format(days=days))
    if about["every_months"]:
        yield Item(_("À refaire tous les {n} mois d'après le référentiel.").format(n=about["every_months"]))
    elif about["who"]:
        yield Item(_("Une réponse sans date de fin vaut {n} mois.").format(n=about["validity_months"]))
    if about["cyberdepart"]:
        yield Item(_("Rang {n} parmi les 13 premières actions de l'ANSSI.").format(n=about["cyberdepart"]))
    if about["monaidecyber"]:
        text = _("Rang {n} dans l'ordre de MonAideCyber (correspondance : lecture propre).")
        yield Item(text.format(n=about["monaidecyber"]))
    if about["needs"]:
        yield Item(_("À faire avant : {ids}.").format(ids=", ".join(about["needs"])))
    if about["doubt"]:
        yield Item(_("À confirmer : {doubt}").format(doubt=pick(about["doubt"])))
    yield from _section(_("Ce qui vaut preuve"), about["proof"])
    yield from _links(about["links"])
    yield from _rules(about["rules"])
    yield Line(pick(about["notice"]))


def _objective(about: About) -> Blocks:
    yield from _head(pick(about["title"]), about["id"], _group(about["for"]), words.family(about["family"]))
    yield Heading(_("Mesures"))
    for measure in about["measures"]:
        mark = "" if measure["for"] == "EI/EE" else " *"
        yield Item(f"{measure['id']}{mark}  {pick(measure['title'])}", f"recyf:{measure['id']}")
    if any(measure["for"] != "EI/EE" for measure in about["measures"]):
        yield Line(_("* entités essentielles seulement"))
    yield from _links(about["links"])
    yield from _rules(about["rules"])
    yield Line(pick(about["notice"]))


def _clause(about: About) -> Blocks:
    title = pick(about["title"]) if about["title"] else pick(about["text"])
    yield from _head(title, about["id"], pick(about["text"]), words.confidence(about["confidence"]))
    if about["url"]:
        yield Item(about["url"], url=about["url"])
    if about.get("measures"):  # an article: its points say the rest
        yield Heading(_("Ce que dit l'article, point par point"))
        source = about["id"].partition(":")[0]
        for point in about["measures"]:
            yield Item(f"{point['id']}  {pick(point['title'])}", f"{source}:{point['id']}")
        return
    if about["recyf"]:
        yield Heading(_("Objectifs et mesures de ReCyF qui y répondent"))
        for item in about["recyf"]:
            ours = f" ({_origin(item)})" if item["source"] == "own" else ""
            yield Item(f"{item['id']}  {pick(item['title'])}{ours}", f"recyf:{item['id']}")
    yield from _rules(about["rules"])


def _group(word: str) -> str:
    both = _("entités importantes et essentielles")
    return both if word == "EI/EE" else _("entités essentielles seulement")


def _links(links: list[About]) -> Blocks:
    if links:
        yield Heading(_("Correspondances"))
        for link in links:
            yield Item(f"{link['to']} {', '.join(link['clauses'])} ({_origin(link)})")


def _origin(link: About) -> str:
    """Who says that two texts ask the same, and how sure it is: ``anssi-mss, A``."""
    return ", ".join((_("lecture propre") if link["source"] == "own" else link["source"], link["confidence"]))


def _rules(rules: list[About]) -> Blocks:
    if not rules:
        yield Line(_("Aucun contrôle technique n'en apporte d'indice : à attester."))
        return
    unique = {rule["id"]: rule for rule in rules}
    yield Heading(plural("{n} règle en apporte un indice", "{n} règles en apportent un indice", len(unique)))
    for rule in unique.values():
        severity = words.severity(rule["severity"]).lower()
        yield Item(f"{rule['id']} ({severity}) {pick(rule['title'])}", rule["id"])


# ------------------------------------------------------------------------------------------------------------ regimes


def _regime(about: About) -> Blocks:
    status = about["legal_status"]
    yield from _head(pick(about["title"]), about["id"], words.legal_status(status, chosen()))
    yield Item(_("Source de cet état : {source}").format(source=status["source"]))
    yield Item(_("Vérifié le {date}.").format(date=printing.date(about["checked_on"], chosen())))
    yield Heading(_("Qui entre, par quelle clause"))
    for clause in about["clauses"]:
        who = ", ".join(words.nature(nature) for nature in clause["natures"]) or _("tout organisme")
        told = _("{who} : {category}. {text} ({clause}, {confidence})").format(
            who=who,
            category=words.category(clause["category"]),
            text=pick(clause["text"]),
            clause=clause["clause"],
            confidence=words.confidence(clause["confidence"]),
        )
        yield Item(" ".join(filter(None, [told, pick(clause["note"]) if clause["note"] else ""])))
    if about["obligations"]:
        yield Heading(_("Ce qui en découle"))
    for duty in about["obligations"]:
        yield Item(
            _("{text} ({clause}, {confidence})").format(
                text=pick(duty["text"]), clause=duty["clause"], confidence=words.confidence(duty["confidence"])
            )
        )


_KINDS: Mapping[str, Callable[[About], Blocks]] = {
    "rule": _rule,
    "measure": _measure,
    "objective": _objective,
    "clause": _clause,
    "regime": _regime,
}

# ----------------------------------------------------------------------------------------------------------- Markdown


def markdown(about: About, lang: str, page_of: Callable[[str], str] = lambda subject: "") -> bytes:
    """The explanation as a Markdown page. ``page_of`` gives the address of the page of a subject, "" when it has none."""
    with speaking(lang):
        return ("\n".join(_lines(blocks(about), lang, page_of)).strip("\n") + "\n").encode()


def _lines(some: Blocks, lang: str, page_of: Callable[[str], str]) -> Iterator[str]:
    in_list = False
    for block in some:
        if not isinstance(block, Item) and in_list:
            yield ""
        in_list = isinstance(block, Item)
        match block:
            case Title(text):
                yield from (f"# {_safe(text, lang)}", "")
            case Heading(text):
                yield from (f"## {_safe(text, lang)}", "")
            case Line(text):
                yield from (_safe(text, lang), "")
            case Item(text, subject, url):
                yield f"- {_linked(_safe(text, lang), page_of(subject) if subject else '', url)}"
            case Code(label, text):
                yield from (f"**{_safe(label, lang)}**", "", *_fenced(text), "")


def _safe(text: str, lang: str) -> str:
    return say(clean(text, Medium.MARKDOWN, longest=4000), lang)


def _linked(text: str, page: str, url: str) -> str:
    if page:
        return f"[{text}]({page})"
    return f"{text} : <{url}>" if url and url not in text else text


def _fenced(text: str) -> Iterator[str]:
    """A fence longer than any run of backquotes in the text (CommonMark 4.5)."""
    fence = "```"
    while fence in text:
        fence += "`"
    yield fence
    yield from (clean(line, Medium.TERMINAL, longest=1000) for line in text.splitlines())
    yield fence
