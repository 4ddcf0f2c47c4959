# SPDX-License-Identifier: EUPL-1.2
"""What a rule, a measure, an objective or a clause says, gathered from the same files that judge: ``nis2check.explain/1``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nis2check.errors import InputError
from nis2check.frameworks import Framework, Link, Measure, Objective, ids, load
from nis2check.language import _
from nis2check.model import Json, Rule
from nis2check.rules.assertions import near
from nis2check.rules.load import as_json
from nis2check.rules.references import Source, sources

SCHEMA = "nis2check.explain/1"


def explain(subject: str, rules: Sequence[Rule], framework: Framework) -> dict[str, Json]:
    """Explain a rule id (``tls/versions``), a measure or objective (``recyf:13.2``) or a clause (``nis2:21(2)(h)``).

    Raises InputError for what is none of these, with the nearest known word.
    """
    source_id, colon, clause = subject.partition(":")
    if not colon:
        return {"schema": SCHEMA, **_rule(subject, rules)}
    source = sources().get(source_id)
    if source is None:
        what = _("Source inconnue : « {id} ».").format(id=source_id) + near(source_id, sources())
        raise InputError(what, advice=_("Sources connues : {ids}.").format(ids=", ".join(sorted(sources()))))
    if clause not in source.clauses:
        what = _("« {source} » n'a pas de clause « {clause} ».").format(source=source_id, clause=clause)
        raise InputError(what + near(clause, source.clauses))
    about: dict[str, Json] = {"schema": SCHEMA, "id": subject, **_source(source, clause)}
    about["rules"] = _citing(source_id, clause, rules)
    if source_id == "recyf" and clause in framework.measures:
        return about | _measure(framework.measures[clause], framework)
    if source_id == "recyf":
        return about | _objective(framework.objectives[clause], framework, rules)
    linked = _linked(source_id, clause, framework)
    about |= {"kind": "clause", "title": source.clauses[clause], "recyf": linked}
    return about | _article(load(source_id), clause, rules) if source_id in ids() else about


def _rule(rule_id: str, rules: Sequence[Rule]) -> dict[str, Json]:
    rule = next((rule for rule in rules if rule.id == rule_id), None)
    if rule is None:
        what = _("Ni règle, ni mesure, ni clause : « {id} ».").format(id=rule_id)
        advice = _("Connus : nis2check rules list ; une mesure s'écrit recyf:13.2, une clause nis2:21(2)(h).")
        raise InputError(what + near(rule_id, [rule.id for rule in rules]), advice=advice)
    references = []
    for reference in rule.references:
        source = sources().get(reference.source)
        known = _source(source, reference.clause) if source else {}
        words = source.clauses.get(reference.clause) if source else None
        cited = {"source": reference.source, "clause": reference.clause, "strength": reference.strength}
        references.append(cited | known | {"title": words})
    return {"kind": "rule", **as_json(rule), "references": references, "location": rule.location.file}


def _source(source: Source, clause: str) -> dict[str, Json]:
    return {"text": dict(source.title), "url": source.address(clause), "confidence": source.confidence}


def _citing(source_id: str, clause: str, rules: Sequence[Rule]) -> list[dict[str, Json]]:
    return [
        {"id": rule.id, "title": dict(rule.title), "severity": str(rule.severity), "strength": reference.strength}
        for rule in rules
        for reference in rule.references
        if (reference.source, reference.clause) == (source_id, clause)
    ]


def _measure(measure: Measure, framework: Framework) -> dict[str, Json]:
    objective = framework.objectives[measure.objective]
    return {
        "kind": "measure",
        "title": dict(measure.title),
        "for": measure.group,
        "doubt": dict(measure.doubt) if measure.doubt else None,
        "objective": {"id": objective.id, "title": dict(objective.title), "family": objective.family},
        "who": measure.who,
        "proof": dict(measure.proof),
        "every_months": measure.every_months,
        "validity_months": measure.validity_months,
        "effort_days": measure.effort_days,
        "cyberdepart": measure.cyberdepart,
        "monaidecyber": measure.monaidecyber,
        "needs": list(measure.needs),
        "links": _links((*measure.links, *objective.links)),
        "notice": dict(framework.notice),
    }


def _objective(objective: Objective, framework: Framework, rules: Sequence[Rule]) -> dict[str, Json]:
    measures = [measure for measure in framework.measures.values() if measure.objective == objective.id]
    return {
        "kind": "objective",
        "title": dict(objective.title),
        "for": objective.group,
        "family": objective.family,
        "measures": [{"id": measure.id, "title": dict(measure.title), "for": measure.group} for measure in measures],
        "links": _links(objective.links),
        "rules": [row for measure in measures for row in _citing("recyf", measure.id, rules)],
        "notice": dict(framework.notice),
    }


def _article(framework: Framework, clause: str, rules: Sequence[Rule]) -> dict[str, Json]:
    """What a framework's own file adds: how sure our words are (of several, the weakest), and the points of an article."""
    points = [measure for measure in framework.measures.values() if clause in (measure.id, measure.objective)]
    sure = max((point.confidence for point in points if point.confidence), default="")  # "C" is weaker than "A"
    about: dict[str, Json] = {"confidence": sure} if sure else {}
    if clause in framework.objectives:
        about["measures"] = [{"id": point.id, "title": dict(point.title), "for": point.group} for point in points]
        about["rules"] = [row for point in points for row in _citing(framework.id, point.id, rules)]
    return about


def _links(links: Sequence[Link]) -> list[dict[str, Json]]:
    return [
        {"to": link.to, "clauses": list(link.clauses), "source": link.source, "confidence": link.confidence}
        for link in links
    ]


def _linked(source_id: str, clause: str, framework: Framework) -> list[dict[str, Json]]:
    """The ReCyF objectives and measures that the framework links to this clause."""
    known: Mapping[str, Objective | Measure] = {**framework.objectives, **framework.measures}
    return [
        {"id": item.id, "title": dict(item.title), "source": link.source, "confidence": link.confidence}
        for item in known.values()
        for link in item.links
        if link.to == source_id and clause in link.clauses
    ]
