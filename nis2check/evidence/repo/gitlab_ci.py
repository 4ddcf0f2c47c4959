# SPDX-License-Identifier: EUPL-1.2
"""Reads GitLab CI pipelines: what they include, run, publish and trust.

https://docs.gitlab.com/ci/pipelines/pipeline_security/ and https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nis2check.evidence.observe import Unread, Unseen
from nis2check.evidence.repo import shell_commands
from nis2check.evidence.repo.listing import Found, Listing
from nis2check.evidence.repo.secret_words import is_default, is_written_out, names_secret
from nis2check.evidence.repo.yaml_tree import Node, documents
from nis2check.model import FactSpec, Why

NAME = "gitlab_ci"
FACTS = (
    FactSpec(
        "gitlab_ci.includes_unpinned",
        "array",
        "",
        "Includes of other projects, addresses and components not fixed; kind.",
    ),
    FactSpec(
        "gitlab_ci.images_unpinned",
        "array",
        "",
        "Images of jobs and services without tag or digest, or with a tag that moves.",
    ),
    FactSpec("gitlab_ci.image_releases", "array", "", "Releases of official products in images of jobs and services."),
    FactSpec("gitlab_ci.docker_without_tls", "array", "", "Docker-in-Docker whose socket is open without TLS."),
    FactSpec("gitlab_ci.secrets_in_clear", "array", "", "Variables with a secret written out, never its value."),
    FactSpec("gitlab_ci.traces", "array", "", "Debug traces that write every variable, secrets included, in the log."),
    FactSpec("gitlab_ci.tls_verification_off", "array", "", "Variables that make a tool accept any certificate."),
    FactSpec("gitlab_ci.unsafe_commands", "array", "", f"Commands of scripts, by kind: {shell_commands.MEANING}."),
)

MOST_JOBS = 2000

_BY_NAME = re.compile(
    r"(?:^|/)(?:[^/]*\.)?gitlab-ci(?:[.-][^/]*)?\.ya?ml\Z|(?:^|/)\.gitlab/ci/[^\n]*\.ya?ml\Z", re.IGNORECASE
)
_MOVING = {"", "main", "master", "head", "develop", "dev", "latest", "~latest", "stable"}
_SCRIPTS = ("before_script", "script", "after_script")
_TRACES = {"CI_DEBUG_TRACE", "CI_DEBUG_SERVICES"}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SERVICES = re.compile(r"(?:POSTGRES|MYSQL|MARIADB|MONGO|REDIS|RABBITMQ|PG|DB|DATABASE|TEST)[A-Z_]*\Z")
_UNVERIFIED = {"GIT_SSL_NO_VERIFY": {"true", "1"}, "NODE_TLS_REJECT_UNAUTHORIZED": {"0"}, "PYTHONHTTPSVERIFY": {"0"}}


def matches(path: str, head: bytes) -> bool:
    """.gitlab-ci.yml, name.gitlab-ci.yml and the files of .gitlab/ci/."""
    return _BY_NAME.search(path) is not None


def read(path: str, text: str) -> Found:
    """Facts of one pipeline file."""
    try:
        roots = documents(text)
    except Unseen as error:
        yield Unread("gitlab_ci.*", error.why, error.detail)
        return
    out = Listing()
    for root in roots:
        if root.keys is not None:
            _includes(root, out)
            for name, job in _jobs(root):
                _job(name, job, out)
    yield from out.found()


def _jobs(root: Node) -> Iterator[tuple[str, Node]]:
    """The file itself (its global settings), ``default``, the jobs and the hidden ones that others extend."""
    yield "", root
    for count, (name, node) in enumerate(root.pairs()):
        if count >= MOST_JOBS:
            return
        if node.keys is not None and name not in {"variables", "include", "workflow", "spec", "stages", "cache"}:
            yield name, node


# ------------------------------------------------------------------------------------------------------------ includes


def _includes(root: Node, out: Listing) -> None:
    fact = "gitlab_ci.includes_unpinned"
    include = root.get("include")
    if include is None:
        return
    for one in include.items or (include,):
        text = one.text or one.word("remote")
        if text.startswith(("http://", "https://")):
            out.holds(fact)
            plain = text.startswith("http://")
            fixed = one.get("integrity") is not None or _COMMIT.search(text) is not None
            if plain or not fixed:
                out.add(fact, one.line, kind="plain" if plain else "remote", source=text.partition("?")[0])
        elif one.get("project") is not None:
            out.holds(fact)
            ref = one.word("ref")
            if "$" in ref:
                out.gap(fact, Why.TEMPLATED, "the ref of an include comes from a variable", one.line)
            elif ref.lower() in _MOVING:
                out.add(fact, one.line, kind="project", source=one.word("project"))
        elif one.get("component") is not None:
            out.holds(fact)
            source, _at, ref = one.word("component").partition("@")
            if "$" not in ref and ref.lower() in _MOVING:
                out.add(fact, one.line, kind="component", source=source)


# ---------------------------------------------------------------------------------------------------------------- jobs


def _job(name: str, job: Node, out: Listing) -> None:
    images = [_image(job.get("image")), *(_image(one) for one in job.entries("services"))]
    for image in images:
        if image is not None and image.text:
            out.image("gitlab_ci.images_unpinned", "gitlab_ci.image_releases", image.text, image.line, job=name)
    _variables(name, job, out)
    for key in _SCRIPTS:
        script = job.get(key)
        if script is None:
            continue
        out.holds("gitlab_ci.unsafe_commands")
        for line in _lines(script):
            for offender in shell_commands.unsafe(line.text or "", line.first_line, name):
                place = offender.pop("line")
                out.add("gitlab_ci.unsafe_commands", place, **offender)


def _image(node: Node | None) -> Node | None:
    return node.get("name") if node is not None and node.keys is not None else node


def _lines(script: Node) -> Iterator[Node]:
    """The lines of a script, one level of nested lists (an anchor among them) flattened, as GitLab does."""
    if script.text is not None:
        yield script
    for one in script.each():
        if one.text is not None:
            yield one
        yield from (inner for inner in one.each() if inner.text is not None)


def _value(node: Node) -> str:
    return (node.text if node.text is not None else node.word("value")) or ""


def _variables(name: str, job: Node, out: Listing) -> None:
    variables = job.get("variables")
    said = dict(variables.pairs()) if variables is not None else {}
    for key, node in said.items():
        value = _value(node)
        if key in _TRACES:
            out.holds("gitlab_ci.traces")
            if value.lower() in {"true", "1"}:
                out.add("gitlab_ci.traces", node.line, job=name, variable=key)
        elif key in _UNVERIFIED:
            out.holds("gitlab_ci.tls_verification_off")
            if value.lower() in _UNVERIFIED[key]:
                out.add("gitlab_ci.tls_verification_off", node.line, job=name, variable=key)
        elif names_secret(key):
            out.holds("gitlab_ci.secrets_in_clear")
            of_test = _SERVICES.match(key) is not None and is_default(
                value
            )  # the database of a test, gone with its job
            if is_written_out(value) and not of_test:
                out.add("gitlab_ci.secrets_in_clear", node.line, job=name, variable=key)
    _docker(name, said, out)


def _docker(name: str, said: dict[str, Node], out: Listing) -> None:
    """docker:dind listens without TLS when DOCKER_TLS_CERTDIR is set empty, or is spoken to on 2375."""
    fact = "gitlab_ci.docker_without_tls"
    folder, host = said.get("DOCKER_TLS_CERTDIR"), said.get("DOCKER_HOST")
    if folder is not None:
        out.holds(fact)
        if not _value(folder):
            out.add(fact, folder.line, job=name, setting="DOCKER_TLS_CERTDIR")
    elif host is not None and re.match(r"tcp://docker:2375/?\Z", _value(host)):
        out.add(fact, host.line, job=name, setting="DOCKER_HOST")
