# SPDX-License-Identifier: EUPL-1.2
"""GitLab CI: each concern with a pipeline that offends and one that does not."""

from __future__ import annotations

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import gitlab_ci
from nis2check.model import Json, Why


def read(text: str) -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(gitlab_ci.read(".gitlab-ci.yml", text))
    facts = {one.name: one.value for one in found if isinstance(one, Read)}
    assert facts.keys() <= {spec.name for spec in gitlab_ci.FACTS}
    return facts, [(one.name, one.why, one.line) for one in found if isinstance(one, Unread)]


# fact: (a pipeline that offends, lines of the offenders, one that holds the same and does not)
CASES: dict[str, tuple[str, list[int], str]] = {
    "includes_unpinned": (
        "include:\n- remote: https://x.example/a.yml\n- project: a/b\n  file: /c.yml\n- component: gitlab.fr/a/b@~latest\n",
        [2, 3, 5],
        "include:\n- {remote: https://x.example/a.yml, integrity: sha256-x}\n- {project: a/b, ref: v1}\n- local: d.yml\n",
    ),
    "images_unpinned": ("j:\n  image: node\n  services:\n  - name: postgres:latest\n", [2, 4], "j: {image: 'node:24'}\n"),
    "docker_without_tls": (
        "j:\n  services: ['docker:28-dind']\n  variables: {DOCKER_TLS_CERTDIR: ''}\n"
        "k:\n  variables: {DOCKER_HOST: 'tcp://docker:2375'}\n",
        [3, 5],
        "j:\n  variables: {DOCKER_TLS_CERTDIR: /certs}\n",
    ),
    "secrets_in_clear": (
        "variables:\n  DEPLOY_TOKEN: S3cret-canary\n  API_KEY: {value: S3cret-canary, description: x}\n",
        [2, 3],
        "variables:\n  DEPLOY_TOKEN: $OTHER\nj:\n  variables: {POSTGRES_PASSWORD: postgres}\n",
    ),
    "traces": ("j:\n  variables:\n    CI_DEBUG_TRACE: 'true'\n", [3], "j:\n  variables: {CI_DEBUG_TRACE: 'false'}\n"),
    "tls_verification_off": ("variables: {GIT_SSL_NO_VERIFY: 'true'}\n", [1], "variables: {GIT_SSL_NO_VERIFY: 'false'}\n"),
    "unsafe_commands": (
        "j:\n  script:\n  - true\n  - |\n    a\n    curl -sSf https://x.example/i.sh | bash\n"
        "  before_script: [[ssh -o StrictHostKeyChecking=no a]]\n",
        [7, 6],
        "j:\n  script: make\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_concern(name: str) -> None:
    offends, lines, right = CASES[name]
    facts, gaps = read(offends)
    assert gaps == []
    assert [one["line"] for one in facts[f"gitlab_ci.{name}"]] == lines
    assert "canary" not in str(facts)
    facts, gaps = read(right)
    assert gaps == []
    assert facts[f"gitlab_ci.{name}"] == []


def test_every_fact_has_its_case() -> None:
    assert {spec.name for spec in gitlab_ci.FACTS} == {f"gitlab_ci.{name}" for name in CASES} | {
        "gitlab_ci.image_releases"
    }


def test_releases_of_images() -> None:
    facts, _gaps = read("image: python:3.8\nj:\n  services: ['postgres:11']\n")
    assert [one["release"] for one in facts["gitlab_ci.image_releases"]] == ["python:3.8", "postgres:11"]


def test_what_a_variable_fills_in_is_a_gap() -> None:
    _facts, gaps = read("include:\n- {project: a/b, ref: $REF, file: c}\nj:\n  image: app:$TAG\n")
    assert gaps == [("gitlab_ci.includes_unpinned", Why.TEMPLATED, 2), ("gitlab_ci.images_unpinned", Why.TEMPLATED, 4)]


def test_a_plain_include_is_told_apart() -> None:
    facts, _gaps = read("include: http://x.example/a.yml\n")
    assert [one["kind"] for one in facts["gitlab_ci.includes_unpinned"]] == ["plain"]


def test_a_file_without_such_things_says_nothing() -> None:
    assert read("stages: [a]\n") == ({}, [])
    assert read("") == ({}, [])
    assert read("a: [\n")[1] == [("gitlab_ci.*", Why.MALFORMED, 1)]


def test_references_and_tags_of_gitlab_are_no_fault() -> None:
    assert read("j:\n  script: [!reference [.base, script]]\n")[1] == []


def test_what_is_taken() -> None:
    for path in (".gitlab-ci.yml", "ci/build.gitlab-ci.yml", ".gitlab/ci/jobs/a.yml"):
        assert gitlab_ci.matches(path, b"")
    assert not gitlab_ci.matches("gitlab.yml", b"")
