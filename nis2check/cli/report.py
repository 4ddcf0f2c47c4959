# SPDX-License-Identifier: EUPL-1.2
"""``nis2check report RESULT.json``: a result again, in any format, without looking at anything."""

from __future__ import annotations

import click

from nis2check import language
from nis2check.cli import outputs
from nis2check.cli.kept import logo_option, result, with_logo
from nis2check.language import _


@click.command("report", help=_("Écrire un résultat déjà obtenu dans un ou plusieurs formats."))
@click.argument("file", metavar="RESULT.json")
@click.option(
    "--output", "-o", "output", multiple=True, metavar="FORMAT=PATH", help=_("Format et chemin ; - : sortie standard.")
)
@outputs.csv_dialect_option
@logo_option
@click.option("--all", "everything", is_flag=True, help=_("Montrer tous les constats au terminal."))
def command(file: str, output: tuple[str, ...], csv_dialect: str, logo: str | None, everything: bool) -> None:
    """Without ``--output``, the gap report on the terminal."""
    chosen = outputs.parse(output)
    document = with_logo(result(file, None, ""), logo)
    speech = language.chosen()
    if chosen:
        outputs.write_all(document, chosen, speech, csv_dialect=csv_dialect)
    else:
        outputs.show(document, speech, all=everything)
