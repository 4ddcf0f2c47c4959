# SPDX-License-Identifier: EUPL-1.2
"""What a mail domain announces: the MTA-STS policy file, DKIM keys at declared and inferred selectors, TLSA, BIMI."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns.rdtypes.ANY.TLSA import TLSA

from nis2check import bodyfile
from nis2check.evidence.net.mail import announced, dane, dkim
from nis2check.evidence.net.mail.lookup import Look
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Settings, Wire
from nis2check.model import Kind, Target, Why

Start = Callable[[Any], Any]
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx1.ville.test\r\nmx: *.relais.test\r\nmax_age: 604800\r\n"
ZONE = """
ville.test. MX 10 mx1.ville.test.
ville.test. MX 20 a.relais.test.
_mta-sts.ville.test. TXT "v=STSv1; id=1;"
default._bimi.ville.test. TXT "v=BIMI1; l=https://www.ville.test/logo.svg"
"""


def split(seen: list[Observation]) -> tuple[dict[str, Any], dict[str, Missed]]:
    facts = {one.name.removeprefix("mail."): one.value for one in seen if isinstance(one, Seen)}
    return facts, {one.name.removeprefix("mail."): one for one in seen if isinstance(one, Missed)}


def look_of(server: Any, domain: str = "ville.test", site: int = 0, ca_file: str = "") -> Look:
    connect_to = {(f"mta-sts.{domain}", 443): ("127.0.0.1", site)} if site else {}
    resolver = Endpoint("127.0.0.1", server.port)
    wire = Wire(Settings(resolver=resolver, internal=True, connect_to=connect_to, ca_file=ca_file))
    return Look(wire, domain, Deadline.after(10))


# ------------------------------------------------------------------------------------------------------------ MTA-STS


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (POLICY, ()),
        (POLICY.replace("\r\n", "\n"), ()),
        (POLICY + "unknown_field: yes\r\n", ()),
        ("version: STSv1\nmode: none\nmax_age: 86400\n", ()),
        (POLICY.replace("STSv1", "STSv2"), ("no version: STSv1",)),
        (POLICY.replace("enforce", "report"), ("bad mode: report",)),
        (POLICY.replace("max_age: 604800\r\n", ""), ("no max_age",)),
        (POLICY.replace("604800", "31557601"), ("bad max_age: 31557601",)),
        ("version: STSv1\nmode: enforce\nmax_age: 1\n", ("no mx",)),
        (POLICY.replace("*.relais.test", "mx*.relais.test"), ("bad mx: mx*.relais.test",)),
        ("<html>\n", ("not a field: <html>", "no version: STSv1", "no mode", "no max_age", "no mx")),
    ],
)
def test_policy_files(text: str, errors: tuple[str, ...]) -> None:
    assert announced.parse_policy(text).errors == errors


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("mx1.ville.test", True),
        ("MX1.ville.test.", True),
        ("x.relais.test", True),
        ("a.b.relais.test", False),
        ("relais.test", False),
    ],
)
def test_patterns_of_mail_servers(host: str, covered: bool) -> None:
    assert announced.parse_policy(POLICY).covers(host) is covered


class Site:
    """An HTTPS server on 127.0.0.1 that answers every GET in one way."""

    def __init__(self, status: int, body: str, headers: dict[str, str], certificate: trustme.LeafCert) -> None:
        self.asked: list[str] = []
        self.ca_file = ""
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(f"{self.headers['Host']} {self.path}")
                self.send_response(status)
                for name, value in {"Content-Type": "text/plain", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_words: Any) -> None:
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, str]:
    """An authority, and the file that --ca-file names."""
    made, path = trustme.CA(), tmp_path_factory.mktemp("ca") / "ca.pem"
    made.cert_pem.write_to_path(str(path))
    return made, str(path)


@pytest.fixture
def site(authority: tuple[trustme.CA, str]) -> Iterator[Callable[..., Site]]:
    started: list[Site] = []

    def start(
        status: int = 200, body: str = POLICY, certificate: trustme.LeafCert | None = None, **headers: str
    ) -> Site:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        shown = certificate or authority[0].issue_cert("mta-sts.ville.test")
        started.append(Site(status, body, said, shown))
        started[-1].ca_file = authority[1]
        return started[-1]

    yield start
    for one in started:
        one.server.shutdown()
        one.server.server_close()


def policy_of(server: Any, served: Site | None = None) -> tuple[dict[str, Any], dict[str, Missed]]:
    look = look_of(server, site=served.port, ca_file=served.ca_file) if served else look_of(server)
    return split(asyncio.run(announced.mta_sts_policy(look)))


def test_a_policy_that_covers_its_servers(name_server: Start, site: Callable[..., Site]) -> None:
    served = site()
    facts, gaps = policy_of(name_server(ZONE), served)
    assert gaps == {}
    assert facts == {
        "mta_sts_policy": True,
        "mta_sts_errors": [],
        "mta_sts_mode": "enforce",
        "mta_sts_max_age": 604800,
        "mta_sts_covers_mx": True,
    }
    assert served.asked == ["mta-sts.ville.test /.well-known/mta-sts.txt"]


def test_a_server_that_the_policy_forgot(name_server: Start, site: Callable[..., Site]) -> None:
    facts, _gaps = policy_of(name_server(ZONE + "ville.test. MX 30 mx3.ville.test.\n"), site())
    assert facts["mta_sts_covers_mx"] is False


def test_no_announcement_no_fetch(name_server: Start, site: Callable[..., Site]) -> None:
    served = site()
    assert policy_of(name_server("ville.test. MX 10 mx.ville.test."), served) == ({}, {})
    assert served.asked == []


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [(404, {}, "status 404"), (301, {"Location": "https://www.ville.test/"}, "status 301: redirects are not followed")],
)
def test_a_policy_that_is_proved_absent(
    name_server: Start, site: Callable[..., Site], status: int, headers: dict[str, str], error: str
) -> None:
    facts, gaps = policy_of(name_server(ZONE), site(status, "", **headers))
    assert facts == {"mta_sts_policy": False, "mta_sts_errors": [error]}
    assert gaps == {}


@pytest.mark.parametrize(
    ("names", "known", "not_after", "said"),
    [
        (["mta-sts.ville.test"], False, None, "unable to get local issuer certificate"),
        (["www.ville.test"], True, None, "Hostname mismatch"),
        (["mta-sts.ville.test"], True, datetime(2026, 1, 1, tzinfo=UTC), "certificate has expired"),
    ],
)
def test_senders_take_no_policy_from_a_host_they_do_not_trust(
    name_server: Start,
    site: Callable[..., Site],
    authority: tuple[trustme.CA, str],
    names: list[str],
    known: bool,
    not_after: datetime | None,
    said: str,
) -> None:
    issuer = authority[0] if known else trustme.CA()
    served = site(
        certificate=issuer.issue_cert(*names, not_before=datetime(2025, 1, 1, tzinfo=UTC), not_after=not_after)
    )
    facts, gaps = policy_of(name_server(ZONE), served)
    assert (facts["mta_sts_policy"], gaps) == (False, {})
    (error,) = facts["mta_sts_errors"]
    assert error.startswith("mta-sts.ville.test: certificate: ") and said in error
    assert served.asked == []


def test_a_wildcard_of_the_domain_is_good_enough(
    name_server: Start, site: Callable[..., Site], authority: tuple[trustme.CA, str]
) -> None:
    facts, _gaps = policy_of(name_server(ZONE), site(certificate=authority[0].issue_cert("*.ville.test")))
    assert facts["mta_sts_policy"] is True


def test_a_policy_host_without_address(name_server: Start) -> None:
    facts, _gaps = policy_of(name_server(ZONE))
    assert facts["mta_sts_errors"] == ["mta-sts.ville.test has no address"]


@pytest.mark.parametrize("status", [403, 429, 503])
def test_what_a_firewall_answers_is_no_absence(name_server: Start, site: Callable[..., Site], status: int) -> None:
    with pytest.raises(Unseen):
        policy_of(name_server(ZONE), site(status, ""))


# --------------------------------------------------------------------------------------------------------------- DKIM


def key_text(bits: int = 2048) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


KEY = key_text(1024)


def quoted(text: str) -> str:
    return " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f"v=DKIM1; k=rsa; p={KEY}", dkim.Key("rsa", 1024, False)),
        (f"p={KEY[:50]} {KEY[50:]}", dkim.Key("rsa", 1024, False)),
        (f"v=DKIM1; t=y:s; p={KEY};", dkim.Key("rsa", 1024, True)),
        ("v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(32)).decode(), dkim.Key("ed25519", 256, False)),
        ("v=DKIM1; p=", dkim.Key("rsa", 0, False)),
        ("v=DKIM1; p=AAAA", dkim.Key("rsa", None, False)),
        ("v=DKIM1; p=====", dkim.Key("rsa", None, False)),
        ("v=DKIM2; p=AAAA", None),
        ("v=spf1 -all", None),
        ("", None),
    ],
)
def test_key_records(text: str, key: dkim.Key | None) -> None:
    assert dkim.parse(text) == key


def dkim_of(server: Any, *selectors: str) -> tuple[dict[str, Any], dict[str, Missed]]:
    options = {"dkim_selectors": list(selectors)} if selectors else {}
    target = Target(Kind.MAIL, "ville.test", options=options)
    return split(asyncio.run(dkim.keys(look_of(server), target)))


def test_declared_selectors(name_server: Start) -> None:
    server = name_server(ZONE + f"s1._domainkey.ville.test. TXT {quoted('v=DKIM1; p=' + KEY)}\n")
    facts, gaps = dkim_of(server, "s1", "s2")
    assert gaps == {}
    assert facts["dkim.found"] is True
    assert facts["dkim.keys"] == [{"selector": "s1", "type": "rsa", "bits": 1024, "testing": False}]
    assert facts["dkim.absent"] == ["s2"]


def test_declared_selectors_that_are_all_absent_or_revoked(name_server: Start) -> None:
    facts, gaps = dkim_of(name_server(ZONE + 's1._domainkey.ville.test. TXT "v=DKIM1; p="\n'), "s1", "s2")
    assert gaps == {}
    assert (facts["dkim.found"], facts["dkim.absent"]) == (False, ["s1", "s2"])


def test_a_declared_selector_that_cannot_be_asked(name_server: Start) -> None:
    zone = name_server(ZONE)

    def answer(query: dns.message.Message, tcp: bool) -> dns.message.Message:
        response: dns.message.Message = zone.handler(query, tcp)
        if "_domainkey" in query.question[0].name.to_text():
            response.set_rcode(dns.rcode.SERVFAIL)
        return response

    facts, gaps = dkim_of(name_server(answer), "s1")
    assert facts == {}
    assert gaps["dkim.found"].why is Why.SERVFAIL


def test_selectors_of_a_known_provider(name_server: Start) -> None:
    zone = "ville.test. MX 0 ville-test.mail.protection.outlook.com.\n"
    key = f"selector1._domainkey.ville.test. CNAME selector1.tenant.test.\nselector1.tenant.test. TXT {quoted('p=' + KEY)}\n"
    facts, gaps = dkim_of(name_server(zone + key))
    assert gaps == {}
    assert facts["dkim.found"] is True
    assert [one["selector"] for one in facts["dkim.keys"]] == ["selector1"]


@pytest.mark.parametrize("mx", ["mx.inconnu.test.", "ville-test.mail.protection.outlook.com."])
def test_what_nobody_declared_is_never_missing(name_server: Start, mx: str) -> None:
    facts, gaps = dkim_of(name_server(f"ville.test. MX 0 {mx}\n"))
    assert facts == {}
    assert gaps["dkim.*"].why is Why.NOT_ASKED
    assert "selector unknown" in gaps["dkim.*"].detail


def test_a_domain_without_mail_servers_is_not_asked_for_keys(name_server: Start) -> None:
    assert dkim_of(name_server("ville.test. MX 0 .\n")) == ({}, {})


def test_selectors_are_declared_in_the_file_of_the_body(tmp_path: Path) -> None:
    path = tmp_path / "nis2check.yaml"
    second = "{domain: Mairie.test, dkim_selectors: [s1, a.b]}"
    path.write_text(f'body: {{siren: "243400819"}}\ntargets:\n  mail: [ville.test, {second}]\n')
    one, two = bodyfile.load(path).targets
    assert (one.name, dict(one.options)) == ("ville.test", {})
    assert (two.name, dict(two.options)) == ("mairie.test", {"dkim_selectors": ["s1", "a.b"]})


# -------------------------------------------------------------------------------------------------------- TLSA, BIMI


def test_mail_servers_without_tlsa(name_server: Start) -> None:
    facts, gaps = split(asyncio.run(dane.tlsa(look_of(name_server(ZONE)))))
    assert facts == {"dane.present": False, "dane.records": []}
    assert gaps == {}


def test_records_for_browsers_do_not_count(name_server: Start) -> None:
    """RFC 7672 section 3.1.3: usages 0 and 1 are of no use to mail."""
    zone = ZONE + f"_25._tcp.mx1.ville.test. TLSA 1 1 1 {'ab' * 32}\n_25._tcp.a.relais.test. TLSA 0 0 1 {'cd' * 32}\n"
    facts, _gaps = split(asyncio.run(dane.tlsa(look_of(name_server(zone)))))
    assert facts["dane.present"] is False
    assert [one["usable"] for one in facts["dane.records"]] == [False, False]


def test_an_indicator(name_server: Start) -> None:
    for zone, announced_ in ((ZONE, True), ("ville.test. MX 10 mx.ville.test.", False)):
        facts, _gaps = split(asyncio.run(announced.bimi(look_of(name_server(zone)))))
        assert facts == {"bimi": announced_}


def tlsa(usage: int, selector: int, kind: int, data: bytes) -> TLSA:
    return TLSA(dns.rdataclass.IN, dns.rdatatype.TLSA, usage, selector, kind, data)  # type: ignore[no-untyped-call]


def test_a_certificate_is_the_one_that_its_records_name() -> None:
    """RFC 6698 section 2.1: the whole certificate or its key, as it is or as a digest; RFC 7672: the server's own, or its CA."""
    authority = trustme.CA()
    chain = tuple(
        x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        for pem in (authority.issue_cert("mx.ville.test").cert_chain_pems[0].bytes(), authority.cert_pem.bytes())
    )
    keys = [
        x509.load_der_x509_certificate(der).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for der in chain
    ]
    own, ca = hashlib.sha256(keys[0]).digest(), hashlib.sha512(chain[1]).digest()
    assert dane.matches(tlsa(3, 1, 1, own), chain)
    assert dane.matches(tlsa(3, 0, 0, chain[0]), chain)
    assert dane.matches(tlsa(2, 0, 2, ca), chain)
    assert not dane.matches(tlsa(3, 0, 2, ca), chain)  # DANE-EE is about the server's own
    assert not dane.matches(tlsa(2, 0, 2, ca), chain[:1])  # the CA was not sent along
    assert not dane.matches(tlsa(3, 1, 1, hashlib.sha256(b"another").digest()), chain)
    with pytest.raises(Unseen):
        dane.matches(tlsa(3, 1, 1, own), (b"no certificate",))
