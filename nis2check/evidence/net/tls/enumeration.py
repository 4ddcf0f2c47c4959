# SPDX-License-Identifier: EUPL-1.2
"""Every suite of every version: offer at most 64, take out the one that was chosen, until the rest is refused.

So a server costs as many connections as it has suites, and one per chunk; not one per suite that exists.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from nis2check.evidence.net.tls import plan, suites
from nis2check.evidence.net.tls.conversation import Conversation
from nis2check.evidence.net.tls.groups import reason
from nis2check.evidence.net.tls.hello import Hello, Wanted
from nis2check.evidence.net.tls.tables import TLS12, TLS13, version_name
from nis2check.evidence.net.tls.versions import Versions
from nis2check.evidence.observe import Unseen
from nis2check.model import Why


@dataclass(slots=True)
class _Part:
    """One chunk of one version: what is still offered, what was accepted, in that order."""

    version: int
    left: list[int]
    accepted: list[int] = field(default_factory=list)
    trouble: Unseen | None = None


@dataclass(frozen=True, slots=True)
class Suites:
    """Version → names of the suites accepted. ``unknown`` says why there may be more."""

    accepted: dict[str, list[str]]
    unknown: Unseen | None


async def find(talk: Conversation, versions: Versions) -> Suites:
    """Ask every suite of every version, with ``full`` only. What was seen before a limit is kept."""
    if not talk.wire.settings.full:
        return Suites({}, Unseen(Why.NOT_ASKED, "every suite is asked with --full"))
    parts = [part for version in versions.accepted for part in _parts(version)]
    await asyncio.gather(*(_exhaust(talk, part) for part in parts))
    trouble = next((part.trouble for part in parts if part.trouble is not None), None)
    if versions.unknown:
        trouble = trouble or Unseen(Why.NOT_ASKED, "not every version could be told")
    accepted = {
        version_name(version): [
            suites.name(code) for part in parts if part.version == version for code in part.accepted
        ]
        for version in versions.accepted
    }
    return Suites(accepted, trouble)


def candidates(version: int) -> tuple[int, ...]:
    """Every suite that a version may negotiate, those of public servers first."""
    if version == TLS13:
        return plan.SUITES_TLS13
    first = plan.public_suites(version)
    rest = (code for code in suites.NAMES if code not in suites.TLS13 and code not in first)
    return first + tuple(code for code in rest if version == TLS12 or not suites.since_tls12(code))


def _parts(version: int) -> list[_Part]:
    """Chunks of one kind of key exchange each. A server that chooses DHE without having parameters for it (Dovecot without
    ssl_dh) breaks off: offered together, its DHE would hide all else that it accepts."""
    kinds: dict[str, list[int]] = {}
    for code in candidates(version):
        kinds.setdefault(_key_exchange(code), []).append(code)
    return [
        _Part(version, some[at : at + plan.MOST_SUITES])
        for some in kinds.values()
        for at in range(0, len(some), plan.MOST_SUITES)
    ]


def _key_exchange(code: int) -> str:
    word = suites.name(code)
    if word.startswith(("TLS_ECDHE_", "TLS_ECDH_anon_")):
        return "ECDHE"
    return "DHE" if word.startswith(("TLS_DHE_", "TLS_DH_anon_", "TLS_PSK_DHE_")) else ""


def _hello(part: _Part) -> Hello:
    name = f"suites left: {len(part.left)} from {suites.name(part.left[0])}"
    if part.version == TLS13:
        return replace(plan.TLS13_EMPTY, name=f"TLSv1.3, {name}", suites=tuple(part.left), refuses=())
    diffie_hellman = any("DHE" in suites.classes(code) for code in part.left)  # its prime is read on the way
    wanted = Wanted.KEY_EXCHANGE if diffie_hellman else Wanted.SERVER_HELLO
    return plan.narrowed(part.version, tuple(part.left), name, wanted)


async def _exhaust(talk: Conversation, part: _Part) -> None:
    while part.left:
        answer = await talk.ask(_hello(part))
        if answer.server is None:
            if not answer.refuses_the_offer:
                part.trouble = reason(answer)
            return
        if answer.server.version != part.version:
            return  # an older version has taken over: this one has none of what is left
        part.left.remove(answer.server.suite)
        part.accepted.append(answer.server.suite)
