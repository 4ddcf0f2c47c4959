# SPDX-License-Identifier: EUPL-1.2
"""``nis2check scope``: is a body in the field of NIS 2, as what, by which clause, and what would change it."""

from __future__ import annotations

import datetime
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from nis2check.errors import InputError
from nis2check.language import _, say

if TYPE_CHECKING:
    from nis2check.law.regime import Regime
    from nis2check.model import Scope

# Codes of DESIGN 8. The register holds the first line; the second is for bodies that it does not hold.
NATURES = ("REG", "CTU", "DEP", "DEPREG", "CEA", "COMMUNE", "CC", "CA", "CU", "METRO", "MET69", "EPT")
OTHER_NATURES = ("SYNDICAT", "SDIS", "CDG", "EPA", "EPIC", "REGIE", "SEM", "SPL", "COM")


class Figure(click.ParamType[int]):
    """A whole number, written as people write it: 31420 or 31 420. Never negative, fractional or absurd."""

    name = _("nombre")

    def __init__(self, most: int) -> None:
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        packed = re.sub(r"[\s\u00a0\u202f]", "", str(value))
        if not re.fullmatch(r"[0-9]{1,15}", packed):
            self.fail(_("« {value} » n'est pas un nombre entier positif.").format(value=value), param, ctx)
        if int(packed) > self.most:
            self.fail(_("{value} dépasse le possible ({most}).").format(value=value, most=self.most), param, ctx)
        return int(packed)


