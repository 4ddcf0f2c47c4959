# SPDX-License-Identifier: EUPL-1.2
"""The mail probe: MX, SPF with its tree of look-ups, DKIM, DMARC, MTA-STS, TLS-RPT, DANE, STARTTLS of one domain.

Every part stands alone: what keeps one from being seen does not hide the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import dns.rcode
import dns.rdata

from nis2check.evidence import names
from nis2check.evidence.net.mail import announced, dane, dkim, dmarc, providers, smtp, spf
from nis2check.evidence.net.mail.lookup import MOST_SERVERS, Look, or_gaps
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import FactSpec, Kind, Target, Why

NAME = "mail"
KIND = Kind.MAIL
MOST_LISTED = 20  # MX hosts in the fact
MOST_TEXT = 2048  # characters of a record in the fact
FACTS = (
    FactSpec("mail.mx", "array", "", "Mail servers in order of preference, 20 at most; empty: none declared."),
    FactSpec("mail.dangling", "array", "", "Mail servers (the first 2) whose name does not exist."),
    FactSpec("mail.null_mx", "boolean", "", "The domain says that it takes no mail (RFC 7505)."),
    FactSpec("mail.shared_domain", "boolean", "", "A provider gives addresses under the domain to anybody."),
    FactSpec("mail.spf.records", "integer", "records", "TXT records of the domain that start with v=spf1."),
    FactSpec("mail.spf.record", "string", "", "The SPF record, when there is one only; cut at 2048 characters."),
    FactSpec("mail.spf.all", "string", "", "Its last word: -all ~all ?all +all redirect none."),
    FactSpec("mail.spf.effective_all", "string", "", "The same after redirects are followed."),
    FactSpec(
        "mail.spf.lookups", "integer", "look-ups", "Terms that cost a DNS look-up, includes and redirects followed."
    ),
    FactSpec("mail.spf.tree", "array", "", "Records of the tree: domain, depth, lookups of its own."),
    FactSpec("mail.spf.valid", "boolean", "", "One record, without permanent error (RFC 7208)."),
    FactSpec("mail.spf.errors", "array", "", "What makes the record invalid, in English."),
    FactSpec(
        "mail.dmarc.records",
        "integer",
        "records",
        "DMARC records at the closest name that has any (RFC 9989 tree walk).",
    ),
    FactSpec("mail.dmarc.record", "string", "", "The DMARC record; cut at 2048 characters."),
    FactSpec("mail.dmarc.domain", "string", "", "The name whose DMARC record is in force for the domain."),
    FactSpec("mail.dmarc.policy", "string", "", "none, quarantine or reject: what is asked for this domain."),
    FactSpec("mail.dmarc.testing", "boolean", "", "t=y: receivers are asked to apply one policy less."),
    FactSpec("mail.dmarc.rua", "boolean", "", "The record names at least one mail address for aggregate reports."),
    FactSpec("mail.dmarc.rua_authorised", "boolean", "", "Outside hosts that reports go to say that they take them."),
    FactSpec("mail.dmarc.valid", "boolean", "", "One record, without syntax error."),
    FactSpec("mail.dmarc.errors", "array", "", "What is wrong with the record, in English."),
    FactSpec("mail.mta_sts", "boolean", "", "An MTA-STS record is published (RFC 8461)."),
    FactSpec(
        "mail.mta_sts_policy",
        "boolean",
        "",
        "Its policy file is served under a good certificate, well-formed.",
    ),
    FactSpec("mail.mta_sts_errors", "array", "", "What is wrong with the policy file, in English."),
    FactSpec("mail.mta_sts_mode", "string", "", "Its mode: enforce, testing or none."),
    FactSpec("mail.mta_sts_max_age", "integer", "seconds", "How long senders may keep it."),
    FactSpec(
        "mail.mta_sts_covers_mx", "boolean", "", "Every mail server of the domain matches one of its mx patterns."
    ),
    FactSpec("mail.tls_rpt", "boolean", "", "A TLS-RPT record with an address is published (RFC 8460)."),
    FactSpec("mail.bimi", "boolean", "", "A BIMI record is published at the default selector."),
    FactSpec(
        "mail.dkim.found",
        "boolean",
        "",
        "A DKIM key is published at a declared or inferred selector; false only when all declared ones are without.",
    ),
    FactSpec(
        "mail.dkim.keys", "array", "", "Keys found: selector, type, bits (0: revoked, null: unreadable), testing."
    ),
    FactSpec("mail.dkim.absent", "array", "", "Declared selectors that hold no key."),
    FactSpec("mail.dane.present", "boolean", "", "Each of the first mail servers has a usable TLSA record (RFC 7672)."),
    FactSpec("mail.dane.records", "array", "", "Their TLSA records: host, usage, selector, matching, usable."),
    FactSpec("mail.dane.valid", "boolean", "", "DNSSEC vouches for the MX and the TLSA records."),
    FactSpec("mail.dane.matches", "boolean", "", "The mail server shows a certificate that its TLSA records name."),
    FactSpec("mail.starttls", "boolean", "", "The mail server lists STARTTLS and consents to it; one fact an address."),
    FactSpec(
        "mail.starttls_version", "string", "", "The TLS version it chooses after STARTTLS, of 1.0 to 1.3 offered."
    ),
)
_STARTTLS = ("mail.starttls", "mail.starttls_version")


def cost(target: Target) -> list[str]:
    """What would be asked, one line each."""
    domain = target.host
    return [
        f"DNS MX, TXT {domain} (resolver)",
        f"DNS TXT _dmarc, _mta-sts, _smtp._tls, default._bimi, DKIM selectors of _domainkey {domain} (resolver)",
        f"DNS TLSA _25._tcp of {MOST_SERVERS} mail servers at most (resolver)",
        f"GET https://mta-sts.{domain}{announced.PATH}, once, if MTA-STS is announced",
        f"DNS of its SPF record, {spf.MOST_QUERIES} queries at most (resolver)",
        f"SMTP port 25, banner, EHLO, STARTTLS and one TLS hello, once per address of {MOST_SERVERS} mail servers at most",
    ]


async def look(target: Target, wire: Wire) -> AsyncIterator[Observation]:
    """Facts of one mail domain, parts in a fixed order. At most `MOST_QUERIES` queries."""
    this = Look(wire, target.host.rstrip(".").lower(), Deadline.after(wire.seconds()))
    parts: tuple[tuple[Awaitable[list[Observation]], tuple[str, ...]], ...] = (
        (_spf(this), ("mail.spf.*",)),
        (_dmarc(this), ("mail.dmarc.*",)),
        (announced.mta_sts(this), ("mail.mta_sts",)),
        (announced.mta_sts_policy(this), ("mail.mta_sts_policy",)),
        (announced.tls_rpt(this), ("mail.tls_rpt",)),
        (_mx(this), ("mail.mx", "mail.null_mx", "mail.shared_domain", *_STARTTLS)),
        (dane.tlsa(this), dane.FACTS),
        (dkim.keys(this, target), dkim.FACTS),
        (announced.bimi(this), ("mail.bimi",)),
    )
    tasks = [asyncio.ensure_future(or_gaps(part, facts)) for part, facts in parts]
    try:
        for task in tasks:
            for observation in await task:
                yield observation
    finally:
        for task in tasks:
            task.cancel()


# ------------------------------------------------------------------------------------------------------ DNS records


async def _spf(this: Look) -> list[Observation]:
    where = f"TXT {this.domain}"
    found = [text for text in await this.texts(this.domain) if spf.is_spf(text)]
    seen: list[Observation] = [Seen("mail.spf.records", len(found), where=where)]
    if len(found) != 1:
        error = [f"{len(found)} SPF records"] if found else ["no SPF record"]
        seen += [Seen("mail.spf.valid", False, where=where), Seen("mail.spf.errors", error, where=where)]
        if found:
            several = (Why.MALFORMED, "several SPF records: none is in force")
            return seen + [
                Missed(f"mail.spf.{fact}", *several) for fact in ("record", "all", "effective_all", "lookups")
            ]
        return seen + [Seen(f"mail.spf.{fact}", "none", where=where) for fact in ("all", "effective_all")]
    record = spf.parse(found[0])
    tree = spf.Tree(this.texts, this.is_void)
    await tree.grow(this.domain, record)
    seen += [
        Seen("mail.spf.record", found[0][:MOST_TEXT], where=where),
        Seen("mail.spf.all", record.all, where=where),
        Seen("mail.spf.tree", tree.nodes, where=where),
    ]
    return seen + _spf_tree(tree, f"{where} and its includes")


def _spf_tree(tree: spf.Tree, where: str) -> list[Observation]:
    """What is already wrong stays wrong whatever could not be followed; what is right needs the whole tree."""
    seen: list[Observation] = []
    for fact, value, proved in (
        ("mail.spf.effective_all", tree.all, tree.all != "redirect"),
        ("mail.spf.lookups", tree.lookups, tree.lookups > spf.MOST_LOOKUPS),
        ("mail.spf.valid", not tree.errors, bool(tree.errors)),
        ("mail.spf.errors", tree.errors, bool(tree.errors)),
    ):
        if tree.open is None or proved:
            seen.append(Seen(fact, value, where=where))
        else:
            seen.append(Missed(fact, tree.open.why, tree.open.detail))
    return seen


async def _dmarc(this: Look) -> list[Observation]:
    found = await dmarc.discover(this.domain, this.texts)
    where = f"TXT _dmarc.{found.domain or this.domain}"
    record = found.record
    seen: list[Observation] = [
        Seen("mail.dmarc.records", found.count, where=where),
        Seen("mail.dmarc.valid", not found.errors, where=where),
        Seen("mail.dmarc.errors", list(found.errors), where=where),
        Seen("mail.dmarc.rua", bool(record and record.rua), where=where),
    ]
    if found.count:
        seen.append(Seen("mail.dmarc.record", found.text[:MOST_TEXT], where=where))
    if record is None:
        return seen
    where = f"TXT _dmarc.{found.source}"
    seen += [
        Seen("mail.dmarc.domain", found.source, where=where),
        Seen("mail.dmarc.testing", record.tags.get("t", "n").lower() == "y", where=where),
    ]
    seen += await or_gaps(_policy(this, record, found.source), ["mail.dmarc.policy"])
    return seen + await or_gaps(_authorised(this, record, found.source), ["mail.dmarc.rua_authorised"])


async def _policy(this: Look, record: dmarc.Record, source: str) -> list[Observation]:
    """The policy for this domain. Whether a name below its organisation exists matters only beside np=."""
    exists = True
    if source != this.domain and "np" in record.tags:
        answer = await names.ask(this.wire, this.domain, "MX", this.deadline, budget=this.budget)
        exists = answer.rcode() != dns.rcode.NXDOMAIN
    policy = record.policy(subdomain=source != this.domain, exists=exists)
    return [Seen("mail.dmarc.policy", policy, where=f"TXT _dmarc.{source}")] if policy else []


async def _authorised(this: Look, record: dmarc.Record, source: str) -> list[Observation]:
    """Whether each outside host accepts the reports it would get (RFC 9990 section 4); no fact when all are at home."""
    outside = record.outside(source)[:MOST_SERVERS]
    refusing = []
    for host in outside:
        texts = await this.texts(f"{source}._report._dmarc.{host}")
        if not any(dmarc.is_dmarc(text) for text in texts):
            refusing.append(host)
    where = f"TXT {source}._report._dmarc.{(refusing or outside or [''])[0]}"
    return [Seen("mail.dmarc.rua_authorised", not refusing, where=where)] if outside else []


# -------------------------------------------------------------------------------------------------------- mail servers


async def _mx(this: Look) -> list[Observation]:
    hosts, null = await this.mail_servers()
    where = f"MX {this.domain}" + (f" (first {MOST_LISTED} of {len(hosts)})" if len(hosts) > MOST_LISTED else "")
    seen: list[Observation] = [
        Seen("mail.mx", hosts[:MOST_LISTED], where=where),
        Seen("mail.null_mx", null, where=where),
        Seen("mail.shared_domain", providers.is_shared(this.domain), where="list of providers"),
    ]
    asked = hosts[:MOST_SERVERS]
    seen += await or_gaps(_dangling(this, asked), ["mail.dangling"])
    share = f" ({len(asked)} of {len(hosts)} mail servers)" if len(hosts) > len(asked) else ""
    for part in await asyncio.gather(*(_server(this, host, share) for host in asked)):
        seen += part
    return seen


async def _dangling(this: Look, hosts: list[str]) -> list[Observation]:
    """Mail servers whose name is proved not to exist (NXDOMAIN): whoever may register it receives the mail."""
    settings = this.wire.settings
    found = []
    for host in hosts:
        if (host, 25) in settings.resolve or (host, 25) in settings.connect_to:
            continue  # pinned on the command line
        answer = await names.ask(this.wire, host, "A", this.deadline, budget=this.budget)
        if answer.rcode() == dns.rcode.NXDOMAIN and not answer.answer:
            found.append(host)
    return [Seen("mail.dangling", found, where=f"A of {', '.join(hosts)}")] if hosts else []


async def _server(this: Look, host: str, share: str) -> list[Observation]:
    """STARTTLS of every address of one mail server, one after the other."""
    try:
        endpoints = await names.endpoints(this.wire, host, 25, this.deadline, budget=this.budget)
    except Unseen as problem:
        return [Missed(fact, problem.why, f"{host}: {problem.detail}") for fact in _STARTTLS]
    return [observation for endpoint in endpoints for observation in await _starttls(this, host, endpoint, share)]


async def _starttls(this: Look, host: str, endpoint: Endpoint, share: str) -> list[Observation]:
    address = endpoint.address
    try:
        session = await smtp.session(this.wire, host, endpoint, this.deadline)
    except Unseen as problem:
        detail = f"{host}: {problem.detail}"
        return [Missed(fact, problem.why, detail, address) for fact in _STARTTLS]
    seen: list[Observation] = [
        Seen("mail.starttls", session.starttls, address, f"SMTP {host}:{endpoint.port} {session.where}{share}")
    ]
    if session.version:
        seen.append(Seen("mail.starttls_version", session.version, address, f"SMTP {host}:{endpoint.port} TLS hello"))
    elif session.no_version:
        why = session.no_version
        seen.append(Missed("mail.starttls_version", why.why, f"{host}: {why.detail}", address))
    return seen
