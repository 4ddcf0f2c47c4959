# SPDX-License-Identifier: EUPL-1.2
"""What a domain announces to senders beside SPF and DMARC: MTA-STS with its policy file, TLS-RPT, BIMI."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.serialization import Encoding

from nis2check.evidence import names
from nis2check.evidence.net.http.exchange import Page, PortClosed, Untrusted, get, verifying
from nis2check.evidence.net.http.message import Answer
from nis2check.evidence.net.http.page import not_the_site
from nis2check.evidence.net.mail.lookup import Look
from nis2check.evidence.net.tls import trust
from nis2check.evidence.observe import Observation, Seen, Unseen
from nis2check.model import Json, Why

PATH = "/.well-known/mta-sts.txt"
MOST_POLICY = 64 * 1024  # characters: RFC 8461 section 3.2 lets senders stop there
MOST_PATTERNS = 100
_LINE = re.compile(r"[ \t]*([a-zA-Z0-9][a-zA-Z0-9_.\-]{0,31})[ \t]*:[ \t]*(.*?)[ \t]*")
_PATTERN = re.compile(r"(\*\.)?[a-z0-9_\-]+(\.[a-z0-9_\-]+)*", re.IGNORECASE)


# ------------------------------------------------------------------------------------------------------------ MTA-STS


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy file: its mode (enforce, testing, none), seconds it may be kept, patterns of MX hosts, faults in English."""

    mode: str
    max_age: int | None
    mx: tuple[str, ...]
    errors: tuple[str, ...]

    def covers(self, host: str) -> bool:
        """Whether a pattern matches an MX host; a wildcard stands for one label, the leftmost (RFC 8461 section 4.1)."""
        host = host.rstrip(".").lower()
        return any(
            host.partition(".")[2] == pattern[2:] if pattern.startswith("*.") else host == pattern
            for pattern in self.mx
        )


def parse_policy(text: str) -> Policy:
    """Read a policy file (RFC 8461 section 3.2). Never raises."""
    fields: dict[str, str] = {}
    mx: list[str] = []
    errors = [] if len(text) <= MOST_POLICY else [f"more than {MOST_POLICY} characters"]
    for line in re.split(r"\r?\n", text[:MOST_POLICY]):
        found = _LINE.fullmatch(line)
        if not found:
            errors += [f"not a field: {line:.60}"] if line.strip() else []
        elif found[1] == "mx":
            mx.append(found[2].lower())
        else:
            fields.setdefault(found[1], found[2])  # of several, the first counts
    mode, age = fields.get("mode", ""), fields.get("max_age", "")
    if fields.get("version") != "STSv1":
        errors.append("no version: STSv1")
    if mode not in {"enforce", "testing", "none"}:
        errors.append(f"bad mode: {mode:.20}" if mode else "no mode")
    if not re.fullmatch("[0-9]{1,10}", age) or int(age) > 31557600:
        errors.append(f"bad max_age: {age:.20}" if age else "no max_age")
    if mode != "none" and not mx:
        errors.append("no mx")
    errors += [f"bad mx: {pattern:.60}" for pattern in mx if not _PATTERN.fullmatch(pattern)]
    seconds = int(age) if age.isascii() and age.isdigit() and len(age) <= 10 else None
    return Policy(mode, seconds, tuple(mx[:MOST_PATTERNS]), tuple(errors[:10]))


async def mta_sts(this: Look) -> list[Observation]:
    """RFC 8461 section 3.1: one record, with its id; several are as good as none. Its policy file is fetched once."""
    name = f"_mta-sts.{this.domain}"
    found = [text for text in await this.texts(name) if text.startswith("v=STSv1;")]
    good = len(found) == 1 and any(part.strip().startswith("id=") for part in found[0].split(";"))
    return [Seen("mail.mta_sts", good, where=f"TXT {name}")]


async def mta_sts_policy(this: Look) -> list[Observation]:
    """The policy file, fetched when it is announced; nothing to say of a domain without MTA-STS."""
    announced = (await mta_sts(this))[0]
    if not (isinstance(announced, Seen) and announced.value):
        return []
    where = f"GET https://mta-sts.{this.domain}{PATH}"
    answer = await _fetched(this)
    if isinstance(answer, str):  # proved: there is no file
        return _policy_facts(False, [answer], where)
    policy = parse_policy(answer.body.decode("utf-8", "replace"))
    seen = _policy_facts(not policy.errors, list(policy.errors), where)
    if policy.errors:
        return seen
    hosts, _null = await this.mail_servers()
    missing = [host for host in hosts if not policy.covers(host)]
    return [
        *seen,
        Seen("mail.mta_sts_mode", policy.mode, where=where),
        Seen("mail.mta_sts_max_age", policy.max_age, where=where),
        Seen("mail.mta_sts_covers_mx", not missing, where=where + (f": not {missing[0]}" if missing else "")),
    ]


def _policy_facts(valid: bool, errors: list[Json], where: str) -> list[Observation]:
    return [Seen("mail.mta_sts_policy", valid, where=where), Seen("mail.mta_sts_errors", errors, where=where)]


@lru_cache(maxsize=1)
def _verifying(ca_file: str) -> ssl.SSLContext:
    """Senders' eyes. Raises Unseen: no roots on this machine."""
    return verifying(b"".join(root.public_bytes(Encoding.DER) for root in trust.store(ca_file).roots))


async def _fetched(this: Look) -> Answer | str:
    """The answer that holds the file, or what proves that there is none for senders, to whom a certificate in force and of
    that name is part of it (RFC 8461 section 3.3). Raises Unseen."""
    page = Page("https", f"mta-sts.{this.domain}", 443, PATH)
    settings = this.wire.settings
    pinned = (page.host, 443) in settings.resolve or (page.host, 443) in settings.connect_to
    if not pinned and not await this.records(page.host, "A") and not await this.records(page.host, "AAAA"):
        return f"{page.host} has no address"
    endpoints = await names.endpoints(this.wire, page.host, 443, this.deadline, budget=this.budget)
    try:
        answer = await get(this.wire, endpoints[0], page, this.deadline, _verifying(settings.ca_file))
    except PortClosed:
        return "port 443 is closed"
    except Untrusted as error:
        return f"{page.host}: {error.detail}"
    if (refusal := not_the_site(answer)) is not None:
        raise refusal
    if answer.redirects:  # RFC 8461 section 3.3: not followed
        return f"status {answer.status}: redirects are not followed"
    if answer.status != 200:
        if answer.status >= 500:
            raise Unseen(Why.BLOCKED, f"status {answer.status}")
        return f"status {answer.status}"
    if answer.cut is not None:
        raise answer.cut
    return answer


# ------------------------------------------------------------------------------------------------------ TLS-RPT, BIMI


async def tls_rpt(this: Look) -> list[Observation]:
    """RFC 8460 section 3: one record, with an address."""
    name = f"_smtp._tls.{this.domain}"
    found = [text for text in await this.texts(name) if text.startswith("v=TLSRPTv1;")]
    good = len(found) == 1 and any(part.strip().startswith("rua=") for part in found[0].split(";"))
    return [Seen("mail.tls_rpt", good, where=f"TXT {name}")]


async def bimi(this: Look) -> list[Observation]:
    """An indicator at the default selector (BIMI has no RFC yet). Its logo and certificate are not fetched."""
    name = f"default._bimi.{this.domain}"
    found = [text for text in await this.texts(name) if re.match(r"v=BIMI1\s*(;|$)", text)]
    return [Seen("mail.bimi", bool(found), where=f"TXT {name}")]
