# SPDX-License-Identifier: EUPL-1.2
"""The mail probe: records of a domain, and mail servers that offer STARTTLS, do not, ask to wait, or break off."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import dns.message
import dns.rcode
import pytest
import trustme

from nis2check.evidence import question
from nis2check.evidence.net import mail as probe
from nis2check.evidence.net.mail import smtp
from nis2check.evidence.observe import Missed, Seen, Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Settings, Wire
from nis2check.model import Kind, Target, Why

Start = Callable[[Any], Any]

ZONE = """
ville.test. MX 20 mx2.ville.test.
ville.test. MX 10 mx1.ville.test.
ville.test. TXT "v=spf1 mx include:_spf." "ville.test -all"
ville.test. TXT "other=thing"
_spf.ville.test. TXT "v=spf1 ip4:192.0.2.0/24 ~all"
_dmarc.ville.test. TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@ville.test"
_mta-sts.ville.test. TXT "v=STSv1; id=20261122;"
_smtp._tls.ville.test. TXT "v=TLSRPTv1; rua=mailto:tls@ville.test"
parked.test. MX 0 .
parked.test. TXT "v=spf1 -all"
bare.test. A 192.0.2.1
double.test. TXT "v=spf1 -all"
double.test. TXT "V=SPF1 +all"
"""


class MailServer:
    """An SMTP server on 127.0.0.1 that says ``lines``: the first unasked, then one for each line it hears.

    With ``tls``, what it hears after STARTTLS goes to OpenSSL.
    """

    def __init__(self, *lines: bytes, wait: float = 0, tls: ssl.SSLContext | None = None) -> None:
        self.lines = lines
        self.wait = wait
        self.tls = tls
        self.heard: list[bytes] = []
        self.sessions = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _address = self._socket.accept()
            except OSError:
                return
            self.sessions += 1
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer:
            peer.settimeout(5)
            time.sleep(self.wait)
            try:
                for line in self.lines:
                    peer.sendall(line)
                    heard = peer.recv(4096)
                    if not heard:
                        return
                    self.heard.append(heard)
                    if self.tls and heard == b"STARTTLS\r\n":
                        peer.sendall(b"220 go\r\n")
                        self.tls.wrap_socket(peer, server_side=True).close()
                        return
            except OSError:
                return


@pytest.fixture
def mail_server() -> Iterator[Callable[..., MailServer]]:
    servers: list[MailServer] = []

    def start(*lines: bytes, tls: ssl.SSLContext | None = None) -> MailServer:
        servers.append(MailServer(*lines, tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "TRY_SECONDS", 0.2)
    monkeypatch.setattr(smtp, "BANNER_SECONDS", 0.6)
    monkeypatch.setattr(smtp, "REPLY_SECONDS", 0.4)


def wire_of(resolver: Any, **hosts: int) -> Wire:
    """A wire whose mail servers mx1, mx2 of ville.test are local ports."""
    connect_to = {(f"{name}.ville.test", 25): ("127.0.0.1", port) for name, port in hosts.items()}
    return Wire(Settings(resolver=Endpoint("127.0.0.1", resolver.port), internal=True, connect_to=connect_to))


def look(wire: Wire, domain: str = "ville.test") -> tuple[dict[str, Any], dict[str, Missed]]:
    async def collect() -> list[Any]:
        return [observation async for observation in probe.look(Target(Kind.MAIL, domain), wire)]

    observations = asyncio.run(collect())
    facts = {one.name: one.value for one in observations if isinstance(one, Seen)}
    assert set(facts) <= {spec.name for spec in probe.FACTS}
    gaps = {one.name: one for one in observations if isinstance(one, Missed)}
    gaps.pop("mail.dkim.*", None)  # no selector is declared here: test_mail_announced.py looks at DKIM
    return facts, gaps


PLAIN = (b"220 mx ESMTP\r\n", b"250-mx\r\n250 SIZE 100\r\n", b"221 bye\r\n")

# ----------------------------------------------------------------------------------------------------------- records


def test_a_healthy_domain(name_server: Start, mail_server: Callable[..., MailServer]) -> None:
    server = mail_server(*PLAIN)
    facts, gaps = look(wire_of(name_server(ZONE), mx1=server.port, mx2=server.port))
    assert gaps == {}
    assert facts == {
        "mail.mx": ["mx1.ville.test", "mx2.ville.test"],
        "mail.null_mx": False,
        "mail.shared_domain": False,
        "mail.spf.records": 1,
        "mail.spf.record": "v=spf1 mx include:_spf.ville.test -all",
        "mail.spf.all": "-all",
        "mail.spf.effective_all": "-all",
        "mail.spf.lookups": 2,
        "mail.spf.valid": True,
        "mail.spf.errors": [],
        "mail.spf.tree": [
            {"domain": "ville.test", "depth": 0, "lookups": 2},
            {"domain": "_spf.ville.test", "depth": 1, "lookups": 0},
        ],
        "mail.dmarc.records": 1,
        "mail.dmarc.record": "v=DMARC1; p=quarantine; rua=mailto:dmarc@ville.test",
        "mail.dmarc.domain": "ville.test",
        "mail.dmarc.policy": "quarantine",
        "mail.dmarc.testing": False,
        "mail.dmarc.rua": True,
        "mail.dmarc.valid": True,
        "mail.dmarc.errors": [],
        "mail.mta_sts": True,
        "mail.mta_sts_policy": False,
        "mail.mta_sts_errors": ["mta-sts.ville.test has no address"],
        "mail.tls_rpt": True,
        "mail.bimi": False,
        "mail.dangling": [],
        "mail.dane.present": False,
        "mail.dane.records": [],
        "mail.starttls": False,
    }
    assert server.sessions == 1
    assert server.heard == [b"EHLO [127.0.0.1]\r\n", b"QUIT\r\n"]


def test_a_domain_that_takes_no_mail(name_server: Start) -> None:
    facts, gaps = look(wire_of(name_server(ZONE)), "parked.test")
    assert gaps == {}
    assert (facts["mail.mx"], facts["mail.null_mx"]) == ([], True)
    assert (facts["mail.dmarc.records"], facts["mail.dmarc.valid"], "mail.dmarc.policy" in facts) == (0, False, False)


def test_a_domain_without_anything(name_server: Start) -> None:
    facts, gaps = look(wire_of(name_server(ZONE)), "bare.test")
    assert gaps == {}
    assert (facts["mail.mx"], facts["mail.null_mx"]) == ([], False)
    assert (facts["mail.spf.records"], facts["mail.spf.all"], facts["mail.spf.valid"]) == (0, "none", False)
    assert (facts["mail.mta_sts"], facts["mail.tls_rpt"]) == (False, False)


def test_two_spf_records_are_none(name_server: Start) -> None:
    facts, gaps = look(wire_of(name_server(ZONE)), "double.test")
    assert (facts["mail.spf.records"], facts["mail.spf.valid"], facts["mail.spf.errors"]) == (
        2,
        False,
        ["2 SPF records"],
    )
    assert gaps["mail.spf.all"].why is Why.MALFORMED


def test_a_name_below_has_the_policy_of_its_organisation(name_server: Start) -> None:
    facts, _gaps = look(wire_of(name_server(ZONE)), "news.ville.test")
    assert (facts["mail.dmarc.domain"], facts["mail.dmarc.policy"]) == ("ville.test", "quarantine")


@pytest.mark.parametrize(
    ("more", "authorised"),
    [
        ("", False),
        ('ville.test._report._dmarc.reports.example. TXT "v=DMARC1"', True),
        ('ville.test._report._dmarc.reports.example. TXT "v=other"', False),
    ],
)
def test_reports_that_go_outside_need_leave(name_server: Start, more: str, authorised: bool) -> None:
    zone = (
        'reports.example. A 192.0.2.1\n_dmarc.ville.test. TXT "v=DMARC1; p=none; rua=mailto:a@reports.example"\n' + more
    )
    facts, gaps = look(wire_of(name_server(zone)))
    assert gaps == {}
    assert facts["mail.dmarc.rua_authorised"] is authorised


def test_leave_that_cannot_be_asked_takes_nothing_along(name_server: Start) -> None:
    zone = name_server('_dmarc.ville.test. TXT "v=DMARC1; p=reject; rua=mailto:a@reports.example"')

    def answer(query: dns.message.Message, tcp: bool) -> dns.message.Message:
        if b"example" in query.question[0].name.labels:
            response = dns.message.make_response(query)
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        answered: dns.message.Message = zone.handler(query, tcp)
        return answered

    facts, gaps = look(wire_of(name_server(answer)))
    assert facts["mail.dmarc.policy"] == "reject"
    assert gaps["mail.dmarc.rua_authorised"].why is Why.SERVFAIL


def test_each_part_has_its_own_gap(name_server: Start) -> None:
    zone = name_server(ZONE)

    def answer(query: dns.message.Message, tcp: bool) -> dns.message.Message:
        if query.question[0].name.to_text().startswith("_dmarc"):
            response = dns.message.make_response(query)
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        answered: dns.message.Message = zone.handler(query, tcp)
        return answered

    facts, gaps = look(wire_of(name_server(answer)), "bare.test")
    assert gaps["mail.dmarc.*"].why is Why.SERVFAIL
    assert facts["mail.spf.records"] == 0


def test_bytes_that_are_no_text_stay_harmless(name_server: Start) -> None:
    facts, _gaps = look(wire_of(name_server('bare.test. TXT "v=spf1 include:\\255\\000\\027[2J -all"')), "bare.test")
    assert "\ufffd" in facts["mail.spf.record"]
    assert facts["mail.spf.valid"] is False


def test_a_huge_record_is_cut(name_server: Start) -> None:
    terms = " ".join(f'"{" ip4:192.0.2.1" * 17}"' for _part in range(100))
    facts, _gaps = look(wire_of(name_server(f'bare.test. TXT "v=spf1" {terms} " -all"')), "bare.test")
    assert len(facts["mail.spf.record"]) == probe.MOST_TEXT
    assert facts["mail.spf.valid"] is True


def test_many_mail_servers_are_listed_to_the_twentieth(name_server: Start) -> None:
    zone = "\n".join(f"big.test. MX {n} m{n}.big.test." for n in range(200))
    facts, gaps = look(wire_of(name_server(zone)), "big.test")
    assert facts["mail.mx"] == [f"m{n}.big.test" for n in range(20)]
    assert gaps["mail.starttls"].why is Why.UNRESOLVED


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.1.2.3", "0.0.0.0"])
def test_mail_servers_outside_the_scope_are_not_spoken_to(name_server: Start, address: str) -> None:
    zone = f"bad.test. MX 10 mx.bad.test.\nmx.bad.test. A {address}"
    wire = Wire(Settings(resolver=Endpoint("127.0.0.1", name_server(zone).port)))
    _facts, gaps = look(wire, "bad.test")
    assert gaps["mail.starttls"].why is Why.OUT_OF_SCOPE
    assert wire.connections(address) == 0


# -------------------------------------------------------------------------------------------------------------- SMTP


def session(*lines: bytes, wait: float = 0) -> smtp.Session:
    server = MailServer(*lines, wait=wait)
    try:
        wire = Wire(Settings(internal=True))
        return asyncio.run(smtp.session(wire, "mx.test", Endpoint("127.0.0.1", server.port), Deadline.after(5)))
    finally:
        server.close()


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((b"421 too many connections\r\n",), Why.RATE_LIMITED),
        ((b"450 greylisted\r\n",), Why.RATE_LIMITED),
        ((b"554 no SMTP service here\r\n",), Why.BLOCKED),
        ((b"SSH-2.0-OpenSSH_9\r\n",), Why.MALFORMED),
        ((b"220 mx\r\n", b"421 later\r\n"), Why.RATE_LIMITED),
        ((b"220 mx\r\n", b"550 your name is bad\r\n"), Why.BLOCKED),
        ((b"220 mx\r\n",), Why.CLOSED),
        ((b"220-mx\r\n250 other\r\n",), Why.MALFORMED),
        ((b"220-mx\r\n" * 200,), Why.LIMIT),
        ((b"220 " + b"x" * 5000,), Why.LIMIT),
        ((b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"454 TLS not available\r\n"), Why.RATE_LIMITED),
    ],
)
def test_what_tells_nothing_of_starttls_is_a_gap(lines: tuple[bytes, ...], why: Why) -> None:
    with pytest.raises(Unseen) as caught:
        session(*lines)
    assert caught.value.why is why


def test_a_banner_that_does_not_come_is_a_timeout_of_our_own_network_perhaps() -> None:
    with pytest.raises(Unseen) as caught:
        session(b"220 mx\r\n", wait=1.5)
    assert caught.value.why is Why.TIMEOUT


def test_a_server_before_esmtp_has_no_starttls() -> None:
    assert session(b"220 mx\r\n", b"500 what?\r\n").starttls is False


def test_a_server_that_breaks_off_after_its_consent_offers_starttls_of_an_unknown_version() -> None:
    found = session(b"220 mx\r\n", b"250-mx\r\n250-PIPELINING\r\n250 starttls\r\n", b"220 go\r\n")
    assert (found.starttls, found.version) == (True, "")
    assert found.no_version is not None


def test_one_session_for_all_domains_of_a_server(mail_server: Callable[..., MailServer]) -> None:
    server = mail_server(*PLAIN)
    wire = Wire(Settings(internal=True))
    endpoint = Endpoint("127.0.0.1", server.port)

    async def ask() -> list[smtp.Session]:
        return await asyncio.gather(
            *(smtp.session(wire, "mx.test", endpoint, Deadline.after(5)) for _domain in range(40))
        )

    assert len(asyncio.run(ask())) == 40
    assert server.sessions == 1


def test_a_port_25_that_nothing_answers_is_said_to_be_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_arguments: object) -> smtp.Session:
        raise Unseen(Why.TIMEOUT, "no TCP answer within 5 s")

    monkeypatch.setattr(smtp, "_talk", nobody)
    monkeypatch.setattr(Wire, "connect", lambda *_arguments, **_options: Silence())
    wire = Wire(Settings(internal=True))

    async def ask() -> list[str]:
        said = []
        for number in range(6):
            try:
                await smtp.session(wire, "mx.test", Endpoint(f"127.0.0.{number + 1}", 25), Deadline.after(5))
            except Unseen as problem:
                said.append(problem.detail)
        return said

    said = asyncio.run(ask())
    assert said[0].startswith("port 25 may be closed on our own network")
    assert Silence.asked == smtp.BLOCKED_AFTER
    assert said[-1].endswith(f"no mail server of {smtp.BLOCKED_AFTER} tried answered")


class Silence:
    """A connection that nobody accepts."""

    asked = 0

    async def __aenter__(self) -> None:
        Silence.asked += 1
        raise Unseen(Why.TIMEOUT, "no TCP answer within 5 s")

    async def __aexit__(self, *_arguments: object) -> None:
        return


@pytest.mark.parametrize(("version", "word"), [("TLSv1_3", "TLSv1.3"), ("TLSv1_2", "TLSv1.2"), ("TLSv1", "TLSv1")])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated")
def test_the_version_that_openssl_chooses(
    name_server: Start, mail_server: Callable[..., MailServer], version: str, word: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("mx1.ville.test").configure_cert(context)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    server = mail_server(b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", tls=context)
    facts, gaps = look(wire_of(name_server("ville.test. MX 10 mx1.ville.test."), mx1=server.port))
    assert gaps == {}
    assert (facts["mail.starttls"], facts["mail.starttls_version"]) == (True, word)
    assert server.heard == [b"EHLO [127.0.0.1]\r\n", b"STARTTLS\r\n"]


def test_a_selector_of_the_command_line(name_server: Start, nis2check: Callable[..., Any]) -> None:
    key = 'cle2026._domainkey.ville.test. TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="'
    server = name_server(f"ville.test. MX 0 .\n{key}\n")
    resolver = f"127.0.0.1:{server.port}"
    chosen = ("--dkim-selector", "cle2026", "--dkim-selector", "absent")
    done = nis2check("probe", "mail", "ville.test", "--json", "--internal", "--resolver", resolver, *chosen)
    facts = {fact["name"]: fact["value"] for fact in json.loads(done.stdout)["facts"]}
    assert [found["selector"] for found in facts["mail.dkim.keys"]] == ["cle2026"]
    assert facts["mail.dkim.absent"] == ["absent"]


def test_a_domain_where_anybody_has_an_address(name_server: Start) -> None:
    server = name_server("wanadoo.fr. MX 0 .\n")
    facts, _gaps = look(wire_of(server), "wanadoo.fr")
    assert facts["mail.shared_domain"] is True
