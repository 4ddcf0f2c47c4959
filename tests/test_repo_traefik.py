# SPDX-License-Identifier: EUPL-1.2
"""What Traefik's files, labels and arguments settle, and what they leave open."""

from __future__ import annotations

import pytest

from nis2check.evidence.observe import Unread
from nis2check.evidence.repo import traefik
from nis2check.model import Json, Why
from tests.readings import fact_of, settled, tell_apart

SUBJECT = "www.ville.example:443"
COMPOSE = """services:
  proxy:
    image: traefik:{version}
    command:
      - --entrypoints.web.address=:80
      - --entrypoints.websecure.address=:443
{more}
  app:
    image: app:1
    labels:
      - traefik.http.routers.app.rule=Host(`www.ville.example`)
      - traefik.http.routers.app.entrypoints=websecure
      - traefik.http.routers.app.tls=true
{labels}
"""
STATIC = "entryPoints:\n  web:\n    address: ':80'\n  websecure:\n    address: ':443'\n"
ROUTER = "http:\n  routers:\n    app:\n      rule: Host(`www.ville.example`)\n      entryPoints: [websecure]\n      tls: {}\n"


def compose(*more: str, labels: tuple[str, ...] = (), version: str = "v3.3") -> str:
    lines = [f"      - --{one}" for one in more]
    return COMPOSE.format(
        version=version, more="\n".join(lines), labels="\n".join(f"      - traefik.{one}" for one in labels)
    )


def read(text: str, subject: str = SUBJECT, path: str = "compose.yaml") -> tuple[dict[str, Json], dict[str, Why]]:
    return settled(traefik, path, text, subject)


def test_labels_and_arguments_make_a_site() -> None:
    text = compose(
        "entrypoints.web.http.redirections.entrypoint.to=websecure",
        labels=(
            "http.routers.app.middlewares=secure@docker",
            "http.middlewares.secure.headers.stsSeconds=63072000",
            "http.middlewares.secure.headers.stsIncludeSubdomains=true",
            "http.middlewares.secure.headers.contentTypeNosniff=true",
            "http.middlewares.secure.headers.frameDeny=false",
        ),
    )
    facts, gaps = read(text)
    assert facts == {
        "tls.accepted": True,
        "tls.versions": ["TLSv1.2", "TLSv1.3"],
        "http.https": True,
        "http.plain_answers": True,
        "http.redirects_to_https": True,
        "http.moved_to": "",
        "http.hsts.present": True,
        "http.hsts.valid": True,
        "http.hsts.max_age": 63072000,
        "http.hsts.include_subdomains": True,
        "http.nosniff": True,
    }
    assert gaps == {}


@pytest.mark.parametrize(
    "text",
    [
        compose(version="v2.11"),  # whose lowest version changed on the way
        compose(version="latest"),
        compose("providers.file.directory=/etc/traefik"),
        compose(labels=("http.routers.app.tls.options=modern@file",)),
        STATIC + ROUTER,
    ],
)
def test_versions_that_are_not_settled(text: str) -> None:
    facts, gaps = read(text, path="traefik.yml")
    assert facts["tls.accepted"] is True
    assert gaps["tls.versions"] is Why.UNREADABLE


@pytest.mark.parametrize(
    ("options", "versions"),
    [
        ("minVersion: VersionTLS12", ["TLSv1.2", "TLSv1.3"]),
        ("minVersion: VersionTLS10", ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]),
        ("minVersion: VersionTLS12\n      maxVersion: VersionTLS12", ["TLSv1.2"]),
    ],
)
def test_tls_options(options: str, versions: list[str]) -> None:
    text = f"tls:\n  options:\n    default:\n      {options}\n"
    assert read(STATIC + ROUTER + text, path="traefik.yml")[0]["tls.versions"] == versions
    facts, _gaps = read(text, "", "dynamic/traefik.yml")
    assert (facts["tls.accepted"], facts["tls.versions"]) == (True, versions)  # said of the file


def test_suites_and_curves() -> None:
    text = (
        "tls:\n  options:\n    default:\n      cipherSuites:\n        - TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256\n"
        "        - TLS_RSA_WITH_AES_128_GCM_SHA256\n      curvePreferences: [X25519, CurveP256]\n"
    )
    facts, gaps = read(STATIC + ROUTER + text, path="traefik.yml")
    assert facts["tls.weak_suites"] == ["RSA-KEX", "CBC"]
    assert facts["tls.groups"] == ["x25519", "secp256r1"]
    assert gaps["tls.versions"] is Why.UNREADABLE


def test_routers_whose_ports_are_elsewhere_are_one_gap() -> None:
    (gap,) = traefik.read("dynamic/traefik.yml", ROUTER)
    assert isinstance(gap, Unread)
    assert (gap.name, gap.why, gap.line) == ("traefik.*", Why.UNREADABLE, 4)


