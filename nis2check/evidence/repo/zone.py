# SPDX-License-Identifier: EUPL-1.2
"""Reads DNS zone files: what the zone will say to the dns and mail probes once it is served, with its lines.

A zone is the authority on its own names, so that what it does not hold is absent. What lies beyond (a delegation, an alias out of
the zone, a wildcard, an $INCLUDE) is not settled by the file.
"""

from __future__ import annotations

import re
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.model import FactSpec, Json, Kind, Why

if TYPE_CHECKING:
    import dns.name
    import dns.rdata
    import dns.zone

NAME = "zone"
FACTS = (
    FactSpec("dns.exists", "boolean", "", "The zone is made here: its name exists once it is served."),
    FactSpec("dns.name_servers", "array", "", "NS records of the zone, sorted."),
    FactSpec("dns.caa", "array", "", "CAA records of the zone's own name: flags, tag, value."),
    FactSpec("dns.caa_present", "boolean", "", "There is one."),
    FactSpec("mail.mx", "array", "", "Mail servers in order of preference."),
    FactSpec("mail.null_mx", "boolean", "", "The domain says that it takes no mail."),
    FactSpec("mail.spf.records", "integer", "records", "TXT records that start with v=spf1."),
    FactSpec("mail.spf.record", "string", "", "The SPF record, when there is one only."),
    FactSpec("mail.spf.all", "string", "", "Its last word."),
    FactSpec("mail.spf.lookups", "integer", "look-ups", "When nothing of its tree lies outside the zone."),
    FactSpec("mail.spf.valid", "boolean", "", "One record, without permanent error."),
    FactSpec("mail.dmarc.records", "integer", "records", "DMARC records of the domain."),
    FactSpec("mail.dmarc.record", "string", "", "The DMARC record."),
    FactSpec("mail.dmarc.policy", "string", "", "none, quarantine or reject."),
    FactSpec("mail.dmarc.rua", "boolean", "", "The record names an address for aggregate reports."),
    FactSpec("mail.dmarc.valid", "boolean", "", "One record, without syntax error."),
    FactSpec("mail.mta_sts", "boolean", "", "An MTA-STS record is in the zone."),
    FactSpec("mail.tls_rpt", "boolean", "", "A TLS-RPT record is in the zone."),
)

MOST_TEXT = 2048

_BY_NAME = re.compile(r"\.zone\Z|(?:^|/)db\.[^/]+\Z|(?:^|/)zones?/[^/]+\Z", re.IGNORECASE)
_LOOKS = re.compile(rb"(?:^|\s)SOA\s|^\$(?:ORIGIN|TTL)\s", re.IGNORECASE | re.MULTILINE)
_ORIGIN = re.compile(r"^\$ORIGIN[ \t]+(\S+)", re.IGNORECASE | re.MULTILINE)
_SOA_OWNER = re.compile(
    r"^([^\s$]\S*)[ \t]+(?:\d+\w*[ \t]+)?(?:IN[ \t]+)?(?:\d+\w*[ \t]+)?SOA\s", re.IGNORECASE | re.MULTILINE
)
_SOA = re.compile(r"(?:^|\s)SOA\s", re.IGNORECASE)
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\Z")
_INCLUDE = re.compile(r"^\$INCLUDE\b", re.IGNORECASE | re.MULTILINE)
_TEMPLATE = re.compile(r"\{\{|\{%|<%|\$\{")
_REVERSE = (".in-addr.arpa.", ".ip6.arpa.")

Found = Iterator[Read | Unread]


def matches(path: str, head: bytes) -> bool:
    """*.zone, db.*, zones/* whose first lines look like a zone, or whose name alone is known."""
    return _BY_NAME.search(path) is not None and (not head or _LOOKS.search(head) is not None)


