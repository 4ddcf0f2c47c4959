# SPDX-License-Identifier: EUPL-1.2
"""A result as tables of text, clean for a spreadsheet: what CSV, Excel and OpenDocument show alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nis2check.language import _, written
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import actions, findings, measures, reasons, words

LONGEST_CELL = 30_000  # Excel holds 32 767 characters a cell and cuts the rest without a word
VERDICTS = ("fail", "partial", "unknown", "to_attest", "pass", "not_applicable")


class Table(NamedTuple):
    """A table with its name, the titles of its columns with a width in characters, and its rows, all clean."""

    name: str
    columns: tuple[tuple[str, int], ...]
    rows: Iterable[tuple[str, ...]]

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(title for title, _width in self.columns)


def all_tables(document: Mapping[str, Json], lang: str) -> tuple[Table, ...]:
    """Findings, plan, objectives, measures, what could not be seen, and results of other tools when there are some, in the
    language being spoken."""
    ours = (
        found(document, lang),
        planned(document, lang),
        by_objective(document, lang),
        by_measure(document, lang),
        unseen(document),
    )
    return (*ours, elsewhere(document)) if document["imported"] else ours


def found(document: Mapping[str, Json], lang: str) -> Table:
    """One row a finding, worst first."""
    columns = (
        (_("Identifiant"), 18), (_("Règle"), 22), (_("Attendu"), 40), (_("Verdict"), 14), (_("Gravité"), 11), (_("Preuve"), 18),
        (_("Cible"), 30), (_("Adresse"), 18), (_("Fichier"), 20), (_("Ligne"), 7), (_("Motif"), 40), (_("Faits"), 40),
        (_("Références"), 30), (_("Effort"), 9), (_("Comment corriger"), 50), (_("Depuis"), 12), (_("Dérogation"), 12),
        (_("Échéance de la dérogation"), 13),
    )  # fmt: skip
    return Table(_("Constats"), columns, _cleaned(_found(document, lang)))


def _found(document: Mapping[str, Json], lang: str) -> Iterator[Sequence[str]]:
    for group in findings.groups(document, VERDICTS):
        title = group.title(document, lang)
        for one in group.members:
            yield _finding(group, one, title, lang)


def _finding(group: findings.Group, one: Mapping[str, Json], title: str, lang: str) -> list[str]:
    place, waiver = one["location"] or {}, one["waiver"] or {}
    told, detail = reasons.told(str(one["reason"]))
    remedy = group.says.get("remediation", {}) if one["verdict"] in findings.GAPS else ""
    return [
        str(one["id"]),
        str(one["rule"]),
        written(title, lang),
        words.verdict(one["verdict"]).word,
        words.severity(one["severity"]),
        words.proof(one["proof"]),
        str(one["target"]["name"]),
        str(one["target"]["address"] or ""),
        str(place.get("file", "")),
        str(place.get("line", "")),
        written(_(" : ").join(part for part in (told, detail) if part), lang),
        " · ".join(f"{name} = {words.value(value)}" for name, value in sorted(one["facts"].items())),
        ", ".join(words.reference(reference) for reference in one["references"]),
        words.effort(group.says["effort"]) if "effort" in group.says else "",
        written(words.spoken(remedy, lang), lang),
        str(one["since"])[:10],
        str(waiver.get("id", "")),
        str(waiver.get("until", "")),
    ]


def planned(document: Mapping[str, Json], lang: str) -> Table:
    """One row an action of the plan, in its order."""
    columns = (
        (_("Rang"), 6), (_("Action"), 50), (_("Pilote"), 16), (_("Jours"), 8), (_("Échéance"), 24), (_("Mesures"), 20),
        (_("Constats"), 10), (_("Pourquoi"), 60),
    )  # fmt: skip
    return Table(_("Plan"), columns, _cleaned(_action(item, lang) for item in actions.every(document)))


def _action(item: Mapping[str, Json], lang: str) -> list[str]:
    return [
        str(item["rank"]),
        written(words.spoken(item["title"], lang), lang),
        words.owner(str(item["owner"]), lang),
        str(item["effort"]),
        str(item.get("month") or words.period(str(item.get("period", "")))),
        ", ".join(str(one) for one in item["measures"]),
        str(len(item["findings"])),
        written(words.spoken(item["because"], lang), lang),
    ]


def by_objective(document: Mapping[str, Json], lang: str) -> Table:
    """One row an objective of the framework: its measures by state."""
    states = ("pass", "partial", "fail", "unknown", "to_attest")
    columns = (
        (_("Objectif"), 9), (_("Intitulé"), 50), (_("Famille"), 14), (_("Mesures"), 9),
        *((words.verdict(state).word, 13) for state in states),
    )  # fmt: skip
    rows = (
        [
            str(one["id"]),
            written(words.spoken(one["title"], lang), lang),
            words.family(one["family"]),
            str(one["measures"]),
            *(str(one[state]) for state in states),
        ]
        for one in sorted(document["objectives"], key=lambda one: findings.natural(str(one["id"])))
    )
    return Table(_("Objectifs"), columns, _cleaned(rows))


def by_measure(document: Mapping[str, Json], lang: str) -> Table:
    """One row a measure that applies: what is attested of it and, beside, the signs that probes and files give."""
    columns = (
        (_("Mesure"), 9), (_("Intitulé"), 60), (_("Famille"), 14), (_("Attestation"), 14), (_("Motif"), 40),
        *((text, 16) for text in (_("Sondes contre"), _("Sondes pour"), _("Fichiers contre"), _("Fichiers pour"))),
        (_("Indices indéterminés"), 16),
    )  # fmt: skip
    return Table(_("Mesures"), columns, _cleaned(_measure(one, lang) for one in measures.answered(document)))


def _measure(one: measures.Answered, lang: str) -> list[str]:
    signs = Counter((sign["proof"], sign["verdict"]) for sign in one.signs)
    counted = [signs[proof, verdict] for proof in ("observed", "declared_files") for verdict in ("fail", "pass")]
    unknown = sum(count for (_proof, verdict), count in signs.items() if verdict == "unknown")
    return [
        one.id,
        written(words.spoken(one.says["title"], lang), lang),
        words.family(str(one.says["family"])),
        words.verdict(str(one.answer["verdict"])).word,
        _(" : ").join(part for part in reasons.told(str(one.answer["reason"])) if part),
        *(str(count) for count in (*counted, unknown)),
    ]


def unseen(document: Mapping[str, Json]) -> Table:
    """One row a thing looked for and not had, with its reason."""
    columns = ((_("Cible"), 34), (_("Adresse"), 18), (_("Fait"), 28), (_("Motif"), 40), (_("Détail"), 50))
    rows = (
        [str(gap["subject"]), str(gap["address"] or ""), str(gap["name"]), words.why(why), str(gap["detail"])]
        for why, gaps in findings.gaps_by_why(document)
        for gap in gaps
    )
    return Table(_("Non vu"), columns, _cleaned(rows))


def elsewhere(document: Mapping[str, Json]) -> Table:
    """One row a result of another tool: beside our findings, never among them."""
    columns = (
        (_("Outil"), 16), (_("Règle"), 24), (_("Intitulé"), 50), (_("Gravité"), 11), (_("Fichier"), 30), (_("Ligne"), 7),
        (_("Ressource"), 30), (_("Références"), 30), (_("Constat de nis2check"), 20),
    )  # fmt: skip
    return Table(_("Autres outils"), columns, _cleaned(_foreign(row) for row in document["imported"]))


def _foreign(row: Mapping[str, Json]) -> list[str]:
    place = row["location"] or {}
    return [
        str(row["tool"]),
        str(row["rule"]),
        str(row["title"]),
        words.severity(row["severity"]),
        str(place.get("file", "")),
        str(place.get("line", "")),
        str(row["resource"]),
        ", ".join(words.reference(reference) for reference in row["references"]),
        str(row["duplicate_of"] or ""),
    ]


def _cleaned(rows: Iterable[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """The guard against formulas serves workbooks too: saved as CSV, a cell loses its type."""
    for row in rows:
        yield tuple(clean(cell, Medium.CSV, longest=LONGEST_CELL) for cell in row)
