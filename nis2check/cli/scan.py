# SPDX-License-Identifier: EUPL-1.2
"""``nis2check scan``: look at the declared targets, judge, report. ``--evidence`` judges a stored look again, offline."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nis2check.cli import judging
from nis2check.cli.exits import Exit, first
from nis2check.cli.imports import Imports, import_option, with_imported
from nis2check.cli.judging import Wanted, judging_options
from nis2check.cli.network import network_options
from nis2check.cli.notified import Announce, Notices, notify_options
from nis2check.errors import InputError, Place
from nis2check.language import _, say

if TYPE_CHECKING:
    from nis2check.bodyfile import BodyFile
    from nis2check.evidence.wire import Settings
    from nis2check.model import Evidence, Fact, Json, Target

    Keep = Callable[[Mapping[str, Json]], tuple[Mapping[str, Json], Exit]]


@click.command(
    "scan", help=say(_("Analyser les cibles déclarées dans nis2check.yaml et donner les écarts et le plan."))
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--config", type=click.Path(path_type=Path), help=_("Le fichier de la collectivité (nis2check.yaml par défaut).")
)
@click.option(
    "-t", "--target", "only", multiple=True, metavar="NAME", help=_("Ne regarder que cette cible déclarée (répétable).")
)
@click.option(
    "--save-evidence", type=click.Path(path_type=Path), help=_("Garder tout ce qui a été vu (nis2check.evidence/1).")
)
@click.option(
    "--evidence", "stored", type=click.Path(path_type=Path), help=_("Rejuger des preuves gardées, sans réseau.")
)
@click.option("--dry-run", is_flag=True, help=_("Montrer le plan exact des sondes, sans rien envoyer."))
@click.option(
    "--save", is_flag=True, help=_("Garder l'analyse dans l'historique et dire ce qui a changé depuis la dernière.")
)
@click.option(
    "--history",
    metavar="PLACE",
    help=_("L'historique : un fichier (.nis2check par défaut) ou postgresql:// (NIS2CHECK_HISTORY)."),
)
@notify_options
@import_option
@judging_options
@network_options
def command(
    file: Path | None,
    config: Path | None,
    only: tuple[str, ...],
    save_evidence: Path | None,
    stored: Path | None,
    dry_run: bool,
    save: bool,
    history: str | None,
    notices: Notices,
    imports: Imports,
    wanted: Wanted,
    settings: Callable[[str], Settings],
) -> int:
    from nis2check import emblem, frameworks
    from nis2check.case import Case
    from nis2check.scan import result

    if file is not None and config is not None:
        raise InputError(_("Donner le fichier une seule fois : argument ou --config."))
    given = file or config
    keep = _keeper(given, history) if save else None
    if history is not None and not save:
        raise InputError(_("--history s'emploie avec --save."))
    foreign = imports.read()
    if stored is not None:
        announce = notices.ready(save=save)
        return _deliver(with_imported(_replay(stored, given, wanted), foreign), wanted, keep, announce)
    body = _body_file(given)
    announce = notices.ready(save=save, declared=body.notify)
    on = wanted.on or datetime.datetime.now(datetime.UTC).date()
    targets = _chosen(body, only)
    if dry_run:
        return _show_plan(body, targets, on)
    rules, version = judging.load_rules(body.policies)
    scope = judging.presume(body.identity, wanted, body.regime, on)  # every fault of the file before the first packet
    waivers = judging.load_waivers(body.waivers, wanted)
    attested = judging.load_attested(body.attestations, scope.body.siren or scope.body.name)
    logo = emblem.read(body.logo) if body.logo else None
    started = judging.now()
    evidence, ended = _look(body, targets, attested, on, settings(str(body.identity.get("contact", ""))))
    finished = judging.now()
    if save_evidence is not None:
        _save(save_evidence, evidence, body, started, finished)
    case = Case(
        evidence=evidence,
        rules=rules,
        rules_version=version,
        framework=frameworks.load(),
        regime=scope.regime,
        scope=scope,
        on=on,
        started=started,
        finished=finished,
        waivers=waivers,
        plan=body.plan,
        accept_comments=not wanted.no_waivers,
    )
    document = emblem.placed(with_imported(result(case), foreign), logo)
    return _deliver(document, wanted, keep, announce, ended)


def _keeper(given: Path | None, history: str | None) -> Keep:
    """What keeps a result: in the history named, else in that of the body's file."""
    from functools import partial

    from nis2check.bodyfile import NAME
    from nis2check.cli.history import remember

    return partial(remember, body_file=given or Path(NAME), place=history)


def _deliver(
    document: Mapping[str, Json],
    wanted: Wanted,
    keep: Keep | None,
    announce: Announce | None,
    ended: Exit | None = None,
) -> int:
    """Keep the result if asked, write it, tell who should know: what fails costs nothing else, and is said by the exit code."""
    document, kept = keep(document) if keep else (document, Exit.OK)
    told = Exit.OK
    try:
        code = judging.deliver(document, wanted, ended=ended)
    finally:
        if announce is not None and ended is None:  # who interrupts wants the end, and has nothing to compare
            told = announce.tell(document, wanted)
    return first([Exit(code), kept, told])


def _body_file(path: Path | None) -> BodyFile:
    from nis2check.bodyfile import NAME, load

    if path is None and not Path(NAME).exists():
        raise InputError(
            _("Pas de {name} dans ce dossier.").format(name=NAME),
            advice=_("Le créer : nis2check init --siren … --domain … (ou nis2check scan CHEMIN)."),
        )
    return load(path or Path(NAME))


