# SPDX-License-Identifier: EUPL-1.2
"""GitLab Code Quality: the JSON array of ``artifacts:reports:codequality`` (a subset of the Code Climate format)."""

from __future__ import annotations

from collections.abc import Mapping

from nis2check import files
from nis2check.language import _, say, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report.alerts import Alert, alerts, waived

NAME = "gitlab"
SUFFIX = ".codequality.json"
MEDIA = "application/json"

_SEVERITIES = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor", "info": "info"}


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """One object a gap. GitLab knows no suppression: a gap with a waiver stays, as information, and says so."""
    with speaking(lang):
        return files.canonical([_issue(alert, lang) for alert in alerts(document, Medium.SARIF, lang)])


def _issue(alert: Alert, lang: str) -> dict[str, Json]:
    waiver = waived(alert, Medium.SARIF)
    description = alert.message
    if waiver:
        description += say(_(" (dérogation {waiver})"), lang).format(waiver=waiver)
    if alert.is_known:
        description += say(_(" (déjà connu)"), lang)
    return {
        "description": description,
        "check_name": clean(alert.one["rule"], Medium.SARIF),
        # GitLab shows one issue a fingerprint; that of a finding is of its rule and target, so it survives a moved line.
        "fingerprint": clean(alert.one["id"], Medium.SARIF),
        "severity": "info" if waiver or alert.is_known else _SEVERITIES.get(alert.one["severity"], "info"),
        "location": {"path": clean(alert.file, Medium.SARIF), "lines": {"begin": alert.line}},
    }
