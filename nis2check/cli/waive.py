# SPDX-License-Identifier: EUPL-1.2
"""``nis2check waive add|list|lint|expiring``: accepted gaps, each with its reason, its approver and its end."""

from __future__ import annotations

import datetime
import difflib
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nis2check.cli import judging
from nis2check.cli.exits import Exit
from nis2check.cli.waived import KEY, known_to, read, today
from nis2check.errors import InputError
from nis2check.language import _, plural, say
from nis2check.model import Json

if TYPE_CHECKING:
    from nis2check.attest.waiver_lint import Fault, Known
    from nis2check.model import Waiver

_file = click.argument("file", required=False, type=click.Path(path_type=Path))
_day = click.option("--on", "day", metavar="DATE", help=_("Juger comme si l'on était ce jour (AAAA-MM-JJ)."))
_expired = click.option("--fail-on-expired", is_flag=True, help=_("Sortir avec 4 si une dérogation est expirée."))
_result = click.option(
    "--result", type=click.Path(path_type=Path), help=_("Un résultat : les cibles que les règles jugent vraiment.")
)


def _json(schema: str) -> Callable[[Callable[..., Json]], Callable[..., Json]]:
    return click.option(
        "--json", "as_json", is_flag=True, help=_("Écrire {schema} sur la sortie standard.").format(schema=schema)
    )


@click.group("waive", help=say(_("Accepter un écart pour un temps, lister et vérifier les dérogations.")))
def command() -> None:
    pass


# --------------------------------------------------------------------------------------------------------------- add


@command.command("add", help=say(_("Ajouter une dérogation au fichier des dérogations.")))
@_file
@click.option("--rule", metavar="ID", help=_("La règle, par exemple tls/versions ou recyf/13.2."))
@click.option("--target", help=_("La cible de l'écart (hôte:port, domaine, SIREN), ou * pour toutes."))
@click.option("--reason", help=_("Pourquoi l'écart est accepté."))
@click.option("--author", help=_("Qui la demande."))
@click.option("--approver", help=_("Qui l'approuve."))
@click.option("--until", metavar="DATE", help=_("Fin, obligatoire, douze mois au plus (AAAA-MM-JJ)."))
@click.option("--compensating", help=_("Ce qui réduit le risque en attendant."))
@click.option("--id", "name", help=_("Identifiant (par défaut, tiré de la règle et de la cible)."))
@click.option("--replace", is_flag=True, help=_("Remplacer la dérogation de cette règle sur cette cible."))
@click.option("--no-input", is_flag=True, help=_("Ne jamais poser de question."))
@click.option("--dry-run", is_flag=True, help=_("Montrer le fichier sans l'écrire."))
@_result
@_day
def add(
    file: Path | None, replace: bool, no_input: bool, dry_run: bool, result: Path | None, day: str | None, **said: Json
) -> int:
    from nis2check.attest import declare
    from nis2check.cli.desk import tell
    from nis2check.files import write_aside, write_stdout

    declared = declare.find(file, KEY)
    on = today(day)
    known = known_to(declared, result, on)
    asks = not no_input and sys.stdin is not None and sys.stdin.isatty()
    values = _values(said, on, known, asks=asks)
    new = _with(declared.path, values, replace=replace)
    if dry_run:
        write_stdout(new.encode())
        return Exit.OK
    write_aside(declared.path, new.encode())
    text = _("Dérogation écrite dans {path} : {rule} sur {target}, jusqu'au {until}.")
    tell(text.format(path=declared.path.name, **{key: values[key] for key in ("rule", "target", "until")}))
    if not declared.named:
        line = f"{KEY}: {declared.path.name}"
        done = _("Ajouté à {name} : {line}") if declare.add(declared, KEY) else _("À ajouter à {name} : {line}")
        tell(done.format(name=declared.body_file.name, line=line))
    return Exit.OK


def _values(said: dict[str, Json], on: datetime.date, known: Known, *, asks: bool) -> dict[str, Json]:
    """The entry to write, in the order of the file. Raises InputError: a missing option by name, a bad rule or target."""
    questions = {
        "rule": _("Règle (par exemple tls/versions ou recyf/13.2)"),
        "target": _("Cible de l'écart, ou *"),
        "reason": _("Pourquoi l'écart est-il accepté ?"),
        "author": _("Demandée par"),
        "approver": _("Approuvée par"),
        "until": _("Jusqu'au (AAAA-MM-JJ, douze mois au plus)"),
    }
    for name, question in questions.items():
        if not said[name] and asks:
            said[name] = click.prompt(say(question), err=True).strip()
        if not said[name]:
            raise InputError(_("Il manque {option}.").format(option=f"--{name}"))
        if name == "rule":
            _check_rule(said["rule"], known)
        if name == "target":
            _check_target(said["rule"], said["target"], known)
    _check_end(said["until"], on)
    values = {"id": said["name"]} | {key: said[key] for key in ("rule", "target", "reason", "author", "approver")}
    rest = {"created": on.isoformat(), "until": said["until"], "compensating": said["compensating"]}
    return {key: value for key, value in {**values, **rest}.items() if value}


