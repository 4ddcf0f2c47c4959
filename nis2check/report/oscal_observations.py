# SPDX-License-Identifier: EUPL-1.2
"""Findings of a result as OSCAL observations, and the risks that their gaps make. Assessment results and POA&M hold both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nis2check.language import _
from nis2check.model import Json
from nis2check.report import findings, identifiers, oscal_parts, reasons, words
from nis2check.report.findings import Group
from nis2check.report.oscal_parts import prop, text

Document = Mapping[str, Json]
Finding = Mapping[str, Json]

METHODS = {"observed": "TEST", "declared_files": "EXAMINE", "attested": "INTERVIEW"}
MOST_FACTS = 50  # facts of one observation: the whole is in the result


def observation(document: Document, group: Group, one: Finding, lang: str) -> dict[str, Json]:
    """What was seen of one rule on one target, with our own verdict as a prop: OSCAL's ``satisfied`` is kept for measures."""
    title = text(group.title(document, lang), lang)
    told = " – ".join(part for part in reasons.told(str(one["reason"])) if part)
    word = words.verdict(one["verdict"]).word
    out: dict[str, Json] = {
        "uuid": observation_id(document, one),
        "title": title,
        "description": text(" – ".join(part for part in (group.title(document, lang), word, told) if part), lang),
        "props": [prop(name, one[name]) for name in ("rule", "verdict", "severity", "proof")],
        "methods": [METHODS.get(one["proof"], "UNKNOWN")],
        "types": ["finding" if one["verdict"] in findings.GAPS else "control-objective"],
        "origins": [origin(document)],
        "subjects": [{"subject-uuid": subject_id(document, one), "type": "inventory-item"}],
        "collected": oscal_parts.moment(document["run"]["finished"]),
    }
    evidence = _evidence(one)
    return out | ({"relevant-evidence": evidence} if evidence else {})


def _evidence(one: Finding) -> list[dict[str, Json]]:
    facts = [
        prop(oscal_parts.token(str(name)), words.value(value))
        for name, value in sorted(one["facts"].items())[:MOST_FACTS]
    ]
    if one["location"]:
        facts.append(prop("location", f"{one['location']['file']}:{one['location']['line']}"))
    if one["target"]["address"]:
        facts.append(prop("address", one["target"]["address"]))
    return [{"description": text(_("Faits relevés")), "props": facts}] if facts else []


def subjects(document: Document, found: Iterable[Finding]) -> list[dict[str, Json]]:
    """The targets of some findings as inventory items, each once."""
    out: dict[str, dict[str, Json]] = {}
    for one in found:
        target = one["target"]
        id_ = subject_id(document, one)
        out[id_] = {"uuid": id_, "description": text(target["name"]), "props": [prop("kind", target["kind"])]}
    return list(out.values())


def subject_id(document: Document, one: Finding) -> str:
    return identifiers.of(document, "subject", str(one["target"]["kind"]), str(one["target"]["name"]))


def observation_id(document: Document, one: Finding) -> str:
    """The finding's own id and how it was shown: a target may be judged live and in files."""
    return identifiers.of(document, "observation", str(one["id"]), str(one["proof"]), str(one["rule"]))


def tool_id(document: Document) -> str:
    return identifiers.shared("tool", str(document["tool"]["version"]))


def origin(document: Document) -> dict[str, Json]:
    return {"actors": [{"type": "tool", "actor-uuid": tool_id(document)}]}


def assets(document: Document) -> dict[str, Json]:
    """The tool that looked, for the origins to name."""
    component = {
        "uuid": tool_id(document),
        "type": "software",
        "title": "nis2check",
        "description": text(f"nis2check {document['tool']['version']}"),
        "props": [
            prop("rules-version", document["tool"]["rules"]["version"]),
            prop("rules-sha256", document["tool"]["rules"]["sha256"]),
        ],
        "status": {"state": "operational"},
    }
    platform = {
        "uuid": identifiers.shared("platform", str(document["tool"]["version"])),
        "title": "nis2check",
        "uses-components": [{"component-uuid": tool_id(document)}],
    }
    return {"components": [component], "assessment-platforms": [platform]}


def risk_id(document: Document, rule: str) -> str:
    return identifiers.of(document, "risk", rule)


def risk(document: Document, group: Group, lang: str) -> dict[str, Json]:
    """What the gaps of one rule expose the body to; approved as a deviation when a waiver that lasts covers each of them."""
    says = group.says
    title = text(group.title(document, lang), lang)
    waived = all(one["waiver"] and not findings.expired(one["waiver"], document) for one in group.members)
    impact = words.spoken(says.get("impact", {}), lang)
    out: dict[str, Json] = {
        "uuid": risk_id(document, group.rule),
        "title": title,
        "description": text(words.spoken(says.get("why", {}), lang) or group.title(document, lang), lang),
        "statement": text(impact or group.title(document, lang), lang),
        "props": [prop("rule", group.rule)],
        "status": "deviation-approved" if waived else "open",
        "characterizations": [
            {
                "origin": origin(document),
                "facets": [{"name": "severity", "system": oscal_parts.NAMESPACE, "value": text(group.severity)}],
            }
        ],
        "related-observations": [{"observation-uuid": observation_id(document, one)} for one in group.members],
    }
    remedy = words.spoken(says.get("remediation", {}), lang)
    if remedy:
        id_ = identifiers.of(document, "response", group.rule)
        response = {"uuid": id_, "lifecycle": "recommendation", "title": title, "description": text(remedy, lang)}
        out["remediations"] = [response]
    return out