def read(path: str, text: str) -> Found:
    """Facts and gaps of one zone."""
    if template := _TEMPLATE.search(_without_comments(text)):
        yield Unread("zone.*", Why.TEMPLATED, "the zone comes from a template", _line_at(text, template.start()))
        return
    import dns.exception
    import dns.zone

    origin = _origin(path, text)
    if origin is None:
        yield Unread("zone.*", Why.UNREADABLE, "no $ORIGIN and no full name before SOA: the zone's name is not known")
        return
    if origin.endswith(_REVERSE):
        return  # addresses to names: nothing of a domain
    try:
        zone = dns.zone.from_text(_own_text(text), origin=origin, relativize=False, check_origin=False)
    except (dns.exception.DNSException, ValueError, RecursionError) as error:
        yield Unread("zone.*", Why.MALFORMED, *_fault(error))
        return
    yield from _Zone(zone, text, whole=_INCLUDE.search(text) is None).facts()


def _origin(path: str, text: str) -> str | None:
    """The zone's name with its final dot: the SOA's owner, under $ORIGIN, or under the file's name without one."""
    code = _without_comments(text)
    start = _SOA.search(code)
    declared = _ORIGIN.search(code, 0, start.start() if start else len(code))
    owner = _SOA_OWNER.search(code)
    if owner and owner[1].endswith("."):
        return owner[1].lower()
    file = re.sub(r"\.(?:zone|db)\Z", "", path.rpartition("/")[2].lower()).removeprefix("db.")
    around = declared[1].lower().rstrip(".") if declared else file if _DOMAIN.match(file) else ""
    if not around:
        return None
    return f"{around}." if owner is None or owner[1] == "@" else f"{owner[1].lower()}.{around}."


def _own_text(text: str) -> str:
    """Without the files that it includes: nothing else is opened."""
    return _INCLUDE.sub(";$INCLUDE", text)


def _without_comments(text: str) -> str:
    return re.sub(r";[^\n]*", lambda comment: " " * len(comment[0]), text)


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _fault(error: Exception) -> tuple[str, int]:
    """What dnspython says, and the line that it names: ``<string>:12: …``."""
    place = re.search(r":(\d+): (.*)", str(error), re.DOTALL)
    return (f"not a zone: {place[2][:120]}", int(place[1])) if place else (f"not a zone: {type(error).__name__}", 1)


def _name(text: str) -> dns.name.Name:
    """Raises Unseen(malformed)."""
    import dns.exception
    import dns.name

    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, ValueError):
        raise Unseen(Why.MALFORMED, f"not a DNS name: {text[:80]!r}") from None


