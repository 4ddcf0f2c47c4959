# SPDX-License-Identifier: EUPL-1.2
"""DNS questions over the wire: dnspython builds and parses, the query loop and its honesty are ours.

Rules for this file: an empty answer is returned only when a server proved it (NOERROR without the type, or NXDOMAIN, complete);
time-outs, SERVFAIL, REFUSED, truncation that TCP does not mend and unfinished CNAME chains raise `Unseen`.
"""

from __future__ import annotations

from functools import lru_cache

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype

from nis2check.evidence.wire import Deadline, Endpoint, Wire

TRIES = 3
PAYLOAD = 1232  # EDNS buffer of DNS flag day 2020


@lru_cache(maxsize=1)
def _system() -> tuple[Endpoint, ...]:
    import dns.resolver

    try:
        configured = dns.resolver.Resolver()
    except dns.exception.DNSException:
        return ()
    return tuple(
        Endpoint(str(server), configured.port) for server in configured.nameservers if "://" not in str(server)
    )


def resolvers(wire: Wire) -> tuple[Endpoint, ...]:
    """The resolver of the command line, else the system's. It is ours, not a target: the guard does not apply to it."""
    return (wire.settings.resolver,) if wire.settings.resolver else _system()


async def ask(
    wire: Wire, name: str, kind: str, deadline: Deadline, *, servers: tuple[Endpoint, ...] = (), recurse: bool = True
) -> dns.message.Message:
    """The answer to one question, whole, from the first server that gives one. Raises Unseen."""
    raise NotImplementedError


async def records(wire: Wire, name: str, kind: str, deadline: Deadline) -> tuple[dns.rdata.Rdata, ...]:
    """The records of a name, CNAMEs followed; () only when their absence is proved."""
    raise NotImplementedError


async def endpoints(wire: Wire, host: str, port: int, deadline: Deadline) -> tuple[Endpoint, ...]:
    """Where to connect for ``host:port``: ``--connect-to``, ``--resolve``, a literal, or every A and AAAA (4 at most),
    each checked by the guard. Raises Unseen: unresolved, out_of_scope, timeout…"""
    raise NotImplementedError
