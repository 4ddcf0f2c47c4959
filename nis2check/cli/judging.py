# SPDX-License-Identifier: EUPL-1.2
"""What `scan`, `check` and `demo` share: the options of a judgement, its outputs and its exit code."""

from __future__ import annotations

import datetime
import functools
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nis2check.cli.exits import Exit, first
from nis2check.cli.outputs import csv_dialect_option
from nis2check.errors import InputError, WriteError
from nis2check.language import _, chosen

if TYPE_CHECKING:
    from nis2check.model import Fact, Json, Rule, Scope, Waiver

SEVERITIES = ("critical", "high", "medium", "low", "info")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of a judgement, as given."""

    as_json: bool
    outputs: tuple[tuple[str, str], ...]
    fail_on: str
    exit_zero: bool
    fail_on_expired: bool
    regime: str | None
    notion: str
    strict_population: bool
    on: datetime.date | None
    everything: bool
    quiet: bool
    no_waivers: bool
    csv_dialect: str


def judging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a judgement; the command gets them as one ``wanted`` argument."""
    options = (
        click.option(
            "--json", "as_json", is_flag=True, help=_("Écrire le résultat (nis2check.result/1) sur la sortie standard.")
        ),
        click.option(
            "--output", "outputs", multiple=True, metavar="FORMAT=PATH", help=_("Écrire aussi ce format (répétable).")
        ),
        click.option(
            "--fail-on",
            type=click.Choice(SEVERITIES),
            default="medium",
            help=_("Gravité à partir de laquelle sortir avec 1."),
        ),
        click.option("--exit-zero", is_flag=True, help=_("Sortir avec 0 quoi qu'on trouve (tâches planifiées).")),
        click.option(
            "--fail-on-expired", is_flag=True, help=_("Sortir avec 4 si une dérogation ou attestation est expirée.")
        ),
        click.option("--regime", metavar="ID", help=_("Régime juridique (senate-2025 par défaut).")),
        click.option(
            "--population",
            "notion",
            type=click.Choice(["totale", "municipale"]),
            default="totale",
            help=_("Population qui décide."),
        ),
        click.option("--strict-population", is_flag=True, help=_("Indécis si les deux populations se contredisent.")),
        click.option("--on", "day", metavar="DATE", help=_("Juger comme si l'on était ce jour (AAAA-MM-JJ).")),
        click.option("--all", "everything", is_flag=True, help=_("Tout montrer, même les écarts mineurs.")),
        click.option("-q", "--quiet", is_flag=True, help=_("Ne montrer que le bilan.")),
        click.option("--no-waivers", is_flag=True, help=_("Ignorer les dérogations.")),
    )

    @functools.wraps(command)
    def wrapped(**values: Any) -> Any:
        from nis2check.cli.outputs import parse

        outputs = parse(values.pop("outputs"))
        names = ("as_json", "fail_on", "exit_zero", "fail_on_expired", "regime", "notion", "strict_population")
        rest = {name: values.pop(name) for name in (*names, "everything", "quiet", "no_waivers", "csv_dialect")}
        if rest["as_json"] and any(path == "-" for _format, path in outputs):
            raise InputError(_("--json et --output …=- écrivent tous deux sur la sortie standard : choisir."))
        return command(wanted=Wanted(outputs=outputs, on=day(values.pop("day")), **rest), **values)

    for option in reversed((*options, csv_dialect_option)):
        wrapped = option(wrapped)
    return wrapped


def day(text: str | None) -> datetime.date | None:
    """A day given as an option. Raises InputError."""
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise InputError(_("Date impossible : {text}.").format(text=text), advice=_("Forme : AAAA-MM-JJ.")) from None


def fixed_time(on: datetime.date | None) -> str | None:
    """The time of a judgement that must give the same bytes: ``--on``, else SOURCE_DATE_EPOCH, else None."""
    if on is not None:
        return f"{on.isoformat()}T00:00:00+00:00"
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return None
    if not epoch.isdigit() or len(epoch) > 11:
        raise InputError(_("SOURCE_DATE_EPOCH doit être un nombre de secondes."))
    return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC).isoformat(timespec="seconds")