def _check_end(until: str, on: datetime.date) -> None:
    from nis2check.attest.dates import later
    from nis2check.attest.waivers import LONGEST_MONTHS

    end, last = judging.day(until), later(on, LONGEST_MONTHS)
    if end is not None and not on <= end <= last:
        what = _("Fin refusée : {until} ; de {on} à {last}, douze mois au plus.")
        raise InputError(what.format(until=until, on=on, last=last))


def _check_rule(rule: str, known: Known) -> None:
    if known.has_rule(rule):
        return
    every = [*known.rules, *(f"{known.framework.id}/{measure}" for measure in known.framework.measures)]
    near = difflib.get_close_matches(rule, every, 1)
    advice = (
        _("Vouliez-vous dire « {near} » ?").format(near=near[0]) if near else _("Les lister : nis2check rules list")
    )
    raise InputError(_("Règle inconnue : {rule}.").format(rule=rule), advice=advice)


def _check_target(rule: str, target: str, known: Known) -> None:
    from nis2check.model import Waiver

    if known.has_target(Waiver("", rule, target, "", "", "", "", "")) is not False:
        return
    names = ", ".join(known.names(rule)[:20]) or "–"
    raise InputError(
        _("{rule} ne juge pas {target}.").format(rule=rule, target=target),
        advice=_("Cibles déclarées : {names} ; ou * pour toutes.").format(names=names),
    )


def _with(path: Path, values: dict[str, Json], *, replace: bool) -> str:
    """The file with this waiver, checked as a whole. Raises InputError, and then nothing was written."""
    from nis2check.attest import declare, list_file, waivers
    from nis2check.files import parse_yaml

    def name_of(item: Json) -> str:
        return f"{item['rule']}\n{item['target']}"

    head = _(
        "# Écarts acceptés : qui, pourquoi, jusqu'à quand (douze mois au plus). Une dérogation ne change jamais un verdict.\n"
    )
    text = declare.read_text(path, KEY, head)
    present = {
        name_of({"rule": w.waiver.rule, "target": w.waiver.target}): w
        for w in waivers.placed(parse_yaml(text, path.name))
    }
    old = present.get(name_of(values))
    if old is not None and not replace:
        raise InputError(
            _("Cette règle a déjà une dérogation sur cette cible, jusqu'au {until}.").format(until=old.waiver.until),
            place=old.place,
            advice=_("Ajouter --replace pour la remplacer."),
        )
    entries = {name_of(values): list_file.Entry(values)}
    new = list_file.changed(text, path.name, KEY, entries, name_of=name_of, rank=lambda _name: 0)
    waivers.placed(parse_yaml(new, path.name))
    return new


# -------------------------------------------------------------------------------------------------- list, expiring


@command.command("list", help=say(_("Lister les dérogations.")))
@_file
@_expired
@_day
@_json("nis2check.waive/1")
def list_(file: Path | None, fail_on_expired: bool, day: str | None, as_json: bool) -> int:
    on = today(day)
    waivers = [one.waiver for one in read(file)[1]]
    return _show(waivers, waivers, on, fail_on_expired=fail_on_expired, as_json=as_json)


@command.command("expiring", help=say(_("Lister les dérogations expirées ou qui vont expirer.")))
@_file
@click.option(
    "--in", "days", type=click.IntRange(0, 366), default=30, show_default=True, help=_("Dans combien de jours.")
)
@_expired
@_day
@_json("nis2check.waive/1")
def expiring(file: Path | None, days: int, fail_on_expired: bool, day: str | None, as_json: bool) -> int:
    on = today(day)
    waivers = [one.waiver for one in read(file)[1]]
    last = (on + datetime.timedelta(days=days)).isoformat()
    return _show([w for w in waivers if w.until <= last], waivers, on, fail_on_expired=fail_on_expired, as_json=as_json)


