# SPDX-License-Identifier: EUPL-1.2
"""The framework as an OSCAL catalog, so that the control ids of the two other documents can be resolved.

Titles are our own words, not those of the framework: the catalog says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from nis2check.language import _
from nis2check.model import Json
from nis2check.report import findings, identifiers, oscal_parts, words


def catalog(document: Mapping[str, Json], lang: str) -> dict[str, Json]:
    """Objectives as groups, measures as controls. The same for every body: its time apart, only the framework changes it."""
    framework = document["framework"]
    groups = [
        _group(document, id_, objective, lang)
        for id_, objective in sorted(framework["objectives"].items(), key=lambda item: findings.natural(item[0]))
    ]
    title = _("Référentiel {id} {version} : intitulés de nis2check").format(
        id=str(framework["id"]).upper(), version=framework["version"]
    )
    head = oscal_parts.metadata(document, title, lang)
    head.pop("parties", None)
    return {
        "catalog": {
            "uuid": identifiers.shared("catalog", str(framework["id"]), str(framework["version"]), lang),
            "metadata": head,
            "groups": [group for group in groups if group["controls"]],
        }
    }


def _group(document: Mapping[str, Json], id_: str, objective: Mapping[str, Json], lang: str) -> dict[str, Json]:
    measures = document["framework"]["measures"]
    own = sorted((one for one in measures if measures[one]["objective"] == id_), key=findings.natural)
    return {
        "id": oscal_parts.token(str(document["framework"]["id"]), "objective", id_),
        "class": "objective",
        "title": oscal_parts.text(words.spoken(objective["title"], lang), lang),
        "controls": [_control(document, one, measures[one], lang) for one in own],
    }


def _control(document: Mapping[str, Json], id_: str, measure: Mapping[str, Json], lang: str) -> dict[str, Json]:
    control = oscal_parts.control(document, id_)
    title = oscal_parts.text(words.spoken(measure["title"], lang), lang)
    return {
        "id": control,
        "class": "measure",
        "title": title,
        "props": [{"name": "label", "value": oscal_parts.text(id_)}, oscal_parts.prop("applies-to", measure["for"])],
        "parts": [
            {"id": f"{control}_smt", "name": "statement", "prose": title},
            {"id": f"{control}_obj", "name": "assessment-objective", "prose": title},
        ],
    }
