# SPDX-License-Identifier: EUPL-1.2
"""``rules lint`` finds in a framework what would leave a measure without an answer or a reader without a place to go."""

from __future__ import annotations

from dataclasses import replace

from nis2check import frameworks
from nis2check.errors import Place
from nis2check.evidence.sources import fact_specs
from nis2check.frameworks import Framework, Link
from nis2check.rules import lint_frameworks as linted
from nis2check.rules.load import load


def changed(measure_id: str, **fields: object) -> Framework:
    recyf = frameworks.load()
    measure = replace(recyf.measures[measure_id], **fields)  # type: ignore[arg-type]
    return replace(recyf, measures={**recyf.measures, measure_id: measure})


def places(framework: Framework) -> dict[str, Place]:
    return dict.fromkeys([*framework.objectives, *framework.measures], Place("recyf.yaml", 1))


def test_the_shipped_frameworks_are_clean() -> None:
    assert linted.lint_frameworks(load(fact_specs())) == (len(frameworks.ids()), [])


def test_a_measure_that_nothing_and_nobody_answers() -> None:
    silent = changed("13.2", who="")
    assert ["13.2" in fault.what for fault in linted._unanswered(silent, set(), places(silent))] == [True]
    assert not list(linted._unanswered(silent, {("recyf", "13.2")}, places(silent)))


def test_links_to_nowhere() -> None:
    lost = changed(
        "13.2",
        links=(
            Link("iso-27002", ("8.99",), "own", "C"),
            Link("iso-27003", ("1",), "own", "C"),
            Link("nis2", ("21(2)(c)",), "hearsay", "C"),
        ),
    )
    told = " ".join(fault.what for fault in linted._links(lost, places(lost)))
    assert all(word in told for word in ("8.99", "iso-27003", "hearsay"))


def test_prerequisites_that_do_not_exist_or_wait_for_one_another() -> None:
    missing = changed("13.2", needs=("13.99",))
    assert "13.99" in next(linted._needs(missing, places(missing))).what
    first = changed("13.3", needs=("13.2",))
    circle = replace(first, measures={**first.measures, "13.2": replace(first.measures["13.2"], needs=("13.3",))})
    (fault,) = linted._needs(circle, places(circle))
    assert "13.2 → 13.3 → 13.2" in fault.what or "13.3 → 13.2 → 13.3" in fault.what
