# SPDX-License-Identifier: EUPL-1.2
"""One case to judge: every value that a judgement depends on, and nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

from nis2check.frameworks import Framework
from nis2check.model import Evidence, Json, Rule, Scope, Touched, Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that a judgement depends on. ``scope`` is None when no body is known (`check` on a bare repository)."""

    evidence: Evidence
    rules: tuple[Rule, ...]
    rules_version: str
    framework: Framework
    regime: str
    scope: Scope | None
    on: datetime.date
    started: str
    finished: str
    waivers: tuple[Waiver, ...] = ()
    plan: Mapping[str, Json] = field(default_factory=dict)  # days_per_month, start
    touched: Touched | None = None  # only what a change touches (`check --diff`)
    accept_comments: bool = True  # nis2check:ignore of files
