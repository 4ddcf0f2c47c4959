# SPDX-License-Identifier: EUPL-1.2
"""``nis2check simulate``: what-if over the whole register. An option given several times makes as many scenarios."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nis2check.errors import InputError
from nis2check.language import _, chosen, pick, say

if TYPE_CHECKING:
    from nis2check.law.simulate import Outcome, Scenario
    from nis2check.model import Body, Json

_FORMATS = ("csv", "changes", "json", "html", "svg")
_MOST_SHOWN = 30  # changes printed on a terminal


@click.command("simulate", help=say(_("Comparer des régimes juridiques sur tout le registre national.")))
@click.option(
    "--regime", "regimes", multiple=True, metavar="ID", help=_("Régime (répétable) ; sans lui, tous ceux livrés.")
)
@click.option("--population", "notions", multiple=True, type=click.Choice(("totale", "municipale")),
              help=_("Notion de population (répétable) ; totale par défaut."))  # fmt: skip
@click.option(
    "--on", "days", multiple=True, metavar=_("AAAA-MM-JJ"), help=_("Date, donc millésime (répétable) ; aujourd'hui.")
)
@click.option("--threshold", "thresholds", multiple=True, type=click.IntRange(0, 10_000_000), metavar=_("HABITANTS"),
              help=_("Et si tous les seuils d'habitants valaient ceci (répétable) ? Comparé aux seuils du texte."))  # fmt: skip
@click.option("--department", help=_("Ne garder qu'un département (34, 2A, 974…)."))
@click.option("--nature", help=_("Ne garder qu'une nature (COMMUNE, CC, CA…)."))
@click.option(
    "--by", type=click.Choice(("scenario", "nature", "department")), default="scenario", help=_("Ventilation.")
)
@click.option("--json", "as_json", is_flag=True, help=_("Écrire le résultat en JSON (nis2check.simulation/1)."))
@click.option("--output", "outputs", multiple=True, metavar=_("FORMAT=CHEMIN"),
              help=_("Écrire aussi : csv (comptes), changes (organismes qui changent), json, html, svg."))  # fmt: skip
def command(regimes: tuple[str, ...], notions: tuple[str, ...], days: tuple[str, ...], thresholds: tuple[int, ...],
            department: str | None, nature: str | None, by: str, as_json: bool, outputs: tuple[str, ...]) -> None:  # fmt: skip
    wanted = [_wanted(output) for output in outputs]
    scenarios = _scenarios(regimes, notions, days, thresholds)
    simulation = _simulated(scenarios, department, nature)
    from nis2check.files import canonical, write_aside, write_stdout

    for format_, path in wanted:
        data = _rendered(simulation, format_)
        if path == "-":
            write_stdout(data)
        else:
            write_aside(Path(path), data)
    if as_json:
        write_stdout(canonical(simulation))
    elif not any(path == "-" for _format, path in wanted):
        click.echo(say("\n".join(_table(simulation, by))))


def _wanted(output: str) -> tuple[str, str]:
    format_, equals, path = output.partition("=")
    if not equals or not path or format_ not in _FORMATS:
        what = _("« {output} » : attendu FORMAT=CHEMIN, avec un format parmi {formats}.")
        raise InputError(what.format(output=output, formats=", ".join(_FORMATS)))
    return format_, path


def _scenarios(
    regimes: tuple[str, ...], notions: tuple[str, ...], days: tuple[str, ...], thresholds: tuple[int, ...]
) -> list[Scenario]:
    """Every combination of what was asked, the first being what the others are compared with."""
    from nis2check.cli.scope import judged_on
    from nis2check.law.regime import DEFAULT, known, load
    from nis2check.law.simulate import Scenario

    alone = (DEFAULT,) if len(notions) > 1 or len(days) > 1 or thresholds else known()
    loaded = [load(name) for name in regimes or alone]
    dates = [judged_on(day) for day in days or ("",)]
    levels = (None, *thresholds)
    return [Scenario(*each) for each in product(loaded, notions or ("totale",), dates, levels)]


def _simulated(scenarios: list[Scenario], department: str | None, nature: str | None) -> dict[str, Json]:
    from nis2check.law.simulate import document, moves, run
    from nis2check.register.lookup import everybody

    by_day: dict[str, list[Body]] = {}
    outcomes: list[Outcome] = []
    for scenario in scenarios:
        if scenario.on not in by_day:
            by_day[scenario.on] = [body for body in everybody(scenario.on) if _kept(body, department, nature)]
        outcomes.append(run(scenario, by_day[scenario.on]))
    if not any(by_day.values()):
        raise InputError(_("Aucun organisme du registre ne correspond à ce département et à cette nature."))
    bodies = {body.siren: body for day in sorted(by_day) for body in by_day[day]}  # the latest vintage names a body
    first, *others = outcomes
    return document(outcomes, [(first, other, moves(first, other, bodies)) for other in others])


def _kept(body: Body, department: str | None, nature: str | None) -> bool:
    return (department is None or department in body.departments) and (nature is None or nature == body.nature)


def _rendered(simulation: dict[str, Json], format_: str) -> bytes:
    from nis2check.files import canonical
    from nis2check.law import page

    if format_ == "json":
        return canonical(simulation)
    if format_ == "html":
        return page.page(simulation)
    if format_ == "svg":
        return page.chart(simulation).encode()
    return _csv(_count_rows(simulation) if format_ == "csv" else _change_rows(simulation))


def _csv(rows: list[list[object]]) -> bytes:
    """Semicolons and a mark of UTF-8: French spreadsheets open it as it is."""
    import csv
    import io

    from nis2check.printing import Medium, clean

    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(
        [clean(cell, Medium.CSV) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _count_rows(simulation: dict[str, Json]) -> list[list[object]]:
    from nis2check.model import Category

    categories = [str(category) for category in Category]
    rows: list[list[object]] = [["scenario", "regime", "notion", "on", "threshold", "by", "value", *categories]]
    for each in simulation["scenarios"]:
        start = [each["id"], each["regime"], each["notion"], each["on"], each["threshold"]]
        groups = [("all", {"": each["counts"]}), ("nature", each["by_nature"]), ("department", each["by_department"])]
        rows += [
            [*start, by, value, *(counts[category] for category in categories)]
            for by, group in groups
            for value, counts in group.items()
        ]
    return rows


def _change_rows(simulation: dict[str, Json]) -> list[list[object]]:
    columns = ["from", "to", "siren", "name", "nature", "departments", "before", "after"]
    flat = [{**change, "departments": " ".join(change["departments"])} for change in simulation["changes"]]
    return [list(columns), *([change[column] or "" for column in columns] for change in flat)]


def _table(simulation: dict[str, Json], by: str) -> list[str]:
    """The counts, and the first bodies that change, for a terminal."""
    from nis2check.law.scope import words
    from nis2check.model import Category
    from nis2check.printing import number

    categories = list(Category)
    lines: list[str] = []
    key = {"nature": "by_nature", "department": "by_department"}.get(by)
    head = f"{'':<46}" + "".join(f"{pick(words(category)):>22}" for category in categories)
    lines.append(head.rstrip())
    for each in simulation["scenarios"]:
        groups = {"": each["counts"]} if key is None else each[key]
        if key is not None:
            lines.append(each["id"])
        for value, counts in groups.items():
            label = f"  {value}" if key else each["id"]
            lines.append(f"{label:<46}" + "".join(f"{number(counts[c], chosen()):>22}" for c in categories))
    changes = simulation["changes"]
    if len(simulation["scenarios"]) > 1:
        lines += ["", *_moves(simulation, changes)]
    return [*lines, *simulation["notes"]]


def _moves(simulation: dict[str, Json], changes: list[Json]) -> list[str]:
    from nis2check.printing import Medium, clean

    first = simulation["scenarios"][0]["id"]
    lines = [_("Changements par rapport à : {scenario}").format(scenario=first)]
    for each in simulation["scenarios"][1:]:
        count = sum(change["to"] == each["id"] for change in changes)
        lines.append("  " + _("{name} : {text}").format(name=each["id"], text=count))
    shown = changes if len(changes) <= _MOST_SHOWN else []
    lines += [
        f"    {c['siren']}  {c['nature']:<8} "
        + _("{name} : {text}").format(name=clean(c["name"], Medium.TERMINAL), text=f"{_arrow(c)}  [{c['to']}]")
        for c in shown
    ]
    if changes and not shown:
        lines.append(_("La liste : --output changes=changements.csv"))
    return lines


def _arrow(change: dict[str, Json]) -> str:
    from nis2check.law.scope import words
    from nis2check.model import Category

    sides = [pick(words(Category(change[s]))) if change[s] else _("n'existe pas") for s in ("before", "after")]
    return " → ".join(sides)
