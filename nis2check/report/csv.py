# SPDX-License-Identifier: EUPL-1.2
"""One line a finding, for a spreadsheet: UTF-8 with BOM and ``;``, which is what a French Excel opens by double click."""

from __future__ import annotations

from collections.abc import Mapping

from nis2check.language import _, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import findings, reasons, words

NAME = "csv"
SUFFIX = ".csv"
MEDIA = "text/csv; charset=utf-8"

LONGEST_CELL = 30_000  # Excel holds 32 767 characters a cell and cuts the rest without a word
VERDICTS = ("fail", "partial", "unknown", "to_attest", "pass", "not_applicable")


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """The table of all findings, worst first."""
    import csv
    import io

    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    with speaking(lang):
        writer.writerow(_header())
        for group in findings.groups(document, VERDICTS):
            title = group.title(document, lang)
            for one in group.members:
                writer.writerow(
                    [clean(cell, Medium.CSV, longest=LONGEST_CELL) for cell in _row(group, one, title, lang)]
                )
    return out.getvalue().encode("utf-8-sig", "backslashreplace")


def _header() -> list[str]:
    return [
        _("Identifiant"), _("Règle"), _("Attendu"), _("Verdict"), _("Gravité"), _("Preuve"), _("Cible"), _("Adresse"),
        _("Fichier"), _("Ligne"), _("Motif"), _("Faits"), _("Références"), _("Effort"), _("Comment corriger"), _("Depuis"),
        _("Dérogation"), _("Échéance de la dérogation"),
    ]  # fmt: skip


def _row(group: findings.Group, one: Mapping[str, Json], title: str, lang: str) -> list[str]:
    place, waiver = one["location"] or {}, one["waiver"] or {}
    told, detail = reasons.told(str(one["reason"]))
    remedy = group.says.get("remediation", {}) if one["verdict"] in findings.GAPS else ""
    return [
        str(one["id"]),
        str(one["rule"]),
        title,
        words.verdict(one["verdict"]).word,
        words.severity(one["severity"]),
        words.proof(one["proof"]),
        str(one["target"]["name"]),
        str(one["target"]["address"] or ""),
        str(place.get("file", "")),
        str(place.get("line", "")),
        _(" : ").join(part for part in (told, detail) if part),
        " · ".join(f"{name} = {words.value(value)}" for name, value in sorted(one["facts"].items())),
        ", ".join(words.reference(reference) for reference in one["references"]),
        words.effort(group.says["effort"]) if "effort" in group.says else "",
        words.spoken(remedy, lang),
        str(one["since"])[:10],
        str(waiver.get("id", "")),
        str(waiver.get("until", "")),
    ]
