# SPDX-License-Identifier: EUPL-1.2
"""Docker Compose files, and the reader of strangers' YAML below it."""

from __future__ import annotations

import time

import pytest

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo import compose, secrets
from nis2check.evidence.repo.yaml_tree import documents
from nis2check.model import Json, Why


def read(text: str) -> tuple[dict[str, Json], list[tuple[str, Why, int]]]:
    found = list(compose.read("compose.yml", text))
    facts = {one.name: one.value for one in found if isinstance(one, Read)}
    assert facts.keys() <= {spec.name for spec in compose.FACTS}
    return facts, [(one.name, one.why, one.line) for one in found if isinstance(one, Unread)]


def ports(*entries: str) -> list[tuple[int, str, str]]:
    listed = "".join(f"      - {entry}\n" for entry in entries)
    facts, gaps = read(f"services:\n  a:\n    image: x:1\n    ports:\n{listed}")
    assert gaps == []
    return [(one["port"], one["class"], one["address"]) for one in facts["compose.published_ports"]]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ('"3306:3306"', [(3306, "database", "0.0.0.0")]),
        ("8080:80", [(8080, "web", "0.0.0.0")]),
        ('"13306:3306/tcp"', [(13306, "database", "0.0.0.0")]),  # another port hides nothing
        ('"127.0.0.1:5432:5432"', []),
        ('"[::1]:5432:5432"', []),
        ('"10.0.0.5:5432:5432"', [(5432, "database", "10.0.0.5")]),
        ('"[2001:db8::1]:22:22"', [(22, "remote_admin", "2001:db8::1")]),
        ('"9000-9001:9000-9001"', [(9000, "management", "0.0.0.0"), (9001, "other", "0.0.0.0")]),
        ('"53:53/udp"', []),
        ('"6379"', [(0, "database", "0.0.0.0")]),
        ('"${DB_PORT:-5432}:5432"', [(5432, "database", "0.0.0.0")]),
        ("{target: 27017, published: 27017}", [(27017, "database", "0.0.0.0")]),
        ('{target: 27017, published: "27018", host_ip: 127.0.0.1, mode: host}', []),
    ],
)
def test_published_ports(entry: str, expected: list[tuple[int, str, str]]) -> None:
    assert ports(entry) == expected


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('"${PORT}:80"', Why.TEMPLATED),
        ('"{{ port }}:80"', Why.TEMPLATED),
        ("what", Why.MALFORMED),
        ('"1-60000:1-60000"', Why.LIMIT),
    ],
)
def test_ports_that_the_file_does_not_settle(entry: str, why: Why) -> None:
    facts, gaps = read(f"services:\n  a:\n    image: x:1\n    ports: [{entry}, '22:22']\n")
    assert gaps == [("compose.published_ports", why, 4)]
    assert [one["port"] for one in facts["compose.published_ports"]] == [22]


def test_the_line_is_that_of_the_port_that_matters() -> None:
    text = 'services:\n  web:\n    image: x:1\n    ports: ["80:80"]\n  db:\n    image: mariadb:11\n    ports: ["3306:3306"]\n'
    assert next(one.line for one in compose.read("c.yml", text) if one.name == "compose.published_ports") == 7


@pytest.mark.parametrize(
    ("image", "unpinned"),
    [
        ("postgres", True),
        ("postgres:latest", True),
        ("registry.example:5000/app", True),
        ("registry.example:5000/app:2.1", False),
        ("postgres:16.3", False),
        ("postgres@sha256:" + "0" * 64, False),
        ("postgres:${TAG:-16}", False),
    ],
)
def test_images(image: str, unpinned: bool) -> None:
    facts, _gaps = read(f"services:\n  a:\n    image: {image}\n")
    assert bool(facts["compose.images_unpinned"]) is unpinned


def test_an_image_from_a_variable_is_a_gap_and_a_built_one_nothing() -> None:
    facts, gaps = read("services:\n  a:\n    image: app:${TAG}\n  b:\n    build: .\n    image: app\n")
    assert facts["compose.images_unpinned"] == []
    assert gaps == [("compose.images_unpinned", Why.TEMPLATED, 3)]


def test_rights_of_the_host() -> None:
    facts, _gaps = read(
        "services:\n  a:\n    image: x:1\n    privileged: true\n    network_mode: host\n"
        "    volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']\n"
        "  b:\n    image: x:1\n    privileged: false\n    volumes:\n      - {type: bind, source: /run/docker.sock, target: /s}\n"
    )
    assert facts["compose.privileged"] == facts["compose.host_network"] == ["a"]
    assert facts["compose.docker_socket"] == ["a", "b"]


# fact: (a service that offends, one that holds the same and does not)
RIGHTS = {
    "capabilities_added": ("cap_add: [SYS_ADMIN]", "cap_drop: [ALL]"),
    "host_namespaces": ("pid: host", "pid: 'service:b'"),
    "unconfined": ("security_opt: ['seccomp:unconfined']", "security_opt: ['no-new-privileges:true']"),
    "host_folders": (
        "volumes: ['/etc:/etc']",
        "volumes: ['/:/rootfs:ro,rslave', '/etc/localtime:/etc/localtime', 'data:/etc']",
    ),
    "default_credentials": (
        "environment: {POSTGRES_PASSWORD: postgres}",
        "environment: ['POSTGRES_PASSWORD=${PASSWORD}']",
    ),
    "logs_dropped": ("logging: {driver: none}", "logging: {driver: journald}"),
}


@pytest.mark.parametrize("name", RIGHTS)
def test_what_a_service_may_do(name: str) -> None:
    offends, right = RIGHTS[name]
    text = "services:\n  a:\n    image: x:1\n    "
    facts, gaps = read(text + offends)
    assert gaps == []
    assert [(one["service"], one["line"]) for one in facts[f"compose.{name}"]] == [("a", 4)]
    facts, gaps = read(text + right)
    assert gaps == []
    assert facts[f"compose.{name}"] == []


