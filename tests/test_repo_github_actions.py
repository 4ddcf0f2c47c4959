# SPDX-License-Identifier: EUPL-1.2
"""GitHub Actions: each concern with a workflow that offends and one that does not."""

from __future__ import annotations

import time

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import github_actions
from nis2check.model import Json, Why

COMMIT = "a" * 40


def read(text: str, path: str = ".github/workflows/a.yml") -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(github_actions.read(path, text))
    facts = {one.name: one.value for one in found if isinstance(one, Read)}
    assert facts.keys() <= {spec.name for spec in github_actions.FACTS}
    return facts, [(one.name, one.why, one.line) for one in found if isinstance(one, Unread)]


def workflow(job: str = "", top: str = "permissions: {}", on: str = "push", steps: str = "- run: 'true'") -> str:
    """A workflow of one job; the job's own lines begin at 5, its steps after ``steps:``."""
    inner = "".join(f"    {line}\n" for line in (job or "runs-on: ubuntu-24.04").splitlines())
    run = "".join(f"    {line}\n" for line in steps.splitlines())
    return f"on: {on}\n{top}\njobs:\n  j:\n{inner}    steps:\n{run}"


# fact: (a workflow that offends, lines of the offenders, one that holds the same and does not)
CASES: dict[str, tuple[str, list[int], str]] = {
    "permissions_broad": (workflow(top="permissions: write-all"), [2], workflow()),
    "permissions_unset": (workflow(top="name: x"), [5], workflow()),
    "permissions_for_all_jobs": (
        workflow(top="permissions: {contents: write}") + "  k: {runs-on: x, steps: []}\n",
        [2],
        workflow(top="permissions: {contents: write}"),
    ),
    "untrusted_checkouts": (
        workflow(
            on="pull_request_target",
            steps="- uses: actions/checkout@v6\n  with:\n    ref: ${{ github.event.pull_request.head.sha }}",
        ),
        [9],
        workflow(on="pull_request_target", steps="- uses: actions/checkout@v6"),
    ),
    "script_injections": (
        workflow(on="issues", steps="- run: |\n    true\n    echo ${{ github.event.issue.title }}"),
        [9],
        workflow(on="issues", steps="- run: echo $T\n  env: {T: '${{ github.event.issue.title }}'}"),
    ),
    "actions_unpinned": (
        workflow(steps="- uses: a/b@v1\n- uses: c/d@main"),
        [7, 8],
        workflow(steps=f"- uses: a/b@{COMMIT}"),
    ),
    "self_hosted_pull_requests": (
        workflow("runs-on: [self-hosted, linux]", on="[push, pull_request]"),
        [5],
        workflow(on="pull_request"),
    ),
    "secrets_passed_on": (
        f"on: push\npermissions: {{}}\njobs:\n  j:\n    uses: a/b/.github/workflows/c.yml@{COMMIT}\n    secrets: inherit\n",
        [6],
        f"on: push\npermissions: {{}}\njobs:\n  j:\n    uses: a/b/.github/workflows/c.yml@{COMMIT}\n    secrets: {{A: b}}\n",
    ),
    "credentials_uploaded": (
        workflow(steps="- uses: actions/checkout@v4\n- uses: actions/upload-artifact@v4\n  with: {path: .}"),
        [8],
        workflow(
            steps="- uses: actions/checkout@v4\n  with: {persist-credentials: false}\n"
            "- uses: actions/upload-artifact@v4\n  with: {path: .}"
        ),
    ),
    "unsafe_commands_allowed": (
        workflow(steps="- run: echo '::set-env name=A::b'\n- run: x\n  env: {ACTIONS_ALLOW_UNSECURE_COMMANDS: 'true'}"),
        [7, 9],
        workflow(),
    ),
    "clear_credentials": (
        workflow("runs-on: x\ncontainer:\n  image: a:1\n  credentials: {username: u, password: S3cret-canary}"),
        [8],
        workflow("runs-on: x\ncontainer:\n  image: a:1\n  credentials: {username: u, password: '${{ secrets.P }}'}"),
    ),
    "images_unpinned": (workflow("runs-on: x\ncontainer: node"), [6], workflow("runs-on: x\ncontainer: node:24")),
    "unsafe_commands": (workflow(steps="- run: |\n    x\n    curl -k https://a.example"), [9], workflow()),
}


