# SPDX-License-Identifier: EUPL-1.2
"""What is wrong with the shipped frameworks: a measure that nothing and nobody answers, a link to nowhere, a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nis2check import frameworks
from nis2check.errors import Place
from nis2check.files import Document, check, load_yaml, shipped
from nis2check.frameworks import Framework, Link, Measure, Objective
from nis2check.language import _
from nis2check.model import Rule
from nis2check.rules.assertions import near
from nis2check.rules.lint import Fault
from nis2check.rules.references import sources

_ASKED = "recyf"  # the framework whose measures people answer; the others are cited


def lint_frameworks(rules: Sequence[Rule]) -> tuple[int, list[Fault]]:
    """How many frameworks there are, and their faults."""
    faults: list[Fault] = []
    cited = {(reference.source, reference.clause) for rule in rules for reference in rule.references}
    ids = frameworks.ids()
    for framework_id in ids:
        name = f"policies/frameworks/{framework_id}.yaml"
        document = load_yaml(shipped("policies") / "frameworks" / f"{framework_id}.yaml", name=name)
        check(document, "framework")
        framework = frameworks.load(framework_id)
        places = _places(document)
        faults += _links(framework, places)
        faults += _needs(framework, places)
        if framework.id == _ASKED:
            faults += _unanswered(framework, cited, places)
    return len(ids), faults


def _places(document: Document) -> Mapping[str, Place]:
    found: dict[str, Place] = {}
    for row, objective in enumerate(document.data["objectives"]):
        found[objective["id"]] = document.place(("objectives", row))
        for column, measure in enumerate(objective["measures"]):
            found[measure["id"]] = document.place(("objectives", row, "measures", column))
    return found


def _unanswered(framework: Framework, cited: set[tuple[str, str]], places: Mapping[str, Place]) -> Iterator[Fault]:
    for measure in framework.measures.values():
        if not measure.who and (framework.id, measure.id) not in cited:
            what = _("La mesure {id} n'a ni question (who, proof) ni règle.").format(id=measure.id)
            yield Fault(places[measure.id], what)


def _links(framework: Framework, places: Mapping[str, Place]) -> Iterator[Fault]:
    items: list[Objective | Measure] = [*framework.objectives.values(), *framework.measures.values()]
    for item in items:
        for link in item.links:
            yield from (Fault(places[item.id], what) for what in _lost(link, framework))


def _lost(link: Link, framework: Framework) -> Iterator[str]:
    if link.source != "own" and link.source not in framework.sources:
        yield _("Le lien vers {to} nomme une source inconnue : « {id} ».").format(to=link.to, id=link.source)
    known = sources().get(link.to)
    if known is None:
        yield _("Source inconnue : « {id} ».").format(id=link.to) + near(link.to, sources())
        return
    for clause in link.clauses:
        if clause not in known.clauses:
            what = _("« {source} » n'a pas de clause « {clause} ».").format(source=link.to, clause=clause)
            yield what + near(clause, known.clauses)


def _needs(framework: Framework, places: Mapping[str, Place]) -> Iterator[Fault]:
    """Prerequisites that do not exist, or that wait for one another."""
    for measure in framework.measures.values():
        for need in measure.needs:
            if need not in framework.measures:
                what = _("À faire avant : la mesure « {id} » n'existe pas.").format(id=need)
                yield Fault(places[measure.id], what + near(need, framework.measures))
    circle = _circle(framework)
    if circle:
        what = _("Mesures qui s'attendent l'une l'autre : {circle}.").format(circle=" → ".join(circle))
        yield Fault(places[circle[0]], what)


def _circle(framework: Framework) -> Sequence[str]:
    """A circle of prerequisites, or nothing: measures whose needs are all done are taken away until none is left."""
    left = {
        measure.id: {need for need in measure.needs if need in framework.measures}
        for measure in framework.measures.values()
    }
    while free := [one for one, needs in left.items() if not needs & left.keys()]:
        for one in free:
            del left[one]
    if not left:
        return ()
    path = [next(iter(left))]
    while path[-1] not in path[:-1]:
        path.append(min(left[path[-1]] & left.keys()))
    return path[path.index(path[-1]) :]
