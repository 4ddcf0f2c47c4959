# SPDX-License-Identifier: EUPL-1.2
"""The chain of DNSSEC from a trust anchor to a zone: DS by DS, validated here, whatever our resolver says of it.

Rules for this file: a zone is bogus only when its own keys or signatures are seen to be wrong under a DS that its parent signed;
what goes wrong above it (a resolver that drops signatures, a clock that is off, a stale anchor) leaves the question open.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import dns.message
import dns.name
import dns.rdatatype
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

from nis2check.evidence.net.dns.anchors import Anchors, anchors
from nis2check.evidence.net.dns.denial import Shown, no_ds
from nis2check.evidence.net.dns.server import Look, rrset_of
from nis2check.evidence.net.dns.signatures import Bogus, Meter, announced, signatures_over, verify
from nis2check.evidence.observe import Unseen
from nis2check.evidence.question import TRIES, Budget
from nis2check.evidence.wire import Wire
from nis2check.model import Why


@dataclass(frozen=True, slots=True)
class Secure:
    """A zone whose keys are validated."""

    name: dns.name.Name
    keys: tuple[DNSKEY, ...]


@dataclass(frozen=True, slots=True)
class Insecure:
    """Proved: from this name on nothing is signed."""

    name: dns.name.Name


@dataclass(frozen=True, slots=True)
class Delegation:
    """The DS records of a zone, validated (or the anchor itself)."""

    records: tuple[DS, ...]


_State = Secure | Insecure


@dataclass(slots=True)
class _Run:
    """The zones above those of the targets, validated once a run."""

    states: dict[dns.name.Name, _State] = field(default_factory=dict)
    locks: dict[dns.name.Name, asyncio.Lock] = field(default_factory=dict)


_runs: WeakKeyDictionary[Wire, _Run] = WeakKeyDictionary()


async def delegation(this: Look, zone: dns.name.Name, meter: Meter) -> Delegation | Insecure:
    """How the chain arrives at a zone. Raises Unseen when it cannot be followed that far."""
    known = anchors(this.wire.settings.trust_anchor)
    if zone in known:
        return Delegation(known[zone])
    try:
        above = await _enclosing(this, zone, known, meter)
        found = above if isinstance(above, Insecure) else await _step(this, above, zone, meter)
    except Bogus as problem:
        raise Unseen(Why.MALFORMED, f"the chain above the zone does not validate: {problem}") from None
    if isinstance(found, Secure):
        raise Unseen(
            Why.MALFORMED, f"{this.zone_text} has name servers, yet {found.name} proves that no zone starts there"
        )
    return found


async def vouched_for(
    this: Look, answer: dns.message.Message, owner: dns.name.Name, kind: dns.rdatatype.RdataType, meter: Meter
) -> bool:
    """Whether DNSSEC vouches for a set of an answer: False when its zone is proved to be unsigned.

    Raises Bogus when its own signatures are wrong, Unseen when the chain cannot be followed.
    """
    rrset = rrset_of(answer, owner, kind)
    if rrset is None:
        raise Unseen(Why.MALFORMED, f"{owner} is an alias: its chain is not followed")
    known = anchors(this.wire.settings.trust_anchor)
    signatures = signatures_over(answer.answer, owner, kind)
    signer = signatures[0].signer if signatures else owner
    if not owner.is_subdomain(signer):
        raise Unseen(Why.MALFORMED, f"{owner} is signed by a stranger, {signer}")
    try:
        state = await _enclosing(this, signer, known, meter, inclusive=True)
    except Bogus as problem:
        raise Unseen(Why.MALFORMED, f"the chain above {owner} does not validate: {problem}") from None
    if isinstance(state, Insecure):
        return False
    if not signatures or state.name != signer:
        raise Unseen(Why.UNRESOLVED, f"{owner} comes without signature of {state.name}: our resolver may drop them")
    if any(signature.labels < len(owner) - 1 for signature in signatures):
        raise Unseen(Why.UNREADABLE, f"{owner} is made from a wildcard: not validated")
    verify(rrset, signatures, state.keys, state.name, meter)
    return True


async def _enclosing(
    this: Look, zone: dns.name.Name, known: Anchors, meter: Meter, *, inclusive: bool = False
) -> _State:
    """The state of the closest zone above (or of the zone itself), from the closest anchor down."""
    starts = [name for name in known if zone.is_subdomain(name)]
    if not starts:
        raise Unseen(Why.NOT_ASKED, "no trust anchor covers the zone")
    top = max(starts, key=len)
    state = await _entered(this, top, Delegation(known[top]), meter)
    for labels in range(len(top) + 1, len(zone) + inclusive):
        if isinstance(state, Insecure):
            break
        state = await _below(this, state, zone.split(labels)[1], meter)
    return state


async def _below(this: Look, above: Secure, name: dns.name.Name, meter: Meter) -> _State:
    """The state one label further down: the same zone when no cut is there."""
    run = _runs.setdefault(this.wire, _Run())
    async with _turn(this, run, name):
        if name not in run.states:
            found = await _step(this, above, name, meter)
            run.states[name] = await _validated(this, name, found, meter) if isinstance(found, Delegation) else found
        return run.states[name]


async def _entered(this: Look, name: dns.name.Name, found: Delegation, meter: Meter) -> _State:
    run = _runs.setdefault(this.wire, _Run())
    async with _turn(this, run, name):
        if name not in run.states:
            run.states[name] = await _validated(this, name, found, meter)
        return run.states[name]


class _turn:
    """One look validates a zone, the others wait for what it found, each within its own deadline."""

    def __init__(self, this: Look, run: _Run, name: dns.name.Name) -> None:
        self._left = this.deadline.left()
        self._lock = run.locks.setdefault(name, asyncio.Lock())

    async def __aenter__(self) -> None:
        try:
            async with asyncio.timeout(self._left):
                await self._lock.acquire()
        except TimeoutError:
            raise Unseen(Why.DEADLINE, "no time left") from None

    async def __aexit__(self, *_error: object) -> None:
        self._lock.release()


async def _step(this: Look, above: Secure, name: dns.name.Name, meter: Meter) -> Delegation | Insecure | Secure:
    """What a secure zone says of the DS of a name below it: a delegation, an unsigned one, or no cut (``above`` itself)."""
    answer = await _ask(this, name, "DS")
    found = rrset_of(answer, name, dns.rdatatype.DS)
    if found is None:
        shown = no_ds(answer, name, above.name, above.keys, meter)
        return above if shown is Shown.NO_CUT else Insecure(name)
    signatures = signatures_over(answer.answer, name, dns.rdatatype.DS)
    if not signatures:
        raise Unseen(Why.UNRESOLVED, f"the DS of {name} comes without signature: our resolver drops DNSSEC records")
    verify(found, signatures, above.keys, above.name, meter)
    return Delegation(tuple(ds for ds in found if isinstance(ds, DS)))


async def _validated(this: Look, name: dns.name.Name, found: Delegation, meter: Meter) -> _State:
    answer = await _ask(this, name, "DNSKEY")
    if rrset_of(answer, name, dns.rdatatype.DNSKEY) is not None and not signatures_over(
        answer.answer, name, dns.rdatatype.DNSKEY
    ):
        raise Unseen(Why.UNRESOLVED, f"the DNSKEY of {name} come without signature: our resolver drops DNSSEC records")
    return Secure(name, keys_under(answer, name, found, meter))


def keys_under(answer: dns.message.Message, name: dns.name.Name, found: Delegation, meter: Meter) -> tuple[DNSKEY, ...]:
    """The keys of a zone, vouched for by its DS (RFC 4035 section 5.2). Raises Bogus, Unseen."""
    rrset = rrset_of(answer, name, dns.rdatatype.DNSKEY)
    keys = tuple(key for key in rrset or () if isinstance(key, DNSKEY))
    vouched = announced(keys, found.records, name)
    assert rrset is not None  # announced() finds none in an empty set
    verify(rrset, signatures_over(answer.answer, name, dns.rdatatype.DNSKEY), vouched, name, meter)
    return keys


async def _ask(this: Look, name: dns.name.Name, kind: str) -> dns.message.Message:
    """Our resolver's answer, asked once a run; only those about the zone itself count against its budget."""
    look = this if name == this.zone else replace(this, budget=Budget(2 * TRIES))
    try:
        return await look.ask(name, kind, dnssec=True)
    except Unseen as problem:
        raise Unseen(problem.why, f"{kind} {name}: {problem.detail}") from None