@pytest.mark.parametrize("name", CASES)
def test_each_concern(name: str) -> None:
    offends, lines, right = CASES[name]
    facts, gaps = read(offends)
    assert gaps == []
    assert [one["line"] for one in facts[f"github_actions.{name}"]] == lines
    assert "canary" not in str(facts)
    facts, gaps = read(right)
    assert gaps == []
    assert facts[f"github_actions.{name}"] == []


def test_every_fact_has_its_case() -> None:
    listed = {f"github_actions.{name}" for name in CASES} | {"github_actions.image_releases"}
    assert {spec.name for spec in github_actions.FACTS} == listed


@pytest.mark.parametrize(
    ("on", "expression", "found"),
    [
        ("pull_request", "github.head_ref", True),
        ("push", "github.head_ref", False),  # empty there
        ("push", "github.event.head_commit.message", True),
        ("push", "github.ref_name", False),
        ("{pull_request: {branches: [main]}}", "github.event.pull_request.title", True),
        ("issue_comment", "github.event.comment.body", True),
        ("issue_comment", "contains(github.event.comment.body, '/deploy')", False),
        ("issue_comment", "toJSON(github.event.comment.body)", False),
        ("pull_request", "github.event.pull_request.number", False),
        ("pull_request", "github.event.pull_request.head.sha", False),
        ("pull_request", "github.head_ref == 'main'", False),
        ("workflow_call", "github.event.issue.title", True),
    ],
)
def test_what_a_stranger_may_write(on: str, expression: str, found: bool) -> None:
    facts, _gaps = read(workflow(on=on, steps="- run: echo ${{ " + expression + " }}"))
    assert bool(facts["github_actions.script_injections"]) is found


def test_scripts_of_actions_and_of_github_script() -> None:
    action = "runs:\n  using: composite\n  steps:\n  - run: echo ${{ github.event.issue.title }}\n"
    facts, _gaps = read(action, "action.yml")
    assert len(facts["github_actions.script_injections"]) == 1
    assert "github_actions.permissions_unset" not in facts
    script = "- uses: actions/github-script@v8\n  with:\n    script: log('${{ github.event.issue.title }}')"
    facts, _gaps = read(workflow(on="issues", steps=script))
    assert [one["line"] for one in facts["github_actions.script_injections"]] == [9]


@pytest.mark.parametrize(
    ("uses", "ref", "by"),
    [
        ("a/b@v1.2.3", "tag", "other"),
        ("actions/checkout@v6", "tag", "github"),
        ("a/b/c@master", "branch", "other"),
        ("a/b", "none", "other"),
        ("a/b@gh-actions", "branch", "other"),
        ("a/b@tool-v1.2", "tag", "other"),
        (f"a/b@{COMMIT}", None, None),
        ("./.github/actions/x", None, None),
        ("docker://alpine:3.22", None, None),
    ],
)
def test_actions(uses: str, ref: str | None, by: str | None) -> None:
    facts, _gaps = read(workflow(steps=f"- uses: {uses}"))
    found = [(one["ref"], one["by"]) for one in facts.get("github_actions.actions_unpinned", [])]
    assert found == ([(ref, by)] if ref else [])


def test_checkout_keeps_its_token_elsewhere_since_version_6() -> None:
    steps = "- uses: actions/checkout@v6\n- uses: actions/upload-artifact@v4\n  with: {path: .}"
    assert read(workflow(steps=steps))[0]["github_actions.credentials_uploaded"] == []


def test_a_file_that_is_no_workflow_says_nothing() -> None:
    assert read("a: b\n") == ({}, [])
    assert read("") == ({}, [])
    assert read("on: [\n")[1] == [("github_actions.*", Why.MALFORMED, 1)]


def test_what_is_taken() -> None:
    assert github_actions.matches(".github/workflows/ci.yaml", b"")
    assert github_actions.matches("a/action.yml", b"name: x\nruns:\n")
    assert not github_actions.matches("workflows/ci.yaml", b"")
    assert not github_actions.matches(".github/dependabot.yml", b"")


@pytest.mark.parametrize("piece", ["::set-env name=x", "${{ github.head_ref }}", "curl -k "])
def test_no_script_takes_for_ever(piece: str) -> None:
    text = workflow(on="pull_request", steps="- run: |\n" + f"    {piece}\n" * 30_000)
    start = time.process_time()
    read(text)
    assert time.process_time() - start < 5
