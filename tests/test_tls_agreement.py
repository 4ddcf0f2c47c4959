# SPDX-License-Identifier: EUPL-1.2
"""Our facts of TLS on some forty differently configured real servers: what is configured, and what sslscan sees."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TOOLS = str(Path(__file__).parent.parent / "tools")
KEYS = {"ec": "EC-secp256r1", "rsa": "RSA-2048", "pss": "RSA-2048", "ed25519": "Ed25519"}


@pytest.fixture(scope="module")
def agree() -> Iterator[ModuleType]:
    sys.path.insert(0, TOOLS)
    yield import_module("agree_tls")
    sys.path.remove(TOOLS)


@pytest.fixture(scope="module")
def place(agree: ModuleType) -> Iterator[Any]:
    with agree.servers() as lab:
        if os.environ.get("NIS2CHECK_ALL_TOOLS"):
            assert len(lab.servers) >= 35, [server.profile.name for server in lab.servers]
        yield lab


@pytest.fixture(scope="module")
def ours(agree: ModuleType, place: Any) -> dict[int, dict[str, Any]]:
    with ThreadPoolExecutor(6) as several:  # some of the servers take one client at a time, and their time
        found = several.map(lambda server: agree.ours(server, place.roots), place.servers)
        return {server.port: facts for server, facts in zip(place.servers, found, strict=True)}


def test_versions_are_those_that_each_server_is_configured_for(place: Any, ours: dict[int, dict[str, Any]]) -> None:
    for server in place.servers:
        facts = ours[server.port]
        if server.profile.versions:
            assert facts.get("tls.versions") == server.profile.versions.split(), server.profile.name
        else:
            assert facts.get("tls.accepted") is False, server.profile.name


def test_the_key_of_each_certificate_is_told(place: Any, ours: dict[int, dict[str, Any]]) -> None:
    for server in place.servers:
        if len(server.profile.keys) == 1 and server.profile.versions:
            assert ours[server.port].get("certificate.key") == KEYS[server.profile.keys[0]], server.profile.name


def test_a_server_whose_dhe_is_broken_still_tells_its_other_suites(place: Any, ours: dict[int, dict[str, Any]]) -> None:
    """Dovecot without ``ssl_dh`` breaks off when the client would have DHE; each suite asked alone shows what it accepts."""
    found = [ours[server.port] for server in place.servers if server.profile.name.startswith("dovecot")]
    for facts in found:
        suites = facts["tls.cipher_suites"]["TLSv1.2"]
        assert {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"} <= set(suites)
        assert not any("_DHE_" in suite for suite in suites)


def test_we_agree_with_sslscan(
    agree: ModuleType, place: Any, ours: dict[int, dict[str, Any]], tool: Callable[..., str], tmp_path: Path
) -> None:
    program = tool("sslscan")

    def differences(server: Any) -> list[str]:
        if agree.explained(server, "sslscan"):
            return []
        theirs = agree.of_sslscan(program, server, tmp_path)
        return [f"{server.profile.name}: {line}" for line in agree.compare("sslscan", ours[server.port], theirs)]

    with ThreadPoolExecutor(6) as several:
        found = [line for lines in several.map(differences, place.servers) for line in lines]
    assert found == []