def _chosen(body: BodyFile, only: tuple[str, ...]) -> tuple[Target, ...]:
    """The declared targets asked for; a name that is not declared is refused, never looked at."""
    if not body.targets and not body.repositories:
        raise InputError(_("Aucune cible déclarée."), place=Place(str(body.path), None, "targets"))
    if not only:
        return body.targets
    wanted = {name.lower() for name in only}
    chosen = tuple(target for target in body.targets if target.name in wanted or target.host in wanted)
    known = {name for target in body.targets for name in (target.name, target.host)}
    unknown = sorted(wanted - known)
    if unknown:
        raise InputError(
            _("Cible non déclarée : {name}.").format(name=unknown[0]),
            advice=_("Déclarées : {known}.").format(known=", ".join(sorted(known)[:20])),
        )
    return chosen


def _show_plan(body: BodyFile, targets: tuple[Target, ...], on: datetime.date) -> int:
    """Every question that would be asked, and nothing sent."""
    from nis2check.evidence.probes import PROBES

    by_kind = {probe.KIND: probe for probe in PROBES}
    may, refused = body.allowed(on)
    for target in targets:
        if target in may:
            for line in by_kind[target.kind].cost(target):
                click.echo(f"{target.kind}  {target.name}  {line}")
    for gap in refused:
        click.echo(say(_("{name} : pas d'autorisation, rien ne sera essayé.").format(name=gap.subject)))
    return Exit.OK


def _look(
    body: BodyFile, targets: tuple[Target, ...], attested: tuple[Fact, ...], on: datetime.date, settings: Settings
) -> tuple[Evidence, Exit | None]:
    """Look at the targets and read the repositories; add what the body attests."""
    import asyncio

    from nis2check.cli.interrupt import stop_on_signals
    from nis2check.evidence.collect import collect
    from nis2check.evidence.probes import PROBES
    from nis2check.evidence.sources import READERS
    from nis2check.evidence.tree import read, under
    from nis2check.evidence.wire import Wire
    from nis2check.model import Evidence

    may, refused = body.allowed(on)

    async def looking() -> tuple[Evidence, Exit | None]:
        with stop_on_signals() as stop:
            looks = [target for target in targets if target in may]
            evidence = await collect(looks, Wire(settings), PROBES, stop=stop.event, progress=_progress())
            return evidence, stop.code

    live, ended = asyncio.run(looking())
    folders = body.repositories.items() if ended is None else ()
    files = [under(name, read(folder, READERS)) for name, folder in folders]
    gaps = (*live.gaps, *(gap for gap in refused if any(gap.subject == target.name for target in targets)))
    return (
        Evidence(
            facts=(*live.facts, *(fact for each in files for fact in each.facts), *attested),
            gaps=(*gaps, *(gap for each in files for gap in each.gaps)),
            targets=targets,
            complete=live.complete and ended is None,
        ),
        ended,
    )


def _progress() -> Callable[[int, int, str], None]:
    """One line on stderr, gone at the end; nothing when stderr is not a terminal."""
    if not sys.stderr.isatty():
        return lambda _done, _all, _name: None

    def show(done: int, everything: int, name: str) -> None:
        end = "\r\x1b[K" if done == everything else ""
        sys.stderr.write(f"\r\x1b[K{done}/{everything} {name[:60]}{end}")
        sys.stderr.flush()

    return show


def _save(path: Path, evidence: Evidence, body: BodyFile, started: str, finished: str) -> None:
    from nis2check.evidence.document import to_document
    from nis2check.files import canonical, write_aside

    settings = {"regime": body.regime, "plan": dict(body.plan)}
    document = to_document(evidence, started=started, finished=finished, body=body.identity, settings=settings)
    write_aside(path, canonical(document))


def _replay(path: Path, config: Path | None, wanted: Wanted) -> dict[str, Json]:
    """Judge stored evidence again: no network, the times of the evidence, so the same input gives the same bytes."""
    from nis2check import frameworks
    from nis2check.case import Case
    from nis2check.evidence.document import check_types, from_document, load
    from nis2check.evidence.sources import fact_specs
    from nis2check.scan import result

    stored = load(path)
    check_types(stored, fact_specs(), path)
    body = _body_file(config) if config is not None else None
    identity = body.identity if body else stored["body"]
    if identity is None:
        raise InputError(
            _("Ces preuves ne disent pas de quelle collectivité il s'agit."),
            advice=_("Ajouter --config nis2check.yaml."),
        )
    settings: Mapping[str, Json] = stored.get("settings", {})
    fixed = judging.fixed_time(wanted.on)
    finished = fixed or stored["run"]["finished"]
    on = datetime.date.fromisoformat(finished[:10])
    rules, version = judging.load_rules(body.policies if body else ())
    scope = judging.presume(identity, wanted, settings.get("regime", ""), on)
    case = Case(
        evidence=from_document(stored),
        rules=rules,
        rules_version=version,
        framework=frameworks.load(),
        regime=scope.regime,
        scope=scope,
        on=on,
        started=fixed or stored["run"]["started"],
        finished=finished,
        waivers=judging.load_waivers(body.waivers if body else None, wanted),
        plan=body.plan if body else settings.get("plan", {}),
        accept_comments=not wanted.no_waivers,
    )
    return result(case)
