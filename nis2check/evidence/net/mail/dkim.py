# SPDX-License-Identifier: EUPL-1.2
"""DKIM keys: at the selectors that the body declares, else at those that its mail providers are known to use.

Rules for this file: a selector is the signer's secret until a mail shows it, so that nothing found proves nothing, unless the
body itself named the selector.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from nis2check.evidence.net.mail import spf
from nis2check.evidence.net.mail.lookup import Look
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.model import Json, Target, Why

MOST_SELECTORS = 8
MOST_GUESSES = 4
FACTS = ("mail.dkim.*",)

# Providers that sign with selectors of their own choice, the same for all customers: what their MX hosts or SPF includes end
# with, and the selectors that their public set-up guides name.
PROVIDERS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("mail.protection.outlook.com", "mx.microsoft", "spf.protection.outlook.com"), ("selector1", "selector2")),
    (("aspmx.l.google.com", "googlemail.com", "smtp.google.com", "_spf.google.com"), ("google",)),
    (("mail.gandi.net", "_mailcust.gandi.net"), ("gm1", "gm2", "gm3")),
    (("protonmail.ch", "_spf.protonmail.ch"), ("protonmail", "protonmail2", "protonmail3")),
    (("messagingengine.com", "spf.messagingengine.com"), ("fm1", "fm2", "fm3")),
    (("mx.zoho.eu", "mx.zoho.com", "zoho.eu", "zoho.com", "zohomail.eu"), ("zmail",)),
    (("icloud.com", "mail.icloud.com"), ("sig1",)),
    (("spf.mailjet.com",), ("mailjet",)),
    (("spf.sendinblue.com", "spf.brevo.com"), ("brevo1", "mail")),
    (("sendgrid.net",), ("s1", "s2")),
    (("servers.mcsv.net",), ("k1", "k2")),
    (("spf.mandrillapp.com",), ("mandrill",)),
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key record (RFC 6376 section 3.6.1). ``bits`` is None when the key cannot be read, 0 when it is revoked."""

    type: str
    bits: int | None
    testing: bool


def parse(text: str) -> Key | None:
    """A TXT record as a DKIM key, None when it is none. Never raises."""
    tags: dict[str, str] = {}
    for part in text.split(";")[:100]:
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip(), re.sub(r"\s+", "", value))
    if tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        return None
    kind = tags.get("k", "rsa").lower()
    return Key(kind, _bits(kind, tags["p"]) if tags["p"] else 0, "y" in tags.get("t", "").split(":"))


def _bits(kind: str, text: str) -> int | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        data = base64.b64decode(text, validate=True)
        if kind == "ed25519":
            return 256 if len(data) == 32 else None
        key = load_der_public_key(data)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    return key.key_size if kind == "rsa" and isinstance(key, RSAPublicKey) else None


def declared(target: Target) -> list[str]:
    """The selectors that the body declares for a target."""
    found = target.options.get("dkim_selectors")
    return [str(one) for one in found][:MOST_SELECTORS] if isinstance(found, list | tuple) else []


async def keys(this: Look, target: Target) -> list[Observation]:
    """The keys at declared selectors; without any, at those of the providers that MX and SPF show."""
    if own := declared(target):
        return await _at_declared(this, own)
    if not (await this.mail_servers())[0]:  # it may send mail all the same, but nothing says so
        return []
    found: list[Json] = []
    for selector in (await _guesses(this))[:MOST_GUESSES]:
        try:
            found += await _at(this, selector)
        except Unseen:  # a guess that cannot be asked is no loss
            continue
    if not any(one["bits"] != 0 for one in found):
        detail = "selector unknown: none is declared (dkim_selectors), and the mail providers seen tell none that holds a key"
        return [Missed("mail.dkim.*", Why.NOT_ASKED, detail)]
    where = f"TXT of inferred selectors, _domainkey.{this.domain}"
    return [Seen("mail.dkim.found", True, where=where), Seen("mail.dkim.keys", found, where=where)]


async def _at_declared(this: Look, selectors: list[str]) -> list[Observation]:
    found: list[Json] = []
    absent: list[Json] = []
    problem: Unseen | None = None
    for selector in selectors:
        try:
            here = await _at(this, selector)
        except Unseen as error:
            problem = problem or error
            continue
        found += here
        absent += [] if any(one["bits"] != 0 for one in here) else [selector]
    where = f"TXT {', '.join(selectors)} _domainkey.{this.domain}"
    seen: list[Observation] = [Seen("mail.dkim.absent", absent, where=where)] if absent or not problem else []
    if found or not problem:
        usable = any(one["bits"] != 0 for one in found)
        seen += [Seen("mail.dkim.found", usable, where=where)] if usable or not problem else []
        seen.append(Seen("mail.dkim.keys", found, where=where))
    named = {one.name for one in seen}
    gaps = [fact for fact in ("mail.dkim.absent", "mail.dkim.found", "mail.dkim.keys") if fact not in named]
    return seen + [Missed(fact, problem.why, problem.detail) for fact in gaps if problem]


async def _at(this: Look, selector: str) -> list[dict[str, Json]]:
    """The keys of one selector. Raises Unseen."""
    texts = await this.texts(f"{selector}._domainkey.{this.domain}")
    return [
        {"selector": selector, "type": key.type, "bits": key.bits, "testing": key.testing}
        for key in map(parse, texts[:4])
        if key is not None
    ]


async def _guesses(this: Look) -> list[str]:
    """Selectors of the providers that the MX and the SPF record of the domain name. Raises Unseen."""
    hosts, _null = await this.mail_servers()
    includes = [
        term.domain for text in await this.texts(this.domain) if spf.is_spf(text) for term in spf.parse(text).terms
    ]
    return list(dict.fromkeys(selector for name in [*hosts, *includes] for selector in _of_provider(name)))


def _of_provider(name: str) -> Iterable[str]:
    name = f".{name.rstrip('.').lower()}"
    for suffixes, selectors in PROVIDERS:
        if any(name.endswith(f".{suffix}") for suffix in suffixes):
            yield from selectors
