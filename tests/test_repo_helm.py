# SPDX-License-Identifier: EUPL-1.2
"""Helm charts as far as they can be read without rendering."""

from __future__ import annotations

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import helm
from nis2check.model import Json, Why


def read(text: str, path: str = "chart/values.yaml") -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(helm.read(path, text))
    facts = {one.name: one.value for one in found if isinstance(one, Read)}
    assert facts.keys() <= {spec.name for spec in helm.FACTS}
    return facts, [(one.name, one.why, one.line) for one in found if isinstance(one, Unread)]


DEPENDENCY = "apiVersion: v2\nname: c\ndependencies:\n- {name: redis, version: '%s', repository: '%s'}\n"
HTTPS = "https://charts.example"

# fact: (file, a text that offends, lines of the offenders, one that holds the same and does not)
CASES: dict[str, tuple[str, str, list[int], str]] = {
    "dependencies_unpinned": ("Chart.yaml", DEPENDENCY % ("*", HTTPS), [4], DEPENDENCY % ("^19.1.0", HTTPS)),
    "dependencies_plain": (
        "Chart.yaml",
        DEPENDENCY % ("1.2.3", "http://charts.example"),
        [4],
        DEPENDENCY % ("1.2.3", HTTPS),
    ),
    "dependencies_retired": (
        "requirements.yaml",
        DEPENDENCY % ("4.1.0", "https://kubernetes.github.io/ingress-nginx"),
        [4],
        DEPENDENCY % ("4.1.0", HTTPS),
    ),
    "images_unpinned": (
        "values.yaml",
        "image:\n  repository: acme/app\n  tag: latest\nweb: {image: acme/web}\n",
        [3, 4],
        "image: {repository: acme/app, tag: ''}\nwebImage: {repository: acme/b, tag: '1.2'}\n",
    ),
    "default_credentials": ("values.yaml", "auth:\n  adminPassword: admin\n", [2], "auth:\n  adminPassword: ''\n"),
    "secrets_in_clear": (
        "values-prod.yaml",
        "auth:\n  token: S3cret-Canary1\n",
        [2],
        "auth:\n  clientSecret: my-app-secret\n",
    ),
    "weak_contexts": (
        "values.yaml",
        "securityContext:\n  privileged: true\n  runAsUser: 0\n",
        [2, 3],
        "securityContext:\n  privileged: false\n  runAsUser: 1000\n",
    ),
    "tls_verification_off": ("values.yaml", "m: {insecureSkipVerify: true}\n", [1], "m: {insecureSkipVerify: false}\n"),
    "exposed_ports": (
        "values.yaml",
        "service:\n  type: NodePort\n  port: 5432\n",
        [3],
        "service: {type: ClusterIP, port: 5432}\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_concern(name: str) -> None:
    file, offends, lines, right = CASES[name]
    facts, gaps = read(offends, f"chart/{file}")
    assert gaps == []
    assert [one["line"] for one in facts[f"helm.{name}"]] == lines
    assert "Canary" not in str(facts)
    facts, gaps = read(right, f"chart/{file}")
    assert gaps == []
    assert facts[f"helm.{name}"] == []


def test_every_fact_has_its_case() -> None:
    assert {spec.name for spec in helm.FACTS} == {f"helm.{name}" for name in CASES} | {"helm.image_releases"}


def test_a_token_left_as_it_came_opens_nothing_and_examples_neither() -> None:
    facts, _gaps = read("apiKey: changeme\n")
    assert not any(facts.values())
    assert read("auth: {password: S3cret-Canary1}\n", "docs/values.yaml") == ({}, [])


def test_releases_of_images() -> None:
    facts, _gaps = read("redis: {image: {registry: docker.io, repository: bitnamilegacy/redis, tag: 7.2.4}}\n")
    assert [one["release"] for one in facts["helm.image_releases"]] == ["bitnamilegacy:frozen"]


def test_a_template_is_a_gap_of_its_own() -> None:
    facts, gaps = read("kind: {{ .Values.kind }}\n", "chart/templates/a.yaml")
    assert (facts, gaps) == ({}, [("helm.template", Why.TEMPLATED, 1)])
    assert not helm.matches("chart/templates/_helpers.tpl", b"{{ define }}"), "included by the others"
    assert not helm.matches("chart/templates/a.yaml", b"apiVersion: v1\n"), "a plain manifest"


def test_what_another_tool_fills_in_is_no_value() -> None:
    facts, _gaps = read("auth: {password: '{{ .password }}', token: ${TOKEN}}\n")
    assert not any(facts.values())
    _facts, gaps = read("image: {repository: a/b, tag: '{{ tag }}'}\n")
    assert gaps == [("helm.images_unpinned", Why.TEMPLATED, 1)]


def test_a_manifest_called_values_and_a_plain_file_say_nothing() -> None:
    assert read("apiVersion: v1\nkind: Secret\ndata: {password: x}\n") == ({}, [])
    assert read("a: b\n") == ({}, [])
    assert read("a: [\n")[1] == [("helm.*", Why.MALFORMED, 1)]


def test_what_is_taken() -> None:
    for path in ("values.yaml", "c/values-prod.yml", "c/prod.values.yaml", "Chart.yaml", "c/requirements.yaml"):
        assert helm.matches(path, b"x"), path
    for path in ("values.schema.json", "evaluates.yaml", "requirements.txt", "chart.yaml"):
        assert not helm.matches(path, b"x"), path
