# SPDX-License-Identifier: EUPL-1.2
"""``scan --save --notify URL``: tell people when something changed since the last kept run."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nis2check.cli.exits import Exit
from nis2check.errors import InputError
from nis2check.language import _, chosen, say
from nis2check.printing import Medium, clean

if TYPE_CHECKING:
    from nis2check.cli.judging import Wanted
    from nis2check.model import Json
    from nis2check.notify.address import Address

VARIABLE = "NIS2CHECK_NOTIFY"  # addresses apart by spaces: that of a webhook is a secret by itself


@dataclass(frozen=True, slots=True)
class Notices:
    """The options as given."""

    urls: tuple[str, ...]
    details: bool

    def ready(self, *, save: bool, declared: Sequence[str] = ()) -> Announce | None:
        """What will tell people, its addresses read and its secrets at hand before the first packet; None: nobody is to be
        told. The body's own addresses count when the command names none. Raises InputError."""
        if (self.urls or self.details) and not save:
            raise InputError(_("--notify s'emploie avec --save : on ne signale que ce qui a changé."))
        urls = self.urls or tuple(os.environ.get(VARIABLE, "").split()) or tuple(declared)
        if not save or not urls:
            return None
        from nis2check.notify.address import parse

        return Announce(tuple(parse(url, os.environ) for url in urls), self.details)


@dataclass(frozen=True, slots=True)
class Announce:
    """Where to tell, and how much."""

    addresses: tuple[Address, ...]
    details: bool

    def tell(self, document: Mapping[str, Json], wanted: Wanted) -> Exit:
        """Send what changed, if anything did. A notification that could not be delivered is a result that could not be
        written (74): nothing else is lost."""
        from nis2check.notify.message import notification
        from nis2check.notify.send import send

        told = notification(document, _where(document, wanted), details=self.details)
        if told is None:
            return Exit.OK
        faults = send(self.addresses, told, chosen())
        for fault in faults:
            _tell(fault)
        return Exit.NOT_WRITTEN if faults else Exit.OK


def notify_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--notify`` and ``--notify-details``; the command gets them as one ``notices`` argument."""

    @click.option(
        "--notify",
        "urls",
        multiple=True,
        metavar="URL",
        help=_("Signaler un changement : smtp(s)://, https://, matrix:// (répétable ; NIS2CHECK_NOTIFY)."),
    )
    @click.option("--notify-details", "details", is_flag=True, help=_("Nommer dans le message ce qui a changé, et où."))
    @functools.wraps(command)
    def wrapped(urls: tuple[str, ...], details: bool, **values: Any) -> Any:
        return command(notices=Notices(urls, details), **values)

    return wrapped


def _where(document: Mapping[str, Json], wanted: Wanted) -> str:
    """Where the reader finds the rest: the first file written, else the command that shows the kept run."""
    for _format, path in wanted.outputs:
        if path != "-":
            return str(Path(path).absolute())
    number = document["trend"][-1]["run"] if document.get("trend") else ""
    return f"nis2check history show {number}".strip()


def _tell(sentence: str) -> None:
    try:
        click.echo(f"nis2check: {say(clean(sentence, Medium.LOG, longest=2000))}", err=True)
    except OSError:
        pass  # stderr is gone: nobody to tell
