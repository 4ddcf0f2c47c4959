# SPDX-License-Identifier: EUPL-1.2
"""``nis2check check PATH``: the files of a repository judged by the same rules. Never the network, never a prompt."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import click

from nis2check.cli import judging
from nis2check.cli.exits import Exit
from nis2check.cli.judging import Wanted, judging_options
from nis2check.errors import InputError, Place
from nis2check.language import _, say

DEFAULT_REGIME = "senate-2025"


@click.command(
    "check", help=say(_("Juger les fichiers d'un dépôt d'infrastructure par les mêmes règles, sans réseau."))
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help=_("Réglages (jamais lus dans le dépôt examiné)."))
@click.option("--fail-on-incomplete", is_flag=True, help=_("Sortir avec 3 si quelque chose reste indéterminé."))
@judging_options
def command(path: Path, config: Path | None, fail_on_incomplete: bool, wanted: Wanted) -> int:
    from nis2check import frameworks
    from nis2check.bodyfile import NAME, load
    from nis2check.case import Case
    from nis2check.evidence.sources import READERS
    from nis2check.evidence.tree import read
    from nis2check.scan import result

    if not path.is_dir():
        what = _("C'est un fichier ; donner le dossier à examiner.") if path.exists() else _("Dossier introuvable.")
        raise InputError(what, place=Place(str(path)))
    body = load(config) if config is not None else None
    if (path / NAME).exists() and (config is None or config.resolve() != (path / NAME).resolve()):
        note = _("{name} trouvé dans le dépôt examiné : ignoré (utiliser --config).").format(name=NAME)
        click.echo(f"nis2check: {say(note)}", err=True)
    moment = judging.fixed_time(wanted.on) or judging.now()
    on = datetime.date.fromisoformat(moment[:10])
    rules, version = judging.load_rules(body.policies if body else ())
    scope = judging.presume(body.identity, wanted, body.regime, on) if body else None
    files = read(path, READERS, seen_at=moment)
    attested = judging.load_attested(body.attestations, scope.body.siren or scope.body.name) if body and scope else ()
    document = result(
        Case(
            evidence=replace(files, facts=(*files.facts, *attested)),
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
        )
    )
    code = judging.deliver(document, wanted, incomplete=fail_on_incomplete)
    if document["coverage"]["by_proof"]["declared_files"]["applicable"]:
        return code
    # A wrong path must not look green for ever: nothing examined is incomplete, asked or not.
    click.echo(f"nis2check: {say(_('Aucun fichier reconnu dans ce dossier : rien n’a été jugé.'))}", err=True)
    return code if code or wanted.exit_zero else Exit.INCOMPLETE
