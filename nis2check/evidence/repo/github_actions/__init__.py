# SPDX-License-Identifier: EUPL-1.2
"""Reads GitHub Actions workflows and composite actions: who may make them run what, with which rights and which code.

Modelled on zizmor (https://docs.zizmor.sh/audits/) and GitHub's own advice
(https://docs.github.com/en/actions/reference/security/secure-use).
"""

from __future__ import annotations

import re
from itertools import islice

from nis2check.evidence.observe import Unread, Unseen
from nis2check.evidence.repo import shell_commands
from nis2check.evidence.repo.github_actions.expressions import strangers
from nis2check.evidence.repo.github_actions.workflow import Job, Uses, Workflow, parse, uses
from nis2check.evidence.repo.listing import Found, Listing
from nis2check.evidence.repo.secret_words import is_written_out
from nis2check.evidence.repo.yaml_tree import Node, documents, is_templated
from nis2check.model import FactSpec, Why

NAME = "github_actions"


def _array(name: str, meaning: str) -> FactSpec:
    return FactSpec(f"github_actions.{name}", "array", "", meaning)


FACTS = (
    _array("permissions_broad", "Places that grant write-all to the token of the workflow."),
    _array("permissions_unset", "Jobs whose token permissions nothing in the file sets."),
    _array("permissions_for_all_jobs", "Write permissions granted at the top of a workflow with several jobs."),
    _array(
        "untrusted_checkouts", "Code of strangers checked out in a workflow that holds the rights of the repository."
    ),
    _array("script_injections", "Text of strangers pasted into a script by an expression."),
    _array(
        "actions_unpinned",
        "Actions and reusable workflows not fixed by a commit; ref: branch, tag or none; by: github or other.",
    ),
    _array("self_hosted_pull_requests", "Jobs on the body's own machines that a pull request starts."),
    _array(
        "secrets_passed_on",
        "Reusable workflows of others that receive every secret, and secrets given whole to a step.",
    ),
    _array("credentials_uploaded", "Uploads of the whole working folder after a checkout that leaves its token there."),
    _array("unsafe_commands_allowed", "Commands that GitHub disabled and that the workflow switches on or uses."),
    _array("clear_credentials", "Passwords of container registries written in the workflow."),
    _array("images_unpinned", "Container images of jobs and steps without tag or digest, or with a tag that moves."),
    _array("image_releases", "Releases of official products in container images of jobs."),
    _array("unsafe_commands", f"Commands of run, by kind: {shell_commands.MEANING}."),
)

MOST_OLD_COMMANDS = 20  # of one script

