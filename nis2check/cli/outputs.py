# SPDX-License-Identifier: EUPL-1.2
"""``--output FORMAT=PATH`` for every command that has a result, and the gap report on the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from nis2check import files
from nis2check.errors import InputError, WriteError
from nis2check.language import _
from nis2check.model import Json

if TYPE_CHECKING:
    from nis2check.report.pen import Pen

Outputs = tuple[tuple[str, str], ...]  # (format, path); "-" is standard output


def parse(values: Iterable[str]) -> Outputs:
    """``("html=r.html", "csv=-")`` as pairs. Raises InputError: no ``=``, unknown format, one place given twice."""
    import difflib

    from nis2check.report.formats import BY_NAME

    out: list[tuple[str, str]] = []
    for value in values:
        name, equals, path = value.partition("=")
        if not equals or not path:
            what = _("Sortie mal formée : « {value} » ; attendu : FORMAT=CHEMIN.").format(value=value)
            raise InputError(what, advice=_("Par exemple : --output html=rapport.html"))
        if name not in BY_NAME:
            near = difflib.get_close_matches(name, BY_NAME, 1)
            advice = _("Vouliez-vous dire « {near} » ?").format(near=near[0]) if near else ""
            known = ", ".join(BY_NAME)
            raise InputError(
                _("Format inconnu : « {name} ». Formats : {known}.").format(name=name, known=known), advice=advice
            )
        if any(path == other for _name, other in out):
            raise InputError(_("Deux sorties vers le même endroit : « {path} ».").format(path=path))
        out.append((name, path))
    return tuple(out)


def write_all(document: Mapping[str, Json], outputs: Outputs, lang: str) -> None:
    """Write every output. One that fails does not cost the others: its fault is raised once all were tried (WriteError for
    the disk; a bug of ours as it is, after the rest)."""
    from nis2check.report.formats import BY_NAME

    faults: list[WriteError] = []
    bugs: list[Exception] = []
    for name, path in outputs:
        try:
            data = BY_NAME[name].render(document, lang)
            if path == "-":
                files.write_stdout(data)
            else:
                files.write_aside(path, data)
        except WriteError as fault:
            faults.append(fault)
        except Exception as bug:  # noqa: BLE001 - a bug in one format must not cost the others; raised again below
            bugs.append(bug)
    if faults:
        first = faults[0]
        more = tuple(f"{fault.place}: {fault.what}" if fault.place else fault.what for fault in faults[1:])
        raise WriteError(first.what, place=first.place, advice=first.advice, more=more)
    if bugs:
        raise bugs[0]


def show(document: Mapping[str, Json], lang: str, *, all: bool = False, quiet: bool = False, report: str = "") -> None:
    """Print the gap report on standard output as wide as the terminal, in colour and Unicode where it can be shown.

    NO_COLOR and FORCE_COLOR are honoured; a stream that cannot hold ``✗`` gets ASCII. Raises WriteError.
    """
    from nis2check.report import terminal

    print_text(
        terminal.render(
            document,
            lang,
            width=min(shutil.get_terminal_size((80, 24)).columns, 100),
            colour=_colour(),
            ascii=not _unicode(),
            all=all,
            quiet=quiet,
            report=report,
        )
    )


def pen(lang: str) -> Pen:
    """What to lay lines with for this terminal."""
    from nis2check.report.pen import Pen

    return Pen(lang, max(40, min(shutil.get_terminal_size((80, 24)).columns, 100)), _colour(), not _unicode())


def print_text(text: str) -> None:
    """Text made for this terminal, on standard output. Raises WriteError."""
    files.write_stdout(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


def _colour() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def _unicode() -> bool:
    try:
        "✗█→é".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
