# SPDX-License-Identifier: EUPL-1.2
"""``nis2check report RESULT.json``: a result again, in any format, without looking at anything."""

from __future__ import annotations

import click

from nis2check import files, language
from nis2check.cli import outputs
from nis2check.language import _


@click.command("report", help=_("Écrire un résultat déjà obtenu dans un ou plusieurs formats."))
@click.argument("result", metavar="RESULT.json")
@click.option(
    "--output", "-o", "output", multiple=True, metavar="FORMAT=PATH", help=_("Format et chemin ; - : sortie standard.")
)
@outputs.csv_dialect_option
@click.option("--all", "everything", is_flag=True, help=_("Montrer tous les constats au terminal."))
def command(result: str, output: tuple[str, ...], csv_dialect: str, everything: bool) -> None:
    """Without ``--output``, the gap report on the terminal."""
    chosen = outputs.parse(output)
    document = files.load_json(result)
    files.check(document, "result")
    speech = language.chosen()
    if chosen:
        outputs.write_all(document.data, chosen, speech, csv_dialect=csv_dialect)
    else:
        outputs.show(document.data, speech, all=everything)
