# SPDX-License-Identifier: EUPL-1.2
"""Which ports the firewalls of each cloud open to the whole Internet, brought to one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nis2check.evidence.port_numbers import DEFAULT_PORTS, class_of
from nis2check.evidence.repo.terraform.ledger import Ledger, Said
from nis2check.evidence.repo.terraform.settings import EVERYWHERE
from nis2check.evidence.repo.terraform.values import Block, Configuration, Value, word
from nis2check.model import Json

CONCERN = "open_ports"

_LAST_PORT = 65535
_SYSLOG = 514  # over TCP; rsh, which the table of ports knows there, is gone from clouds
_ALL_PORTS = 60_000  # a range as wide says "every port"
_TCP = frozenset({"tcp", "6", "tcp_udp"})
_EVERY_PROTOCOL = frozenset({"all", "any", "*", ""})
_OTHER_PROTOCOLS = frozenset(
    {"udp", "17", "icmp", "icmpv6", "ipv6-icmp", "1", "58", "esp", "ah", "50", "51", "gre", "sctp", "ipip"}
)
_EVERY_SOURCE = EVERYWHERE | {"*", "Internet", "internet", "Any", "any"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a block of one type keeps the parts of a rule. Paths are within ``rules`` ("" : the resource itself)."""

    rules: str
    sources: tuple[str, ...]
    ports: Callable[[Value], Iterator[Value | tuple[Value, Value] | None]]
    protocol: str
    allowed: tuple[tuple[str, str], ...] = ()  # what the rule must say to let in: access = Allow, direction = Inbound
    no_source_is_all: bool = False  # documented, when none of ``groups`` is set either
    groups: tuple[str, ...] = ()
    no_protocol: str = "tcp"  # what is meant when none is given


def _pair(low: str, high: str) -> Callable[[Value], Iterator[Value | tuple[Value, Value] | None]]:
    """Ports as two settings; None when neither is set: every port."""

    def ports(rule: Value) -> Iterator[Value | tuple[Value, Value] | None]:
        first, last = rule.one(low), rule.one(high)
        if first is None and last is None:
            yield None
        else:
            yield (first or last or rule, last or first or rule)

    return ports


def _ranges(*paths: str) -> Callable[[Value], Iterator[Value | tuple[Value, Value] | None]]:
    """Ports as a list of "22" and "1000-2000"; None when there is none."""

    def ports(rule: Value) -> Iterator[Value | tuple[Value, Value] | None]:
        found: list[Value | None] = [value for path in paths for value in rule.each(path)]
        yield from found or [None]

    return ports


_AWS = _pair("from_port", "to_port")
_AZURE = Shape(
    "",
    ("source_address_prefix", "source_address_prefixes"),
    _ranges("destination_port_range", "destination_port_ranges"),
    "protocol",
    (("access", "allow"), ("direction", "inbound")),
)
_AWS_GROUP = Shape("ingress", ("cidr_blocks", "ipv6_cidr_blocks"), _AWS, "protocol")
_SCALEWAY = Shape(
    "inbound_rule",
    ("ip", "ip_range"),
    _ranges("port", "port_range"),
    "protocol",
    (("action", "accept"),),
    no_source_is_all=True,
)

SHAPES: dict[str, tuple[Shape, ...]] = {
    "aws_security_group": (_AWS_GROUP,),
    "aws_default_security_group": (_AWS_GROUP,),
    "aws_security_group_rule": (
        Shape("", ("cidr_blocks", "ipv6_cidr_blocks"), _AWS, "protocol", (("type", "ingress"),)),
    ),
    "aws_vpc_security_group_ingress_rule": (Shape("", ("cidr_ipv4", "cidr_ipv6"), _AWS, "ip_protocol"),),
    "azurerm_network_security_rule": (_AZURE,),
    "azurerm_network_security_group": (
        Shape("security_rule", _AZURE.sources, _AZURE.ports, _AZURE.protocol, _AZURE.allowed),
    ),
    "openstack_networking_secgroup_rule_v2": (
        Shape(
            "",
            ("remote_ip_prefix",),
            _pair("port_range_min", "port_range_max"),
            "protocol",
            (("direction", "ingress"),),
            no_source_is_all=True,
            groups=("remote_group_id", "remote_address_group_id"),
            no_protocol="",
        ),
    ),
    "ovh_cloud_security_group": (
        Shape(
            "rule",
            ("remote_ip_prefix",),
            _pair("port_range_min", "port_range_max"),
            "protocol",
            (("direction", "ingress"),),
            no_source_is_all=True,
            groups=("remote_group_id",),
            no_protocol="",
        ),
    ),
    "openstack_compute_secgroup_v2": (Shape("rule", ("cidr",), _AWS, "ip_protocol"),),
    "outscale_security_group_rule": (
        Shape(
            "",
            ("ip_range",),
            _pair("from_port_range", "to_port_range"),
            "ip_protocol",
            (("flow", "inbound"),),
            no_protocol="",
        ),
        Shape("rules", ("ip_ranges",), _pair("from_port_range", "to_port_range"), "ip_protocol", no_protocol=""),
    ),
    "exoscale_security_group_rule": (
        Shape("", ("cidr",), _pair("start_port", "end_port"), "protocol", (("type", "ingress"),)),
    ),
    "hcloud_firewall": (Shape("rule", ("source_ips",), _ranges("port"), "protocol", (("direction", "in"),)),),
    "digitalocean_firewall": (Shape("inbound_rule", ("source_addresses",), _ranges("port_range"), "protocol"),),
    "scaleway_instance_security_group": (_SCALEWAY,),
    "scaleway_instance_security_group_rules": (_SCALEWAY,),
}

