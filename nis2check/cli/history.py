# SPDX-License-Identifier: EUPL-1.2
"""``nis2check history list|show|prune``, and what ``scan --save`` does with a result."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nis2check.cli.exits import Exit
from nis2check.errors import InputError, Nis2checkError
from nis2check.language import _, chosen, plural, say
from nis2check.model import Json
from nis2check.printing import Medium, clean

if TYPE_CHECKING:
    from nis2check.history.store import History, Run
    from nis2check.report.pen import Pen

VARIABLE = "NIS2CHECK_HISTORY"  # keeps the password of a server out of the list of processes

history_option = click.option(
    "--history",
    "place",
    metavar="PLACE",
    help=_("L'historique : un fichier (.nis2check par défaut) ou postgresql:// (NIS2CHECK_HISTORY)."),
)
_body = click.option("--body", default="", metavar="SIREN", help=_("Cet organisme seulement (SIREN, ou nom exact)."))


def _json(schema: str) -> Callable[..., Any]:
    return click.option(
        "--json", "as_json", is_flag=True, help=_("Écrire {schema} sur la sortie standard.").format(schema=schema)
    )


@click.group("history", help=say(_("Lister, montrer et oublier les analyses gardées par scan --save.")))
def command() -> None:
    pass


def opened(place: str | None) -> History:
    """The history named, else that of the current folder. Raises InputError: there is none."""
    from nis2check.bodyfile import NAME
    from nis2check.history.place import to_read
    from nis2check.history.store import History

    return History(place or os.environ.get(VARIABLE) or to_read(Path(NAME), os.environ))


# -------------------------------------------------------------------------------------------------------------- list


@command.command("list", help=say(_("Lister les analyses gardées, la dernière d'abord.")))
@history_option
@_body
@_json("nis2check.history/1")
def list_(place: str | None, body: str, as_json: bool) -> int:
    from nis2check.cli.outputs import pen, print_text

    runs = opened(place).runs(body)
    if as_json:
        return _write(runs)
    print_text("".join(f"{line}\n" for run in runs for line in _lines(run, pen(chosen()))))
    if not runs:
        _tell(_("Aucune analyse gardée."))
    return Exit.OK


def _write(runs: Iterable[Run], **more: Json) -> int:
    from dataclasses import asdict

    from nis2check.files import canonical, write_stdout

    rows = [asdict(run) for run in runs]
    write_stdout(canonical({"schema": "nis2check.history/1", "runs": rows, **more}))
    return Exit.OK


def _lines(run: Run, pen: Pen) -> list[str]:
    """One run: its number, its day, its body and what it counted."""
    from nis2check.printing import clock, short_date

    head = [f"{run.number:>5}  {pen.foreign(short_date(run.started))} {pen.own(clock(run.started, pen.lang))}"]
    head += [pen.foreign(run.name or run.body)]
    if not run.complete:
        head.append(pen.own(_("(interrompue)")))
    counts = ", ".join(
        (
            plural("{n} écart", "{n} écarts", run.counts["fail"] + run.counts["partial"]),
            plural("{n} indéterminé", "{n} indéterminés", run.counts["unknown"]),
            plural("{n} à attester", "{n} à attester", run.counts["to_attest"]),
            plural("{n} conforme", "{n} conformes", run.counts["pass"]),
        )
    )
    changes = ", ".join(
        (
            plural("{n} nouveau", "{n} nouveaux", run.changes["new"]),
            plural("{n} corrigé", "{n} corrigés", run.changes["fixed"]),
            plural("{n} non retesté", "{n} non retestés", run.changes["not_retested"]),
        )
    )
    return ["  ".join(head), *pen.wrap(pen.own(counts + _(" ; ") + changes), "       ", "       ")]


# -------------------------------------------------------------------------------------------------------------- show


@command.command("show", help=say(_("Montrer une analyse gardée ; la dernière si aucune n'est nommée.")))
@click.argument("run", required=False, type=click.IntRange(min=1), metavar="[RUN]")
@history_option
@_body
@_json("nis2check.result/1")
@click.option(
    "--output", "outputs", multiple=True, metavar="FORMAT=PATH", help=_("Écrire aussi ce format (répétable).")
)
@click.option("--all", "everything", is_flag=True, help=_("Tout montrer, même les écarts mineurs."))
def show(
    run: int | None, place: str | None, body: str, as_json: bool, outputs: tuple[str, ...], everything: bool
) -> int:
    from nis2check.cli import outputs as out
    from nis2check.files import canonical, write_stdout

    wanted = out.parse(outputs)
    history = opened(place)
    document = history.document(run if run is not None else _last(history, body))
    out.write_all(document, wanted, chosen())
    if as_json:
        write_stdout(canonical(document))
    elif not wanted:
        out.show(document, chosen(), all=everything)
    return Exit.OK


def _last(history: History, body: str) -> int:
    runs = history.runs(body)
    if not runs:
        raise InputError(_("Aucune analyse gardée."), advice=_("En garder une : nis2check scan --save"))
    return runs[0].number


# ------------------------------------------------------------------------------------------------------------- prune


@command.command("prune", help=say(_("Oublier pour de bon d'anciennes analyses.")))
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help=_("Garder les N dernières de chaque organisme."))
@click.option("--before", metavar="DATE", help=_("Oublier celles d'avant ce jour (AAAA-MM-JJ)."))
@click.option(
    "--older-than",
    type=click.IntRange(min=1, max=36500),
    metavar="DAYS",
    help=_("Oublier celles de plus de DAYS jours."),
)
@click.option("--dry-run", is_flag=True, help=_("Montrer ce qui serait oublié, sans rien changer."))
@history_option
@_body
@_json("nis2check.history/1")
def prune(
    keep: int | None,
    before: str | None,
    older_than: int | None,
    dry_run: bool,
    place: str | None,
    body: str,
    as_json: bool,
) -> int:
    from nis2check.cli.outputs import pen, print_text

    if keep is None and before is None and older_than is None:
        raise InputError(_("Dire quoi oublier : --keep N, --before AAAA-MM-JJ ou --older-than JOURS."))
    until = _until(before, older_than)
    history = opened(place)
    gone = history.prune(keep=keep, before=until, body=body, dry_run=dry_run)
    if as_json:
        left = history.runs() if not dry_run else tuple(run for run in history.runs() if run not in gone)
        return _write(left, pruned=[run.number for run in gone])
    print_text("".join(f"{line}\n" for run in gone for line in _lines(run, pen(chosen()))))
    one, many = _("{n} analyse oubliée."), _("{n} analyses oubliées.")
    if dry_run:
        one, many = _("{n} analyse serait oubliée."), _("{n} analyses seraient oubliées.")
    _tell(plural(one, many, len(gone)))
    return Exit.OK


def _until(before: str | None, older_than: int | None) -> datetime.date | None:
    """The first day to keep: the later one when both were given, since each forgets what it names."""
    from nis2check.cli.judging import day

    days = [day(before)] if before is not None else []
    if older_than is not None:
        days.append(datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=older_than))
    return max((found for found in days if found is not None), default=None)


# -------------------------------------------------------------------------------------------------------- scan --save


def remember(document: Mapping[str, Json], body_file: Path, place: str | None) -> tuple[Mapping[str, Json], Exit]:
    """Keep a result: the document with its changes since earlier runs, and OK. A history that cannot be used costs no
    result: the document as it was, one warning on stderr, and NOT_WRITTEN."""
    from nis2check.history.place import to_write
    from nis2check.history.store import History

    try:
        history = History(place or os.environ.get(VARIABLE) or to_write(body_file, os.environ))
        number, changed = history.save(document)
    except Nis2checkError as error:
        where = f"{error.place}: " if error.place else ""
        _tell(_("Analyse non gardée. {fault}").format(fault=f"{where}{error.what} {error.advice}".strip()))
        return document, Exit.NOT_WRITTEN
    _tell(_("Analyse n° {n} gardée dans {path}").format(n=number, path=history.shown))
    return changed, Exit.OK


def _tell(sentence: str) -> None:
    try:
        click.echo(f"nis2check: {say(clean(sentence, Medium.LOG, longest=2000))}", err=True)
    except OSError:
        pass  # stderr is gone: nobody to tell
