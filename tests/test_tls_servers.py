# SPDX-License-Identifier: EUPL-1.2
"""Real servers of known configuration: what the probe tells is what they were told to do."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nis2check.evidence.net import tls
from nis2check.evidence.net.tls.tables import GROUPS
from nis2check.evidence.observe import Seen
from nis2check.evidence.wire import PACES, Settings, Wire
from nis2check.model import Json, Kind, Target

DECLARED = {spec.name for spec in tls.FACTS}
OPENSSL_GROUPS = ["x25519", "secp256r1", "x448", "secp521r1", "secp384r1"]


class Told:
    """The facts and gaps of one look."""

    def __init__(self, port: int, *, full: bool = False, host: str = "ville.test", ca_file: str = "") -> None:
        settings = Settings(
            pace=PACES["lab"], internal=True, full=full, ca_file=ca_file, resolve={(host, port): ("127.0.0.1",)}
        )
        wire = Wire(settings)
        self.facts: dict[str, Json] = {}
        self.gaps: dict[str, str] = {}

        async def run() -> None:
            async for one in tls.look(Target(Kind.TLS, f"{host}:{port}"), wire):
                assert one.address == "127.0.0.1"
                assert one.name in DECLARED or one.name == "certificate.*"
                if isinstance(one, Seen):
                    self.facts[one.name] = one.value
                else:
                    self.gaps[one.name] = f"{one.why}: {one.detail}"

        asyncio.run(run())
        self.connections = wire.connections("127.0.0.1")

    def __getitem__(self, name: str) -> Json:
        assert name in self.facts, f"{name}: {self.gaps.get(name)}"
        return self.facts[name]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory, tool: Callable[..., str]) -> Path:
    """rsa, ec and ed25519 keys with self-signed certificates for ville.test, and a bundle of them."""
    folder = tmp_path_factory.mktemp("pki")
    for name, options in {
        "rsa": ["-newkey", "rsa:2048"],
        "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "ed": ["-newkey", "ed25519"],
    }.items():
        subprocess.run(
            [tool("openssl"), "req", "-x509", *options, "-nodes", "-days", "30", "-subj", "/CN=ville.test"]
            + ["-addext", "subjectAltName=DNS:ville.test", "-keyout", f"{name}.key", "-out", f"{name}.pem"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return folder


@pytest.fixture
def s_server(pki: Path, tool: Callable[..., str]) -> Iterator[Callable[..., int]]:
    """``s_server("-tls1_3", key="ec")`` → the port of an ``openssl s_server`` with these options."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*options: str, key: str = "rsa") -> int:
        command = [tool("openssl"), "s_server", "-accept", "127.0.0.1:0", "-key", f"{key}.key", "-cert", f"{key}.pem"]
        one = subprocess.Popen(
            [*command, "-naccept", "400", *options], cwd=pki, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        running.append(one)
        assert one.stdout is not None
        for line in one.stdout:
            if found := re.match(rb"ACCEPT .*:(\d+)", line):
                return int(found[1])
        raise AssertionError(f"openssl s_server {options} did not start")

    yield start
    for one in running:
        one.kill()
        one.communicate()


def test_a_plain_server(s_server: Callable[..., int], pki: Path) -> None:
    told = Told(s_server("-serverpref", "-cipher", "ECDHE+AESGCM", "-groups", "X25519:P-256", "-alpn", "http/1.1"),
                ca_file=str(pki / "rsa.pem"))  # fmt: skip
    assert told["tls.accepted"] is True
    assert told["tls.versions"] == ["TLSv1.2", "TLSv1.3"]
    assert told["tls.weak_suites"] == []
    assert told["tls.groups"] == ["x25519", "secp256r1"]
    assert told["tls.post_quantum"] is False
    assert told["tls.server_preference"] is True
    assert told["tls.secure_renegotiation"] is True
    assert told["tls.extended_master_secret"] is True
    assert told["tls.compression"] is False
    assert told["tls.fallback_scsv"] is True
    assert told["tls.ocsp_stapled"] is False
    assert told["tls.client_certificate_requested"] is False
    assert told["tls.alpn"] == ["http/1.1"]
    assert told["certificate.key"] == "RSA-2048"
    assert told["certificate.trusted"] is True
    assert told["certificate.hostname_matches"] is True
    assert told["certificate.days_left"] == 29
    assert told["tls.authentication"] == ["RSA"]
    assert told["tls.sni_required"] is False
    assert told["tls.default_certificate_same"] is True
    assert told.gaps == {}, "a void question, or one of the full depth, is no gap"
    assert 10 <= told.connections <= 17


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_two_certificates_are_both_told(s_server: Callable[..., int], version: str) -> None:
    port = s_server(version, "-dcert", "ec.pem", "-dkey", "ec.key")
    wire = Wire(Settings(pace=PACES["lab"], internal=True))
    keys: dict[str, str] = {}

    async def run() -> None:
        async for one in tls.look(Target(Kind.TLS, f"127.0.0.1:{port}"), wire):
            if isinstance(one, Seen) and one.name == "certificate.key":
                keys[one.where] = one.value
            elif isinstance(one, Seen) and one.name == "tls.authentication":
                assert one.value == ["RSA", "ECDSA"]

    asyncio.run(run())
    assert sorted(keys.values()) == ["EC-secp256r1", "RSA-2048"]
    assert len(keys) == 2, "where says which"


@pytest.mark.parametrize("key", ["rsa", "ec", "ed"])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_one_certificate_has_one_kind(s_server: Callable[..., int], version: str, key: str) -> None:
    assert Told(s_server(version, key=key))["tls.authentication"] == ["RSA" if key == "rsa" else "ECDSA"]


def test_another_certificate_without_a_name(s_server: Callable[..., int]) -> None:
    told = Told(s_server("-servername", "ville.test", "-cert2", "ec.pem", "-key2", "ec.key"))
    assert told["certificate.key"] == "EC-secp256r1"
    assert told["tls.sni_required"] is False
    assert told["tls.default_certificate_same"] is False


def test_a_server_that_refuses_hellos_without_a_name(pki: Path, tool: Callable[..., str], tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "nginx.conf").write_text(
        f"""daemon off; pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}}
        http {{ access_log off; client_body_temp_path {tmp_path}; proxy_temp_path {tmp_path}; fastcgi_temp_path {tmp_path};
          uwsgi_temp_path {tmp_path}; scgi_temp_path {tmp_path};
          server {{ listen 127.0.0.1:{port} ssl default_server; ssl_reject_handshake on; }}
          server {{ listen 127.0.0.1:{port} ssl; server_name ville.test;
                    ssl_certificate {pki}/rsa.pem; ssl_certificate_key {pki}/rsa.key; }} }}"""
    )
    server = subprocess.Popen(
        [tool("nginx"), "-e", str(tmp_path / "log"), "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)],
        stderr=subprocess.DEVNULL,
    )
    try:
        for _try in range(100):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        told = Told(port)
    finally:
        server.terminate()
        server.wait()
    assert told["certificate.key"] == "RSA-2048"
    assert told["tls.sni_required"] is True
    assert "tls.default_certificate_same" not in told.gaps


@pytest.mark.parametrize(
    ("group", "bits", "name"),
    [("modp_2048", 2048, "RFC 3526 group 14"), ("ffdhe3072", 3072, "RFC 7919 ffdhe3072")],
)
def test_the_prime_of_dhe_is_named(
    s_server: Callable[..., int], tool: Callable[..., str], tmp_path: Path, group: str, bits: int, name: str
) -> None:
    file = tmp_path / "dh.pem"
    made = [
        tool("openssl"),
        "genpkey",
        "-genparam",
        "-out",
        str(file),
        "-algorithm",
        "DH",
        "-pkeyopt",
        f"group:{group}",
    ]
    subprocess.run(made, check=True, capture_output=True)
    told = Told(s_server("-tls1_2", "-cipher", "DHE+AES:@SECLEVEL=0", "-dhparam", str(file)))
    assert (told["tls.dh_bits"], told["tls.dh_prime"]) == (bits, name)


def test_brief_is_versions_and_certificate(s_server: Callable[..., int]) -> None:
    wire = Wire(Settings(pace=PACES["lab"], internal=True, brief=True))
    found: dict[str, Json] = {}
    port = s_server()

    async def run() -> None:
        async for one in tls.look(Target(Kind.TLS, f"127.0.0.1:{port}"), wire):
            found[one.name] = one.value if isinstance(one, Seen) else one.why

    asyncio.run(run())
    assert found["tls.versions"] == ["TLSv1.2", "TLSv1.3"]
    assert found["certificate.key"] == "RSA-2048"
    assert found["tls.weak_suites"] == found["tls.groups"] == "not_asked"
    assert wire.connections("127.0.0.1") == 3


def test_another_name_at_the_same_address(s_server: Callable[..., int]) -> None:
    assert Told(s_server(), host="autre.test")["certificate.hostname_matches"] is False


@pytest.mark.parametrize(
    ("options", "versions"),
    [
        (("-tls1_3",), ["TLSv1.3"]),
        (("-tls1_2",), ["TLSv1.2"]),
        (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), ["TLSv1.1"]),
        (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), ["TLSv1"]),
        (("-min_protocol", "TLSv1", "-cipher", "ALL:@SECLEVEL=0"), ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]),
        (("-min_protocol", "TLSv1", "-no_tls1_2", "-cipher", "ALL:@SECLEVEL=0"), ["TLSv1", "TLSv1.1", "TLSv1.3"]),
        (("-min_protocol", "TLSv1", "-no_tls1_1", "-cipher", "ALL:@SECLEVEL=0"), ["TLSv1", "TLSv1.2", "TLSv1.3"]),
        (("-min_protocol", "TLSv1", "-max_protocol", "TLSv1.1", "-cipher", "ALL:@SECLEVEL=0"), ["TLSv1", "TLSv1.1"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_versions(s_server: Callable[..., int], options: tuple[str, ...], versions: list[str]) -> None:
    told = Told(s_server(*options))
    assert told["tls.versions"] == versions
    assert told["certificate.key"] == "RSA-2048"


@pytest.mark.parametrize(
    ("cipher", "classes"),
    [
        ("ECDHE+AESGCM", []),
        ("ECDHE+AES:!AESGCM", ["CBC"]),
        ("kRSA+AESGCM", ["RSA-KEX"]),
        ("DHE+AESGCM", ["DHE"]),
        ("eNULL+kRSA", ["NULL", "RSA-KEX"]),
        ("ADH+AESGCM", ["ANON"]),
        ("DHE+CAMELLIA+SHA1:ECDHE+CHACHA20", ["CBC", "DHE"]),
    ],
)
def test_weak_classes(s_server: Callable[..., int], cipher: str, classes: list[str]) -> None:
    told = Told(s_server("-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0"))
    assert told["tls.weak_suites"] == told["tls.weak_suites_seen"] == classes
    assert ("DH" in cipher.replace("ECDHE", "")) == ("tls.dh_bits" in told.facts)


@pytest.mark.parametrize("key", ["rsa", "ec", "ed"])
@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
                                   "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"])  # fmt: skip
def test_the_certificate_of_a_server_that_speaks_tls13_only(s_server: Callable[..., int], key: str, suite: str) -> None:
    told = Told(s_server("-tls1_3", "-ciphersuites", suite, "-alpn", "h2", key=key))
    assert told["certificate.key"] == {"rsa": "RSA-2048", "ec": "EC-secp256r1", "ed": "Ed25519"}[key]
    assert told["tls.alpn"] == ["h2"]
    assert told["tls.client_certificate_requested"] is False
    assert told["tls.weak_suites"] == []


@pytest.mark.parametrize("group", ["P-256", "P-384", "P-521", "X25519", "X448"])
def test_the_share_that_the_server_asks_for(s_server: Callable[..., int], group: str) -> None:
    told = Told(s_server("-tls1_3", "-groups", group, key="ec"))
    assert told["certificate.key"] == "EC-secp256r1"
    assert told["tls.groups"] == [
        {"P-256": "secp256r1", "P-384": "secp384r1", "P-521": "secp521r1"}.get(group, group.lower())
    ]


def test_every_group_of_openssl(s_server: Callable[..., int]) -> None:
    groups = Told(s_server("-tls1_3"))["tls.groups"]
    assert groups[:5] == OPENSSL_GROUPS
    assert set(groups) <= set(GROUPS.values())


def test_groups_of_tls12_with_full(s_server: Callable[..., int]) -> None:
    assert Told(s_server("-tls1_2"), full=True)["tls.groups"] == OPENSSL_GROUPS


def test_a_client_certificate_is_asked(s_server: Callable[..., int]) -> None:
    for version in ("-tls1_2", "-tls1_3"):
        told = Told(s_server("-Verify", "1", version))
        assert told["tls.client_certificate_requested"] is True
        assert told["certificate.key"] == "RSA-2048"


def test_the_client_decides(s_server: Callable[..., int]) -> None:
    assert Told(s_server("-cipher", "ECDHE+AESGCM"))["tls.server_preference"] is False


def test_one_suite_leaves_no_choice(s_server: Callable[..., int]) -> None:
    assert Told(s_server("-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"))["tls.server_preference"] is True


def test_every_suite_is_the_servers_own_list(s_server: Callable[..., int], tool: Callable[..., str]) -> None:
    """Against ``openssl ciphers`` of the same string: same suites, nothing more, nothing less."""
    cipher = "ECDHE+aRSA:DHE+aRSA:kRSA:!PSK:!eNULL:@SECLEVEL=0"
    told = Told(s_server("-min_protocol", "TLSv1.1", "-cipher", cipher), full=True)
    for version, option in {"TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}.items():
        listed = subprocess.run(
            [tool("openssl"), "ciphers", "-s", "-stdname", option, cipher], check=True, capture_output=True, text=True
        ).stdout
        assert sorted(told["tls.cipher_suites"][version]) == sorted(line.split()[0] for line in listed.splitlines())
    assert told["tls.weak_suites"] == ["RSA-KEX", "CBC", "DHE"]


def test_the_order_of_the_server_is_kept(s_server: Callable[..., int]) -> None:
    names = ["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"]
    told = Told(s_server("-tls1_2", "-serverpref", "-cipher", ":".join(names)), full=True)
    assert told["tls.cipher_suites"]["TLSv1.2"] == [
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ]


def test_our_own_limit_costs_only_what_is_left(s_server: Callable[..., int]) -> None:
    """At the usual pace a server of many suites meets our limit: the suites seen are kept, the rest is a gap."""
    port = s_server("-min_protocol", "TLSv1", "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    wire = Wire(Settings(pace=PACES["gentle"], internal=True, full=True))
    found: dict[str, Json] = {}
    gaps: dict[str, str] = {}

    async def run() -> None:
        async for one in tls.look(Target(Kind.TLS, f"127.0.0.1:{port}"), wire):
            if isinstance(one, Seen):
                found[one.name] = one.value
            else:
                gaps[one.name] = one.why

    asyncio.run(run())
    assert wire.connections("127.0.0.1") == PACES["gentle"].per_port
    assert gaps["tls.cipher_suites"] == gaps["tls.weak_suites"] == "limit"
    assert found["tls.cipher_suites_seen"]["TLSv1.2"]
    assert found["tls.groups"]


def test_the_plan_is_told_before_anything_is_sent() -> None:
    lines = tls.cost(Target(Kind.TLS, "mail.ville.test:25", options={"starttls": "smtp"}))
    assert len(lines) >= 10
    assert all(line.startswith("mail.ville.test:25: ") for line in lines)
    assert any("smtp STARTTLS" in line for line in lines)


def test_every_address_of_a_name_is_looked_at(s_server: Callable[..., int]) -> None:
    """One address answers, the other is closed: each has its own facts and gaps."""
    port = s_server()
    wire = Wire(Settings(pace=PACES["lab"], internal=True, resolve={("ville.test", port): ("127.0.0.1", "127.0.0.2")}))
    found: dict[tuple[str, str | None], Json] = {}

    async def run() -> None:
        async for one in tls.look(Target(Kind.TLS, f"ville.test:{port}"), wire):
            found[one.name, one.address] = one.value if isinstance(one, Seen) else one.why

    asyncio.run(run())
    assert found["tls.accepted", "127.0.0.1"] is True
    assert found["tls.*", "127.0.0.2"] == found["certificate.*", "127.0.0.2"] == "refused"


def test_gnutls(pki: Path, tool: Callable[..., str]) -> None:
    """Another stack: versions, groups and the certificate inside an encrypted flight."""
    import socket

    program = tool("gnutls-serv")
    for priority, versions in {
        "NORMAL:-VERS-ALL:+VERS-TLS1.3": ["TLSv1.3"],
        "NORMAL:+VERS-TLS1.0:+VERS-TLS1.1": ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
    }.items():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = ["--x509keyfile", "rsa.key", "--x509certfile", "rsa.pem", "--http", "--disable-client-cert"]
        server = subprocess.Popen(
            [program, *options, "-p", str(port), "--priority", priority],
            cwd=pki, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            for _try in range(100):
                with socket.socket() as one:
                    if one.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            told = Told(port)
        finally:
            server.kill()
            server.wait()
        assert told["tls.versions"] == versions
        assert told["certificate.key"] == "RSA-2048"
        assert told["tls.client_certificate_requested"] is False
        assert told["tls.groups"][:2] == ["x25519", "secp256r1"]
