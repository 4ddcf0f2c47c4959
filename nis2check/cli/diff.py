# SPDX-License-Identifier: EUPL-1.2
"""``nis2check diff A B``: what changed between two results, files or numbers of kept runs; ``diff --all``: at every body
of a history, between its last two runs. Nothing is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nis2check.cli.exits import Exit
from nis2check.cli.history import history_option, opened
from nis2check.cli.judging import SEVERITIES
from nis2check.errors import InputError
from nis2check.language import _, chosen, pick, plural, say
from nis2check.model import Json

if TYPE_CHECKING:
    from nis2check.history.fleet import Fleet
    from nis2check.report.pen import Pen


@click.command(
    "diff", help=say(_("Comparer deux résultats : nouveaux écarts, corrigés, aggravés, améliorés, non retestés."))
)
@click.argument("before", metavar="A", required=False)
@click.argument("after", metavar="B", required=False)
@click.option(
    "--all", "everybody", is_flag=True, help=_("Les deux dernières analyses de chaque organisme de l'historique.")
)
@history_option
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help=_("Écrire nis2check.diff/1 (avec --all : nis2check.fleet-diff/1) sur la sortie standard."),
)
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    help=_("Sortir avec 1 si un écart de cette gravité ou plus est nouveau ou aggravé."),
)
def command(
    before: str | None, after: str | None, everybody: bool, place: str | None, as_json: bool, fail_on: str | None
) -> int:
    """A and B: result files, or numbers of runs of the history (``nis2check diff 3 5``)."""
    if everybody:
        if before is not None or fail_on is not None:
            raise InputError(_("--all s'emploie sans A, B ni --fail-on."))
        return _fleet(place, as_json)
    if before is None or after is None:
        what = _("Nommer deux résultats : fichiers, ou numéros d'analyses gardées.")
        raise InputError(what, advice=_("Par exemple : nis2check diff 1 2 (ou nis2check diff --all)."))
    return _two(before, after, place, as_json, fail_on)


def _two(before: str, after: str, place: str | None, as_json: bool, fail_on: str | None) -> int:
    from nis2check.cli.outputs import pen, print_text
    from nis2check.files import canonical, write_stdout
    from nis2check.history import diff
    from nis2check.model import Severity

    found = diff.document(_result(before, place), _result(after, place))
    if as_json:
        write_stdout(canonical(found))
    else:
        print_text("\n".join(_lines(found, pen(chosen()))) + "\n")
    return Exit.GAPS if fail_on is not None and diff.fails(found, Severity(fail_on)) else Exit.OK


def _result(name: str, history: str | None) -> Mapping[str, Json]:
    """A result file; a number that is no file's name is a kept run."""
    from nis2check.files import check, load_json

    if name.isascii() and name.isdigit() and len(name) < 10 and not Path(name).exists():
        return opened(history).document(int(name))
    document = load_json(name)
    check(document, "result")
    result: Mapping[str, Json] = document.data
    return result


def _lines(diff: Mapping[str, Json], pen: Pen) -> list[str]:
    """A short report: the counts, what may explain them, then each change under its heading."""
    from nis2check.printing import short_date

    days = [short_date(diff[side]["run"]["started"]) for side in ("before", "after")]
    counts = _counts({kind: len(diff[kind]) for kind in _headings()})
    counts += ", " + plural("{n} écart inchangé", "{n} écarts inchangés", diff["open"])
    head = pen.own(_("Du {before} au {after} : ")).format(before=pen.foreign(days[0]), after=pen.foreign(days[1]))
    lines = pen.wrap(head + pen.own(counts) + ".")
    for note in _notes(diff):
        lines += pen.wrap(pen.own(note))
    for kind, heading in _headings().items():
        if diff[kind]:
            lines += ["", *pen.heading(heading)]
            for one in diff[kind]:
                lines += _change(one, pen)
    return lines


def _counts(changes: Mapping[str, int]) -> str:
    return ", ".join(
        (
            plural("{n} nouveau", "{n} nouveaux", changes["new"]),
            plural("{n} corrigé", "{n} corrigés", changes["fixed"]),
            plural("{n} aggravé", "{n} aggravés", changes["worse"]),
            plural("{n} amélioré", "{n} améliorés", changes["better"]),
            plural("{n} non retesté", "{n} non retestés", changes["not_retested"]),
        )
    )


def _headings() -> dict[str, str]:
    return {
        "new": _("NOUVEAUX ÉCARTS"),
        "worse": _("AGGRAVÉS"),
        "fixed": _("CORRIGÉS : jugés de nouveau, conformes"),
        "better": _("AMÉLIORÉS, ou devenus sans objet"),
        "not_retested": _("NON RETESTÉS : disparus ou indéterminés, ce qui ne veut pas dire corrigés"),
    }


def _notes(diff: Mapping[str, Json]) -> list[str]:
    """What else may explain a change than the targets themselves."""
    notes = []
    if not diff["after"]["complete"] or not diff["before"]["complete"]:
        notes.append(_("Une des deux analyses a été interrompue : la comparaison est partielle."))
    if not diff["same_rules"]:
        notes.append(_("Les règles ont changé entre les deux : un changement peut venir d'elles."))
    if not diff["same_regime"]:
        notes.append(_("Le régime juridique n'est pas le même."))
    return notes


def _change(one: Mapping[str, Json], pen: Pen) -> list[str]:
    from nis2check.report import words

    shown = one["after"] or one["before"]
    was, now = (words.verdict(one[side]).word if one[side] else _("absent") for side in ("before", "after"))
    step = pen.own(_("{was} -> {now}") if pen.ascii else _("{was} → {now}")).format(was=pen.own(was), now=pen.own(now))
    rule = f"{pen.foreign(one['rule'])}  {pen.foreign(one['target']['name'])}"
    lines = pen.row(rule, f"{pen.own(words.severity(one['severity']))}, {step}", "    ")
    lines[0] = f"  {pen.sign(shown)} {lines[0].strip()}" if not pen.ascii else f"{pen.sign(shown)} {lines[0].strip()}"
    title = pen.foreign(pen.own(pick(one["title"], pen.lang)))
    waived = pen.own(_(" (dérogation)")) if one["waived"] else ""
    return lines + pen.wrap(title + waived, "      ", "      ")


# --------------------------------------------------------------------------------------------------------- every body


def _fleet(place: str | None, as_json: bool) -> int:
    from dataclasses import asdict

    from nis2check.cli.outputs import pen, print_text
    from nis2check.files import canonical, write_stdout
    from nis2check.history import fleet

    found = fleet.changes(opened(place).door)
    if as_json:
        write_stdout(canonical({"schema": "nis2check.fleet-diff/1", **asdict(found)}))
    else:
        print_text("\n".join(_fleet_lines(found, pen(chosen()))) + "\n")
    return Exit.OK


def _fleet_lines(found: Fleet, pen: Pen) -> list[str]:
    """How many bodies, what changed in all, then a line for each that changed, most new gaps first."""
    from nis2check.history.compare import KINDS

    head = plural("{n} organisme comparé", "{n} organismes comparés", found.compared)
    head += _(" ; ") + plural("{n} a changé", "{n} ont changé", len(found.moved))
    lines = pen.wrap(pen.own(f"{head} : {_counts({kind: found.total(kind) for kind in KINDS})}."))
    for one in found.moved:
        who = pen.foreign(one.name or one.body)
        lines += ["", *pen.wrap(f"{who} (nis2check diff {one.before} {one.after})", "  ", "  ")]
        lines += pen.wrap(pen.own(_counts(one.changes)), "    ", "    ")
    return lines
