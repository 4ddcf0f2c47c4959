# SPDX-License-Identifier: EUPL-1.2
"""Which addresses may be contacted. The wire asks before every connection; nothing here opens anything."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

# Python's is_global lets NAT64, 6to4 and multicast through, and changed between releases: our own table.
_NOT_GLOBAL_V4 = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24
192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
"""
_NOT_GLOBAL_V6 = """
::/96 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16
fc00::/7 fe80::/10 fec0::/10 ff00::/8
"""
# Not even with --internal: nobody's service is there, and the metadata of a cloud answers to whoever asks.
_NEVER_ANY = "0.0.0.0/8 169.254.169.254/32 224.0.0.0/4 255.255.255.255/32 ::/128 fd00:ec2::254/128 ff00::/8"

_NOT_GLOBAL = tuple(ipaddress.ip_network(net) for net in (_NOT_GLOBAL_V4 + _NOT_GLOBAL_V6).split())
_NEVER = tuple(ipaddress.ip_network(net) for net in _NEVER_ANY.split())
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _inner(address: Address) -> Address:
    """The IPv4 address hidden in a mapped, 6to4 or NAT64 form, else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if any(address in net for net in _NAT64):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


@lru_cache(maxsize=4096)
def forbidden(address: str, *, internal: bool) -> str:
    """Why an address may not be contacted, or "" when it may. A non-global address needs ``internal``."""
    try:
        outer = ipaddress.ip_address(address)
    except ValueError:
        return f"{address}: not an address"
    forms = (outer, _inner(outer))
    if any(form in net for form in forms for net in _NEVER if form.version == net.version):
        return f"{address}: never a target"
    if not internal and any(form in net for form in forms for net in _NOT_GLOBAL if form.version == net.version):
        return f"{address}: not a global address (--internal allows it)"
    return ""


@lru_cache(maxsize=4096)
def is_loopback(address: str) -> bool:
    """True for 127.0.0.0/8 and ::1, in whatever form they hide."""
    try:
        return _inner(ipaddress.ip_address(address)).is_loopback
    except ValueError:
        return False
