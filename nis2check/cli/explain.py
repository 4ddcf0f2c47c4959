# SPDX-License-Identifier: EUPL-1.2
"""``nis2check explain RULE | recyf:13.2 | nis2:21(2)(h)``: what it asks, why, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from nis2check.language import _, pick, plural, say
from nis2check.model import Json
from nis2check.printing import Medium, clean

_WIDE = 96
_PRODUCTS = {"fr", "en"}


@click.command("explain", help=say(_("Expliquer une règle, une mesure ou une clause.")))
@click.argument("subject", metavar=_("RÈGLE|recyf:MESURE|SOURCE:CLAUSE"))
@click.option("--json", "as_json", is_flag=True, help=_("Écrire nis2check.explain/1 sur la sortie standard."))
@click.option(
    "--policies", multiple=True, metavar="PATH", type=click.Path(path_type=Path), help=_("Dossier de règles en plus.")
)
def command(subject: str, as_json: bool, policies: tuple[Path, ...]) -> None:
    from nis2check.cli.judging import load_rules
    from nis2check.files import canonical, write_stdout
    from nis2check.frameworks import load
    from nis2check.rules.explain import explain

    about = explain(subject, load_rules(policies)[0], load())
    if as_json:
        write_stdout(canonical(about))
        return
    tell(about)


def tell(about: Mapping[str, Json]) -> None:
    """Print an explanation for a person."""
    show = {"rule": _rule, "measure": _measure, "objective": _objective, "clause": _clause}[about["kind"]]
    for line in show(about):
        click.echo(line)


def _line(text: str, *, indent: int = 0) -> str:
    """One paragraph of ours or of a body's own rule, wrapped and made harmless."""
    safe = say(clean(text, Medium.TERMINAL, longest=4000))
    return click.wrap_text(safe, _WIDE, " " * indent, " " * indent)


def _section(title: str, text: Mapping[str, str]) -> Iterator[str]:
    words = pick(text)
    if words:
        yield ""
        yield click.style(say(title), bold=True)
        yield _line(words, indent=2)


def _head(title: str, *details: str) -> Iterator[str]:
    yield click.style(_line(title), bold=True)
    yield _line(" · ".join(detail for detail in details if detail))


def _rule(about: Mapping[str, Json]) -> Iterator[str]:
    from nis2check.report import words

    effort = _("effort {level} sur 3").format(level=about["effort"])
    yield from _head(pick(about["title"]), about["id"], words.severity(about["severity"]).lower(), effort)
    yield from _section(_("Pourquoi"), about["why"])
    yield from _section(_("Ce que cela veut dire pour les services"), about["impact"])
    yield from _section(_("Comment corriger"), about["remediation"])
    for product, snippet in about["remediation"].items():
        if product not in _PRODUCTS:
            yield ""
            yield f"  {clean(product, Medium.TERMINAL)}"
            yield from (f"    {clean(line, Medium.TERMINAL, longest=1000)}" for line in snippet.splitlines())
    yield from _section(_("Ce que ce contrôle ne voit pas"), about["limits"])
    yield ""
    yield click.style(say(_("Références")), bold=True)
    for cited in about["references"]:
        detail = [words.strength(cited["strength"]), pick(cited["title"]) if cited["title"] else ""]
        yield _line(f"{words.reference(cited)} ({_(' ; ').join(filter(None, detail))})", indent=2)
        if cited.get("url"):
            yield f"    {clean(cited['url'], Medium.TERMINAL)}"
    yield ""
    yield click.style(say(_("Ce qui est jugé")), bold=True)
    yield from _assertions(about)


def _assertions(about: Mapping[str, Json]) -> Iterator[str]:
    import json

    for section, title in (("when", _("si")), ("expect", _("alors"))):
        for name, schema in about[section].items():
            shown = json.dumps(schema, ensure_ascii=False)
            yield _line(_("{name} : {text}").format(name=f"{title} {name}", text=shown), indent=2)


def _measure(about: Mapping[str, Json]) -> Iterator[str]:
    from nis2check.report import words

    objective = about["objective"]
    yield from _head(pick(about["title"]), about["id"], _group(about["for"]), words.family(objective["family"]))
    yield _line(_("Objectif {id} : {title}").format(id=objective["id"], title=pick(objective["title"])))
    if about["doubt"]:
        yield _line(_("À confirmer : {doubt}").format(doubt=pick(about["doubt"])))
    yield from _section(_("Ce qui vaut preuve"), about["proof"])
    yield ""
    if about["every_months"]:
        yield _line(_("À refaire tous les {n} mois d'après le référentiel.").format(n=about["every_months"]))
    if about["cyberdepart"]:
        yield _line(_("Rang {n} parmi les 13 premières actions de l'ANSSI.").format(n=about["cyberdepart"]))
    if about["needs"]:
        yield _line(_("À faire avant : {ids}.").format(ids=", ".join(about["needs"])))
    yield from _links(about["links"])
    yield from _rules(about["rules"])
    yield from _notice(about)


def _objective(about: Mapping[str, Json]) -> Iterator[str]:
    from nis2check.report import words

    yield from _head(pick(about["title"]), about["id"], _group(about["for"]), words.family(about["family"]))
    yield ""
    for measure in about["measures"]:
        mark = "" if measure["for"] == "EI/EE" else " *"
        yield _line(f"{measure['id']}{mark}  {pick(measure['title'])}", indent=2)
    if any(measure["for"] != "EI/EE" for measure in about["measures"]):
        yield _line(_("* entités essentielles seulement"), indent=2)
    yield from _links(about["links"])
    yield from _rules(about["rules"])
    yield from _notice(about)


def _clause(about: Mapping[str, Json]) -> Iterator[str]:
    from nis2check.report import words

    title = pick(about["title"]) if about["title"] else pick(about["text"])
    yield from _head(title, about["id"], pick(about["text"]), words.confidence(about["confidence"]))
    if about["url"]:
        yield f"  {about['url']}"
    if about["recyf"]:
        yield ""
        yield click.style(say(_("Objectifs et mesures de ReCyF qui y répondent")), bold=True)
        yield from (_line(f"{item['id']}  {pick(item['title'])}", indent=2) for item in about["recyf"])
    yield from _rules(about["rules"])


def _group(word: str) -> str:
    both = _("entités importantes et essentielles")
    return both if word == "EI/EE" else _("entités essentielles seulement")


def _links(links: list[Mapping[str, Json]]) -> Iterator[str]:
    if links:
        yield ""
        yield click.style(say(_("Correspondances")), bold=True)
        for link in links:
            origin = _("lecture propre") if link["source"] == "own" else link["source"]
            yield _line(f"{link['to']} {', '.join(link['clauses'])} ({origin}, {link['confidence']})", indent=2)


def _rules(rules: list[Mapping[str, Json]]) -> Iterator[str]:
    from nis2check.report import words

    yield ""
    if not rules:
        yield _line(_("Aucun contrôle technique n'en apporte d'indice : à attester."))
        return
    count = len({rule["id"] for rule in rules})
    yield click.style(
        say(plural("{n} règle en apporte un indice", "{n} règles en apportent un indice", count)), bold=True
    )
    for rule in {rule["id"]: rule for rule in rules}.values():
        yield _line(f"{rule['id']} ({words.severity(rule['severity']).lower()}) {pick(rule['title'])}", indent=2)


def _notice(about: Mapping[str, Json]) -> Iterator[str]:
    yield ""
    yield _line(pick(about["notice"]))
