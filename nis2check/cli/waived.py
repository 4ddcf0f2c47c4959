# SPDX-License-Identifier: EUPL-1.2
"""What the commands of ``waive`` share: the waivers of a body, and what they are held against."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nis2check.cli import judging
from nis2check.errors import InputError, Place
from nis2check.language import _

if TYPE_CHECKING:
    from nis2check.attest.declare import Declared
    from nis2check.attest.waiver_lint import Known
    from nis2check.attest.waivers import Placed

KEY = "waivers"


def today(day: str | None) -> datetime.date:
    """The day to judge on: ``--on``, SOURCE_DATE_EPOCH, or today. Raises InputError."""
    fixed = judging.fixed_time(judging.day(day)) or judging.now()
    return datetime.date.fromisoformat(fixed[:10])


def read(file: Path | None) -> tuple[Declared, tuple[Placed, ...]]:
    """Where the waivers stand, and those of the file: none when there is no file. Raises InputError."""
    from nis2check.attest import declare, waivers
    from nis2check.files import load_yaml

    declared = declare.find(file, KEY)
    if not declared.path.exists():
        if declared.named:
            raise InputError(_("Fichier introuvable."), place=Place(str(declared.path)))
        return declared, ()
    return declared, waivers.placed(load_yaml(declared.path, name=declared.path.name))


def known_to(declared: Declared, result: Path | None, on: datetime.date) -> Known:
    """What waivers are held against: rules, measures, declared targets, and the findings of a result if one is given."""
    from nis2check import bodyfile, frameworks
    from nis2check.attest.waiver_lint import Known
    from nis2check.cli.identity import presume

    # Without its lists: the file of waivers need not exist before the first is added.
    rest = {key: value for key, value in declared.document.data.items() if key not in {KEY, "attestations"}}
    body = bodyfile.parse(replace(declared.document, data=rest), declared.body_file)
    rules, _version = judging.load_rules(body.policies)
    scope = presume(body.identity, on=on, regime=body.regime)
    return Known(
        rules={rule.id: rule.targets for rule in rules},
        framework=frameworks.load(),
        subject=scope.body.siren or scope.body.name,
        targets=body.targets,
        repositories=bool(body.repositories),
        found=_found(result),
    )


def _found(result: Path | None) -> frozenset[tuple[str, str]] | None:
    from nis2check.files import check, load_json

    if result is None:
        return None
    document = load_json(result)
    check(document, "result")
    return frozenset((one["rule"], one["target"]["name"]) for one in document.data["findings"])