def _show(
    shown: Iterable[Waiver], every: Iterable[Waiver], on: datetime.date, *, fail_on_expired: bool, as_json: bool
) -> int:
    """Those asked, soonest end first, and always the counts of all."""
    from nis2check.cli.desk import tell
    from nis2check.files import canonical, write_stdout

    counts = Counter(_state(waiver, on) for waiver in every)
    rows = sorted(shown, key=lambda waiver: (waiver.until, waiver.rule, waiver.target))
    if as_json:
        said = {"on": on.isoformat(), "counts": {state: counts[state] for state in ("in_force", "expired", "not_yet")}}
        write_stdout(
            canonical({"schema": "nis2check.waive/1", **said, "waivers": [_as_json(waiver, on) for waiver in rows]})
        )
    else:
        _print(rows, on)
    tell(
        _("Dérogations : {in_force} en cours, {expired}, {not_yet} à venir.").format(
            in_force=counts["in_force"],
            expired=plural("{n} expirée", "{n} expirées", counts["expired"]),
            not_yet=counts["not_yet"],
        )
    )
    return Exit.EXPIRED if fail_on_expired and counts["expired"] else Exit.OK


def _print(waivers: Iterable[Waiver], on: datetime.date) -> None:
    from nis2check import language
    from nis2check.cli import outputs

    pen = outputs.pen(language.chosen())
    lines: list[str] = []
    for waiver in waivers:
        days = (datetime.date.fromisoformat(waiver.until) - on).days
        left = plural("encore {n} jour", "encore {n} jours", days) if days >= 0 else _("expirée")
        lines += pen.wrap(pen.foreign(f"{waiver.id}  {waiver.rule}  {waiver.target}"))
        text = _("Jusqu'au {until} ({left}) ; demandée par {author}, approuvée par {approver} : {reason}")
        fields = {key: pen.foreign(getattr(waiver, key)) for key in ("until", "author", "approver", "reason")}
        lines += pen.wrap(pen.own(text).format(left=pen.own(left), **fields), "    ", "    ")
        if waiver.compensating:
            text = pen.own(_("En attendant : {compensating}"))
            lines += pen.wrap(text.format(compensating=pen.foreign(waiver.compensating)), "    ", "    ")
    outputs.print_text("".join(line + "\n" for line in lines))


def _state(waiver: Waiver, on: datetime.date) -> str:
    if waiver.until < on.isoformat():
        return "expired"
    return "in_force" if waiver.created <= on.isoformat() else "not_yet"


def _as_json(waiver: Waiver, on: datetime.date) -> dict[str, Json]:
    keys = ("id", "rule", "target", "reason", "author", "approver", "created", "until", "compensating")
    days = (datetime.date.fromisoformat(waiver.until) - on).days
    return {key: getattr(waiver, key) for key in keys} | {"state": _state(waiver, on), "days_left": days}


# --------------------------------------------------------------------------------------------------------------- lint


@command.command("lint", help=say(_("Vérifier les dérogations : règles, cibles, fins.")))
@_file
@_result
@_day
@_json("nis2check.waive-lint/1")
def lint(file: Path | None, result: Path | None, day: str | None, as_json: bool) -> int:
    from nis2check.attest.waiver_lint import lint as faults_of
    from nis2check.cli.desk import tell
    from nis2check.files import canonical, write_stdout

    on = today(day)
    declared, waivers = read(file)
    found = faults_of(waivers, known_to(declared, result, on), on) if waivers else ()
    faults = [fault for fault in found if fault.kind != "unverified"]
    notes = [fault for fault in found if fault.kind == "unverified"]
    if as_json:
        said = {"on": on.isoformat(), "checked": len(waivers), "declared": declared.named}
        lists = {"faults": [_fault_json(one) for one in faults], "unverified": [_fault_json(one) for one in notes]}
        write_stdout(canonical({"schema": "nis2check.waive-lint/1", **said, **lists}))
    for fault in found:
        tell(_("{name} : {text}").format(name=fault.place, text=fault.what))
    ignored = bool(waivers) and not declared.named
    if ignored:
        text = _("{file} n'est pas nommé dans {name} : scan l'ignore. Ajouter : {line}")
        line = f"{KEY}: {declared.path.name}"
        tell(text.format(file=declared.path.name, name=declared.body_file.name, line=line))
    count = plural("{n} dérogation", "{n} dérogations", len(waivers))
    tell(f"{count}, {plural('{n} défaut', '{n} défauts', len(faults) + ignored)}.")
    return Exit.GAPS if faults or ignored else Exit.OK


def _fault_json(fault: Fault) -> dict[str, Json]:
    waiver = fault.waiver
    place = {"file": fault.place.file, "line": fault.place.line}
    return {
        "kind": fault.kind,
        "id": waiver.id,
        "rule": waiver.rule,
        "target": waiver.target,
        **place,
        "detail": fault.what,
    }
