# SPDX-License-Identifier: EUPL-1.2
"""The chain of DNSSEC, in a root of our own signed by BIND's tools: sound, insecure in four ways, and broken in six."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.rrset
import pytest

from nis2check.evidence.net import dns as probe
from nis2check.evidence.net.dns.anchors import anchors
from nis2check.evidence.net.dns.signatures import Bogus, Meter, verify
from nis2check.evidence.net.mail import dane
from nis2check.evidence.net.mail.lookup import Look
from nis2check.evidence.observe import Missed, Seen, Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Settings, Wire
from nis2check.model import Kind, Target, Why
from tests.loopback import free_port, serving

APEX = "$TTL 60\n@ SOA ns admin 7 3600 600 1209600 60\n@ NS ns\nns A 127.0.0.1\n"
OLD = ("-s", "20260101000000", "-e", "20260201000000")
LATER = ("-s", "20990101000000", "-e", "20990201000000")
# zone → algorithm of its keys, options of dnssec-signzone; None: not signed
ZONES: dict[str, tuple[str, tuple[str, ...]] | None] = {
    "good.test": ("ECDSAP256SHA256", ()),
    "hashed.test": ("ECDSAP256SHA256", ("-3", "ab12", "-H", "7")),
    "rsa.test": ("RSASHA256", ()),
    "edwards.test": ("ED25519", ()),
    "sha1.test": ("NSEC3RSASHA1", ()),
    "deep.empty.test": ("ECDSAP256SHA256", ()),
    "island.plain.test": ("ECDSAP256SHA256", ()),
    "plain.test": None,
    "signed.opt": ("ECDSAP384SHA384", ()),
    "plain.opt": None,
    "plain.empty.opt": None,
    "expired.test": ("ECDSAP256SHA256", OLD),
    "early.test": ("ECDSAP256SHA256", LATER),
    "other-ds.test": ("ECDSAP256SHA256", ()),
    "tampered.test": ("ECDSAP256SHA256", ()),
    "naked.test": None,
    "unknown-ds.test": ("ECDSAP256SHA256", ()),
}


@dataclass(frozen=True)
class Lab:
    port: int
    anchor: Path


class Signer:
    """Makes zone files in a folder, children first, each with the DS of those below."""

    def __init__(self, folder: Path, keygen: str, signzone: str) -> None:
        self.folder, self.keygen, self.signzone = folder, keygen, signzone
        self.files: dict[str, str] = {}

    def zone(self, name: str, text: str, how: tuple[str, tuple[str, ...]] | None) -> None:
        file = name.strip(".") or "root"
        (self.folder / file).write_text(f"$ORIGIN {name.strip('.')}.\n" + text)
        self.files[name] = file
        if how is None:
            return
        algorithm, options = how
        bits = ["-b", "1024"] if "RSA" in algorithm else []
        for flags in ([], ["-f", "KSK"]):
            command = [self.keygen, "-q", "-a", algorithm, *bits, *flags, name]
            subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        command = [self.signzone, "-P", "-S", *options, "-o", name, "-f", f"{file}.signed", file]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        self.files[name] = f"{file}.signed"

    def ds(self, name: str) -> str:
        return (self.folder / f"dsset-{name}.").read_text()


def make(signer: Signer) -> None:
    below: dict[str, str] = {"test": "", "opt": "", "plain.test": ""}
    for name, how in ZONES.items():
        parent = next(zone for zone in ("plain.test", "test", "opt") if name.endswith("." + zone))
        text = APEX + (below["plain.test"] if name == "plain.test" else "")
        text += "@ MX 10 mx\n_25._tcp.mx TLSA 3 1 1 " + "CD" * 32 + "\n"
        signer.zone(name, text, how)
        below[parent] += f"{name}. NS ns.{name}.\nns.{name}. A 127.0.0.1\n"
        if how is not None:
            below[parent] += signer.ds(name)
    wrong = re.sub(r" [0-9A-F]{8}(\w+)", r" 00000000\1", signer.ds("other-ds.test"))
    assert wrong != signer.ds("other-ds.test")
    below["test"] = below["test"].replace(signer.ds("other-ds.test"), wrong)
    unknown = re.sub(r"DS\s+(\d+) 13 2", r"DS \1 253 2", signer.ds("unknown-ds.test"))
    below["test"] = below["test"].replace(signer.ds("unknown-ds.test"), unknown)
    below["test"] += "naked.test. DS 4711 13 2 " + "AB" * 32 + "\n"
    tampered = signer.folder / "tampered.test.signed"
    tampered.write_text(tampered.read_text().replace("7 ", "8 ", 1).replace("\t7 ", "\t8 ", 1))
    assert re.search(r"\s8\s+; serial|\s8 ", tampered.read_text())
    signer.zone("test", APEX + below["test"], ("ECDSAP256SHA256", ()))
    signer.zone("opt", APEX + below["opt"], ("ECDSAP256SHA256", ("-3", "-", "-A")))
    root = "$TTL 60\n@ SOA ns.root. admin.root. 1 1800 900 604800 60\n@ NS ns.root.\nns.root. A 127.0.0.1\n"
    for name in ("test", "opt"):
        root += f"{name}. NS ns.{name}.\nns.{name}. A 127.0.0.1\n" + signer.ds(name)
    signer.zone(".", root, ("ECDSAP256SHA256", ()))


@pytest.fixture(scope="module")
def lab(tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One BIND with authority for every zone, asked in place of a resolver too, and the key of its root."""
    named = tool("named")
    folder = tmp_path_factory.mktemp("chain")
    signer = Signer(folder, tool("dnssec-keygen"), tool("dnssec-signzone"))
    make(signer)
    anchor = folder / "anchor"
    anchor.write_text(signer.ds(""))
    port = free_port()
    with serving(named, folder, port, signer.files):
        yield Lab(port, anchor)


