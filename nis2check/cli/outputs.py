# SPDX-License-Identifier: EUPL-1.2
"""``--output FORMAT=PATH`` for every command that has a result, and the gap report on the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nis2check import files
from nis2check.errors import InputError, Place, WriteError
from nis2check.language import _, reason
from nis2check.model import Json

if TYPE_CHECKING:
    from nis2check.report.pen import Pen

Outputs = tuple[tuple[str, str], ...]  # (format, path); "-" is standard output, an end in "/" a folder
Forms = Mapping[str, Callable[[Mapping[str, Json], str], bytes]]  # name of --output → result and language → bytes

CSV_DIALECTS = ("excel-fr", "rfc4180")  # those of report.csv, named here so that --help imports no format


def csv_dialect_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--csv-dialect``, the one option that a single format has."""
    return click.option(
        "--csv-dialect",
        type=click.Choice(CSV_DIALECTS),
        default=CSV_DIALECTS[0],
        help=_("CSV pour un tableur français (BOM, point-virgule) ou pour une machine (RFC 4180)."),
    )(command)


def parse(values: Iterable[str], forms: Forms | None = None) -> Outputs:
    """``("html=r.html", "csv=-")`` as pairs; ``forms``: other names than those of a result's formats. Raises InputError,
    before anything runs: no ``=``, unknown format, one place given twice, an extra that is missing, a folder for one file."""
    values = tuple(values)
    if not values:
        return ()  # the formats need not be imported
    import difflib

    from nis2check.report.formats import BY_NAME

    names = list(BY_NAME if forms is None else forms)
    out: list[tuple[str, str]] = []
    for value in values:
        name, equals, path = value.partition("=")
        if not equals or not path:
            what = _("Sortie mal formée : « {value} » ; attendu : FORMAT=CHEMIN.").format(value=value)
            raise InputError(what, advice=_("Par exemple : --output html=rapport.html"))
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            advice = _("Vouliez-vous dire « {near} » ?").format(near=near[0]) if near else ""
            known = ", ".join(names)
            raise InputError(
                _("Format inconnu : « {name} ». Formats : {known}.").format(name=name, known=known), advice=advice
            )
        if any(path == other for _name, other in out):
            raise InputError(_("Deux sorties vers le même endroit : « {path} ».").format(path=path))
        if forms is None:
            _check_possible(name, path)
        out.append((name, path))
    return tuple(out)


def _check_possible(name: str, path: str) -> None:
    from nis2check.report.formats import FOLDERS

    extra = missing_extra(name)
    if extra:
        what = _("Le format « {name} » demande l'extra « {extra} ».").format(name=name, extra=extra)
        raise InputError(what, advice=f"pip install nis2check[{extra}]")
    if path.endswith("/") and name not in FOLDERS:
        what = _("Le format « {name} » s'écrit dans un fichier, pas dans un dossier.").format(name=name)
        raise InputError(what, place=Place(path))


def missing_extra(name: str) -> str:
    """The extra that a format needs and that is not installed; empty when nothing is missing."""
    from importlib.util import find_spec

    from nis2check.report.formats import EXTRAS

    extra = EXTRAS.get(name)
    return extra.name if extra and find_spec(extra.module) is None else ""


def write_all(
    document: Mapping[str, Json],
    outputs: Outputs,
    lang: str,
    forms: Forms | None = None,
    *,
    csv_dialect: str = CSV_DIALECTS[0],
) -> None:
    """Write every output, in the forms that it was parsed with. One that fails does not cost the others: its fault is raised
    once all were tried (WriteError for the disk; a bug of ours as it is, after the rest)."""
    faults: list[WriteError] = []
    bugs: list[Exception] = []
    for name, path in outputs:
        try:
            if forms is None:
                _write(path, rendered(document, name, path, lang, csv_dialect))
            else:
                _write(path, {"": forms[name](document, lang)})
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


def rendered(
    document: Mapping[str, Json], name: str, path: str, lang: str, csv_dialect: str = CSV_DIALECTS[0]
) -> Mapping[str, bytes]:
    """The bytes of a format: those of PATH itself under the name "", or those of the files of the folder PATH."""
    from nis2check.report import csv
    from nis2check.report.formats import BY_NAME, FOLDERS

    if path.endswith("/"):
        return FOLDERS[name](document, lang)
    if name == csv.NAME:
        return {"": csv.render(document, lang, csv_dialect)}
    return {"": BY_NAME[name].render(document, lang)}


def _write(path: str, parts: Mapping[str, bytes]) -> None:
    """Raises WriteError. A folder is made, its parents are not: a slip of the keyboard would make them."""
    if path.endswith("/"):
        try:
            Path(path).mkdir(exist_ok=True)
        except OSError as error:
            raise WriteError(
                _("Écriture impossible : {reason}.").format(reason=reason(error)), place=Place(path)
            ) from None
    for name, data in parts.items():
        if path == "-":
            files.write_stdout(data)
        else:
            files.write_aside(path + name, data)


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
