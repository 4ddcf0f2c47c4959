# SPDX-License-Identifier: EUPL-1.2
"""Where a repository and reality part: facts of the same name and subject that say different things. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from nis2check.model import Fact, Json, Source


def drift(facts: Iterable[Fact]) -> list[dict[str, Json]]:
    """One row per file fact that a probe saw otherwise, with both places, in the order of subjects and names.

    Lists are compared without order: a server offers a set of versions, a file lists them as it likes. When some address
    agrees with the file and another does not, the one that parts is named.
    """
    live: dict[tuple[str, str], list[Fact]] = {}
    declared: list[Fact] = []
    for fact in facts:
        if fact.source is Source.PROBE:
            live.setdefault((fact.subject, fact.name), []).append(fact)
        elif fact.source is Source.FILE:
            declared.append(fact)
    rows = [
        _row(seen, said)
        for said in declared
        for seen in live.get((said.subject, said.name), ())
        if _comparable(seen.value) != _comparable(said.value)
    ]
    return sorted(rows, key=lambda row: (row["subject"], row["name"], row["address"] or "", str(row["location"])))


def _row(seen: Fact, said: Fact) -> dict[str, Json]:
    place = said.location()
    return {
        "name": seen.name,
        "subject": seen.subject,
        "address": seen.address,
        "observed": seen.value,
        "declared": said.value,
        "location": {"file": place.file, "line": place.line} if place else None,
    }


def _comparable(value: Json) -> Json:
    """A list of plain values as a sorted one; anything else as it is."""
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return sorted(value, key=str)
    return value
