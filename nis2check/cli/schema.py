# SPDX-License-Identifier: EUPL-1.2
"""``nis2check schema NAME``: a shipped JSON Schema on standard output."""

from __future__ import annotations

import click

from nis2check.errors import InputError
from nis2check.language import _, say


@click.command("schema", help=say(_("Afficher un schéma JSON de nis2check ; sans nom, les lister.")))
@click.argument("name", required=False)
def command(name: str | None) -> None:
    from nis2check.files import shipped, write_stdout

    known = sorted(path.name.removesuffix(".schema.json") for path in shipped("schemas").glob("*.schema.json"))
    if name is None:
        for each in known:
            click.echo(each)
        return
    if name not in known:
        raise InputError(
            _("Schéma inconnu : {name}.").format(name=name),
            advice=_("Connus : {known}.").format(known=", ".join(known)),
        )
    write_stdout((shipped("schemas") / f"{name}.schema.json").read_bytes())
