# SPDX-License-Identifier: EUPL-1.2
"""``nis2check plan RESULT.json``: the plan of a result, why each action stands where it stands, and the letters it asks for."""

from __future__ import annotations

from collections.abc import Mapping

import click

from nis2check import files, language
from nis2check.cli import outputs
from nis2check.errors import InputError
from nis2check.language import _
from nis2check.model import Json


@click.command("plan", help=_("Montrer le plan d'actions d'un résultat, mois par mois, et pourquoi cet ordre."))
@click.argument("result", metavar="RESULT.json")
@click.option("--explain", type=click.IntRange(min=1), metavar="N", help=_("Tout dire de l'action de rang N."))
@click.option(
    "--letter",
    type=click.IntRange(min=1),
    metavar="N",
    help=_("Écrire la lettre à envoyer à qui mènera l'action de rang N."),
)
@click.option(
    "--what-if",
    "supposition",
    metavar="capacity=N",
    help=_("Refaire le plan avec N jours par mois et dire ce qui change."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Écrire le plan (nis2check.plan/1) sur la sortie standard."))
@click.option(
    "--output",
    "-o",
    "output",
    multiple=True,
    metavar="FORMAT=PATH",
    help=_("Écrire le plan entier : html, pdf, csv ou ics, et chemin ; - : sortie standard."),
)
@click.option("--all", "everything", is_flag=True, help=_("Tout montrer, feuille de route entière comprise."))
def command(
    result: str,
    explain: int | None,
    letter: int | None,
    supposition: str | None,
    as_json: bool,
    output: tuple[str, ...],
    everything: bool,
) -> None:
    """A reading of the result alone: nothing is looked at; only ``--what-if`` plans again."""
    if letter is not None and (explain is not None or as_json):
        raise InputError(_("--letter s'emploie sans --explain ni --json."))
    if output and (explain is not None or letter is not None or as_json):
        raise InputError(_("--output écrit le plan entier : il s'emploie sans --explain, --letter ni --json."))
    before = _read(result)
    document = before if supposition is None else _supposed(before, supposition)
    if output:
        _write(document, output)
        return
    rank = explain if letter is None else letter
    item = None if rank is None else _item(document, rank)
    if as_json:
        shown = document["plan"] if item is None else {"measures": [item], "roadmap": []}
        files.write_stdout(files.canonical({"schema": "nis2check.plan/1"} | shown))
        return
    outputs.print_text(_text(before, document, item, letter is not None, everything))


def _read(path: str) -> Mapping[str, Json]:
    source = files.load_json(path)
    files.check(source, "result")
    document: Mapping[str, Json] = source.data
    return document


def _write(document: Mapping[str, Json], output: tuple[str, ...]) -> None:
    from nis2check.report import plan_page

    forms = plan_page.formats()
    outputs.write_all(document, outputs.parse(output, forms), language.chosen(), forms)


def _supposed(document: Mapping[str, Json], supposition: str) -> Mapping[str, Json]:
    """The document with the plan that it would have."""
    from nis2check.plan.again import again, supposed

    key, value = supposed(supposition)
    return {**document, "plan": again(document, capacity=value) | {"what_if": {key: value}}}


def _item(document: Mapping[str, Json], rank: int) -> Mapping[str, Json]:
    from nis2check.report import plan

    item = plan.find(document, rank)
    if item is None:
        raise InputError(_("Le plan n'a pas d'action de rang {n}.").format(n=rank))
    return item


def _text(
    before: Mapping[str, Json],
    document: Mapping[str, Json],
    item: Mapping[str, Json] | None,
    as_letter: bool,
    everything: bool,
) -> str:
    from nis2check.report import letter, plan, what_if

    pen = outputs.pen(language.chosen())
    if item is None:
        changed = what_if.render(before["plan"], document["plan"], pen) if document is not before else ""
        return changed + plan.render(document, pen, all=everything)
    if as_letter:
        return letter.render(document, item, pen, all=everything)
    return plan.explain(document, item, pen, all=everything)
