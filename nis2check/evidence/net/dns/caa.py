# SPDX-License-Identifier: EUPL-1.2
"""CAA: who may issue certificates for a name, found by climbing (RFC 8659 section 3)."""

from __future__ import annotations

import dns.rdata

from nis2check.evidence import names
from nis2check.evidence.net.dns.server import Look, missed
from nis2check.evidence.observe import Observation, Seen, Unseen
from nis2check.model import Json


async def caa_in_force(this: Look) -> list[Observation]:
    """The CAA set in force, by climbing from the name to the top-level domain (RFC 8659 section 3)."""
    name = names.name_of(this.domain)
    while len(name) > 1:
        text = name.to_text(omit_final_dot=True)
        try:
            found = await names.records(this.wire, text, "CAA", this.deadline, budget=this.budget)
        except Unseen as problem:
            if len(name) > 2:
                return missed(("dns.caa", "dns.caa_present"), problem)
            break  # a top-level domain that cannot be asked (the resolver of a lab): the body's own names are all seen
        if found:
            records = sorted((_caa_value(record) for record in found), key=lambda value: (value["tag"], value["value"]))
            return [Seen("dns.caa", records, where=f"CAA {text}"), Seen("dns.caa_present", True, where=f"CAA {text}")]
        name = name.parent()
    where = f"CAA {this.domain} and its parents"
    return [Seen("dns.caa", [], where=where), Seen("dns.caa_present", False, where=where)]


def _caa_value(record: dns.rdata.Rdata) -> dict[str, Json]:
    texts = {name: getattr(record, name).decode("utf-8", "replace")[:255] for name in ("tag", "value")}
    return {"flags": int(getattr(record, "flags"))} | texts  # noqa: B009 - dnspython's rdata are typed as their base
