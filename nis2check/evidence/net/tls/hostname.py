# SPDX-License-Identifier: EUPL-1.2
"""Does a certificate name a host? RFC 9525: only subjectAltName counts, and a wildcard stands for exactly one label."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def a_label(host: str) -> str:
    """The name as it goes on the wire: lower case, no final dot, IDN as A-labels; "" when it is no host name."""
    text = host.strip().rstrip(".").lower()
    try:
        return text.encode("idna").decode("ascii") if not text.isascii() else text
    except UnicodeError:
        return ""


def literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, or None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def matches_name(host: str, pattern: str) -> bool:
    """``host`` is an A-label name. ``*`` must be the whole leftmost label, and must not stand before a top-level domain."""
    wanted, offered = host.split("."), pattern.rstrip(".").lower().split(".")
    if len(wanted) != len(offered) or not all(offered):
        return False
    if offered[0] == "*":
        return len(offered) > 2 and wanted[1:] == offered[1:]
    return wanted == offered


def matches(host: str, names: Iterable[str], addresses: Iterable[str]) -> bool:
    """True when a certificate with these dNSName and iPAddress entries is for ``host``."""
    address = literal(host)
    if address is not None:
        return any(literal(entry) == address for entry in addresses)
    wanted = a_label(host)
    return bool(wanted) and any(matches_name(wanted, entry) for entry in names)