def wire_of(lab: Lab, domain: str, anchor: str | None = None) -> Wire:
    here = ("127.0.0.1", lab.port)
    return Wire(
        Settings(
            resolver=Endpoint(*here),
            internal=True,
            connect_to={(f"ns.{domain}", 53): here},
            trust_anchor=str(lab.anchor) if anchor is None else anchor,
        )
    )


def test_bind_hands_its_zones_to_anybody_and_resolves_nothing(lab: Lab) -> None:
    authorised = [{"until": "2099-12-31", "covers": ["good.test"]}]
    target = Target(Kind.DNS, "good.test", options={"authorised": authorised})

    async def collect() -> list[Any]:
        return [observation async for observation in probe.look(target, wire_of(lab, "good.test"))]

    facts = {one.name: one.value for one in asyncio.run(collect()) if isinstance(one, Seen)}
    assert (facts["dns.zone_transfer"], facts["dns.open_resolver"]) == (True, False)


def look(wire: Wire, domain: str) -> tuple[dict[str, Any], dict[str, Missed]]:
    async def collect() -> list[Any]:
        return [observation async for observation in probe.look(Target(Kind.DNS, domain), wire)]

    seen = asyncio.run(collect())
    assert {one.name for one in seen if isinstance(one, Seen)} <= {spec.name for spec in probe.FACTS}
    return (
        {one.name.removeprefix("dns.dnssec."): one.value for one in seen if isinstance(one, Seen)},
        {one.name.removeprefix("dns.dnssec."): one for one in seen if isinstance(one, Missed)},
    )


@pytest.mark.parametrize(
    "domain",
    ["good.test", "hashed.test", "rsa.test", "edwards.test", "sha1.test", "deep.empty.test", "signed.opt"],
)
def test_a_sound_chain(lab: Lab, domain: str) -> None:
    facts, gaps = look(wire_of(lab, domain), domain)
    assert gaps == {}
    assert (facts["valid"], facts["chain"]) == (True, "secure")
    assert "error" not in facts


@pytest.mark.parametrize("domain", ["plain.test", "plain.opt", "plain.empty.opt"])
def test_an_unsigned_delegation_is_proved(lab: Lab, domain: str) -> None:
    facts, _gaps = look(wire_of(lab, domain), domain)
    assert facts["chain"] == "insecure"
    assert "valid" not in facts
    assert (facts["signed"], facts["ds_at_parent"]) == (False, False)


def test_a_signed_zone_below_an_unsigned_one_cannot_be_validated(lab: Lab) -> None:
    facts, gaps = look(wire_of(lab, "island.plain.test"), "island.plain.test")
    assert (facts["signed"], facts["chain"]) == (True, "insecure")
    assert "valid" not in facts
    assert gaps["valid"].why is Why.NOT_ASKED


@pytest.mark.parametrize(
    ("domain", "error"),
    [
        ("expired.test", "expired (2026-02-01)"),
        ("early.test", "not yet valid (2099-01-01)"),
        ("other-ds.test", "no DNSKEY answers to the DS of the parent"),
        ("tampered.test", "does not verify"),
        ("naked.test", "no DNSKEY answers to the DS of the parent (4711)"),
    ],
)
def test_a_broken_chain_is_proved(lab: Lab, domain: str, error: str) -> None:
    facts, _gaps = look(wire_of(lab, domain), domain)
    assert (facts["valid"], facts["chain"]) == (False, "bogus")
    assert error in facts["error"]


