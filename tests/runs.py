# SPDX-License-Identifier: EUPL-1.2
"""Runs of other days, for the tests that compare, keep or tell of them."""

from __future__ import annotations

import copy
from typing import Any


def at(document: dict[str, Any], started: str, **verdicts: str) -> dict[str, Any]:
    """A result as a run of another day, with the verdicts of the findings named by the last digit of their id."""
    new = copy.deepcopy(document)
    new["run"]["started"] = started
    for one in new["findings"]:
        one["since"] = started
        one["verdict"] = verdicts.get(f"f{int(one['id'], 16)}", one["verdict"])
    return new


def evidence(day: int, *versions: str) -> dict[str, Any]:
    """A look at one TLS service on a day of November 2026; no version: the service was silent."""
    subject, seen = "www.exemple.test:443", f"2026-11-{day:02}T10:00:00+00:00"
    common = {"subject": subject, "address": "192.0.2.1"}
    facts = {"tls.accepted": True, "tls.versions": list(versions)} if versions else {}
    return {
        "schema": "nis2check.evidence/1",
        "tool": {"name": "nis2check", "version": "0.1.0"},
        "run": {"started": seen, "finished": seen},
        "body": {"name": "Ville d'essai", "nature": "CC", "population": 31420},
        "complete": True,
        "targets": [{"kind": "tls", "name": subject, "location": None, "options": {}}],
        "facts": [
            {**common, "name": name, "value": value, "source": "probe", "where": "hello", "seen_at": seen}
            for name, value in facts.items()
        ],
        "gaps": [] if versions else [{**common, "name": "tls.*", "why": "timeout", "detail": "", "source": "probe"}],
    }
