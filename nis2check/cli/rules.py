# SPDX-License-Identifier: EUPL-1.2
"""``nis2check rules list|show|test|lint``: the rules that judge, for those who read, write or check them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nis2check.cli.exits import Exit
from nis2check.errors import InputError
from nis2check.language import _, pick, plural, say
from nis2check.model import Json
from nis2check.printing import Medium, clean

if TYPE_CHECKING:
    from nis2check.rules.lint import Fault

_json = click.option("--json", "as_json", is_flag=True, help=_("Écrire nis2check.rules/1 sur la sortie standard."))
_lint_json = click.option("--json", "as_json", is_flag=True, help=_("Écrire nis2check.lint/1 sur la sortie standard."))
_policies = click.option(
    "--policies", multiple=True, metavar="PATH", type=click.Path(path_type=Path), help=_("Dossier de règles en plus.")
)
_path = click.argument("path", required=False, type=click.Path(path_type=Path))


@click.group("rules", help=say(_("Lister, montrer, essayer et vérifier les règles.")))
def command() -> None:
    pass


@command.command("list", help=say(_("Lister les règles.")))
@_json
@_policies
def list_(as_json: bool, policies: tuple[Path, ...]) -> None:
    from nis2check.cli.judging import load_rules
    from nis2check.report import words

    rules, version = load_rules(policies)
    if as_json:
        _write(rules, version)
        return
    wide = max(len(rule.id) for rule in rules)
    for rule in rules:
        severity = words.severity(rule.severity)
        click.echo(f"{rule.id:<{wide}}  {severity:<11}  {say(clean(pick(rule.title), Medium.TERMINAL))}")
    count = plural("{n} règle", "{n} règles", len(rules))
    click.echo(say(_("{count}, version {version}.").format(count=count, version=version)), err=True)


@command.command("show", help=say(_("Montrer une règle entière.")))
@click.argument("rule_id", metavar="ID")
@_json
@_policies
def show(rule_id: str, as_json: bool, policies: tuple[Path, ...]) -> None:
    from nis2check.cli.explain import tell
    from nis2check.cli.judging import load_rules
    from nis2check.frameworks import load
    from nis2check.rules.assertions import near
    from nis2check.rules.explain import explain

    rules, version = load_rules(policies)
    found = [rule for rule in rules if rule.id == rule_id]
    if not found:
        what = _("Règle inconnue : « {id} ».").format(id=rule_id) + near(rule_id, [rule.id for rule in rules])
        raise InputError(what, advice=_("Les lister : nis2check rules list"))
    if as_json:
        _write(found, version)
        return
    tell(explain(rule_id, found, load()))
    click.echo("")
    click.echo(clean(found[0].location.file, Medium.TERMINAL))


@command.command("test", help=say(_("Faire tourner les exemples des règles (les nôtres, ou celles d'un dossier).")))
@_path
@_lint_json
def test(path: Path | None, as_json: bool) -> int:
    from nis2check.evidence.sources import fact_specs
    from nis2check.rules.lint import failing_examples

    rules, examples, faults = failing_examples(path, fact_specs())
    done = plural("{n} exemple joué", "{n} exemples joués", examples)
    return _report(faults, rules, done, as_json=as_json)


@command.command("lint", help=say(_("Vérifier les règles (les nôtres, ou celles d'un dossier).")))
@_path
@_lint_json
def lint(path: Path | None, as_json: bool) -> int:
    from nis2check.evidence.sources import fact_specs
    from nis2check.rules.lint import lint_folder, lint_shipped
    from nis2check.rules.lint_frameworks import lint_frameworks
    from nis2check.rules.load import load

    if path is not None:
        rules, faults = lint_folder(path, fact_specs())
        return _report(faults, rules, "", as_json=as_json)
    rules, faults = lint_shipped(fact_specs())
    if faults:  # what a faulty rule cites is not known
        return _report(faults, rules, "", as_json=as_json)
    count, faults = lint_frameworks(load(fact_specs()))
    done = plural("{n} référentiel", "{n} référentiels", count)
    return _report(faults, rules, done, as_json=as_json)


def _write(rules: Sequence[Json], version: str) -> None:
    from nis2check.files import canonical, write_stdout
    from nis2check.rules.load import as_json, digest

    document = {
        "schema": "nis2check.rules/1",
        "version": version,
        "sha256": digest(rules),
        "rules": [as_json(rule) | {"location": rule.location.file} for rule in rules],
    }
    write_stdout(canonical(document))


def _report(faults: Sequence[Fault], rules: int, done: str, *, as_json: bool) -> int:
    if as_json:
        from nis2check.files import canonical, write_stdout

        rows = [
            {"file": fault.place.file, "line": fault.place.line, "path": fault.place.path, "what": fault.what}
            for fault in faults
        ]
        write_stdout(canonical({"schema": "nis2check.lint/1", "rules": rules, "faults": rows}))
    else:
        for fault in faults:
            click.echo(say(clean(f"{fault.place}: {fault.what}", Medium.TERMINAL)))
        count = plural("{n} règle", "{n} règles", rules)
        found = plural("{n} défaut", "{n} défauts", len(faults))
        click.echo(say(", ".join(filter(None, [count, done, found]))), err=True)
    return Exit.GAPS if faults else Exit.OK
