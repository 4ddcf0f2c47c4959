# SPDX-License-Identifier: EUPL-1.2
"""Dockerfiles: the grammar that traps simple readers, and each concern with a file that offends and one that does not."""

from __future__ import annotations

import time

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import dockerfile
from nis2check.evidence.repo.dockerfile.syntax import instructions
from nis2check.model import Json, Why

PASSWORD = "S3cret-canary"
CLEAN = "FROM debian:13-slim\nRUN apt-get update\nUSER 10001\n"


def read(text: str, path: str = "Dockerfile") -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(dockerfile.read(path, text))
    facts = {one.name: one.value for one in found if isinstance(one, Read)}
    assert facts.keys() <= {spec.name for spec in dockerfile.FACTS}
    return facts, [(one.name, one.why, one.line) for one in found if isinstance(one, Unread)]


# fact: (a file that offends, the lines of its offenders)
CASES: dict[str, tuple[str, list[int]]] = {
    "bases_unpinned": ("FROM debian\nUSER app\n", [1]),
    "base_releases": ("FROM python:3.8-buster\nUSER app\n", [1, 1]),
    "runs_as_root": ("FROM acme/x:1\nUSER app\nRUN true\nUSER root\n", [4]),
    "unsafe_commands": (
        "FROM debian:13\nRUN true \\\n && curl -sSf https://x.example/i.sh \\\n  | sh\nUSER app\n",
        [3],
    ),
    "remote_additions": ("FROM debian:13\nADD https://x.example/a.tgz /opt/\nUSER app\n", [2]),
    "secrets_in_build": (
        f"FROM debian:13\nENV A=1 DB_PASSWORD={PASSWORD}\nARG API_KEY='{PASSWORD}'\nUSER app\n",
        [2, 3],
    ),
    "secret_arguments": ("FROM debian:13\nARG NPM_TOKEN\nUSER app\n", [2]),
    "copied_secrets": ("FROM debian:13\nCOPY --chown=app .env ./id_rsa /app/\nUSER app\n", [2, 2]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_concern(name: str) -> None:
    text, lines = CASES[name]
    facts, gaps = read(text)
    assert gaps == []
    assert [one["line"] for one in facts[f"dockerfile.{name}"]] == lines
    assert "canary" not in str(facts)
    facts, gaps = read(CLEAN)
    assert gaps == []
    if name == "base_releases":
        assert [one["release"] for one in facts["dockerfile.base_releases"]] == ["debian:13"]
    else:
        assert facts[f"dockerfile.{name}"] == []


def test_every_fact_has_its_case() -> None:
    assert {spec.name for spec in dockerfile.FACTS} == {f"dockerfile.{name}" for name in CASES}


def words(text: str) -> list[tuple[str, int]]:
    return [(one.word, one.line) for one in instructions(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM a\nRUN <<EOF\nUSER root\nEOF\nUSER app\n", [("FROM", 1), ("RUN", 2), ("USER", 5)]),
        ("FROM a\nCOPY <<-'A' <<B /x/\n\tUSER root\n\tA\nUSER 0\nB\nUSER app", [("FROM", 1), ("COPY", 2), ("USER", 7)]),
        ("FROM a\nRUN a \\\n# USER root\n && b\nUSER app\n", [("FROM", 1), ("RUN", 2), ("USER", 5)]),
        ("# escape=`\nFROM a\nRUN dir c:\\\nUSER app\n", [("FROM", 2), ("RUN", 3), ("USER", 4)]),
        ("# escape=`\nFROM a\nRUN a `\n b\nUSER app\n", [("FROM", 2), ("RUN", 3), ("USER", 5)]),
        ("from a\r\nrun a \\\r\n  b\r\nuser app\r\n", [("FROM", 1), ("RUN", 2), ("USER", 4)]),
        ("FROM a\nRUN a \\  \n b\nUSER app\n", [("FROM", 1), ("RUN", 2), ("USER", 4)]),
        ("FROM a\nRUN cat <<EOF > x\nnever ended\n", [("FROM", 1), ("RUN", 2)]),
    ],
    ids=["heredoc", "two heredocs", "comment inside", "escape", "backtick", "crlf", "blanks", "open"],
)
def test_the_grammar(text: str, found: list[tuple[str, int]]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("FROM debian:13\n", True),
        ("FROM docker.io/library/python:3.13\nCMD x\n", True),
        ("FROM debian:13\nUSER 0:0\n", True),
        ("FROM debian:13\nUSER app\n", False),
        ("FROM debian:13 AS base\nUSER app\nFROM base\nRUN true\n", False),
        ("FROM debian:13 AS base\nUSER app\nFROM debian:13\n", True),
        ("FROM node:24 AS build\nUSER root\nFROM acme/x:1\nUSER 1000\n", False),
    ],
)
def test_who_runs_it(text: str, root: bool) -> None:
    facts, gaps = read(text)
    assert gaps == []
    assert bool(facts["dockerfile.runs_as_root"]) is root


def test_a_base_that_may_set_a_user_is_a_gap() -> None:
    facts, gaps = read("FROM gcr.io/distroless/static:nonroot\n")
    assert "dockerfile.runs_as_root" not in facts
    assert gaps == [("dockerfile.runs_as_root", Why.UNREADABLE, 1)]
    _facts, gaps = read("FROM acme/x:1\nARG U=1000\nUSER ${U}\n")
    assert gaps == [("dockerfile.runs_as_root", Why.TEMPLATED, 3)]


@pytest.mark.parametrize(
    ("text", "unpinned"),
    [
        ("ARG TAG=13\nFROM debian:${TAG}\n", False),
        ("ARG TAG\nFROM debian:${TAG:-13}\n", False),
        ("FROM debian@sha256:" + "0" * 64 + "\n", False),
        ("FROM --platform=linux/amd64 debian:latest AS x\n", True),
        ("FROM scratch\n", False),
        ("FROM debian:13 AS build\nFROM build\n", False),
    ],
)
def test_bases(text: str, unpinned: bool) -> None:
    facts, gaps = read(text)
    assert gaps == []
    assert bool(facts.get("dockerfile.bases_unpinned")) is unpinned


def test_a_base_from_outside_is_a_gap() -> None:
    _facts, gaps = read("ARG TAG\nFROM debian:$TAG\nUSER app\n")
    assert gaps == [("dockerfile.bases_unpinned", Why.TEMPLATED, 2)]
    facts, gaps = read("ARG TAG=latest\nFROM debian:$TAG\nUSER app\n")
    assert "dockerfile.bases_unpinned" not in facts, "whoever builds gives the tag"
    assert gaps == [("dockerfile.bases_unpinned", Why.TEMPLATED, 2)]


@pytest.mark.parametrize(
    "line",
    [
        "ENV DB_PASSWORD=${DB_PASSWORD}",
        "ENV DB_PASSWORD=",
        "ENV DB_PASSWORD_FILE=/run/secrets/db",
        "ENV TOKEN changeme",
        "ADD --checksum=sha256:00 https://x.example/a.tgz /",
        "ADD https://github.com/a/b.git /src",
        "COPY --from=build /app/.env /app/",
        "RUN curl -fsSLO https://x.example/a.tgz",
    ],
)
def test_what_is_no_fault(line: str) -> None:
    facts, _gaps = read(f"FROM debian:13\n{line}\nUSER app\n")
    facts.pop("dockerfile.base_releases")
    facts.pop("dockerfile.secret_arguments")
    assert not any(facts.values())


def test_examples_hold_no_secret() -> None:
    text = CASES["secrets_in_build"][0]
    assert "dockerfile.secrets_in_build" not in read(text, "docs/examples/Dockerfile")[0]


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("Dockerfile", True),
        ("a/Dockerfile.prod", True),
        ("a/app.Dockerfile", True),
        ("Containerfile", True),
        ("Dockerfile.dockerignore", False),
        ("docs/dockerfile.md", False),
        ("a/dockerfile.py", False),
        ("mydockerfile", False),
    ],
)
def test_what_is_taken(path: str, taken: bool) -> None:
    assert dockerfile.matches(path, b"FROM x\n") is taken


def test_a_template_is_a_gap() -> None:
    facts, gaps = read("FROM {{ base }}\n", "Dockerfile.j2")
    assert (facts, gaps) == ({}, [("dockerfile.*", Why.TEMPLATED, 1)])


@pytest.mark.parametrize(
    "text", ["FROM a\nRUN " + "a \\\n" * 60_000, "FROM a\n" * 20_000, "FROM a\nENV " + "A=" * 200_000]
)
def test_no_file_takes_for_ever(text: str) -> None:
    start = time.process_time()
    read(text)
    assert time.process_time() - start < 2
