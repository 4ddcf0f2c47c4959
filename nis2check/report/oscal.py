# SPDX-License-Identifier: EUPL-1.2
"""OSCAL 1.2 (NIST): assessment results; with a PATH that ends in ``/`` also the catalog and the plan of action.

OSCAL's finding can only be satisfied or not-satisfied (usnistgov/OSCAL#841): a measure gets one only when somebody answered
it or a sign fails it; all the rest is observations.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from nis2check import files
from nis2check.language import _, speaking
from nis2check.model import Json
from nis2check.report import findings, identifiers, measures, oscal_catalog, oscal_parts, oscal_poam, words
from nis2check.report.measures import Answered
from nis2check.report.oscal_observations import assets, observation, observation_id, risk, risk_id, subjects
from nis2check.report.oscal_parts import prop, text

NAME = "oscal"
SUFFIX = ".oscal.json"
MEDIA = "application/json"

Document = Mapping[str, Json]

_SEEN = ("fail", "partial", "unknown", "to_attest", "pass")  # what does not apply was not assessed
_REASONS = {"pass": "pass", "fail": "fail", "partial": "other"}


def render(document: Document, lang: str) -> bytes:
    """The assessment results."""
    with speaking(lang):
        return files.canonical(_results(document, lang))


def documents(document: Document, lang: str) -> Mapping[str, bytes]:
    """All three, by file name; their links name one another so."""
    with speaking(lang):
        return {
            "assessment-results.json": files.canonical(_results(document, lang)),
            "catalog.json": files.canonical(oscal_catalog.catalog(document, lang)),
            "poam.json": files.canonical(oscal_poam.plan(document, lang)),
        }


def _results(document: Document, lang: str) -> dict[str, Json]:
    title = _("Résultats de l'évaluation NIS 2")
    return {
        "assessment-results": {
            "uuid": identifiers.of(document, "assessment-results", str(document["run"]["started"]), lang),
            "metadata": oscal_parts.metadata(document, title, lang),
            "import-ap": {"href": f"#{identifiers.shared('assessment-plan')}"},
            "results": [_result(document, lang)],
            "back-matter": {"resources": _resources(lang)},
        }
    }


def _resources(lang: str) -> list[dict[str, Json]]:
    """There is no assessment plan as a document of its own: the rules are the plan."""
    plan = _(
        "Plan d'évaluation : les cibles déclarées par la collectivité, les règles de nis2check dans la version nommée."
    )
    catalog = _("Référentiel, dans les intitulés de nis2check")
    told = text(plan, lang)
    held = {"filename": "plan.txt", "media-type": "text/plain", "value": base64.b64encode(told.encode()).decode()}
    return [
        {"uuid": identifiers.shared("assessment-plan"), "description": told, "base64": held},
        {
            "uuid": identifiers.shared("catalog-resource"),
            "description": text(catalog, lang),
            "rlinks": [{"href": "catalog.json", "media-type": "application/oscal.catalog+json"}],
        },
    ]


def _result(document: Document, lang: str) -> dict[str, Json]:
    groups = findings.groups(document, _SEEN)
    members = [one for group in groups for one in group.members]
    gaps = [group for group in groups if group.verdict in findings.GAPS]
    answered = [one for one in measures.answered(document) if one.verdict != "not_applicable"]
    out: dict[str, Json] = {
        "uuid": identifiers.of(document, "result", str(document["run"]["started"])),
        "title": text(_("Analyse nis2check"), lang),
        "description": text(_("Sondes, lecture de fichiers et attestations, jugées par les mêmes règles."), lang),
        "start": oscal_parts.moment(document["run"]["started"]),
        "end": oscal_parts.moment(document["run"]["finished"]),
        "props": [prop("complete", str(bool(document["complete"])).lower()), prop("regime", document["regime"])],
        "local-definitions": {"assessment-assets": assets(document)},
        "reviewed-controls": {"control-selections": [_reviewed(document, answered)]},
    }
    lists = {
        "observations": [observation(document, group, one, lang) for group in groups for one in group.members],
        "risks": _risks(document, gaps, lang),
        "findings": [_finding(document, one, lang) for one in answered if one.verdict in _REASONS],
    }
    items = subjects(document, members)
    if items:
        out["local-definitions"]["inventory-items"] = items
    return out | {name: listed for name, listed in lists.items() if listed}


def _reviewed(document: Document, answered: list[Answered]) -> dict[str, Json]:
    if not answered:
        return {"description": text(_("Aucune mesure : pas de collectivité déclarée.")), "include-all": {}}
    return {"include-controls": [{"control-id": oscal_parts.control(document, one.id)} for one in answered]}


def _risks(document: Document, gaps: list[findings.Group], lang: str) -> list[dict[str, Json]]:
    """One a rule: its ``fail`` and its ``partial`` findings are one risk."""
    merged: dict[str, findings.Group] = {}
    for group in gaps:
        known = merged.get(group.rule)
        members = (*known.members, *group.members) if known else group.members
        merged[group.rule] = findings.Group(group.rule, group.verdict, (known or group).severity, group.says, members)
    return [risk(document, group, lang) for group in merged.values()]


def _finding(document: Document, one: Answered, lang: str) -> dict[str, Json]:
    verdict = one.verdict
    title = text(words.spoken(one.says["title"], lang), lang)
    related = [one.answer, *one.signs]
    out: dict[str, Json] = {
        "uuid": identifiers.of(document, "finding", one.id),
        "title": title,
        "description": text(measures.observation(one).replace("\n", " – "), lang),
        "props": [prop("verdict", verdict), prop("attested", one.answer["verdict"])],
        "target": {
            "type": "objective-id",
            "target-id": f"{oscal_parts.control(document, one.id)}_obj",
            "title": title,
            "status": {"state": "satisfied" if verdict == "pass" else "not-satisfied", "reason": _REASONS[verdict]},
        },
        "related-observations": [
            {"observation-uuid": observation_id(document, each)} for each in related if each["verdict"] in _SEEN
        ],
    }
    rules = sorted({str(each["rule"]) for each in related if each["verdict"] in findings.GAPS})
    risks = [{"risk-uuid": risk_id(document, rule)} for rule in rules]
    return out | ({"related-risks": risks} if risks else {})