def test_a_ds_of_an_unknown_algorithm_is_no_proof(lab: Lab) -> None:
    facts, gaps = look(wire_of(lab, "unknown-ds.test"), "unknown-ds.test")
    assert "valid" not in facts
    assert gaps["valid"].why is Why.UNREADABLE


def test_what_is_published(lab: Lab) -> None:
    facts, _gaps = look(wire_of(lab, "rsa.test"), "rsa.test")
    assert facts["key_sizes"] == [
        {"algorithm": "RSASHA256", "role": "KSK", "bits": 1024},
        {"algorithm": "RSASHA256", "role": "ZSK", "bits": 1024},
    ]
    assert facts["denial"] == "NSEC"
    assert facts["ds_digests"] == ["SHA-256"]
    assert "nsec3_iterations" not in facts
    facts, _gaps = look(wire_of(lab, "hashed.test"), "hashed.test")
    assert (facts["denial"], facts["nsec3_iterations"]) == ("NSEC3", 7)
    facts, _gaps = look(wire_of(lab, "edwards.test"), "edwards.test")
    assert {key["bits"] for key in facts["key_sizes"]} == {256}


def test_another_anchor_condemns_nobody(lab: Lab) -> None:
    """The root key of the lab is not IANA's: that is our trouble, and no proof against the zone."""
    facts, gaps = look(wire_of(lab, "good.test", anchor=""), "good.test")
    assert "valid" not in facts
    assert gaps["valid"].why is Why.MALFORMED
    assert "above the zone" in gaps["valid"].detail


def test_an_anchor_may_stand_at_any_zone(lab: Lab, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor"
    anchor.write_text((lab.anchor.parent / "dsset-test.").read_text())
    facts, _gaps = look(wire_of(lab, "good.test", anchor=str(anchor)), "good.test")
    assert facts["valid"] is True
    facts, gaps = look(wire_of(lab, "signed.opt", anchor=str(anchor)), "signed.opt")
    assert "valid" not in facts
    assert gaps["valid"].why is Why.NOT_ASKED


def test_the_zones_above_are_validated_once_a_run(lab: Lab) -> None:
    wire = wire_of(lab, "good.test")

    async def twice() -> list[int]:
        counts = []
        for _turn in range(2):
            before = wire.queries
            _seen = [one async for one in probe.look(Target(Kind.DNS, "good.test"), wire)]
            counts.append(wire.queries - before)
        return counts

    first, second = asyncio.run(twice())
    assert first - second >= 4  # NS, DS of the zone; DNSKEY of the root; DS and DNSKEY of test


@pytest.mark.parametrize(
    ("domain", "valid"), [("good.test", True), ("signed.opt", True), ("plain.test", False), ("expired.test", None)]
)
def test_tlsa_counts_only_when_the_chain_vouches_for_it(lab: Lab, domain: str, valid: bool | None) -> None:
    """A zone whose chain is broken above its records is no proof against them; an unsigned one makes them void."""
    seen = asyncio.run(dane.tlsa(Look(wire_of(lab, domain), domain, Deadline.after(20))))
    facts = {one.name: one.value for one in seen if isinstance(one, Seen)}
    assert facts["mail.dane.present"] is True
    assert facts["mail.dane.records"] == [
        {"host": f"mx.{domain}", "usage": 3, "selector": 1, "matching": 1, "usable": True}
    ]
    assert facts.get("mail.dane.valid") is valid


# ------------------------------------------------------------------------------------------------- anchors and limits


def test_iana_s_anchors_are_shipped() -> None:
    records = anchors("")[dns.name.root]
    assert sorted(ds.key_tag for ds in records) == [20326, 38696]


@pytest.mark.parametrize(
    "form",
    [
        ". IN DNSKEY 257 3 13 {key}",
        ".\t172800\tIN\tDNSKEY\t257 3 13 (\n {half}\n {rest} ) ; ksk",
        'trust-anchors {{ . static-key 257 3 13 "{half}\n{rest}"; }};',
        'managed-keys {{ "." initial-key 257 3 13 "{key}"; }};',
    ],
)
def test_forms_of_an_anchor(tmp_path: Path, form: str) -> None:
    key = "//s" + "A" * 83 + "=="
    file = tmp_path / "anchor"
    file.write_text(form.format(key=key, half=key[:40], rest=key[40:]))
    record = dns.rrset.from_text(".", 1, "IN", "DNSKEY", f"257 3 13 {key}")[0]
    assert anchors(str(file))[dns.name.root] == (dns.dnssec.make_ds(".", record, "SHA256"),)


def test_an_anchor_that_is_none_is_said(tmp_path: Path) -> None:
    for text in ("", "hello", ". IN DS twenty 8 2 AB"):
        (tmp_path / "anchor").write_text(text)
        anchors.cache_clear()
        with pytest.raises(Unseen) as caught:
            anchors(str(tmp_path / "anchor"))
        assert caught.value.why is Why.UNREADABLE


def flood(keys: int, signatures: int) -> tuple[Any, list[Any], list[Any], dns.name.Name]:
    """Keys that share one tag, and signatures that none of them made (KeyTrap)."""
    from cryptography.hazmat.primitives.asymmetric import ec

    zone = dns.name.from_text("ville.test")
    rrset = dns.rrset.from_text(zone, 60, "IN", "SOA", "ns. admin. 1 2 3 4 5")
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), "ECDSAP256SHA256", flags=257)
    now = int(time.time())
    good = dns.dnssec.sign(rrset, private, zone, key, inception=now - 60, expiration=now + 3600)
    bad = good.replace(signature=bytes(64))
    return rrset, [bad.replace(original_ttl=n) for n in range(signatures)], [key] * keys, zone


