# SPDX-License-Identifier: EUPL-1.2
"""``nis2check check PATH``: the files of a repository judged by the same rules. Never the network, never a prompt."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nis2check.cli import judging
from nis2check.cli.exits import Exit
from nis2check.cli.imports import Imports, import_option, with_imported
from nis2check.cli.judging import Wanted, judging_options
from nis2check.errors import InputError, Place, WriteError
from nis2check.language import _, plural, say

if TYPE_CHECKING:
    from nis2check.bodyfile import BodyFile
    from nis2check.model import Evidence, Json, Touched

DEFAULT_REGIME = "senate-2025"


@dataclass(frozen=True, slots=True)
class Adoption:
    """How a repository that has gaps already takes the check in: what is known, and what a change touches."""

    baseline: Path | None
    write_baseline: Path | None
    diff: str | None


@click.command(
    "check", help=say(_("Juger les fichiers d'un dépôt d'infrastructure par les mêmes règles, sans réseau."))
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help=_("Réglages (jamais lus dans le dépôt examiné)."))
@click.option("--fail-on-incomplete", is_flag=True, help=_("Sortir avec 3 si quelque chose reste indéterminé."))
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help=_("Ce qui était déjà connu ne compte pas (fichier de --write-baseline, ou résultat JSON)."),
)
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path),
    help=_("Écrire ce qui est connu aujourd'hui, et sortir avec 0."),
)
@click.option("--diff", metavar="BASE", help=_("Ne juger que ce qui a changé depuis cette révision git."))
@import_option
@judging_options
def command(
    path: Path,
    config: Path | None,
    fail_on_incomplete: bool,
    baseline: Path | None,
    write_baseline: Path | None,
    diff: str | None,
    imports: Imports,
    wanted: Wanted,
) -> int:
    from nis2check.evidence.sources import READERS
    from nis2check.evidence.tree import read

    adoption = Adoption(baseline, write_baseline, diff)
    body = _settings(path, config, adoption)
    known = _known(baseline) if baseline is not None else None
    foreign = imports.read(path)
    moment = judging.fixed_time(wanted.on) or judging.now()
    evidence = read(path, READERS, seen_at=moment)
    document = _placed(_judged(path, body, wanted, adoption, evidence, moment), path)
    document = with_imported(document, foreign)
    code = Exit.OK
    if write_baseline is not None:
        known, code = _written(document, write_baseline)
    if known is not None:
        from nis2check.history.baseline import with_baseline

        document = with_baseline(document, known, whole=diff is None)
    delivered = judging.deliver(document, wanted, incomplete=fail_on_incomplete)
    return _told(document, evidence, delivered or code, wanted)


def _settings(path: Path, config: Path | None, adoption: Adoption) -> BodyFile | None:
    """The body's file, if one was named. Raises InputError for what cannot be examined."""
    from nis2check.bodyfile import NAME, load

    if not path.is_dir():
        what = _("C'est un fichier ; donner le dossier à examiner.") if path.exists() else _("Dossier introuvable.")
        raise InputError(what, place=Place(str(path)))
    if adoption.write_baseline is not None and (adoption.baseline is not None or adoption.diff is not None):
        raise InputError(
            _("--write-baseline s'emploie sans --baseline ni --diff : il écrit tout ce qui est connu du dossier.")
        )
    body = load(config) if config is not None else None
    if (path / NAME).exists() and (config is None or config.resolve() != (path / NAME).resolve()):
        _note(_("{name} trouvé dans le dépôt examiné : ignoré (utiliser --config).").format(name=NAME))
    return body


def _note(text: str) -> None:
    click.echo(f"nis2check: {say(text)}", err=True)


