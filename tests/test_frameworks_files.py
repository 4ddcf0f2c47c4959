# SPDX-License-Identifier: EUPL-1.2
"""The shipped frameworks: complete, in step with their schema, and no link or prerequisite to nowhere."""

from __future__ import annotations

import pytest

from nis2check import frameworks
from nis2check.errors import InputError
from nis2check.files import check, load_yaml, shipped
from nis2check.model import Category, Severity

# Means of conformity per objective, important and essential / essential only, as ANSSI's encodings count them (12.6 as EE).
COUNTS = {
    "1": (3, 0), "2": (10, 1), "3": (4, 0), "4": (4, 1), "5": (8, 2), "6": (2, 2), "7": (6, 7), "8": (2, 3), "9": (5, 2),
    "10": (16, 1), "11": (5, 9), "12": (1, 6), "13": (4, 3), "14": (5, 5), "15": (1, 3), "16": (0, 4), "17": (0, 5),
    "18": (0, 4), "19": (0, 12), "20": (0, 6),
}  # fmt: skip
YEARLY = {"1.3", "2.B.4", "7.B.5", "10.A.6", "10.C.4", "11.B.6", "13.2", "18.4"}


@pytest.mark.parametrize("framework_id", frameworks.ids())
def test_file_fits_its_schema(framework_id: str) -> None:
    check(load_yaml(shipped("policies") / "frameworks" / f"{framework_id}.yaml"), "framework")


def test_recyf_has_its_measures_in_each_objective() -> None:
    recyf = frameworks.load()
    found = {
        objective: (
            sum(m.objective == objective and m.group == "EI/EE" for m in recyf.measures.values()),
            sum(m.objective == objective and m.group == "EE" for m in recyf.measures.values()),
        )
        for objective in recyf.objectives
    }
    assert found == COUNTS
    assert [m.position for m in recyf.measures.values()] == list(range(152))
    assert all(m.id.split(".")[0] == m.objective for m in recyf.measures.values())


def test_what_applies_to_each_category() -> None:
    recyf = frameworks.load()
    assert {category.value: len(recyf.applicable(category)) for category in Category} == {
        "essential": 152,
        "important": 76,
        "undecided": 76,
        "out_of_scope": 0,
    }


def test_only_12_6_is_in_doubt() -> None:
    assert [m.id for m in frameworks.load().measures.values() if m.doubt] == ["12.6"]


def test_every_measure_can_be_asked() -> None:
    for measure in frameworks.load().measures.values():
        assert measure.who in {"dsi", "dgs", "outsourcer", "hr"}, measure.id
        assert 0.5 <= measure.effort_days <= 20, measure.id
        assert set(measure.proof) == set(measure.title) == {"fr", "en"}, measure.id


def test_frequencies_are_those_of_recyf() -> None:
    measures = frameworks.load().measures.values()
    assert {m.id for m in measures if m.every_months == 12} == YEARLY
    assert {m.id for m in measures if m.every_months == 36} == {"15.4", "16.4"}
    assert all(m.validity_months == (m.every_months or 12) for m in measures)


def test_first_actions_of_anssi_are_of_important_entities_and_graver() -> None:
    first = [m for m in frameworks.load().measures.values() if m.cyberdepart]
    assert {m.cyberdepart for m in first} | {9} == set(range(1, 14))  # 9, strong passwords, is 10.B.5 again as 1
    assert all(m.group == "EI/EE" and m.severity is Severity.HIGH for m in first)


def test_prerequisites_exist_and_make_no_circle() -> None:
    measures = frameworks.load().measures
    done: set[str] = set()
    while True:
        ready = {id_ for id_, m in measures.items() if id_ not in done and set(m.needs) <= done}
        if not ready:
            break
        done |= ready
    assert done == set(measures)
    assert "13.3" in measures["13.2"].needs


def test_a_measure_of_important_entities_needs_none_of_essential_ones_alone() -> None:
    measures = frameworks.load().measures
    for measure in measures.values():
        if measure.group == "EI/EE":
            assert all(measures[need].group == "EI/EE" for need in measure.needs), measure.id


def test_links_lead_somewhere_and_name_their_source() -> None:
    recyf, nis2 = frameworks.load(), frameworks.load("nis2")
    links = [link for objective in recyf.objectives.values() for link in objective.links]
    links += [link for measure in recyf.measures.values() for link in measure.links]
    assert {link.source for link in links} <= set(recyf.sources)
    assert {clause for link in links if link.to == "nis2" for clause in link.clauses} <= set(nis2.measures)
    letters = {c for o in recyf.objectives.values() for link in o.links if link.to == "nis2" for c in link.clauses}
    assert letters == {f"21(2)({letter})" for letter in "abcdefghij"}


def test_unknown_framework_is_refused() -> None:
    with pytest.raises(InputError, match=r"recyf-9\.9"):
        frameworks.load("recyf-9.9")
    with pytest.raises(InputError):
        frameworks.load("../law/senate-2025")
