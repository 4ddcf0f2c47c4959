# SPDX-License-Identifier: EUPL-1.2
"""Kustomization files: each concern with a file that offends and one that does not."""

from __future__ import annotations

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import kustomize
from nis2check.model import Json, Why


def read(text: str) -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(kustomize.read("kustomization.yaml", text))
    facts = {one.name: one.value for one in found if isinstance(one, Read)}
    assert facts.keys() <= {spec.name for spec in kustomize.FACTS}
    return facts, [(one.name, one.why, one.line) for one in found if isinstance(one, Unread)]


# fact: (a file that offends, lines of the offenders, one that holds the same and does not)
CASES: dict[str, tuple[str, list[int], str]] = {
    "remote_unpinned": (
        "resources:\n- ../base\n- github.com/a/b//deploy\n- http://x.example/a.yaml\n- https://github.com/a/b?ref=main\n",
        [3, 4, 5],
        "resources:\n- https://github.com/a/b//deploy?ref=v1.2\n- https://github.com/a/b/releases/download/v1/x.yaml\n",
    ),
    "images_unpinned": ("images:\n- name: a\n  newTag: latest\n", [3], "images:\n- {name: a, newTag: '1.2'}\n"),
    "literal_secrets": (
        "secretGenerator:\n- name: s\n  literals:\n  - password=S3cret-canary\n  - user=x\n",
        [4],
        "secretGenerator:\n- name: s\n  literals: [password=CHANGE_ME]\n",
    ),
    "weak_patches": (
        "patches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: add\n      path: /spec/privileged\n      value: true\n"
        "- patch: |\n    kind: Deployment\n    spec:\n      hostNetwork: true\n",
        [6, 10],
        "patches:\n- path: other.yaml\n- patch: |\n    kind: Deployment\n    spec: {replicas: 2}\n",
    ),
    "charts_unpinned": ("helmCharts:\n- name: redis\n", [2], "helmCharts:\n- {name: redis, version: 19.1.2}\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_concern(name: str) -> None:
    offends, lines, right = CASES[name]
    facts, gaps = read(offends)
    assert gaps == []
    assert [one["line"] for one in facts[f"kustomize.{name}"]] == lines
    assert "canary" not in str(facts)
    facts, gaps = read(right)
    assert gaps == []
    assert facts[f"kustomize.{name}"] == []


def test_every_fact_has_its_case() -> None:
    assert {spec.name for spec in kustomize.FACTS} == {f"kustomize.{name}" for name in CASES} | {
        "kustomize.image_releases"
    }


def test_releases_and_templates() -> None:
    facts, _gaps = read("images:\n- {name: postgres, newTag: '11'}\n")
    assert [one["release"] for one in facts["kustomize.image_releases"]] == ["postgres:11"]
    _facts, gaps = read("secretGenerator:\n- {name: s, literals: ['token=${TOKEN}']}\n")
    assert gaps == [("kustomize.literal_secrets", Why.TEMPLATED, 2)]


def test_examples_hold_no_secret() -> None:
    text = CASES["literal_secrets"][0]
    assert list(kustomize.read("examples/a/kustomization.yaml", text)) == []


def test_a_patch_that_cannot_be_read_is_a_gap() -> None:
    _facts, gaps = read("patches:\n- patch: |\n    a: [\n    b\n")
    assert gaps == [("kustomize.weak_patches", Why.MALFORMED, 2)]


def test_a_file_without_such_things_says_nothing() -> None:
    assert read("resources: [../base]\n") == ({}, [])
    assert read("a: [\n")[1] == [("kustomize.*", Why.MALFORMED, 1)]
    assert kustomize.matches("a/kustomization.yml", b"")
    assert not kustomize.matches("a/kustomize.yml", b"")