def test_keys_and_signatures_beyond_the_limits_are_a_gap() -> None:
    rrset, signatures, keys, zone = flood(40, 40)
    meter = Meter()
    with pytest.raises(Unseen) as caught:
        verify(rrset, signatures, keys, zone, meter)
    assert caught.value.why is Why.LIMIT
    assert meter.left > 0.3  # 64 verifications at most
    rrset, signatures, keys, zone = flood(3, 3)
    with pytest.raises(Bogus):
        verify(rrset, signatures, keys, zone, Meter())


def test_the_processor_time_of_a_domain_is_limited() -> None:
    rrset, signatures, keys, zone = flood(8, 8)
    with pytest.raises(Unseen) as caught:
        verify(rrset, signatures, keys, zone, Meter(left=0.0))
    assert caught.value.why is Why.LIMIT


def test_a_signature_by_another_zone_or_a_wildcard_is_none() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    zone, parent = dns.name.from_text("ville.test"), dns.name.from_text("test")
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), "ECDSAP256SHA256", flags=257)
    rrset = dns.rrset.from_text(zone, 60, "IN", "SOA", "ns. admin. 1 2 3 4 5")
    now = int(time.time())
    own = dns.dnssec.sign(rrset, private, zone, key, inception=now - 60, expiration=now + 60)
    verify(rrset, [own], [key], zone, Meter())
    others = dns.dnssec.sign(rrset, private, parent, key, inception=now - 60, expiration=now + 60)
    forged: list[Any] = [others, own.replace(labels=1)]
    for signature in forged:
        with pytest.raises(Bogus):
            verify(rrset, [signature], [key], zone, Meter())


# What delv says of a zone → what we must say. It has no word for a chain that it cannot follow: that is a gap with us.
DELV = {"; fully validated": "secure", "; unsigned answer": "insecure", "; resolution failed": "bogus"}


@pytest.mark.parametrize("domain", sorted(set(ZONES) - {"island.plain.test", "unknown-ds.test", "sha1.test"}))
def test_we_agree_with_delv(lab: Lab, tool: Callable[..., str], tmp_path: Path, domain: str) -> None:
    """Not compared: a signed island (delv calls it unsigned, we cannot tell), and algorithms that BIND's policy leaves out."""
    _root, *_words, tag, algorithm, kind, digest = lab.anchor.read_text().strip().splitlines()[0].split(None, 6)
    digest = digest.replace(" ", "")
    anchors = tmp_path / "anchors"
    anchors.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{digest}"; }};\n')
    asked = ["@127.0.0.1", "-p", str(lab.port), "-a", str(anchors), "+root=.", domain, "SOA"]
    done = subprocess.run([tool("delv"), *asked], capture_output=True, text=True, timeout=30, check=False)
    theirs = next((word for said, word in DELV.items() if said in done.stdout + done.stderr.replace(";; ", "; ")), None)
    assert theirs is not None, done.stdout + done.stderr
    assert look(wire_of(lab, domain), domain)[0]["chain"] == theirs
