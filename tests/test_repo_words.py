# SPDX-License-Identifier: EUPL-1.2
"""What the readers of services, manifests and CI share: images, unsafe commands, names of secrets."""

from __future__ import annotations

import time

import pytest

from nis2check.evidence.repo import container_images, secret_words, shell_commands
from nis2check.files import load_yaml, shipped


@pytest.mark.parametrize(
    ("reference", "releases", "pinned"),
    [
        ("python:3.6-slim-buster", ["python:3.6", "debian:10"], True),
        ("debian:buster", ["debian:10"], True),
        ("docker.io/library/node:18.2-alpine3.17", ["node:18", "alpine:3.17"], True),
        ("postgres:9.6.1", ["postgres:9.6"], True),
        ("postgres:16.3", ["postgres:16"], True),
        ("php:7-apache", ["php:7"], True),
        ("traefik:v2.10", ["traefik:2.10"], True),
        ("ubuntu:focal-20230301", ["ubuntu:20.04"], True),
        ("docker.elastic.co/kibana/kibana:7.17.1", ["kibana:7"], True),
        ("bitnamilegacy/redis:7", ["bitnamilegacy:frozen"], True),
        ("acme/python:2.7", [], True),
        ("registry.example:5000/nginx", [], False),
        ("nginx:stable", [], False),
        ("nginx", [], False),
        ("nginx@sha256:00", [], True),
    ],
)
def test_images(reference: str, releases: list[str], pinned: bool) -> None:
    image = container_images.parse(reference)
    assert container_images.releases(image) == releases
    assert image.pinned is pinned


def test_ended_releases_are_written_as_images_tell_them() -> None:
    """A line of the list that no image can give would never judge anything."""
    ended = load_yaml(shipped("policies") / "profiles" / "end-of-life.yaml").data["release"]["enum"]
    assert len(ended) == len(set(ended)) > 300
    for release in ended:
        product, _colon, number = release.partition(":")
        if product != "bitnamilegacy":
            assert release in container_images.releases(container_images.parse(f"{product}:{number}")), release


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("curl -sSL https://x.sh | bash", ["piped_script"]),
        ("wget -qO- https://x.fr/i | sudo -E sh -", ["piped_script"]),
        ("bash <(curl -s https://x.fr/i)", ["piped_script"]),
        ('sh -c "$(curl -fsSL https://x.fr/i)"', ["piped_script"]),
        ("curl https://x.fr/a \\\n  | python3 -", ["piped_script"]),
        ("curl https://x.fr/a | jq .", []),
        ("curl https://x.fr/a | gpg --dearmor", []),
        ("curl -fsSkL https://x.fr", ["tls_unverified"]),
        ("curl -K settings https://x.fr", []),
        ("curl --insecure https://x.fr", ["tls_unverified"]),
        ("wget --no-check-certificate https://x.fr", ["tls_unverified"]),
        ("git -c http.sslVerify=false clone a", ["tls_unverified"]),
        ("npm config set strict-ssl false", ["tls_unverified"]),
        ("wget http://x.fr/a.tgz", ["plain_download"]),
        ("curl http://localhost:8080/health", []),
        ("curl http://service:8080/health", []),
        ("apt-get install -y --allow-unauthenticated x", ["packages_unverified"]),
        ("apk add --allow-untrusted x.apk", ["packages_unverified"]),
        ("yum install -y --nogpgcheck x", ["packages_unverified"]),
        ("ssh -o StrictHostKeyChecking=no a", ["host_key_unchecked"]),
        ("ssh -o StrictHostKeyChecking=accept-new a", []),
        ("chmod -R 777 /app", ["world_writable"]),
        ("chmod 755 /app", []),
        ("# curl https://x.sh | bash", []),
    ],
)
def test_commands(command: str, kinds: list[str]) -> None:
    assert [one["kind"] for one in shell_commands.unsafe(command, 1)] == kinds


def test_the_line_of_a_command_within_its_continuations() -> None:
    text = "true\nupdate \\\n  && curl -k https://x.fr \\\n  && true\n"
    assert [one["line"] for one in shell_commands.unsafe(text, 10)] == [12]


@pytest.mark.parametrize(
    "text", ["curl " * 12_000, "bash <(" * 9_000, "chmod -R " * 7_000, "x" * 60_000, "curl -k\\\n" * 5_000]
)
def test_no_command_takes_for_ever(text: str) -> None:
    start = time.process_time()
    list(shell_commands.unsafe(text, 1))
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "dbPassword", "apiKey", "API_KEY", "smtp.password", "PGPASSWORD", "client_secret"]
)
def test_names_of_secrets(name: str) -> None:
    assert secret_words.names_secret(name)


@pytest.mark.parametrize(
    "name", ["PASSWORD_FILE", "passwordKey", "monkey", "tokenizer", "existingSecret", "imagePullSecret"]
)
def test_names_of_no_secret(name: str) -> None:
    assert not secret_words.names_secret(name)


@pytest.mark.parametrize(
    "value",
    ["", "abc", "$X", "${X}", "{{ x }}", "<x>", "CHANGE_ME", "/run/secrets/x", "true", "xxxx", "tls.key", "not a word"],
)
def test_values_that_are_no_secret(value: str) -> None:
    assert not secret_words.is_written_out(value)


def test_default_passwords() -> None:
    assert secret_words.is_default("Postgres")
    assert secret_words.is_default('"admin"')
    assert not secret_words.is_default("S3cret-canary")
