# SPDX-License-Identifier: EUPL-1.2
"""The result that a command reads: the file named, else the last kept run of a body."""

from __future__ import annotations

from collections.abc import Mapping

import click

from nis2check.errors import InputError
from nis2check.language import _
from nis2check.model import Json

body_option = click.option(
    "--body", default="", metavar="SIREN", help=_("La dernière analyse de cet organisme (SIREN, ou nom exact).")
)
logo_option = click.option(
    "--logo", metavar="IMAGE", help=_("Logo de la collectivité : PNG ou JPEG de 64 Kio au plus, inclus dans les pages.")
)


def with_logo(document: Mapping[str, Json], logo: str | None) -> Mapping[str, Json]:
    """The result with another logo. Raises InputError: not an image that pages may hold."""
    from nis2check import emblem

    return document if logo is None else emblem.lent(document, emblem.read(logo))


def result(file: str | None, place: str | None, body: str) -> Mapping[str, Json]:
    """A checked ``nis2check.result/1``. Raises InputError: unreadable, or nothing kept."""
    from nis2check import files
    from nis2check.cli.history import opened

    if file is not None:
        source = files.load_json(file)
        files.check(source, "result")
        document: Mapping[str, Json] = source.data
        return document
    history = opened(place)
    runs = history.runs(body)
    if not runs:
        raise InputError(_("Aucune analyse gardée."), advice=_("En garder une : nis2check scan --save"))
    return history.document(runs[0].number)