def test_a_part_of_a_site_is_not_the_site() -> None:
    text = compose(labels=()).replace("Host(`www.ville.example`)", "Host(`www.ville.example`) && PathPrefix(`/api`)")
    assert read(text) == ({}, {})


def test_toml_has_lines() -> None:
    text = (
        '[api]\n  insecure = true\n\n[entryPoints.web]\n  address = ":80"\n\n'
        '[tls.options.default]\n  minVersion = "VersionTLS12"\n'
    )
    lines = {one.name: one.line for one in traefik.read("traefik.toml", text)}
    assert lines["traefik.api_insecure"] == 2
    assert lines["tls.versions"] == 8
    (gap,) = traefik.read("traefik.toml", "[api\n")
    assert isinstance(gap, Unread)
    assert gap.why is Why.MALFORMED


def test_the_environment_of_its_container_counts() -> None:
    text = "services:\n  t:\n    image: traefik:v3.0\n    environment:\n      TRAEFIK_API_INSECURE: 'true'\n      PATH: x\n"
    fact = fact_of(traefik, "compose.yaml", text, "traefik.api_insecure")
    assert (fact.value, fact.line) == ([{"name": "api.insecure", "line": 5}], 5)


def test_resources_of_kubernetes_are_left_to_their_reader() -> None:
    assert list(traefik.read("traefik/values.yaml", "apiVersion: v1\nkind: X\napi:\n  insecure: true\n")) == []


DASHBOARD = (
    STATIC + "http:\n  routers:\n    t:\n      rule: Host(`t.example`)\n      service: api@internal\n      tls: {}\n"
)
CLEAR = (
    STATIC + "http:\n  routers:\n    a:\n      rule: Host(`a.example`)\n      entryPoints: [web]\n      service: x\n"
)
# Of each file fact: a text that offends, then one that is right.
CASES = {
    "traefik.api_insecure": (STATIC + "api:\n  insecure: true\n", STATIC + "api:\n  dashboard: true\n"),
    "traefik.dashboard_open": (
        DASHBOARD,
        DASHBOARD + "      middlewares: [m]\n  middlewares:\n    m:\n      basicAuth:\n        users: [x]\n",
    ),
    "traefik.backend_unverified": (
        "serversTransport:\n  insecureSkipVerify: true\n",
        "http:\n  serversTransports:\n    a:\n      insecureSkipVerify: false\n",
    ),
    "traefik.logs_off": (STATIC, STATIC + "accessLog: {}\n"),
    "traefik.exposed_by_default": (
        "providers:\n  docker:\n    endpoint: x\n",
        "providers:\n  docker:\n    exposedByDefault: false\n",
    ),
    "traefik.routers_in_clear": (
        CLEAR,
        CLEAR + "      middlewares: [m]\n  middlewares:\n    m:\n      redirectScheme:\n        scheme: https\n",
    ),
}


def test_every_file_fact_has_its_cases() -> None:
    assert CASES.keys() == {spec.name for spec in traefik.FACTS if spec.name.startswith("traefik.")}


@pytest.mark.parametrize("fact", CASES)
def test_file_facts(fact: str) -> None:
    tell_apart(traefik, "traefik.yml", fact, CASES[fact])


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        ("traefik.dashboard_open", DASHBOARD + "      middlewares: [m@file]\n"),
        ("traefik.routers_in_clear", CLEAR + "      middlewares: [m@file]\n"),
        ("traefik.api_insecure", STATIC + "api:\n  insecure: '${INSECURE}'\n"),
    ],
)
def test_file_facts_that_are_not_settled(fact: str, text: str) -> None:
    (gap,) = [one for one in traefik.read("traefik.yml", text) if one.name == fact]
    assert isinstance(gap, Unread)


@pytest.mark.parametrize(
    ("path", "head", "takes"),
    [
        ("traefik.yml", b"", True),
        ("config/traefik/dynamic.yaml", b"", True),
        ("traefik.toml", b"", True),
        ("docker-compose.yml", b"labels:\n - traefik.enable=true\n", True),
        ("docker-compose.yml", b"services: {}\n", False),
        ("static.yml", b"entryPoints:\n  web:\n", True),
        ("values.yaml", b"replicas: 1\n", False),
    ],
)
def test_what_is_taken_for_traefik(path: str, head: bytes, takes: bool) -> None:
    assert traefik.matches(path, head) is takes


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "traefik.toml",
            'defaultEntryPoints = ["https"]\n[entryPoints.https]\naddress = ":443"\n[entryPoints.https.tls]\n',
        ),
        ("compose.yaml", "services:\n  t:\n    image: traefik:1.7\n    command: --api --docker\n"),
    ],
)
def test_settings_of_traefik_1_are_one_gap(path: str, text: str) -> None:
    (gap,) = traefik.read(path, text)
    assert isinstance(gap, Unread)
    assert "Traefik 1" in gap.detail
