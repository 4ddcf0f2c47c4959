# SPDX-License-Identifier: EUPL-1.2
"""DNS records in Terraform files: what the live probes will see of a domain, where a whole record is written out.

Other files may hold more records of the same name, so that nothing is said to be missing, nor a record to be the only one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.observe import Read
from nis2check.evidence.repo.terraform.values import Block, Configuration, Value
from nis2check.model import FactSpec, Json, Kind

MOST_TEXT = 2048

FACTS = (
    FactSpec("dns.caa_present", "boolean", "", "A CAA record of the domain is written out."),
    FactSpec("mail.mx", "array", "", "Mail servers in order of preference, of a whole record set."),
    FactSpec("mail.null_mx", "boolean", "", "That set says that the domain takes no mail."),
    FactSpec("mail.spf.record", "string", "", "The SPF record."),
    FactSpec("mail.spf.all", "string", "", "Its last word."),
    FactSpec("mail.spf.valid", "boolean", "", "False: two records of one name, or a permanent error."),
    FactSpec("mail.dmarc.record", "string", "", "The DMARC record."),
    FactSpec("mail.dmarc.policy", "string", "", "none, quarantine or reject."),
    FactSpec("mail.dmarc.rua", "boolean", "", "The record names an address for aggregate reports."),
    FactSpec("mail.dmarc.valid", "boolean", "", "False: a syntax error."),
)

_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\Z")
_MX = re.compile(r"(\d{1,5})\s+(\S{1,253})\Z")


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a type keeps the zone, the name below it, the kind of record and its data. ``whole``: all records of the name."""

    zone: str
    name: str
    kind: str  # a path, or the kind itself after ``=``
    data: str
    whole: bool = True


_SHAPES = {
    "ovh_domain_zone_record": Shape("zone", "subdomain", "fieldtype", "target", whole=False),
    "scaleway_domain_record": Shape("dns_zone", "name", "type", "data", whole=False),
    "gandi_livedns_record": Shape("zone", "name", "type", "values"),
    "azurerm_dns_txt_record": Shape("zone_name", "name", "=TXT", "record.value"),
    "azurerm_dns_caa_record": Shape("zone_name", "name", "=CAA", "record.value"),
    "google_dns_record_set": Shape("", "name", "type", "rrdatas"),
    "openstack_dns_recordset_v2": Shape("", "name", "type", "records"),
    "aws_route53_record": Shape("", "name", "type", "records"),
}
_ZONES = frozenset({"aws_route53_zone"})
TYPES = frozenset(_SHAPES) | _ZONES
# OVHcloud has kinds of its own for these texts.
_TEXTS = frozenset({"TXT", "SPF", "DMARC"})


def reads(configuration: Configuration) -> Iterator[Read]:
    """Facts of every record that is written out."""
    zones = {
        block.body.text("name").lower().rstrip(".")
        for block in configuration.blocks
        if block.type in _ZONES and block.kind in {"resource", "data"}
    } - {""}
    spf: dict[str, list[tuple[str, int]]] = {}
    for block in configuration.of_kind("resource"):
        shape = _SHAPES.get(block.type)
        owner = _owner(block, shape, zones) if shape else None
        if shape is None or owner is None:
            continue
        kind = shape.kind[1:] if shape.kind.startswith("=") else block.body.text(shape.kind).upper()
        data = block.body.each(shape.data)
        if any(value.unknown or value.by_default for value in data):
            continue
        yield from _record(owner, kind, shape, data, spf)
    for domain, found in spf.items():
        yield from _spf(domain, found)


def _owner(block: Block, shape: Shape, zones: set[str]) -> str | None:
    """The full name of the record in lower case, None when it is not settled here."""
    name = block.body.one(shape.name)
    if name is not None and (name.unknown or name.by_default):
        return None
    own = str(name.scalar).lower() if name is not None else ""
    if shape.zone:
        zone = block.body.one(shape.zone)
        if zone is None or zone.unknown or zone.by_default:
            return None
        around = str(zone.scalar).lower().rstrip(".")
        return around if own in {"", "@"} else f"{own}.{around}"
    if own.endswith("."):
        return own[:-1]
    # Route 53 puts the zone behind a name that does not end in it: the zone must be known.
    return own if any(own == zone or own.endswith(f".{zone}") for zone in zones) else None


def _record(
    owner: str, kind: str, shape: Shape, data: list[Value], spf: dict[str, list[tuple[str, int]]]
) -> Iterator[Read]:
    from nis2check.evidence.net.mail import dmarc
    from nis2check.evidence.net.mail.spf import is_spf

    if kind == "CAA" and data and _DOMAIN.match(owner):
        yield Read("dns.caa_present", True, data[0].line, owner, Kind.DNS)
    elif kind == "MX" and shape.whole and data and _DOMAIN.match(owner):
        yield from _mail_servers(owner, data)
    elif kind in _TEXTS:
        for value in data:
            text = _joined(str(value.scalar))
            if is_spf(text) and _DOMAIN.match(owner):
                spf.setdefault(owner, []).append((text, value.line))
            elif dmarc.is_dmarc(text) and owner.startswith("_dmarc.") and _DOMAIN.match(owner.removeprefix("_dmarc.")):
                yield from _dmarc(owner.removeprefix("_dmarc."), text, value.line)


def _joined(text: str) -> str:
    """The text of strings in quotes: ``"v=spf1 " "-all"``; Route 53 joins with ``\\"\\"``."""
    if not text.startswith('"'):
        return text
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text[: 2 * MOST_TEXT])).replace('\\"', '"')


def _mail_servers(domain: str, data: list[Value]) -> Iterator[Read]:
    found = [_MX.match(str(value.scalar)) for value in data]
    if any(one is None for one in found):
        return
    pairs = sorted((int(one[1]), one[2].lower().rstrip(".")) for one in found if one is not None)
    hosts = list(dict.fromkeys(host for _preference, host in pairs if host))
    yield Read("mail.mx", hosts, data[0].line, domain, Kind.MAIL)
    yield Read("mail.null_mx", len(pairs) == 1 and not hosts, data[0].line, domain, Kind.MAIL)


def _spf(domain: str, found: list[tuple[str, int]]) -> Iterator[Read]:
    from nis2check.evidence.net.mail import spf

    text, line = found[0]

    def said(name: str, value: Json) -> Read:
        return Read(f"mail.spf.{name}", value, line, domain, Kind.MAIL)

    if len(found) > 1:
        yield said("valid", False)
        return
    record = spf.parse(text)
    yield said("record", text[:MOST_TEXT])
    yield said("all", record.all)
    if record.errors:
        yield said("valid", False)


def _dmarc(domain: str, text: str, line: int) -> Iterator[Read]:
    from nis2check.evidence.net.mail import dmarc

    record = dmarc.parse(text)
    said: dict[str, Json] = {"record": text[:MOST_TEXT], "rua": bool(record.rua)}
    if policy := record.policy(subdomain=False, exists=True):
        said["policy"] = policy
    if record.errors:
        said["valid"] = False
    for name, value in said.items():
        yield Read(f"mail.dmarc.{name}", value, line, domain, Kind.MAIL)
