# SPDX-License-Identifier: EUPL-1.2
"""Reads Dockerfiles: what images are made of, who runs them, what is fetched and what is left inside.

Modelled on hadolint (https://github.com/hadolint/hadolint) and Docker's build checks (https://docs.docker.com/reference/build-checks/).
"""

from __future__ import annotations

import re

from nis2check.evidence.observe import Unread
from nis2check.evidence.repo import container_images, shell_commands
from nis2check.evidence.repo.dockerfile.syntax import Instruction, Stage, instructions, stages
from nis2check.evidence.repo.listing import Found, Listing
from nis2check.evidence.repo.secret_words import is_sample, is_written_out, names_secret
from nis2check.model import FactSpec, Why

NAME = "dockerfile"
FACTS = (
    FactSpec("dockerfile.bases_unpinned", "array", "", "Base images without tag or digest, or with a tag that moves."),
    FactSpec("dockerfile.base_releases", "array", "", "Releases of official products and distributions built on."),
    FactSpec(
        "dockerfile.runs_as_root", "array", "", "The last stage when its process starts as root; set: user or default."
    ),
    FactSpec("dockerfile.unsafe_commands", "array", "", f"Commands of RUN, by kind: {shell_commands.MEANING}."),
    FactSpec("dockerfile.remote_additions", "array", "", "ADD of a web address without checksum; scheme of it."),
    FactSpec(
        "dockerfile.secrets_in_build", "array", "", "ENV and ARG that hold a secret written out; never its value."
    ),
    FactSpec(
        "dockerfile.secret_arguments", "array", "", "ARG that take a secret at build, which the image's history keeps."
    ),
    FactSpec(
        "dockerfile.copied_secrets",
        "array",
        "",
        "COPY and ADD of files that hold secrets by their name, in the last stage.",
    ),
)

MOST_STAGES = 100

_BY_NAME = re.compile(r"(?:^|/)(?:[^/]*[._-])?(?:Dockerfile|Containerfile)(?:[._-][^/]*)?\Z", re.IGNORECASE)
_NOT_ONE = re.compile(
    r"\.(?:dockerignore|md|txt|sh|py|ya?ml|json|rst|html|lock|rego|go|js|ts|tf|java|kt|rb|toml|patch|diff)\Z",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r"\.(?:j2|jinja2?|tmpl|tpl|template|erb|in)\Z", re.IGNORECASE)
# Official images whose process starts as root when nobody says otherwise (no USER in their own Dockerfiles).
_ROOT_BASE_NAMES = """
alpine debian ubuntu centos fedora rockylinux almalinux amazonlinux busybox scratch buildpack-deps opensuse/leap
python node php ruby golang rust openjdk eclipse-temurin amazoncorretto maven gradle perl gcc composer
nginx httpd tomcat caddy traefik postgres mysql mariadb redis mongo memcached rabbitmq
"""
_ROOT_BASES = frozenset(_ROOT_BASE_NAMES.split())
_SECRET_FILES = re.compile(
    r"(?:^|/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.env|\.netrc|\.pgpass|\.git-credentials|\.aws(?:/credentials)?|\.ssh)/?\Z"
)
_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,99})=(\"[^\"\n]{0,500}\"|'[^'\n]{0,500}'|[^\s\"']{0,500})")
_REMOTE = re.compile(r"(https?)://", re.IGNORECASE)


def matches(path: str, head: bytes) -> bool:
    """Dockerfile, Containerfile and their variants (Dockerfile.prod, app.Dockerfile); templates of them too."""
    if _BY_NAME.search(path) is None or _NOT_ONE.search(path) is not None:
        return False
    return not head or b"FROM" in head.upper()


def read(path: str, text: str) -> Found:
    """Facts of one file."""
    if _TEMPLATE.search(path) is not None and re.search(r"\{\{|\{%|%%|<%", text):
        yield Unread("dockerfile.*", Why.TEMPLATED, "a template, no Dockerfile before it is filled in")
        return
    found = list(instructions(text))
    built = stages(found)
    if not built:
        return
    if len(built) > MOST_STAGES:
        yield Unread("dockerfile.*", Why.LIMIT, f"more than {MOST_STAGES} stages")
        return
    out = Listing()
    out.holds("dockerfile.unsafe_commands", "dockerfile.secrets_in_build", "dockerfile.secret_arguments")
    out.holds("dockerfile.remote_additions", "dockerfile.copied_secrets")
    _bases(built, out)
    _user(built, out)
    for stage in built:
        for one in stage.instructions:
            _instruction(one, out, last=stage is built[-1])
    for one in found:
        if one.word == "ARG":
            _argument(one, out)
    if is_sample(path):
        out.forget("dockerfile.secrets_in_build", "dockerfile.copied_secrets")
    yield from out.found()