_WORKFLOW = re.compile(r"(?:^|/)\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml\Z", re.IGNORECASE)
_ACTION = re.compile(r"(?:^|/)action\.ya?ml\Z", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_TAG = re.compile(
    r"(?:refs/tags/|[A-Za-z_-]{1,40}[-@/])?v?\d[\w.+-]*\Z"
)  # v4, 1.2.3, codeql-bundle-v2: others are branches
_VERSION = re.compile(r"v?(\d+)")
_OF_STRANGERS = re.compile(
    r"github\.event\.pull_request\.head\.(?:sha|ref)|github\.head_ref|github\.event\.workflow_run\.head_(?:sha|branch|commit\.id)"
    r"|refs/pull/\$\{\{\s*github\.event\.(?:pull_request\.|issue\.)?number"
)
_PRIVILEGED = frozenset({"pull_request_target", "workflow_run", "issue_comment"})
_OLD_COMMANDS = re.compile(r"::(set-env|add-path)\s+name=|::(add-path)::")
_WHOLE_SECRETS = re.compile(r"\$\{\{\s*toJSON\(\s*secrets\s*\)", re.IGNORECASE)
_WORKSPACE = {".", "./", "${{ github.workspace }}", "${{github.workspace}}", "*", "**", "./**"}
_GITHUB = {"actions", "github"}


def matches(path: str, head: bytes) -> bool:
    """By name: .github/workflows/*.yml, and action.yml."""
    return _WORKFLOW.search(path) is not None or (_ACTION.search(path) is not None and (not head or b"runs:" in head))


def read(path: str, text: str) -> Found:
    """Facts of one workflow or action."""
    try:
        workflow = parse(documents(text))
    except Unseen as error:
        yield Unread("github_actions.*", error.why, error.detail)
        return
    if workflow is None:
        return
    out = Listing()
    if not workflow.is_action:
        _permissions(workflow, out)
        for job in workflow.jobs:
            _job(workflow, job, out)
    for job_name, step in workflow.steps():
        _step(workflow, job_name, step, out)
    yield from out.found()


# --------------------------------------------------------------------------------------------------------- permissions


def _permissions(workflow: Workflow, out: Listing) -> None:
    broad, unset, wide = (f"github_actions.permissions_{one}" for one in ("broad", "unset", "for_all_jobs"))
    out.holds(broad, unset)
    top = workflow.root.get("permissions")
    if top is not None:
        out.holds(wide)
        if top.says("write-all"):
            out.add(broad, top.line, where="workflow")
        elif len(workflow.jobs) > 1:
            for name, node in top.pairs():
                if node.says("write"):
                    out.add(wide, node.line, permission=name)
    for job in workflow.jobs:
        own = job.node.get("permissions")
        if own is not None and own.says("write-all"):
            out.add(broad, own.line, where=job.name)
        if own is None and top is None:
            out.add(unset, job.node.line, job=job.name)


# ---------------------------------------------------------------------------------------------------------------- jobs


def _job(workflow: Workflow, job: Job, out: Listing) -> None:
    _uses(job.node.get("uses"), job.name, out)
    passed = "github_actions.secrets_passed_on"
    called = uses(job.node.get("uses"))
    secrets = job.node.get("secrets")
    if secrets is not None:
        out.holds(passed)
        if called is not None and secrets.says("inherit"):
            out.add(passed, secrets.line, job=job.name, to=called.name)
    _runner(workflow, job, out)
    services = job.node.get("services")
    for node in [job.node.get("container"), *((services.keys or {}).values() if services is not None else ())]:
        if node is not None:
            _container(node, job, out)
    _uploads(job, out)


def _runner(workflow: Workflow, job: Job, out: Listing) -> None:
    fact = "github_actions.self_hosted_pull_requests"
    runs_on = job.node.get("runs-on")
    if runs_on is None or not workflow.events & {"pull_request", "pull_request_target"}:
        return
    labels = [runs_on, *runs_on.each(), *runs_on.entries("labels"), *filter(None, [runs_on.get("labels")])]
    out.holds(fact)
    if any(label.says("self-hosted") for label in labels):
        out.add(fact, runs_on.line, job=job.name)


def _container(node: Node, job: Job, out: Listing) -> None:
    image = node if node.text else node.get("image")
    if image is not None and image.text:
        out.image(
            "github_actions.images_unpinned", "github_actions.image_releases", image.text, image.line, job=job.name
        )
    fact = "github_actions.clear_credentials"
    password = node.get("credentials", "password")
    if password is not None and password.text:
        out.holds(fact)
        if is_written_out(password.text):
            out.add(fact, password.line, job=job.name)


def _uploads(job: Job, out: Listing) -> None:
    """The token that checkout leaves in .git/config goes where the whole folder goes; version 6 keeps it elsewhere."""
    fact = "github_actions.credentials_uploaded"
    leaves = False
    for step in job.steps():
        called = uses(step.get("uses"))
        if called is None:
            continue
        if called.repository == "actions/checkout":
            number = _VERSION.match(called.ref)
            kept = number is not None and len(called.ref) < 20 and int(number[1][:6]) < 6
            leaves = leaves or (kept and step.word("with", "persist-credentials").lower() != "false")
        elif called.repository == "actions/upload-artifact":
            out.holds(fact)
            paths = {line.strip() for line in step.word("with", "path").splitlines()}
            if leaves and paths & _WORKSPACE:
                out.add(fact, step.line, job=job.name)


# --------------------------------------------------------------------------------------------------------------- steps


def _step(workflow: Workflow, job: str, step: Node, out: Listing) -> None:
    _uses(step.get("uses"), job, out)
    image = step.word("uses")
    if image.startswith("docker://"):
        out.image("github_actions.images_unpinned", "github_actions.image_releases", image[9:], step.line, job=job)
    called = uses(step.get("uses"))
    scripts = [step.get("run")]
    if called is not None and called.repository == "actions/github-script":
        scripts.append(step.get("with", "script"))
    if called is not None and called.repository == "actions/checkout":
        _checkout(workflow, job, step, out)
    for script in scripts:
        if script is not None and script.text:
            _script(workflow, job, script, out)
    _environment(job, step, out)


def _uses(node: Node | None, job: str, out: Listing) -> None:
    called = uses(node)
    if called is None or node is None:
        return
    fact = "github_actions.actions_unpinned"
    out.holds(fact)
    if is_templated(called.name + called.ref):
        out.gap(fact, Why.TEMPLATED, "an action comes from an expression", node.line)
    elif not _COMMIT.match(called.ref):
        by = "github" if called.owner in _GITHUB else "other"
        out.add(fact, node.line, job=job, action=called.name, ref=_kind(called), by=by)


def _kind(called: Uses) -> str:
    if not called.ref:
        return "none"
    return "tag" if _TAG.match(called.ref) else "branch"


def _checkout(workflow: Workflow, job: str, step: Node, out: Listing) -> None:
    if not workflow.events & _PRIVILEGED:
        return
    fact = "github_actions.untrusted_checkouts"
    out.holds(fact)
    for key in ("ref", "repository"):
        node = step.get("with", key)
        if node is not None and node.text and _OF_STRANGERS.search(node.text):
            out.add(fact, node.line, job=job, event=min(workflow.events & _PRIVILEGED))
            return


def _script(workflow: Workflow, job: str, script: Node, out: Listing) -> None:
    text = script.text or ""
    injections, old = "github_actions.script_injections", "github_actions.unsafe_commands_allowed"
    out.holds(injections, old, "github_actions.unsafe_commands")
    for context, below in strangers(text, workflow.events):
        out.add(injections, script.first_line + below, job=job, context=context)
    for match in islice(_OLD_COMMANDS.finditer(text), MOST_OLD_COMMANDS):
        out.add(old, script.first_line + text.count("\n", 0, match.start()), job=job, command=match[1] or match[2])
    for offender in shell_commands.unsafe(text, script.first_line, job):
        line = offender.pop("line")
        out.add("github_actions.unsafe_commands", line, **offender)


def _environment(job: str, step: Node, out: Listing) -> None:
    for part in ("env", "with"):
        values = step.get(part)
        for name, node in values.pairs() if values is not None else ():
            if name == "ACTIONS_ALLOW_UNSECURE_COMMANDS" and node.says("true"):
                out.add("github_actions.unsafe_commands_allowed", node.line, job=job, command=name)
            if node.text and _WHOLE_SECRETS.search(node.text):
                out.add("github_actions.secrets_passed_on", node.line, job=job, to="toJSON(secrets)")