@pytest.mark.parametrize(
    ("variable", "kind"),
    [
        ("MYSQL_ALLOW_EMPTY_PASSWORD=yes", "none"),
        ("POSTGRES_HOST_AUTH_METHOD=trust", "none"),
        ("MYSQL_ROOT_PASSWORD=root", "default"),
        ("MYSQL_ROOT_PASSWORD=S3cret-canary", ""),
        ("POSTGRES_USER=postgres", ""),
    ],
)
def test_default_credentials(variable: str, kind: str) -> None:
    facts, _gaps = read(f"services:\n  a:\n    image: x:1\n    environment:\n    - {variable}\n")
    assert [one["kind"] for one in facts["compose.default_credentials"]] == ([kind] if kind else [])


def test_a_password_that_repeats_its_account() -> None:
    text = "services:\n  a:\n    image: x:1\n    environment: {POSTGRES_USER: geonet, POSTGRES_PASSWORD: geonet}\n"
    facts, _gaps = read(text)
    assert [one["kind"] for one in facts["compose.default_credentials"]] == ["default"]
    assert (
        list(secrets.read("compose.yaml", text.replace("{", "\n      ").replace(", ", "\n      ").replace("}", "")))
        == []
    )


def test_an_ambiguous_port_is_told_by_its_image() -> None:
    text = "services:\n  a: {image: '%s', ports: ['9000:9000', '5000:5000']}\n"
    facts, _gaps = read(text % "minio/minio:RELEASE.1")
    assert [one["class"] for one in facts["compose.published_ports"]] == ["other", "other"]
    facts, _gaps = read(text % "portainer/portainer-ce:2.30")
    assert [one["class"] for one in facts["compose.published_ports"]] == ["management", "other"]


def test_releases_that_images_tell() -> None:
    facts, _gaps = read("services:\n  a: {image: 'postgres:11.4'}\n  b: {image: 'acme/x:1'}\n")
    assert [one["release"] for one in facts["compose.image_releases"]] == ["postgres:11"]
    assert "compose.image_releases" not in read("services:\n  b: {image: 'acme/x:1'}\n")[0]


def test_anchors_and_merge_keys_are_followed() -> None:
    facts, _gaps = read(
        "x-base: &base\n  image: x:1\n  privileged: true\n"
        "services:\n  a:\n    <<: *base\n  b:\n    <<: [*base]\n    privileged: false\n"
    )
    assert facts["compose.privileged"] == ["a"]


def test_a_file_that_is_no_compose_file_says_nothing() -> None:
    assert read("just text\n") == ({}, [])
    assert read("a: 1\nb: [1]\n") == ({}, [])


LAUGHS = "a0: &a0 [lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
MERGES = "m0: &m0 {a: 1}\n" + "".join(f"m{n}: &m{n}\n  <<: [{', '.join([f'*m{n - 1}'] * 12)}]\n" for n in range(1, 12))


@pytest.mark.parametrize("bomb", [LAUGHS, MERGES], ids=["aliases", "merges"])
def test_bombs_of_aliases_stay_small(bomb: str) -> None:
    start = time.monotonic()
    facts, _gaps = read("services:\n  a:\n    image: x\n" + bomb)
    assert facts["compose.images_unpinned"] == ["x"]
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: " + "[" * 50_000 + "]" * 50_000, Why.LIMIT),
        ("a: &a [*a]", Why.LIMIT),
        ("- a\n" * 210_000, Why.LIMIT),
        ("---\na: 1\n" * 1100, Why.LIMIT),
        ("a:\n\t- b\n", Why.MALFORMED),
        ("a: 'b\n", Why.MALFORMED),
        ("{{- range .Values.x }}\nkind: {{ . | quote }}\n{{- end }}\n", Why.TEMPLATED),
    ],
    ids=["depth", "itself", "values", "documents", "tab", "half", "helm"],
)
def test_yaml_that_is_refused(text: str, why: Why) -> None:
    with pytest.raises(Unseen) as raised:
        documents(text)
    assert raised.value.why == why
    (gap,) = compose.read("compose.yml", text)
    assert isinstance(gap, Unread)
    assert (gap.name, gap.why) == ("compose.*", why)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['touch x']", "!Ref x", "!vault |\n  abc", "!!binary '@'"]
)
def test_tags_are_text(tag: str) -> None:
    assert documents(f"a: {tag}\n")[0].keys is not None


def test_words_keep_their_spelling() -> None:
    (root,) = documents("a: NO\nb: 1.10\nc: 12:30:45\nd: 2026-02-31\n")
    assert {key: node.text for key, node in root.pairs()} == {
        "a": "NO",
        "b": "1.10",
        "c": "12:30:45",
        "d": "2026-02-31",
    }


def test_an_anchor_given_twice_counts_from_its_last_place() -> None:
    (root,) = documents("a: &x 1\nb: *x\nc: &x 2\nd: *x\n")
    assert {key: node.text for key, node in root.pairs()} == {"a": "1", "b": "1", "c": "2", "d": "2"}


@pytest.mark.parametrize("text", ["a: *nobody", "a: &x 1\n---\nb: *x\n"])
def test_an_alias_of_nothing_is_no_yaml(text: str) -> None:
    with pytest.raises(Unseen) as raised:
        documents(text)
    assert raised.value.why == Why.MALFORMED


def test_bare_braces_are_a_template_and_no_mapping() -> None:
    (root,) = documents("a: {{ b }}\nc: {d: e}\n")
    assert (root.word("a"), root.word("c", "d")) == ("{{ }}", "e")