def now() -> str:
    """The present time, with its offset."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _known_facts() -> Collection[str]:
    """The facts that a body's own rules may name; those that are shipped were tried before."""
    from nis2check.evidence.sources import fact_specs

    return fact_specs()


def load_rules(folders: Sequence[Path] = ()) -> tuple[tuple[Rule, ...], str]:
    """The rules that judge, shipped and own, and their version. Raises InputError when there are none."""
    from nis2check.rules import load

    rules = load.load(_known_facts() if folders else (), folders)
    if not rules:
        raise InputError(_("Aucune règle à appliquer."))
    return rules, load.version()


def presume(identity: Mapping[str, Json], wanted: Wanted, regime: str, on: datetime.date) -> Scope:
    """The scope of a body of nis2check.yaml under the regime asked, else the file's, else the default."""
    from nis2check.cli.identity import presume as decide

    return decide(
        identity, on=on, regime=wanted.regime or regime, notion=wanted.notion, strict=wanted.strict_population
    )


def load_attested(path: Path | None, subject: str) -> tuple[Fact, ...]:
    """What the body attests, as facts of the subject (its SIREN or name)."""
    from nis2check import frameworks
    from nis2check.attest.attestations import read

    return read(path, frameworks.load(), subject) if path is not None else ()


def load_waivers(path: Path | None, wanted: Wanted) -> tuple[Waiver, ...]:
    from nis2check.attest.waivers import read

    return read(path) if path is not None and not wanted.no_waivers else ()


def deliver(document: Mapping[str, Json], wanted: Wanted, *, ended: Exit | None = None, incomplete: bool = True) -> int:
    """Write the result wherever it was asked and give the exit code: outputs first, so that a failing one costs no other.

    ``ended`` is how the run was cut short, if it was; ``incomplete`` says whether an unknown finding counts as 3.
    """
    from nis2check.cli.outputs import show, write_all
    from nis2check.files import canonical, write_stdout

    codes = [exit_code(document, wanted, incomplete=incomplete)]
    if ended is not None:
        codes.append(ended)
    fault: WriteError | None = None
    try:
        write_all(document, wanted.outputs, chosen(), csv_dialect=wanted.csv_dialect)
    except WriteError as error:
        fault = error
    try:
        if wanted.as_json:
            write_stdout(canonical(document))
        elif not any(path == "-" for _format, path in wanted.outputs):
            html = next((path for name, path in wanted.outputs if name == "html"), "")
            show(document, chosen(), all=wanted.everything, quiet=wanted.quiet, report=html)
    except WriteError as error:
        fault = fault or error
    if fault is not None and ended is None:
        raise fault
    return first(codes)


def exit_code(document: Mapping[str, Json], wanted: Wanted, *, incomplete: bool) -> Exit:
    """DESIGN 5: gaps at or above ``--fail-on`` without a waiver, then expiry, then what stays unknown."""
    if wanted.exit_zero:
        return Exit.OK
    codes: list[Exit] = []
    at_least = SEVERITIES.index(wanted.fail_on)
    on = document["run"]["finished"][:10]
    for finding in document["findings"]:
        if finding.get("known"):  # before a baseline was written
            continue
        if finding["verdict"] in {"fail", "partial"} and finding["waiver"] is None:
            if SEVERITIES.index(finding["severity"]) <= at_least:
                codes.append(Exit.GAPS)
        elif finding["verdict"] == "unknown":
            codes.append(Exit.INCOMPLETE)
    # Something of a repository could not be read.
    if any("where" in gap and not gap.get("known") for gap in document["gaps"]):
        codes.append(Exit.INCOMPLETE)
    if wanted.fail_on_expired and _expired(document, on):
        codes.append(Exit.EXPIRED)
    if not incomplete:
        codes = [code for code in codes if code is not Exit.INCOMPLETE]
    return first(codes)


def _expired(document: Mapping[str, Json], on: str) -> bool:
    """A waiver past its end, or an answered measure that must be attested again."""
    if any(waiver["until"] < on for waiver in document["waivers"]):
        return True
    return any(
        finding["verdict"] == "to_attest" and any(name.startswith("attestation.") for name in finding["facts"])
        for finding in document["findings"]
    )
