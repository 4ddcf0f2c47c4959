# SPDX-License-Identifier: EUPL-1.2
"""The plan as an OSCAL plan of action and milestones: one item an action, its risk, and the day it is due."""

from __future__ import annotations

from collections.abc import Mapping

from nis2check.language import _
from nis2check.model import Json
from nis2check.report import actions, findings, identifiers, oscal_parts, words
from nis2check.report.actions import Item
from nis2check.report.oscal_observations import assets, observation, observation_id, origin, subjects
from nis2check.report.oscal_parts import prop, text

Document = Mapping[str, Json]

_OPEN = ("fail", "partial", "unknown", "to_attest")


def plan(document: Document, lang: str) -> dict[str, Json]:
    """All actions of the plan, those of the roadmap included. An empty plan says so in one item: OSCAL wants one."""
    items = actions.every(document)
    wanted = {id_ for item in items for id_ in item["findings"]}
    groups = findings.groups(document, _OPEN)
    pairs = [(group, one) for group in groups for one in group.members if one["id"] in wanted]
    known: dict[str, list[str]] = {}
    for _group, one in pairs:
        known.setdefault(str(one["id"]), []).append(observation_id(document, one))
    definitions: dict[str, Json] = {"assessment-assets": assets(document)}
    seen = subjects(document, [one for _group, one in pairs])
    if seen:
        definitions["inventory-items"] = seen
    out: dict[str, Json] = {
        "uuid": identifiers.of(document, "poam", str(document["run"]["started"]), lang),
        "metadata": oscal_parts.metadata(document, _("Plan d'actions NIS 2"), lang),
        "system-id": {
            "identifier-type": "http://ietf.org/rfc/rfc4122",
            "id": identifiers.of(document, "system"),
        },
        "local-definitions": definitions,
        "poam-items": [_item(document, item, known, lang) for item in items] or [_nothing(document, lang)],
    }
    lists = {
        "observations": [observation(document, group, one, lang) for group, one in pairs],
        "risks": [_risk(document, item, known, lang) for item in items],
    }
    return {"plan-of-action-and-milestones": out | {name: listed for name, listed in lists.items() if listed}}


def _item(document: Document, item: Item, known: Mapping[str, list[str]], lang: str) -> dict[str, Json]:
    out: dict[str, Json] = {
        "uuid": identifiers.of(document, "poam-item", actions.key(item)),
        "title": text(words.spoken(item["title"], lang), lang),
        "description": text(words.spoken(item["because"], lang), lang),
        "props": [
            prop("rank", item["rank"]),
            prop("owner", words.owner(str(item["owner"]), lang)),
            prop("effort-days", item["effort"]),
            *(prop("measure", oscal_parts.control(document, str(one))) for one in item["measures"]),
        ],
        "related-risks": [{"risk-uuid": _risk_id(document, item)}],
    }
    related = _related(item, known)
    return out | ({"related-observations": related} if related else {})


def _nothing(document: Document, lang: str) -> dict[str, Json]:
    told = text(_("Aucune action : le résultat n'en demande pas."), lang)
    return {"uuid": identifiers.of(document, "poam-item", "nothing"), "title": told, "description": told}


def _related(item: Item, known: Mapping[str, list[str]]) -> list[dict[str, Json]]:
    return [{"observation-uuid": one} for id_ in item["findings"] for one in known.get(str(id_), ())]


def _risk_id(document: Document, item: Item) -> str:
    return identifiers.of(document, "poam-risk", actions.key(item))


def _risk(document: Document, item: Item, known: Mapping[str, list[str]], lang: str) -> dict[str, Json]:
    title = text(words.spoken(item["title"], lang), lang)
    because = text(words.spoken(item["because"], lang), lang)
    last = actions.due(item)
    due = f"{last}T23:59:59Z" if last else ""
    task: dict[str, Json] = {
        "uuid": identifiers.of(document, "task", actions.key(item)),
        "type": "milestone",
        "title": title,
    }
    if due:
        task["timing"] = {"on-date": {"date": due}}
    response = {
        "uuid": identifiers.of(document, "poam-response", actions.key(item)),
        "lifecycle": "planned",
        "title": title,
        "description": because,
        "origins": [origin(document)],
        "tasks": [task],
    }
    out: dict[str, Json] = {
        "uuid": _risk_id(document, item),
        "title": title,
        "description": because,
        "statement": title,
        "status": "open",
        "remediations": [response],
    }
    if due:
        out["deadline"] = due
    related = _related(item, known)
    return out | ({"related-observations": related} if related else {})
