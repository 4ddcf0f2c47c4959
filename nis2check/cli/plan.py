# SPDX-License-Identifier: EUPL-1.2
"""``nis2check plan RESULT.json``: the plan of a result, and why each action stands where it stands."""

from __future__ import annotations

import click

from nis2check import files, language
from nis2check.cli import outputs
from nis2check.errors import InputError
from nis2check.language import _


@click.command("plan", help=_("Montrer le plan d'actions d'un résultat, mois par mois, et pourquoi cet ordre."))
@click.argument("result", metavar="RESULT.json")
@click.option("--explain", type=click.IntRange(min=1), metavar="N", help=_("Tout dire de l'action de rang N."))
@click.option("--json", "as_json", is_flag=True, help=_("Écrire le plan (nis2check.plan/1) sur la sortie standard."))
@click.option("--all", "everything", is_flag=True, help=_("Tout montrer, feuille de route entière comprise."))
def command(result: str, explain: int | None, as_json: bool, everything: bool) -> None:
    """A reading of the result alone: nothing is looked at or planned again."""
    from nis2check.report import plan

    document = files.load_json(result)
    files.check(document, "result")
    item = None
    if explain is not None:
        item = plan.find(document.data, explain)
        if item is None:
            raise InputError(_("Le plan n'a pas d'action de rang {n}.").format(n=explain))
    if as_json:
        shown = document.data["plan"] if item is None else {"measures": [item], "roadmap": []}
        files.write_stdout(files.canonical({"schema": "nis2check.plan/1"} | shown))
        return
    pen = outputs.pen(language.chosen())
    if item is None:
        outputs.print_text(plan.render(document.data, pen, all=everything))
    else:
        outputs.print_text(plan.explain(document.data, item, pen, all=everything))
