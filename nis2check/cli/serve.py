# SPDX-License-Identifier: EUPL-1.2
"""``nis2check serve``: the dashboard over the history, on this machine only, until Ctrl-C."""

from __future__ import annotations

import click

from nis2check.cli.exits import Exit
from nis2check.cli.history import history_option, opened
from nis2check.errors import InputError
from nis2check.language import _, chosen, reason, say


@click.command(
    "serve",
    help=say(
        _(
            "Ouvrir le tableau de bord des analyses gardées, sur cette machine seulement (127.0.0.1), en lecture seule. "
            "L'adresse affichée porte un jeton neuf à chaque lancement. Arrêter : Ctrl-C."
        )
    ),
)
@history_option
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help=_("Port d'écoute (un port libre par défaut).")
)
def command(place: str | None, port: int) -> int:
    """The address goes to standard output, alone on its line."""
    import secrets

    from nis2check.serve.server import Dashboard
    from nis2check.serve.site import Site

    history = opened(place)
    history.runs()  # a fault of the history is told now, not in the browser
    site = Site(history, chosen())
    try:
        dashboard = Dashboard(port, secrets.token_urlsafe(32), site.answer, site.refused)
    except OSError as error:
        what = _("Impossible d'écouter sur le port {port} : {reason}.").format(port=port, reason=reason(error))
        raise InputError(what, advice=_("En choisir un autre : --port 0.")) from None
    with dashboard:
        click.echo(dashboard.url)
        click.echo(say(_("Tableau de bord ouvert, pour ce poste seulement. Arrêter : Ctrl-C.")), err=True)
        try:
            dashboard.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            pass  # the usual end
    return Exit.OK