def completed(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[Any]:
    """What a shell may offer: SIREN that start as typed, or those of names that do; the name is shown beside where it can."""
    from click.shell_completion import CompletionItem

    from nis2check.register.lookup import beginning

    return [CompletionItem(siren, help=name) for siren, name in beginning(typed)]


_PEOPLE, _EUROS = Figure(100_000_000), Figure(10**13)


@click.command("scope", help=say(_("Dire si un organisme entre dans le champ de NIS 2, à quel titre et pourquoi.")))
@click.argument("identifier", metavar=_("SIREN|INSEE|NOM"), required=False, shell_complete=completed)
@click.option("--json", "as_json", is_flag=True, help=_("Écrire le résultat en JSON (nis2check.scope/1)."))
@click.option("--all", "everyone", is_flag=True, help=_("Tous les organismes du registre, avec --json-lines."))
@click.option("--json-lines", is_flag=True, help=_("Un résultat JSON par ligne."))
@click.option("--regime", default="", metavar="ID", help=_("Régime juridique : un identifiant ou un fichier .yaml."))
@click.option("--population", "notion", type=click.Choice(("totale", "municipale")), default="totale",
              help=_("Notion de population qui décide (totale par défaut) ; les deux sont calculées."))  # fmt: skip
@click.option("--strict-population", is_flag=True, help=_("Indéterminé quand les deux notions divergent."))
@click.option("--on", default="", metavar=_("AAAA-MM-JJ"), help=_("Date à laquelle juger ; aujourd'hui par défaut."))
@click.option("--hysteresis", type=click.IntRange(0, 10), metavar="N",
              help=_("Millésimes pendant lesquels un seuil franchi doit le rester (0 : aucun, comme le texte)."))  # fmt: skip
@click.option(
    "--nature", type=click.Choice((*NATURES, *OTHER_NATURES)), help=_("Nature, pour un organisme hors registre.")
)
@click.option("--population-figure", type=_PEOPLE, help=_("Population, pour un organisme hors registre."))
@click.option("--largest-commune", type=_PEOPLE, help=_("Population de la plus grande commune membre."))
@click.option(
    "--activity", "activities", multiple=True, metavar="ID", help=_("Activité d'un secteur ; peut se répéter.")
)
@click.option("--staff", type=_PEOPLE, help=_("Effectif, en agents."))
@click.option("--turnover", type=_EUROS, help=_("Chiffre d'affaires ou produits d'exploitation, en euros."))
@click.option("--balance-sheet", type=_EUROS, help=_("Total du bilan, en euros."))
@click.option("--designated", type=click.Choice(("essential", "important")), help=_("Désigné par le Premier ministre."))
@click.option("--former-ose", is_flag=True, default=None, help=_("Ancien opérateur de services essentiels (NIS 1)."))
@click.option(
    "--critical-entity", is_flag=True, default=None, help=_("Opérateur d'importance vitale ou entité critique.")
)
@click.option("--parent", metavar=_("SIREN|INSEE|NOM"), help=_("Collectivité de rattachement d'un établissement."))
def command(identifier: str | None, as_json: bool, everyone: bool, json_lines: bool, regime: str, notion: str,
            strict_population: bool, on: str, hysteresis: int | None, **declared: Any) -> None:  # fmt: skip
    from nis2check.law.regime import DEFAULT, load

    rules = load(regime or DEFAULT)
    if hysteresis is not None:
        rules = replace(rules, hysteresis=hysteresis)
    day = judged_on(on)
    if everyone or json_lines:
        if not (everyone and json_lines) or identifier or hysteresis or any(declared.values()):
            raise InputError(_("Tout le registre se demande ainsi : nis2check scope --all --json-lines."))
        _everybody(rules, notion, day, strict_population)
        return
    scope = _one(identifier, rules, notion, day, strict_population, declared)
    if as_json:
        _as_json(scope, rules, notion)
    else:
        from nis2check.cli.scope_prose import prose

        click.echo(say("\n".join(prose(scope, rules, _others(rules), notion))))


def judged_on(on: str) -> str:
    """An ISO date, today when empty. Raises InputError: not a date, or yet to come."""
    today = datetime.date.today().isoformat()
    if not on:
        return today
    try:
        day = datetime.date.fromisoformat(on).isoformat()
    except ValueError:
        raise InputError(_("Date impossible : « {on} » ; attendu : AAAA-MM-JJ.").format(on=on)) from None
    if day > today:
        raise InputError(_("Date à venir : {on}. Le registre et les textes ne la connaissent pas.").format(on=on))
    return day


def _one(identifier: str | None, regime: Regime, notion: str, on: str, strict: bool, declared: dict[str, Any]) -> Scope:
    from nis2check.law.scope import decide
    from nis2check.register.lookup import described, find

    if identifier is None and declared["nature"] is None:
        what = _("Dire de qui il s'agit : un SIREN, un code Insee de commune, un nom, ou --nature hors registre.")
        raise InputError(what, advice=_("Exemple : nis2check scope 243400819"))
    _known_activities(regime, declared["activities"])
    identity = {key: value for key, value in declared.items() if value not in (None, ())}
    if "population_figure" in identity:
        identity["population"] = identity.pop("population_figure")
    parent = identity.pop("parent", None)
    if parent is not None:
        above = decide(find(parent, on), regime, notion, on).by_notion
        identity["parent_category"] = {one: None if word == "undecided" else str(word) for one, word in above.items()}
    if identifier is not None:
        identity["siren"] = identifier
    scope = decide(described(identity, on), regime, notion, on, strict)
    if regime.hysteresis:
        from nis2check.law.memory import remembered
        from nis2check.register.lookup import before

        scope = remembered(scope, regime, before(scope.body, on), notion, strict)
    return scope


def _known_activities(regime: Regime, asked: tuple[str, ...]) -> None:
    import difflib

    known = [activity for group in regime.activities.values() for activity in group]
    for activity in asked:
        if activity not in known:
            near = difflib.get_close_matches(activity, known, 1)
            advice = _("Vouliez-vous dire « {near} » ?").format(near=near[0]) if near else ""
            what = _("Activité inconnue : « {activity} » ; connues : {known}.")
            raise InputError(what.format(activity=activity, known=", ".join(known)), advice=advice)


def _everybody(regime: Regime, notion: str, on: str, strict: bool) -> None:
    import json

    from nis2check.files import write_stdout
    from nis2check.law.scope import decide, document
    from nis2check.register.lookup import everybody

    # Keys stay in the one order of `document`: to sort those of 36 000 lines took a tenth of the run.
    encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
    lines: list[str] = []
    for body in everybody(on):
        lines.append(encode(document(decide(body, regime, notion, on, strict))))
        if len(lines) == 2000:
            write_stdout(("\n".join(lines) + "\n").encode())
            lines.clear()
    write_stdout(("\n".join(lines) + "\n").encode())


def _others(regime: Regime) -> list[Regime]:
    from nis2check.law.regime import known, load

    return [load(name) for name in known() if name != regime.id]


def _as_json(scope: Scope, regime: Regime, notion: str) -> None:
    from nis2check.files import canonical, write_stdout
    from nis2check.law.explain import explanation
    from nis2check.law.scope import document

    write_stdout(canonical(document(scope) | explanation(scope, regime, _others(regime), notion)))
