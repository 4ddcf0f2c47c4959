# SPDX-License-Identifier: EUPL-1.2
"""What somebody should look at: records that lead to names that do not exist, and a wildcard.

Only NXDOMAIN counts: guessing from the page of a provider that a name can be taken over is the first source of false alarms.
"""

from __future__ import annotations

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from nis2check.evidence import names
from nis2check.evidence.net.dns.server import Look, missed, rrset_of, tried
from nis2check.evidence.observe import Observation, Seen, Unseen
from nis2check.model import Json

ABSENT = "nis2check-absent"  # a label that nobody made


async def dangling(this: Look, listed: list[str], answer: dns.message.Message) -> list[Observation]:
    """Name servers, and the alias at the domain itself, whose target is proved not to exist."""
    found: list[Json] = []
    problem: Unseen | None = None
    settings = this.wire.settings
    for host in listed:
        if (host, 53) in settings.resolve or (host, 53) in settings.connect_to:
            continue  # pinned on the command line: what the DNS says of it is not what is looked at
        asked = await tried(names.ask(this.wire, host, "A", this.deadline, budget=this.budget))
        if isinstance(asked, Unseen):
            problem = problem or Unseen(asked.why, f"{host}: {asked.detail}")
        elif leads_nowhere(asked, names.name_of(host)):
            found.append({"type": "NS", "target": host})
    own = names.name_of(this.domain)
    alias = rrset_of(answer, own, dns.rdatatype.CNAME)
    if alias is not None and answer.rcode() == dns.rcode.NXDOMAIN:
        found.append({"type": "CNAME", "target": alias[0].target.to_text(omit_final_dot=True)})
    if problem is not None and not found:
        return missed(["dns.dangling"], problem)
    return [Seen("dns.dangling", found, where="A of name servers, NS of the domain")]


def leads_nowhere(answer: dns.message.Message, name: dns.name.Name) -> bool:
    """NXDOMAIN for the name itself; behind an alias of somebody else's it is that owner's matter."""
    return answer.rcode() == dns.rcode.NXDOMAIN and rrset_of(answer, name, dns.rdatatype.CNAME) is None


async def wildcard(this: Look) -> list[Observation]:
    """Whether a name that nobody made has an address: then a mistyped name answers too, and absences prove less."""
    name = f"{ABSENT}.{this.zone_text}"
    answer = await tried(this.ask(name, "A"))
    if isinstance(answer, Unseen):
        return missed(["dns.wildcard"], answer)
    found = any(rrset.rdtype == dns.rdatatype.A for rrset in answer.answer)
    return [Seen("dns.wildcard", found, where=f"A {name}")]
