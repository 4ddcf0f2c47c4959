# SPDX-License-Identifier: EUPL-1.2
"""Every fact that the TLS probe can yield."""

from __future__ import annotations

from nis2check.model import FactSpec

_TLS = (
    ("accepted", "boolean", "", "a hello was accepted; false when the peer spoke something else or refused every hello"),
    ("versions", "array", "", "every version offered, oldest first, when each was proved to be offered or not"),
    ("versions_seen", "array", "", "the versions proved to be offered, even when others could not be told"),
    ("cipher_suites", "object", "", "version → IANA names of every suite accepted (full depth)"),
    ("cipher_suites_seen", "object", "", "the suites proved to be accepted, even when others could not be told (full depth)"),
    ("weak_suites", "array", "", "classes accepted of NULL ANON EXPORT RC4 DES 3DES RSA-KEX CBC DHE; PSK and fixed DH not asked"),
    ("weak_suites_seen", "array", "", "the weak classes proved to be accepted, even when others could not be told"),
    ("groups", "array", "", "IANA names of the key exchange groups accepted, in the order the server named them"),
    ("post_quantum", "boolean", "", "a post-quantum or hybrid group (X25519MLKEM768…) is accepted"),
    ("server_preference", "boolean", "", "the server keeps its own order of suites whatever ours is"),
    ("dh_bits", "integer", "bits", "size of the smallest prime seen in a DHE exchange"),
    ("dh_prime", "string", "", "name of that prime when many servers share it (RFC 3526 group 14…), empty for another"),
    ("sni_required", "boolean", "", "a hello without server_name is refused; false when it is accepted"),
    ("default_certificate_same", "boolean", "", "without server_name the same certificate is shown"),
    ("authentication", "array", "", "kinds of certificate shown, each asked for alone: RSA, ECDSA (EdDSA included)"),
    ("ssl2", "boolean", "", "SSL 2 is offered (full depth)"),
    ("secure_renegotiation", "boolean", "", "renegotiation_info was answered (RFC 5746)"),
    ("extended_master_secret", "boolean", "", "extended_master_secret was answered (RFC 7627), or TLS 1.3 is all there is"),
    ("compression", "boolean", "", "TLS compression was chosen when offered"),
    ("fallback_scsv", "boolean", "", "a downgraded hello with TLS_FALLBACK_SCSV was refused by alert 86 (RFC 7507)"),
    ("ocsp_stapled", "boolean", "", "an OCSP response came with the certificate"),
    ("client_certificate_requested", "boolean", "", "the server asked for a client certificate"),
    ("alpn", "array", "", "the application protocol chosen, of h2 and http/1.1"),
    ("resets", "array", "", "the hellos that were answered by a reset where an alert is due"),
    ("unstable", "boolean", "", "a hello was reset and, asked again, answered: no reset of this server proves anything"),
    ("opportunistic", "boolean", "", "STARTTLS between mail servers: one that cannot do it delivers in clear; SMTP only"),
    ("plaintext_before_tls", "boolean", "", "bytes in clear came after the consent to STARTTLS and before our hello"),
    ("hellos", "array", "", "what was asked and answered: {hello, answer, raw}, raw the first bytes received in hexadecimal"),
)  # fmt: skip

_CERTIFICATE = (
    ("sha256", "string", "hex", "SHA-256 of the certificate (DER)"),
    ("chain_length", "integer", "certificates", "how many certificates were sent"),
    ("subject", "string", "", "subject (RFC 4514)"),
    ("issuer", "string", "", "issuer (RFC 4514)"),
    ("not_before", "string", "RFC 3339", "start of validity"),
    ("not_after", "string", "RFC 3339", "end of validity"),
    ("days_left", "integer", "days", "whole days until the end of validity at the time of the look; negative when past"),
    ("lifetime_days", "integer", "days", "whole days from start to end of validity"),
    ("key", "string", "", "kind and size of the public key: RSA-2048, EC-secp256r1, Ed25519"),
    ("signature_hash", "string", "", "hash of the signature: sha256"),
    ("self_signed", "boolean", "", "signed by its own key"),
    ("sct_count", "integer", "", "embedded signed certificate timestamps (RFC 6962)"),
    ("must_staple", "boolean", "", "the certificate demands an OCSP staple (RFC 7633)"),
    ("key_exponent", "integer", "", "public exponent of an RSA key"),
    ("key_usage", "array", "", "usages that keyUsage allows (RFC 5280 4.2.1.3); empty without the extension"),
    ("key_usage_critical", "boolean", "", "keyUsage is there and critical"),
    ("extended_key_usage", "array", "", "purposes that extendedKeyUsage allows; empty without the extension"),
    ("authority_key_identifier", "boolean", "", "authorityKeyIdentifier names the issuer's key"),
    ("crl_urls", "array", "", "where its CRL is published (CRL distribution points), 20 at most"),
    ("ocsp_urls", "array", "", "where its OCSP responder is (authority information access)"),
    ("issuer_urls", "array", "", "where its issuer's certificate is (authority information access)"),
    ("revocation_source", "boolean", "", "CRL distribution points or authority information access is there"),
    ("has_san", "boolean", "", "there is a subjectAltName"),
    ("san_count", "integer", "", "how many DNS names and addresses it holds"),
    ("subject_alt_names", "array", "", "its DNS names and addresses, 200 at most"),
    ("hostname_matches", "boolean", "", "one of them is the host (RFC 9525)"),
    ("chain_complete", "boolean", "", "what was sent leads to a root of the trust store, or to a self-signed one among them"),
    ("chain_ordered", "boolean", "", "each certificate sent was issued by the next one, by name"),
    ("trusted", "boolean", "", "leads to a trusted root, all dates valid at the time of the look; says nothing of the name"),
    ("trust_error", "string", "", "why it is not trusted; empty when it is"),
)  # fmt: skip

FACTS: tuple[FactSpec, ...] = tuple(
    FactSpec(f"{prefix}.{name}", kind, unit, meaning)
    for prefix, table in (("tls", _TLS), ("certificate", _CERTIFICATE))
    for name, kind, unit, meaning in table
)
