# SPDX-License-Identifier: EUPL-1.2
"""Two results → the ``nis2check.diff/1`` document. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from nis2check.errors import InputError
from nis2check.history.compare import KINDS, Change, compare, earlier
from nis2check.language import _
from nis2check.model import Json, Severity


def document(before: Mapping[str, Json], after: Mapping[str, Json]) -> dict[str, Json]:
    """What changed from one result/1 to another (schemas/diff.schema.json). Raises InputError: not the same body."""
    sirens = [(one["body"] or {}).get("siren") for one in (before, after)]
    if all(sirens) and sirens[0] != sirens[1]:
        what = _("Ces deux résultats ne parlent pas du même organisme ({before} et {after}).")
        raise InputError(what.format(before=sirens[0], after=sirens[1]))
    found = compare(earlier(before), after)
    waived = {one["id"] for one in after["findings"] if one["waiver"] is not None}
    told: dict[str, Json] = {
        kind: [_change(change, before, after, waived) for change in getattr(found, kind)] for kind in KINDS
    }
    return {
        "schema": "nis2check.diff/1",
        "before": _side(before),
        "after": _side(after),
        "same_rules": before["tool"]["rules"]["sha256"] == after["tool"]["rules"]["sha256"],
        "same_regime": before["regime"] == after["regime"],
        "open": found.open,
        **told,
    }


def fails(diff: Mapping[str, Json], at_least: Severity) -> bool:
    """True when a gap without waiver, new or worse, is as severe as that or more."""
    return any(
        not one["waived"] and Severity(one["severity"]).rank <= at_least.rank
        for kind in ("new", "worse")
        for one in diff[kind]
    )


def _side(result: Mapping[str, Json]) -> dict[str, Json]:
    body = result["body"]
    return {
        "body": body and {"siren": body.get("siren", ""), "name": body["name"]},
        "complete": result["complete"],
        "regime": result["regime"],
        "run": {"started": result["run"]["started"], "finished": result["run"]["finished"]},
        "tool": {"version": result["tool"]["version"], "rules": dict(result["tool"]["rules"])},
    }


def _change(change: Change, before: Mapping[str, Json], after: Mapping[str, Json], waived: set[str]) -> dict[str, Json]:
    state = change.state
    return {
        "id": state.id,
        "rule": state.rule,
        "title": _title(state.rule, after) or _title(state.rule, before) or {"fr": state.rule},
        "target": {"kind": state.kind, "name": state.target},
        "severity": str(state.severity),
        "proof": str(state.proof),
        "before": str(change.before.verdict) if change.before else None,
        "after": str(change.after.verdict) if change.after else None,
        "waived": state.id in waived,
    }


def _title(rule: str, result: Mapping[str, Json]) -> Json:
    """The title of a rule, or of the measure of a framework that stands for one."""
    framework = result["framework"]
    measure = rule.removeprefix(f"{framework['id']}/")
    said = result["rules"].get(rule) or framework["measures"].get(measure)
    return said["title"] if said else None
