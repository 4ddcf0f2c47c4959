# SPDX-License-Identifier: EUPL-1.2
"""``nis2check brief [RESULT.json]``: one page for elected officials, of a result or of the last kept run."""

from __future__ import annotations

import click

from nis2check import language
from nis2check.cli import outputs
from nis2check.cli.history import history_option
from nis2check.cli.kept import body_option, logo_option, result, with_logo
from nis2check.language import _, say


@click.command(
    "brief",
    help=say(
        _(
            "Écrire la page des élus : où en est la collectivité, trois risques, trois décisions. Publiable par défaut : aucun "
            "nom de machine, adresse, produit ni version. Sans RESULT.json : la dernière analyse gardée."
        )
    ),
)
@click.argument("file", required=False, metavar="[RESULT.json]")
@click.option("--for", "audience", default="", metavar="TEXT", help=_("À qui la page s'adresse, et pour quel jour."))
@click.option("--full", is_flag=True, help=_("Nommer les cibles : la page devient interne."))
@click.option(
    "--output",
    "-o",
    "output",
    multiple=True,
    metavar="FORMAT=PATH",
    help=_("html, pdf ou markdown, et chemin ; - : sortie standard."),
)
@logo_option
@history_option
@body_option
def command(
    file: str | None, audience: str, full: bool, output: tuple[str, ...], logo: str | None, place: str | None, body: str
) -> None:
    """Without ``--output``, the page on the terminal."""
    from nis2check.report import brief_page

    forms = brief_page.formats(audience, full=full)
    chosen = outputs.parse(output, forms)
    document = with_logo(result(file, place, body), logo)
    if chosen:
        outputs.write_all(document, chosen, language.chosen(), forms)
    else:
        outputs.print_text(brief_page.text(document, outputs.pen(language.chosen()), audience, full=full))