# --------------------------------------------------------------------------------------------------------------- bases


def _bases(built: list[Stage], out: Listing) -> None:
    names: set[str] = set()
    for stage in built:
        if stage.base and stage.base.lower() not in names and stage.base != "scratch":
            _base(stage, out)
        if stage.name:
            names.add(stage.name)


def _base(stage: Stage, out: Listing) -> None:
    unpinned = "dockerfile.bases_unpinned"
    image = container_images.parse(stage.base)
    if "$" in stage.written and not container_images.is_templated(stage.base) and not image.pinned:
        out.gap(unpinned, Why.TEMPLATED, f"{stage.written[:100]}: whoever builds may give another tag", stage.line)
    else:
        out.image(unpinned, "dockerfile.base_releases", stage.base, stage.line)


def _user(built: list[Stage], out: Listing) -> None:
    """The last USER of the last stage, or of the stages that it is built on; else the one of the base image."""
    fact = "dockerfile.runs_as_root"
    by_name = {stage.name: stage for stage in built if stage.name}
    stage: Stage | None = built[-1]
    seen: set[int] = set()
    base = ""
    while stage is not None and id(stage) not in seen:
        seen.add(id(stage))
        said = [one for one in stage.instructions if one.word == "USER"]
        if said:
            _told(said[-1], out)
            return
        base = stage.base
        stage = by_name.get(base.lower())
    line = built[-1].line
    image = container_images.parse(base)
    name = image.name.removeprefix("docker.io/").removeprefix("library/")
    if container_images.is_templated(base) or name not in _ROOT_BASES:
        out.gap(fact, Why.UNREADABLE, f"the base image {base[:100]} may set a user", line)
    else:
        out.add(fact, line, set="default", base=base)


def _told(user: Instruction, out: Listing) -> None:
    fact = "dockerfile.runs_as_root"
    name = user.rest.strip().partition(":")[0].strip("\"'")
    if "$" in name:
        out.gap(fact, Why.TEMPLATED, "USER comes from a variable", user.line)
    elif name in {"root", "0"}:
        out.add(fact, user.line, set="user", base="")
    else:
        out.holds(fact)


# -------------------------------------------------------------------------------------------------------- instructions


def _instruction(one: Instruction, out: Listing, *, last: bool) -> None:
    if one.word == "RUN":
        for offender in shell_commands.unsafe(one.rest, one.line):
            line = offender.pop("line")
            out.add("dockerfile.unsafe_commands", line, **offender)
    elif one.word == "ENV":
        _environment(one, out)
    elif one.word in {"ADD", "COPY"}:
        words = [word.strip("[]\"',") for word in one.rest.split()]
        sources = [word for word in words if word and not word.startswith("--")][:-1]
        if one.word == "ADD" and "--checksum=" not in one.rest:
            _remote(one, sources, out)
        from_stage = any(word.startswith("--from=") for word in words)
        for source in sources:
            if last and not from_stage and _SECRET_FILES.search(source):
                out.add("dockerfile.copied_secrets", one.line, file=source)


def _remote(one: Instruction, sources: list[str], out: Listing) -> None:
    for source in sources:
        scheme = _REMOTE.match(source)
        if scheme and not source.split("?")[0].endswith(".git"):
            out.add("dockerfile.remote_additions", one.line, scheme=scheme[1].lower(), address=source.partition("?")[0])


def _environment(one: Instruction, out: Listing) -> None:
    pairs = _PAIR.findall(one.rest)
    if not pairs:  # the old form: ENV NAME the rest of the line
        name, _space, value = one.rest.strip().partition(" ")
        pairs = [(name, value)]
    for name, value in pairs:
        if names_secret(name) and is_written_out(value):
            out.add("dockerfile.secrets_in_build", one.line, name=name, instruction="ENV")


def _argument(one: Instruction, out: Listing) -> None:
    name, equals, value = one.rest.strip().partition("=")
    if not names_secret(name.strip()):
        return
    if equals and is_written_out(value):
        out.add("dockerfile.secrets_in_build", one.line, name=name.strip(), instruction="ARG")
    else:
        out.add("dockerfile.secret_arguments", one.line, name=name.strip())
