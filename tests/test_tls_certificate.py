# SPDX-License-Identifier: EUPL-1.2
"""Certificates into facts: names, dates, keys, trust, and those that a parser refuses."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from nis2check.evidence.net.tls import certificate
from nis2check.evidence.net.tls.hostname import matches
from nis2check.evidence.observe import Unseen
from nis2check.model import Json

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Issued:
    """A certificate and its key."""

    def __init__(
        self,
        subject: str,
        issuer: Issued | None = None,
        *,
        ca: bool = False,
        path_length: int | None = None,
        days: tuple[int, int] = (-30, 60),
        names: Sequence[x509.GeneralName] = (),
        extra: Sequence[x509.ExtensionType] = (),
        key: Key | None = None,
    ) -> None:
        self.key: Key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = _name(subject)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name if issuer else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days=days[0]))
            .not_valid_after(NOW + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        for one in extra:
            builder = builder.add_extension(one, critical=False)
        signer = issuer.key if issuer else self.key
        digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        self.certificate = builder.sign(signer, digest)
        self.der = self.certificate.public_bytes(Encoding.DER)
        self.pem = self.certificate.public_bytes(Encoding.PEM)


SITE: list[x509.GeneralName] = [
    x509.DNSName("www.ville.test"),
    x509.DNSName("*.ville.test"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
]


@pytest.fixture(scope="module")
def root() -> Issued:
    return Issued("Root", ca=True)


@pytest.fixture(scope="module")
def middle(root: Issued) -> Issued:
    return Issued("Middle", root, ca=True, path_length=0)


@pytest.fixture
def store(root: Issued, tmp_path: Path) -> str:
    path = tmp_path / "roots.pem"
    path.write_bytes(root.pem)
    return str(path)


def facts(chain: list[Issued], ca_file: str = "", host: str = "www.ville.test") -> dict[str, Json]:
    found = certificate.fields([one.der for one in chain], host, NOW, ca_file)
    return {name.removeprefix("certificate."): value for name, value in found}


@pytest.mark.parametrize(
    ("host", "names", "addresses", "expected"),
    [
        ("www.ville.test", ["www.ville.test"], [], True),
        ("WWW.Ville.Test.", ["www.ville.test"], [], True),
        ("a.ville.test", ["*.ville.test"], [], True),
        ("a.b.ville.test", ["*.ville.test"], [], False),
        ("ville.test", ["*.ville.test"], [], False),
        ("www.ville.test", ["w*.ville.test"], [], False),
        ("www.ville.test", ["www.*.test"], [], False),
        ("ville.test", ["*.test"], [], False),
        ("www.ville.test", ["*"], [], False),
        ("www.ville.test", ["www.ville.test\x00.evil.test"], [], False),
        ("www.ville.test", [], ["192.0.2.7"], False),
        ("192.0.2.7", ["192.0.2.7", "*.0.2.7"], [], False),
        ("192.0.2.7", [], ["192.0.2.7"], True),
        ("[2001:db8::7]", [], ["2001:db8:0:0::7"], True),
        ("mairie.évian.test", ["mairie.xn--vian-9oa.test"], [], True),
    ],
)
def test_host_names(host: str, names: list[str], addresses: list[str], expected: bool) -> None:
    assert matches(host, names, addresses) is expected


def test_a_plain_chain_is_told_whole(root: Issued, middle: Issued, store: str) -> None:
    leaf = Issued("www.ville.test", middle, names=SITE, days=(-10, 80))
    found = facts([leaf, middle], store)
    assert found["subject"] == "CN=www.ville.test"
    assert found["issuer"] == "CN=Middle"
    assert found["not_before"] == "2026-05-22T12:00:00+00:00"
    assert found["not_after"] == "2026-08-20T12:00:00+00:00"
    assert (found["days_left"], found["lifetime_days"]) == (80, 90)
    assert (found["key"], found["signature_hash"]) == ("EC-secp256r1", "sha256")
    assert found["subject_alt_names"] == ["www.ville.test", "*.ville.test", "192.0.2.7"]
    assert (found["has_san"], found["san_count"], found["hostname_matches"]) == (True, 3, True)
    assert (found["trusted"], found["chain_complete"], found["trust_error"]) == (True, True, "")
    assert (found["self_signed"], found["sct_count"], found["must_staple"]) == (False, 0, False)
    assert found["sha256"] == leaf.certificate.fingerprint(hashes.SHA256()).hex()


def test_the_root_may_be_sent_and_order_does_not_matter(root: Issued, middle: Issued, store: str) -> None:
    leaf = Issued("www.ville.test", middle, names=SITE)
    assert facts([leaf, root, middle], store)["trusted"] is True


def test_the_use_of_a_certificate_is_told(root: Issued) -> None:
    usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
    extra: list[x509.ExtensionType] = [
        usage,
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("1.2.3.4")]),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()),
        x509.CRLDistributionPoints(
            [x509.DistributionPoint([x509.UniformResourceIdentifier("http://ca.test/crl")], None, None, None)]
        ),
        x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(method, x509.UniformResourceIdentifier(f"http://ca.test/{word}"))
                for method, word in (
                    (AuthorityInformationAccessOID.OCSP, "ocsp"),
                    (AuthorityInformationAccessOID.CA_ISSUERS, "issuer"),
                )
            ]
        ),
    ]
    found = facts([Issued("www.ville.test", root, names=SITE, extra=extra)])
    assert found["key_usage"] == ["digitalSignature", "keyEncipherment"]
    assert found["key_usage_critical"] is False, "Issued adds extensions that are not critical"
    assert found["extended_key_usage"] == ["serverAuth", "1.2.3.4"]
    assert found["authority_key_identifier"] is True
    assert (found["crl_urls"], found["ocsp_urls"]) == (["http://ca.test/crl"], ["http://ca.test/ocsp"])
    assert (found["issuer_urls"], found["revocation_source"]) == (["http://ca.test/issuer"], True)
    plain = facts([Issued("www.ville.test", root, names=SITE)])
    assert plain["key_usage"] == plain["extended_key_usage"] == plain["crl_urls"] == plain["ocsp_urls"] == []
    assert plain["authority_key_identifier"] is plain["revocation_source"] is plain["key_usage_critical"] is False


def test_the_exponent_of_a_key() -> None:
    small = rsa.generate_private_key(3, 2048)
    assert facts([Issued("www.ville.test", names=SITE, key=small)])["key_exponent"] == 3
    other = facts([Issued("www.ville.test", names=SITE)])["key_exponent"]
    assert isinstance(other, Unseen)


def test_the_order_of_a_chain(root: Issued, middle: Issued, store: str) -> None:
    leaf = Issued("www.ville.test", middle, names=SITE)
    assert facts([leaf, middle, root], store)["chain_ordered"] is True
    assert facts([leaf], store)["chain_ordered"] is True
    turned = facts([leaf, root, middle], store)
    assert (turned["chain_ordered"], turned["trusted"]) == (False, True)


def test_a_missing_intermediate_is_an_incomplete_chain(middle: Issued, store: str) -> None:
    found = facts([Issued("www.ville.test", middle, names=SITE)], store)
    assert (found["trusted"], found["chain_complete"]) == (False, False)
    assert found["trust_error"] == "issuer not found: CN=Middle"


def test_a_self_signed_certificate(store: str) -> None:
    found = facts([Issued("www.ville.test", names=SITE)], store)
    assert (found["self_signed"], found["trusted"], found["chain_complete"]) == (True, False, True)
    assert "self-signed" in found["trust_error"]


def test_a_root_of_nobody(middle: Issued, root: Issued) -> None:
    found = facts([Issued("www.ville.test", middle, names=SITE), middle, root])
    assert (found["trusted"], found["chain_complete"]) == (False, True)
    assert found["trust_error"] == "self-signed root that is not trusted here: CN=Root"


def test_an_impostor_root_of_the_same_name(middle: Issued, store: str) -> None:
    impostor = Issued("Root", ca=True)
    fake = Issued("Middle", impostor, ca=True)
    found = facts([Issued("www.ville.test", fake, names=SITE), fake, impostor], store)
    assert found["trusted"] is False


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda root: [Issued("www.ville.test", root, names=SITE, days=(-60, -1))], "expired: CN=www.ville.test"),
        (lambda root: [Issued("www.ville.test", root, names=SITE, days=(1, 60))], "not yet valid: CN=www.ville.test"),
        (lambda root: _under(Issued("Old", root, ca=True, days=(-60, -1))), "expired: CN=Old"),
        (lambda root: _under(Issued("No CA", root)), "not a CA: CN=No CA"),
        (lambda root: _under(_under(Issued("Short", root, ca=True, path_length=0))[1], ca=True), "path longer than 0"),
        (
            lambda root: [
                Issued("www.ville.test", root, names=SITE, extra=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])])
            ],
            "not a certificate for servers",
        ),
        (
            lambda root: _under(
                Issued(
                    "Bound", root, ca=True, extra=[x509.NameConstraints([x509.DNSName("other.test")], None)]
                )
            ),
            "outside the name constraints of CN=Bound",
        ),
    ],
    ids=["expired", "future", "old intermediate", "no ca", "path length", "client only", "name constraints"],
)  # fmt: skip
def test_why_a_chain_is_not_trusted(
    make: Callable[[Issued], list[Issued]], said: str, root: Issued, store: str
) -> None:
    chain = make(root)
    found = facts(chain, store)
    assert found["trusted"] is False
    assert said in found["trust_error"]
    assert found["key"] == "EC-secp256r1", "the other facts are told all the same"


def _under(issuer: Issued, *, ca: bool = False) -> list[Issued]:
    """A leaf under an issuer (with one more authority between, when ``ca``), leaf first."""
    if ca:
        between = Issued("Between", issuer, ca=True)
        return [Issued("www.ville.test", between, names=SITE), between, issuer]
    return [Issued("www.ville.test", issuer, names=SITE), issuer]


def test_trust_agrees_with_openssl(root: Issued, middle: Issued, tmp_path: Path, tool: Callable[..., str]) -> None:
    """Every chain of this file, judged by ``openssl verify`` at the same instant."""
    openssl = tool("openssl")
    (tmp_path / "roots.pem").write_bytes(root.pem)
    bound = Issued("Bound", root, ca=True, extra=[x509.NameConstraints([x509.DNSName("ville.test")], None)])
    address = [x509.DNSName("www.ville.test")]
    chains = [
        [Issued("www.ville.test", middle, names=SITE), middle],
        [Issued("www.ville.test", middle, names=SITE)],
        [Issued("www.ville.test", root, names=SITE, days=(-60, -1))],
        [Issued("www.ville.test", bound, names=address), bound],
        [Issued("www.ville.test", bound, names=[x509.DNSName("autre.test")]), bound],
        _under(Issued("No CA", root)),
    ]
    for number, chain in enumerate(chains):
        files = [tmp_path / f"{number}-{at}.pem" for at in range(len(chain))]
        for file, one in zip(files, chain, strict=True):
            file.write_bytes(one.pem)
        untrusted = [word for file in files[1:] for word in ("-untrusted", str(file))]
        command = [openssl, "verify", "-purpose", "sslserver", "-attime", str(int(NOW.timestamp())), "-no-CApath"]
        done = subprocess.run(
            [*command, "-CAfile", str(tmp_path / "roots.pem"), *untrusted, str(files[0])],
            capture_output=True,
            check=False,
        )
        assert facts(chain, str(tmp_path / "roots.pem"))["trusted"] == (done.returncode == 0), done.stderr


@pytest.mark.parametrize(
    ("key", "name", "digest"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), "RSA-2048", "sha256"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "EC-secp384r1", "sha256"),
        (ed25519.Ed25519PrivateKey.generate, "Ed25519", "sha512"),
    ],
)
def test_keys(key: Callable[[], Key], name: str, digest: str) -> None:
    found = facts([Issued("www.ville.test", names=SITE, key=key())])
    assert (found["key"], found["signature_hash"]) == (name, digest)


def test_dates_to_the_end_of_time() -> None:
    one = Issued("www.ville.test")
    start, end = datetime(1951, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    far = x509.CertificateBuilder(one.name, one.name, one.key.public_key(), 7, start, end).sign(
        one.key, hashes.SHA256()
    )
    fields: dict[str, Json] = dict(certificate.fields([far.public_bytes(Encoding.DER)], "www.ville.test", NOW, ""))
    assert fields["certificate.not_after"] == "9999-12-31T23:59:59+00:00"
    assert fields["certificate.days_left"] > 2_900_000
    assert (fields["certificate.has_san"], fields["certificate.hostname_matches"]) == (False, False)


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09", {"self_signed"}),
        (b"260502", b"991332", {"not_before", "lifetime_days", "self_signed"}),
        (b"260731", b"269931", {"not_after", "days_left", "lifetime_days", "self_signed"}),
        (b"\x0c\x0ewww.ville.test", b"\x13\x0e\xff\xfe\xfd.ille\x00\x1btest", {"subject", "issuer", "self_signed"}),
    ],
    ids=["version 10", "month 13", "month 99", "no string"],
)
def test_a_faulty_field_costs_only_itself(old: bytes, new: bytes, lost: set[str]) -> None:
    whole = Issued("www.ville.test", names=SITE)
    assert old in whole.der
    assert len(old) == len(new)
    fields = dict(certificate.fields([whole.der.replace(old, new)], "www.ville.test", NOW, ""))
    missing = {name.removeprefix("certificate.") for name, value in fields.items() if isinstance(value, Unseen)}
    assert missing == lost | {"trusted", "chain_complete", "chain_ordered", "trust_error", "key_exponent"}
    assert fields["certificate.key"] == "EC-secp256r1"
    assert fields["certificate.hostname_matches"] is True


def test_hostile_names_are_told_as_they_are() -> None:
    names = [x509.DNSName("\x1b[8mhidden.test"), x509.DNSName('"><svg onload=alert(3)>.test')]
    found = facts([Issued("=cmd|'/C calc'!A1", names=[*SITE, *names])])
    assert found["subject"].startswith("CN==cmd") or "cmd" in found["subject"]
    assert "\x1b[8mhidden.test" in found["subject_alt_names"]
    assert found["hostname_matches"] is True


def test_two_thousand_names_are_counted_and_capped() -> None:
    names: list[x509.GeneralName] = [x509.DNSName(f"h{at}.ville.test") for at in range(2000)]
    found = facts([Issued("www.ville.test", names=names)], host="h1999.ville.test")
    assert (found["san_count"], len(found["subject_alt_names"])) == (2000, certificate.MOST_NAMES)
    assert found["hostname_matches"] is True, "all names count, not only those that are shown"


def test_an_endless_chain_is_a_limit(root: Issued, store: str) -> None:
    leaf = Issued("www.ville.test", root, names=SITE)
    found = facts([leaf] + [root] * 400, store)
    assert isinstance(found["trusted"], Unseen)
    assert found["trusted"].why == "limit"
    assert found["chain_length"] == 401


def test_no_store_is_a_gap_and_no_verdict(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path in (str(empty), str(tmp_path / "absent.pem")):
        found = facts([Issued("www.ville.test", names=SITE)], path)
        assert isinstance(found["trusted"], Unseen)
        assert found["trusted"].why == "not_asked"
