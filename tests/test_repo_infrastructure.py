# SPDX-License-Identifier: EUPL-1.2
"""The readers of manifests, images and pipelines together: a tree as the walk reads it, and the snippets of their rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from nis2check.evidence import tree
from nis2check.evidence.repo.dockerfile.syntax import instructions
from nis2check.evidence.repo.yaml_tree import documents
from nis2check.evidence.sources import READERS, fact_specs
from nis2check.model import Rule, Verdict
from nis2check.rules.judge import judge
from nis2check.rules.load import shipped_rules

ROOMS = ("kubernetes", "helm", "kustomize", "compose", "dockerfile", "github-actions", "gitlab-ci")
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, image: nginx}\n"

# A file of each kind with one thing to mend, and the rule that says so.
TREE = {
    "k8s/pod.yaml": (POD, "kubernetes/images-unpinned"),
    "chart/Chart.yaml": ("dependencies:\n- {name: r, version: '*'}\n", "helm/dependencies-unpinned"),
    "chart/values.yaml": ("image: {repository: a/b, tag: latest}\n", "helm/images-unpinned"),
    "kustomization.yaml": ("images:\n- {name: a, newTag: latest}\n", "kustomize/images-unpinned"),
    "compose.yaml": ("services:\n  a: {image: 'x:1', pid: host}\n", "compose/host-namespaces"),
    "Dockerfile": ("FROM debian:10\nUSER app\n", "dockerfile/base-supported"),
    ".github/workflows/ci.yml": ("permissions: write-all\njobs: {j: {steps: []}}\n", "github-actions/permissions-broad"),
    ".gitlab-ci.yml": ("variables: {CI_DEBUG_TRACE: 'true'}\n", "gitlab-ci/debug-trace"),
}  # fmt: skip


def rules() -> list[Rule]:
    return [rule for rule in shipped_rules() if rule.id.split("/")[0] in ROOMS]


def test_a_tree_is_judged_file_by_file(tmp_path: Path) -> None:
    for name, (text, _rule) in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    template = tmp_path / "chart" / "templates" / "web.yaml"
    template.parent.mkdir()
    template.write_text("kind: {{ .Values.kind }}\napiVersion: v1\n", encoding="utf-8")
    evidence = tree.read(tmp_path, READERS, seen_at="2026-11-22T00:00:00+00:00")
    failed = {
        (finding.target.name, finding.rule)
        for finding in judge(rules(), [], evidence.facts, evidence.gaps)
        if finding.verdict is Verdict.FAIL
    }
    assert {(name, rule) for name, (_text, rule) in TREE.items()} <= failed
    assert [(gap.name, gap.subject) for gap in evidence.gaps] == [("helm.template", "chart/templates/web.yaml")]


def test_the_same_tree_gives_the_same_facts(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(POD, encoding="utf-8")
    once, again = (tree.read(tmp_path, READERS, seen_at="2026-11-22T00:00:00+00:00") for _time in range(2))
    assert once == again


YAML = ("kubernetes", "helm", "kustomize", "compose", "gitlab-ci", "github-actions")
SNIPPETS = [
    (rule.id, language, snippet)
    for rule in rules()
    for language, snippet in rule.remediation.items()
    if language not in {"fr", "en"}
]


@pytest.mark.parametrize(("rule_id", "language", "snippet"), [one for one in SNIPPETS if one[1] in YAML])
def test_a_snippet_is_yaml(rule_id: str, language: str, snippet: str) -> None:
    (root,) = documents(snippet)
    assert root.keys or root.items


@pytest.mark.parametrize(("rule_id", "language", "snippet"), [one for one in SNIPPETS if one[1] == "dockerfile"])
def test_a_snippet_is_made_of_instructions(rule_id: str, language: str, snippet: str) -> None:
    assert {one.word for one in instructions(snippet)} <= {"FROM", "RUN", "USER", "COPY", "ADD"}


def test_every_rule_of_these_rooms_speaks_of_a_file_and_of_a_known_fact() -> None:
    known = fact_specs()
    for rule in rules():
        assert str(rule.targets) == "file", rule.id
        assert rule.expect.keys() <= known.keys(), rule.id
    assert len(rules()) >= 100