# google_compute_firewall allows several protocols of one rule: read apart.
TYPES = frozenset(SHAPES) | {"google_compute_firewall"}


def note(configuration: Configuration, ledger: Ledger) -> None:
    """Every port opened to the Internet by each rule that lets in."""
    for block in configuration.of_kind("resource"):
        if block.type == "google_compute_firewall":
            _google(block, ledger)
        for shape in SHAPES.get(block.type, ()):
            for rule in block.body.find(shape.rules) if shape.rules else [block.body]:
                for one in rule.flat():
                    _rule(shape, one, block, ledger)


def _rule(shape: Shape, rule: Value, block: Block, ledger: Ledger) -> None:
    if rule.unknown:
        ledger.untold(CONCERN, block, shape.rules or "a rule", rule)
        return
    verdicts = [_says(rule, path, wanted) for path, wanted in shape.allowed]
    protocol = rule.one(shape.protocol)
    if False in verdicts or (protocol is not None and word(protocol.scalar).lower() in _OTHER_PROTOCOLS):
        ledger.fits(CONCERN)
        return
    source = _source(shape, rule, block, ledger)
    if source is None:
        return
    if None in verdicts or (protocol is not None and protocol.unknown):
        ledger.untold(CONCERN, block, "the direction or the protocol", _first_unknown(shape, rule) or rule)
        return
    name = shape.no_protocol if protocol is None else word(protocol.scalar).lower()
    if name == "-1":  # its ports do not count
        _opened(0, _LAST_PORT, source, block, ledger)
    elif name in _TCP or name in _EVERY_PROTOCOL:
        for ports in shape.ports(rule):
            _ports(ports, source, block, ledger)


def _says(rule: Value, path: str, wanted: str) -> bool | None:
    """None: not told. A direction that is not given is the one that lets in for no cloud: the provider refuses it."""
    value = rule.one(path)
    if value is None or value.unknown:
        return None
    return word(value.scalar).lower() == wanted


def _first_unknown(shape: Shape, rule: Value) -> Value | None:
    values = [rule.one(path) for path in (*(path for path, _wanted in shape.allowed), shape.protocol)]
    return next((value for value in values if value is not None and value.unknown), None)


def _source(shape: Shape, rule: Value, block: Block, ledger: Ledger) -> Value | None:
    """The source that is the whole Internet, None without; a source that is not told is written as such."""
    values = [value for path in shape.sources for value in rule.each(path)]
    for value in values:
        if not value.unknown and word(value.scalar) in _EVERY_SOURCE:
            return value
    unknown = next((value for value in values if value.unknown), None)
    if unknown is not None:
        ledger.untold(CONCERN, block, "a source", unknown)
        return None
    if not values and shape.no_source_is_all and not any(rule.find(group) for group in shape.groups):
        return rule
    ledger.fits(CONCERN)
    return None


def _ports(ports: Value | tuple[Value, Value] | None, source: Value, block: Block, ledger: Ledger) -> None:
    if ports is None:
        _opened(0, _LAST_PORT, source, block, ledger)
        return
    pair = ports if isinstance(ports, tuple) else (ports, ports)
    unknown = next((one for one in pair if one.unknown), None)
    if unknown is not None:
        ledger.untold(CONCERN, block, "a port", unknown)
        return
    words = [word(one.scalar) for one in pair]
    first, last = _range(words[0])[0], _range(words[1])[1]
    if first is not None and last is not None:
        _opened(first, last, source, block, ledger)


def _range(text: str) -> tuple[int | None, int | None]:
    """One port, a range (1000-2000), or every port: ``*`` of Azure, -1 of Outscale."""
    if text.lower() in {"*", "any", "all", "-1"}:
        return 0, _LAST_PORT
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()) or len(text) > 11:
        return None, None
    return int(first), int(last or first)


def _opened(first: int, last: int, source: Value, block: Block, ledger: Ledger) -> None:
    """One item for every port together, else one for each class that the range holds."""
    said = Said.VARIABLE if source.by_default else Said.HERE
    found: dict[str, int] = {}
    if last - first >= _ALL_PORTS:
        found["all"] = 0
    elif first == last:
        found["other" if first == _SYSLOG else class_of(first)] = first
    else:
        for port in DEFAULT_PORTS:
            if first <= port <= last and port != _SYSLOG:
                found.setdefault(class_of(port), port)
        found = found or {"other": first}
    for kind, port in found.items():
        shown: dict[str, Json] = {"port": port, "from": first, "to": last, "class": kind}
        ledger.offends(CONCERN, block, source.line, said, **shown)


def _google(block: Block, ledger: Ledger) -> None:
    """A firewall of Google Cloud: ``allow`` blocks for one set of sources; without direction it lets in (documented)."""
    direction, disabled = block.body.one("direction"), block.body.one("disabled")
    if (direction is not None and word(direction.scalar).upper() == "EGRESS") or (
        disabled is not None and disabled.scalar is True
    ):
        ledger.fits(CONCERN)
        return
    shape = Shape("", ("source_ranges",), _ranges("ports"), "protocol")
    tags = block.body.find("source_tags") + block.body.find("source_service_accounts")
    if not block.body.find("source_ranges") and not tags and block.body.find("allow"):
        source: Value | None = block.body  # documented: without source, every address
    else:
        source = _source(shape, block.body, block, ledger)
    if source is None:
        return
    for allow in block.body.each("allow"):
        if allow.unknown:
            ledger.untold(CONCERN, block, "allow", allow)
            continue
        name = allow.text("protocol").lower()
        if name == "all":
            _opened(0, _LAST_PORT, source, block, ledger)
        elif name in _TCP:
            for ports in _ranges("ports")(allow):
                _ports(ports, source, block, ledger)
        else:
            ledger.fits(CONCERN)
