# SPDX-License-Identifier: EUPL-1.2
"""One look at one mail domain: what it may ask, and the records that several parts of the look need."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field

import dns.rdata
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from nis2check.evidence import names
from nis2check.evidence.observe import Missed, Observation, Unseen
from nis2check.evidence.question import Budget
from nis2check.evidence.wire import Deadline, Wire

MOST_QUERIES = 28  # tries counted; with the share of the DNS probe, about 60 for one domain
MOST_SERVERS = 2  # MX hosts that are looked at


@dataclass(slots=True)
class Look:
    """One look at one domain and what it may spend. What our resolver said once in a run costs nothing to ask again."""

    wire: Wire
    domain: str
    deadline: Deadline
    budget: Budget = field(default_factory=lambda: Budget(MOST_QUERIES))

    async def records(self, name: str, kind: str) -> tuple[dns.rdata.Rdata, ...]:
        return await names.records(self.wire, name, kind, self.deadline, budget=self.budget)

    async def texts(self, name: str) -> tuple[str, ...]:
        """The TXT records of a name, sorted, strings joined, what is not UTF-8 replaced."""
        found = await self.records(name, "TXT")
        return tuple(
            sorted(b"".join(record.strings).decode("utf-8", "replace") for record in found if isinstance(record, TXT))
        )

    async def is_void(self, name: str, kind: str) -> bool:
        return not await self.records(name, kind)

    async def mail_servers(self) -> tuple[list[str], bool]:
        """(MX hosts in order of preference, whether the domain says that it takes no mail, RFC 7505)."""
        found = sorted(
            (record.preference, record.exchange.to_text(omit_final_dot=True).lower())
            for record in await self.records(self.domain, "MX")
            if isinstance(record, MX)
        )
        hosts = list(dict.fromkeys(host for _preference, host in found if host not in {"", ".", "@"}))
        return hosts, len(found) == 1 and not hosts


async def or_gaps(part: Awaitable[list[Observation]], facts: Iterable[str]) -> list[Observation]:
    """What a part saw, or one gap for each of its facts, so that the failure of one takes no other along."""
    try:
        return await part
    except Unseen as problem:
        return [Missed(fact, problem.why, problem.detail) for fact in facts]
