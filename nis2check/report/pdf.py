# SPDX-License-Identifier: EUPL-1.2
"""The whole report as a PDF: what the HTML says, tagged (PDF/UA-1) and archivable (PDF/A-2a). Needs the extra ``pdf``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from nis2check import emblem, files, printing
from nis2check.language import _, plural, speaking
from nis2check.model import Json
from nis2check.report import findings, html, pdf_findings, plan_page, typeset, words
from nis2check.report.findings import Group

NAME = "pdf"
SUFFIX = ".pdf"
MEDIA = "application/pdf"

TOLD = ("fail", "partial", "unknown", "to_attest", "pass")

Document = Mapping[str, Json]


def render(document: Document, lang: str) -> bytes:
    """The same document and language give the same bytes. Raises InputError when the extra is not installed."""
    with speaking(lang):
        data = _data(document, lang)
    return typeset.pdf("report.typ", data, lang, str(document["run"]["finished"]))


def _data(document: Document, lang: str) -> dict[str, Any]:
    name = str(document["body"]["name"]) if document["body"] else _("Fichiers et cibles sans collectivité")
    day = printing.date(document["run"]["started"], lang)
    shown = html.sections(document, lang)
    return {
        "sheet": _("Rapport d'écarts NIS 2 – {name} – {day}").format(name=name, day=day),
        "eyebrow": _("Rapport d'écarts NIS 2"),
        "marking": _("Document interne, à ne pas publier"),
        "name": name,
        "logo": typeset.logo(document),
        "facts": list(_facts(document, lang)),
        "note": "" if document["complete"] else _("Analyse interrompue : ce qui suit est exact mais partiel."),
        "summary": _summary(document, shown["exposures"], lang),
        "plan": plan_page.drawn(document["plan"], lang),
        "objectives": _objectives(shown["objectives"], lang),
        "gaps": pdf_findings.cases(
            plural("{n} écart", "{n} écarts", sum(len(g.members) for g in shown["gaps"])), shown["gaps"], document, lang
        ),
        "unknown": pdf_findings.cases(
            plural("{n} point indéterminé", "{n} points indéterminés", document["coverage"]["unknown"]),
            shown["unknown"],
            document,
            lang,
        ),
        "lists": list(pdf_findings.lists(document, shown, lang)),
        "tables": pdf_findings.tables(document, shown["trend"], lang),
        "findings": _("Constats"),
        "methods": _("Méthode, limites et empreintes"),
        "method": list(_method(document, lang)),
        "foot": [words.spoken(document["notice"], lang), f"nis2check {document['tool']['version']} – {name}"],
    }


def _facts(document: Document, lang: str) -> Iterator[str]:
    body = document["body"] or {}
    people = words.inhabitants(body.get("population"))
    if body.get("nature"):
        yield words.nature(str(body["nature"]))
    if people is not None:
        yield _("{n} habitants").format(n=printing.number(people, lang))
    if body.get("siren"):
        yield _("SIREN {siren}").format(siren=body["siren"])
    moment = document["run"]["started"]
    yield _("Analyse du {day} à {time}").format(day=printing.date(moment, lang), time=printing.clock(moment, lang))


# ------------------------------------------------------------------------------------------------------------- summary


def _summary(document: Document, exposures: Sequence[Group], lang: str) -> dict[str, Any]:
    coverage = document["coverage"]
    none = _(
        "Aucun écart n'a été observé par les sondes ni lu dans les fichiers. Cela ne vaut que pour ce qui a été regardé."
    )
    return {
        "title": _("Synthèse"),
        "status": _("Statut présumé"),
        "category": _capital(words.category(document["scope"]["category"])) if document["scope"] else "",
        "because": list(_law(document, lang)),
        "exposed": _("Ce qui expose la collectivité cette semaine"),
        "exposures": [words.spoken(group.says["impact"], lang) for group in exposures] or [none],
        "counted": plural("{n} point examiné", "{n} points examinés", coverage["applicable"]),
        "figures": [
            {
                "verdict": verdict,
                "shown": printing.number(coverage[verdict], lang),
                "text": f"{words.verdict(verdict).sign} {words.verdict(verdict).word}",
            }
            for verdict in TOLD
        ],
        "proofs": {
            "caption": _("Comment chaque point a été montré"),
            "heads": [_("Nature de la preuve"), *(words.verdict(verdict).word for verdict in TOLD), _("Total")],
            "rows": [
                [words.proof_name(proof)]
                + [printing.number(coverage["by_proof"][proof][key], lang) for key in (*TOLD, "applicable")]
                for proof in findings.PROOFS
            ],
        },
        "honest": _(
            "Un point indéterminé n'est jamais compté comme conforme. Une sonde apporte un indice sur une mesure ; seule une "
            "attestation, avec sa preuve, y répond."
        ),
        "changes": _changes(document, lang),
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _law(document: Document, lang: str) -> Iterator[str]:
    scope = document["scope"]
    if not scope:
        return
    for one in scope["because"]:
        yield f"{one['clause']} – {words.spoken(one['text'], lang)} ({words.confidence(one['confidence'])})"
    if scope["missing"]:
        facts = ", ".join(words.missing(str(one)) for one in scope["missing"])
        yield _("Ce qu'il manque pour le dire : {facts}.").format(facts=facts)
    yield from (words.spoken(note, lang) for note in scope["notes"])
    status = scope["legal_status"]
    sure = words.confidence(status["confidence"]) if status.get("confidence") else ""
    yield words.legal_status(status, lang) + (f" ({sure})." if sure else "")


def _changes(document: Document, lang: str) -> str:
    changes = document["changes"]
    if not changes or not changes["since"]:
        return ""
    told = (
        plural("{n} nouveau", "{n} nouveaux", len(changes["new"])),
        plural("{n} corrigé", "{n} corrigés", len(changes["fixed"])),
        plural("{n} aggravé", "{n} aggravés", len(changes["worse"])),
        plural("{n} non retesté", "{n} non retestés", len(changes["not_retested"])),
    )
    return _("Depuis le {day} : {changes}.").format(day=printing.date(changes["since"], lang), changes=", ".join(told))


def _objectives(objectives: Sequence[Mapping[str, Json]], lang: str) -> dict[str, Any]:
    return {
        "title": plural("{n} objectif du référentiel", "{n} objectifs du référentiel", len(objectives)),
        "heads": [
            _("Objectif"),
            _("Famille"),
            _("Mesures attestées conformes"),
            _("Indices des sondes et des fichiers"),
        ],
        "rows": [
            [
                f"{one['id']}. {words.spoken(one['title'], lang)}",
                words.family(one["family"]),
                {"part": one["pass"] / one["measures"], "text": f"{one['pass']}/{one['measures']}"},
                _signs(one["evidence"]),
            ]
            for one in objectives
            if one["measures"]
        ],
    }


def _signs(evidence: Mapping[str, int]) -> str:
    told = []
    if evidence["observed_pass"] + evidence["observed_fail"]:
        told.append(
            _("sondes : {bad} contre, {good} pour").format(
                bad=evidence["observed_fail"], good=evidence["observed_pass"]
            )
        )
    if evidence["files_pass"] + evidence["files_fail"]:
        told.append(
            _("fichiers : {bad} contre, {good} pour").format(bad=evidence["files_fail"], good=evidence["files_pass"])
        )
    return ", ".join(told) or _("aucun")


def _method(document: Document, lang: str) -> Iterator[str]:
    yield _(
        "Ce rapport ne donne ni note ni score. Il ne dit pas que la loi ou une mesure du référentiel est satisfaite parce "
        "qu'une sonde a réussi."
    )
    yield _("Régime appliqué : {regime}. Référentiel : ReCyF {version}. Règles : {rules}.").format(
        regime=document["regime"], version=document["framework"]["version"], rules=document["tool"]["rules"]["version"]
    )
    yield _("Empreinte SHA-256 des règles : {digest}").format(digest=document["tool"]["rules"]["sha256"])
    yield _("Empreinte SHA-256 du résultat JSON : {digest}").format(
        digest=sha256(files.canonical(emblem.as_read(document))).hexdigest()
    )
