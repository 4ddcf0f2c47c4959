# SPDX-License-Identifier: EUPL-1.2
"""The gaps of a result as continuous integration wants them: one a line of a file, worst first. SARIF, GitLab and GitHub
are made from these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nis2check import bodyfile
from nis2check.language import _, say
from nis2check.model import Json, Severity
from nis2check.printing import Medium, clean
from nis2check.report import beside, findings, reasons, words

LONGEST = 2000  # characters of a message


class Alert(NamedTuple):
    """A finding ``fail`` or ``partial``. ``one`` and ``says`` (its rule) hold foreign text; ``title`` and ``message`` are
    clean for the medium that was asked."""

    one: Mapping[str, Json]
    says: Mapping[str, Json]
    title: str
    message: str
    file: str  # as in the document: to be escaped as its format wants
    line: int  # from 1

    @property
    def is_known(self) -> bool:
        """Whether it was there before a baseline was written."""
        return beside.is_known(self.one)

    @property
    def level(self) -> str:
        """``error``, ``warning`` or ``note``; what is partly done is never an error."""
        level = {"critical": "error", "high": "error", "medium": "warning"}.get(self.one["severity"], "note")
        return "warning" if self.one["verdict"] == "partial" and level == "error" else level


def alerts(document: Mapping[str, Json], medium: Medium, lang: str) -> list[Alert]:
    """All of them, by severity, rule and target: a format that must leave some out leaves out the last."""
    found = [
        _alert(one, group, group.title(document, lang), medium, lang, document.get("folder", ""))
        for group in findings.groups(document, findings.GAPS)
        for one in group.members
    ]
    ranks = {word.value: word.rank for word in Severity}
    # Stable: then as groups() orders them. What was known before comes after what is new.
    found.sort(key=lambda alert: (alert.is_known, ranks.get(alert.one["severity"], len(ranks))))
    return found


def _alert(one: Mapping[str, Json], group: findings.Group, title: str, medium: Medium, lang: str, folder: str) -> Alert:
    # A target given on the command line, or an attestation, has no line: platforms drop what has none, so it stands at the
    # head of the body's file.
    place = one["location"] or {"file": bodyfile.NAME, "line": 1}
    file = place["file"]
    if folder and one["location"] and one["proof"] == "declared_files":
        file = (
            f"{folder}/{file}"  # platforms count from the top of the repository, not from the folder that was checked
        )
    shown = clean(say(title, lang), medium)
    told = _(" ; ").join(part for part in reasons.told(str(one["reason"])) if part)
    parts = [shown, clean(one["target"]["name"], medium), clean(say(told, lang), medium, longest=LONGEST)]
    return Alert(one, group.says, shown, " – ".join(part for part in parts if part), file, max(1, place["line"]))


def waived(alert: Alert, medium: Medium) -> str:
    """``D-004, 2027-01-15: reason`` of a gap with a waiver, clean; empty without one."""
    waiver = alert.one["waiver"]
    if not waiver:
        return ""
    return clean("{id}, {until}: {reason}".format(**waiver), medium, longest=LONGEST)


def remedy(alert: Alert, lang: str) -> str:
    return words.spoken(alert.says.get("remediation", {}), lang)