def _known(file: Path) -> Mapping[str, Json]:
    """A baseline, or an earlier result. Raises InputError."""
    from nis2check.files import check, load_json
    from nis2check.history.baseline import SCHEMA

    document = load_json(file)
    schema = document.data.get("schema") if isinstance(document.data, dict) else None
    if schema not in (SCHEMA, "nis2check.result/1"):
        raise InputError(
            _("Ce n'est ni une référence ni un résultat de nis2check."),
            place=Place(str(file)),
            advice=_("L'écrire : nis2check check DOSSIER --write-baseline FICHIER."),
        )
    check(document, "baseline" if schema == SCHEMA else "result")
    known: Mapping[str, Json] = document.data
    return known


def _judged(
    path: Path, body: BodyFile | None, wanted: Wanted, adoption: Adoption, evidence: Evidence, moment: str
) -> dict[str, Json]:
    from nis2check import frameworks
    from nis2check.case import Case
    from nis2check.scan import result

    on = datetime.date.fromisoformat(moment[:10])
    rules, version = judging.load_rules(body.policies if body else ())
    scope = judging.presume(body.identity, wanted, body.regime, on) if body else None
    attested = judging.load_attested(body.attestations, scope.body.siren or scope.body.name) if body and scope else ()
    return result(
        Case(
            evidence=replace(evidence, facts=(*evidence.facts, *attested)),
            rules=rules,
            rules_version=version,
            framework=frameworks.load(),
            regime=scope.regime if scope else wanted.regime or DEFAULT_REGIME,
            scope=scope,
            on=on,
            started=moment,
            finished=moment,
            waivers=judging.load_waivers(body.waivers if body else None, wanted),
            plan=body.plan if body else {},
            touched=_touched(path, adoption.diff, evidence) if adoption.diff is not None else None,
            accept_comments=not wanted.no_waivers,
        )
    )


def _touched(path: Path, base: str, evidence: Evidence) -> Touched:
    """The lines that a change wrote, of the files that say something. Raises InputError."""
    from nis2check.evidence.change import touched

    places = [fact.location() for fact in evidence.facts] + [gap.location() for gap in evidence.gaps]
    change, whole = touched(path, base, {place.file for place in places if place is not None and place.file != "."})
    if not whole:
        what = _("Clone partiel : pas d'ancêtre commun avec {base}, les fichiers sont comparés à {base} même.")
        _note(what.format(base=base))
    return change


def _placed(document: dict[str, Json], path: Path) -> dict[str, Json]:
    """The result with the folder that was checked, seen from here when it lies below: `cd` to the top of a repository and
    check a part of it, and platforms still find the files."""
    here = Path.cwd().resolve()
    there = path.resolve()
    if there == here or not there.is_relative_to(here):
        return document
    return {**document, "folder": there.relative_to(here).as_posix()}


def _written(document: Mapping[str, Json], file: Path) -> tuple[dict[str, Json], Exit]:
    """What is known now, written; what could not be is said by the exit code, after the result."""
    from nis2check.files import canonical, write_aside
    from nis2check.history.baseline import baseline

    known = baseline(document)
    try:
        write_aside(file, canonical(known))
    except WriteError as fault:
        _note(f"{fault.place}: {fault.what}")
        return known, Exit.NOT_WRITTEN
    count = plural("{n} point connu", "{n} points connus", len(known["findings"]))
    _note(_("{count} : écrit dans {file}.").format(count=count, file=file))
    return known, Exit.OK


def _told(document: Mapping[str, Json], evidence: Evidence, code: int, wanted: Wanted) -> int:
    """The exit code, once what the report alone does not say is said."""
    if "diff" in document and not document["diff"]["files"]:
        _note(_("Le changement ne touche aucun fichier reconnu."))
    judged = document["coverage"]["by_proof"]["declared_files"]["applicable"]
    if judged or ("diff" in document and evidence.facts):
        return code
    # A wrong path must not look green for ever: nothing examined is incomplete, asked or not.
    if not evidence.gaps:  # those are in the report
        _note(_("Aucun fichier reconnu dans ce dossier : rien n’a été jugé."))
    return code if code or wanted.exit_zero else Exit.INCOMPLETE
