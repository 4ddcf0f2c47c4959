# SPDX-License-Identifier: EUPL-1.2
"""``nis2check diff A B``: what changed between two results, files or numbers of kept runs. Nothing is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nis2check.cli.exits import Exit
from nis2check.cli.history import history_option, opened
from nis2check.cli.judging import SEVERITIES
from nis2check.language import _, chosen, pick, plural, say
from nis2check.model import Json

if TYPE_CHECKING:
    from nis2check.report.pen import Pen


@click.command(
    "diff", help=say(_("Comparer deux résultats : nouveaux écarts, corrigés, aggravés, améliorés, non retestés."))
)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@history_option
@click.option("--json", "as_json", is_flag=True, help=_("Écrire nis2check.diff/1 sur la sortie standard."))
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    help=_("Sortir avec 1 si un écart de cette gravité ou plus est nouveau ou aggravé."),
)
def command(before: str, after: str, place: str | None, as_json: bool, fail_on: str | None) -> int:
    """A and B: result files, or numbers of runs of the history (``nis2check diff 3 5``)."""
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
    counts = ", ".join(
        (
            plural("{n} nouveau", "{n} nouveaux", len(diff["new"])),
            plural("{n} corrigé", "{n} corrigés", len(diff["fixed"])),
            plural("{n} aggravé", "{n} aggravés", len(diff["worse"])),
            plural("{n} amélioré", "{n} améliorés", len(diff["better"])),
            plural("{n} non retesté", "{n} non retestés", len(diff["not_retested"])),
            plural("{n} écart inchangé", "{n} écarts inchangés", diff["open"]),
        )
    )
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
