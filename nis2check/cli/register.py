# SPDX-License-Identifier: EUPL-1.2
"""``nis2check register show|build|verify``: the register of local authorities, where it comes from, whether it is whole."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from nis2check.language import _, chosen, pick, say


@click.group("register", help=say(_("Montrer, vérifier ou reconstruire le registre des collectivités.")))
def command() -> None:
    """Three subcommands; without one, click prints the help and the exit code is 2."""


@command.command("show", help=say(_("Montrer le registre, un organisme, ou les sources et leur licence.")))
@click.argument("identifier", metavar=_("SIREN|INSEE|NOM"), required=False)
@click.option("--sources", is_flag=True, help=_("Les sources, leur empreinte, la licence et la mention à reproduire."))
@click.option("--on", default="", metavar=_("AAAA-MM-JJ"), help=_("Date : le millésime en vigueur ce jour-là."))
@click.option("--json", "as_json", is_flag=True, help=_("Écrire en JSON (nis2check.register/1)."))
def show(identifier: str | None, sources: bool, on: str, as_json: bool) -> None:
    from nis2check.cli.scope import judged_on
    from nis2check.files import canonical, write_stdout
    from nis2check.register.verify import ATTRIBUTION, manifest

    if identifier is not None:
        _show_body(identifier, judged_on(on), as_json)
        return
    described = manifest()
    if as_json:
        write_stdout(canonical(described | {"attribution": pick(ATTRIBUTION), "licence": "etalab-2.0"}))
        return
    lines = [_("Registre des communes, groupements, départements et régions")]
    text = _("  millésime {vintage} : {n} organismes avec un SIREN")
    lines += [text.format(vintage=vintage, n=count) for vintage, count in described["bodies_with_siren"].items()]
    lines += ["", *_reproduced()]
    if sources:
        lines += ["", _("Sources (sha256)")]
        lines += [f"  {digest}  {name}" for name, digest in described["sources"].items()]
    lines += ["", pick(ATTRIBUTION)]
    click.echo(say("\n".join(lines)))


def _reproduced() -> list[str]:
    """What each vintage reproduces of the published figures, and what none does (counts of the tests)."""
    of_2026 = _(
        "  2026, totale : 296 communes de plus de 30 000 habitants ; 987 CC, 471 d'au moins 20 000, 220 d'au moins 30 000"
    )
    of_2025 = _(
        "  2025, totale : 294 communes de plus de 30 000 habitants ; 989 CC, 474 d'au moins 20 000 (publié : environ 475)"
    )
    of_2024 = _(
        "  Les 211 CC d'au moins 30 000 publiées en 2025 (AN, CS105) viennent du millésime 2024, qui n'est pas livré."
    )
    return [_("Ce que chaque millésime reproduit des chiffres publiés :"), of_2026, of_2025, of_2024]


def _show_body(identifier: str, on: str, as_json: bool) -> None:
    from nis2check.files import canonical, write_stdout
    from nis2check.printing import Medium, clean, number
    from nis2check.register.lookup import find

    body = find(identifier, on)
    if as_json:
        value = {
            "schema": "nis2check.register/1",
            "siren": body.siren,
            "insee": body.insee,
            "name": body.name,
            "nature": body.nature,
            "departments": list(body.departments),
            "population": dict(body.population),
            "vintage": dict(body.vintage),
            "largest_commune": dict(body.largest_commune),
            "largest_commune_names": dict(body.largest_commune_names),
            "notes": [pick(note) for note in body.notes],
        }
        write_stdout(canonical(value))
        return
    lines = [f"{clean(body.name, Medium.TERMINAL)} · {body.nature} · {body.siren or body.insee}"]
    lines.append(_("  départements : {places}").format(places=", ".join(body.departments)))
    for notion, figure in body.population.items():
        if figure is not None:
            text = _("  population {notion} : {figure} habitants (millésime {vintage})")
            lines.append(text.format(notion=notion, figure=number(figure, chosen()), vintage=body.vintage[notion]))
    for notion, figure in body.largest_commune.items():
        if figure is not None:
            text = _("  plus grande commune ({notion}) : {name}, {figure} habitants (millésime {vintage})")
            name, vintage = body.largest_commune_names[notion], body.largest_commune_vintage[notion]
            lines.append(text.format(notion=notion, name=name, figure=number(figure, chosen()), vintage=vintage))
    click.echo(say("\n".join([*lines, *("  " + pick(note) for note in body.notes)])))


@command.command(
    "build", help=say(_("Reconstruire le registre à partir de ses sources ; mêmes sources, mêmes octets."))
)
@click.argument("package", type=click.Path(path_type=Path), metavar=_("PAQUET"))
@click.option("--output", required=True, type=click.Path(path_type=Path), help=_("Dossier à écrire."))
@click.option(
    "--insee", type=click.Path(path_type=Path), help=_("Votre fichier Insee donnees_communes.csv (populations 2023).")
)
def build(package: Path, output: Path, insee: Path | None) -> None:
    from nis2check.register import build as building
    from nis2check.register import inputs

    register = building.build(inputs.read(package, insee))
    building.write(register, output)
    for warning in register.warnings:
        click.echo(say(warning), err=True)
    text = _("Registre écrit dans {folder}. Pour s'en servir : NIS2CHECK_REGISTER={folder}")
    click.echo(say(text.format(folder=output)), err=True)


@command.command(
    "verify", help=say(_("Vérifier que le registre est entier ; avec un paquet npm, le reconstruire et comparer."))
)
@click.argument("package", type=click.Path(path_type=Path), metavar=_("[PAQUET]"), required=False)
@click.option("--insee", type=click.Path(path_type=Path), help=_("Le fichier Insee avec lequel il a été construit."))
def verify(package: Path | None, insee: Path | None) -> int:
    from nis2check.register import build as building
    from nis2check.register import inputs
    from nis2check.register.verify import differences, faults

    found = list(faults())
    if package is not None:
        found += differences(building.build(inputs.read(package, insee)).files)
    for fault in found:
        click.echo(say(fault))
    if not found:
        click.echo(say(_("Registre entier, au {day}.").format(day=datetime.date.today().isoformat())))
    return 1 if found else 0