class _Zone:
    """One zone and the facts of its own name."""

    def __init__(self, zone: dns.zone.Zone, text: str, *, whole: bool) -> None:
        self._zone = zone
        self._lines = text.splitlines()
        self._whole = whole  # False: more records come from included files
        assert zone.origin is not None  # read() gives it
        self._origin: dns.name.Name = zone.origin
        self._domain = zone.origin.to_text(omit_final_dot=True).lower()

    def facts(self) -> Found:
        yield self._dns("dns.exists", True, self._line("SOA"))
        for part in (self._servers, self._caa, self._mail_servers, self._spf, self._dmarc, self._reports):
            try:
                yield from part()
            except Unseen as error:
                name, kind = _GAPS[part.__name__]
                yield Unread(name, error.why, error.detail, 1, self._domain, kind)

    def _dns(self, name: str, value: Json, line: int) -> Read:
        return Read(name, value, line, self._domain, Kind.DNS)

    def _mail(self, name: str, value: Json, line: int) -> Read:
        return Read(name, value, line, self._domain, Kind.MAIL)

    def _records(self, name: dns.name.Name, kind: str) -> list[dns.rdata.Rdata]:
        """The records of a name; [] only when the zone shows that there are none. Raises Unseen."""
        import dns.rdatatype

        node = self._zone.get_node(name)
        found = node.get_rdataset(self._zone.rdclass, dns.rdatatype.from_text(kind)) if node else None
        if found:
            return list(found)
        self._settled(name)
        return []

    def _settled(self, name: dns.name.Name) -> None:
        """Raise Unseen when what this file holds does not show that a name lacks a record."""
        import dns.name
        import dns.rdatatype

        if not self._whole:
            raise Unseen(Why.UNREADABLE, "records may be in a file that $INCLUDE names: not read")
        if not name.is_subdomain(self._origin):
            raise Unseen(
                Why.NOT_ASKED, f"{name.to_text(omit_final_dot=True)[:100]} is outside this zone: nobody was asked"
            )
        node = self._zone.get_node(name)
        if node and node.get_rdataset(self._zone.rdclass, dns.rdatatype.CNAME):
            raise Unseen(Why.NOT_ASKED, f"{name.to_text(omit_final_dot=True)[:100]} is an alias: nobody was asked")
        while name != self._origin:
            node = self._zone.get_node(name)
            if node and node.get_rdataset(self._zone.rdclass, dns.rdatatype.NS):
                raise Unseen(Why.NOT_ASKED, f"{name.to_text(omit_final_dot=True)[:100]} is delegated: nobody was asked")
            name = name.parent()
            if self._zone.get_node(dns.name.Name((b"*", *name.labels))):
                raise Unseen(Why.NOT_ASKED, f"a wildcard below {name.to_text(omit_final_dot=True)[:100]} may answer")

    def _texts(self, name: str) -> tuple[str, ...]:
        records = self._records(_name(name), "TXT")
        return tuple(sorted(b"".join(getattr(one, "strings", ())).decode("utf-8", "replace") for one in records))

    def _line(self, *words: str) -> int:
        """The first line that holds all the words, outside comments; 1 without."""
        wanted = [re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])", re.IGNORECASE) for word in words]
        for number, line in enumerate(self._lines, 1):
            code = line if '"' in line else line.partition(";")[0]
            if all(word.search(code) for word in wanted):
                return number
        return 1

    # ------------------------------------------------------------------------------------------------------- facts

    def _servers(self) -> Found:
        records = self._records(self._origin, "NS")
        listed = sorted({getattr(one, "target").to_text(omit_final_dot=True).lower() for one in records})  # noqa: B009 - typed as the base of all rdata
        if listed:
            yield self._dns("dns.name_servers", listed, self._line("NS"))

    def _caa(self) -> Found:
        values: list[dict[str, Json]] = [
            {
                "flags": int(getattr(one, "flags")),  # noqa: B009 - rdata are typed as their base
                "tag": getattr(one, "tag").decode("utf-8", "replace")[:255],  # noqa: B009 - typed as the base of all rdata
                "value": getattr(one, "value").decode("utf-8", "replace")[:255],  # noqa: B009 - typed as the base of all rdata
            }
            for one in self._records(self._origin, "CAA")
        ]
        if not values and len(self._origin.labels) > 3:  # RFC 8659 climbs: a parent may hold one
            raise Unseen(Why.NOT_ASKED, "none here, and the parent domain may have one: nobody was asked")
        line = self._line("CAA") if values else self._line("SOA")
        yield self._dns("dns.caa", sorted(values, key=lambda value: (value["tag"], value["value"])), line)
        yield self._dns("dns.caa_present", bool(values), line)

    def _mail_servers(self) -> Found:
        found = sorted(
            (getattr(one, "preference"), getattr(one, "exchange").to_text(omit_final_dot=True).lower())  # noqa: B009 - typed as the base of all rdata
            for one in self._records(self._origin, "MX")
        )
        hosts = list(dict.fromkeys(host for _preference, host in found if host not in {"", ".", "@"}))
        line = self._line("MX") if found else self._line("SOA")
        yield self._mail("mail.mx", hosts, line)
        yield self._mail("mail.null_mx", len(found) == 1 and not hosts, line)

    def _spf(self) -> Found:
        from nis2check.evidence.net.mail import spf

        found = [text for text in self._texts(self._domain) if spf.is_spf(text)]
        line = self._line("v=spf1") if found else self._line("SOA")
        yield self._mail("mail.spf.records", len(found), line)
        if len(found) != 1:
            yield self._mail("mail.spf.valid", False, line)
            if not found:
                yield self._mail("mail.spf.all", "none", line)
            return
        record = spf.parse(found[0])
        yield self._mail("mail.spf.record", found[0][:MOST_TEXT], line)
        yield self._mail("mail.spf.all", record.all, line)
        tree = spf.Tree(self._texts_later, self._void_later)
        _run_at_once(tree.grow(self._domain, record))
        if tree.open is None or tree.errors:
            yield self._mail("mail.spf.valid", not tree.errors, line)
        if tree.open is None or tree.lookups > spf.MOST_LOOKUPS:
            yield self._mail("mail.spf.lookups", tree.lookups, line)
        if tree.open is not None:
            for name, said in (("valid", bool(tree.errors)), ("lookups", tree.lookups > spf.MOST_LOOKUPS)):
                if not said:
                    yield Unread(f"mail.spf.{name}", tree.open.why, tree.open.detail, line, self._domain, Kind.MAIL)

    async def _texts_later(self, name: str) -> tuple[str, ...]:
        return self._texts(name)  # the tree of look-ups is written for the network; here the zone answers at once

    async def _void_later(self, name: str, kind: str) -> bool:
        return not self._records(_name(name), kind)

    def _dmarc(self) -> Found:
        from nis2check.evidence.net.mail import dmarc

        found = [text for text in self._texts(f"_dmarc.{self._domain}") if dmarc.is_dmarc(text)]
        if not found and len(self._origin.labels) > 3:  # RFC 9989 walks up: a parent may hold the policy
            raise Unseen(Why.NOT_ASKED, "none here, and the parent domain may have one: nobody was asked")
        line = self._line("_dmarc") if found else self._line("SOA")
        yield self._mail("mail.dmarc.records", len(found), line)
        record = dmarc.parse(found[0]) if len(found) == 1 else None
        yield self._mail("mail.dmarc.valid", record is not None and not record.errors, line)
        yield self._mail("mail.dmarc.rua", bool(record and record.rua), line)
        if record is not None:
            yield self._mail("mail.dmarc.record", found[0][:MOST_TEXT], line)
            if policy := record.policy(subdomain=False, exists=True):
                yield self._mail("mail.dmarc.policy", policy, line)

    def _reports(self) -> Found:
        for name, prefix, version, field in (
            ("mail.mta_sts", "_mta-sts", "v=STSv1;", "id="),
            ("mail.tls_rpt", "_smtp._tls", "v=TLSRPTv1;", "rua="),
        ):
            try:
                found = [text for text in self._texts(f"{prefix}.{self._domain}") if text.startswith(version)]
            except Unseen as error:
                yield Unread(name, error.why, error.detail, 1, self._domain, Kind.MAIL)
                continue
            good = len(found) == 1 and any(part.strip().startswith(field) for part in found[0].split(";"))
            yield self._mail(name, good, self._line(prefix) if found else self._line("SOA"))


_GAPS = {
    "_servers": ("dns.name_servers", Kind.DNS),
    "_caa": ("dns.caa_present", Kind.DNS),
    "_mail_servers": ("mail.mx", Kind.MAIL),
    "_spf": ("mail.spf.*", Kind.MAIL),
    "_dmarc": ("mail.dmarc.*", Kind.MAIL),
    "_reports": ("mail.tls_rpt", Kind.MAIL),
}


def _run_at_once(coroutine: Coroutine[None, None, None]) -> None:
    """Drive a coroutine whose answers are all at hand: it never waits, so one step ends it and no loop is needed."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise RuntimeError("a reader waits for nothing")
