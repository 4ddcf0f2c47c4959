# SPDX-License-Identifier: EUPL-1.2
"""What the tests of readers of repositories ask of each: facts and gaps by name, and offenders told from the others."""

from __future__ import annotations

from nis2check.evidence.observe import Read, Reader, Unread
from nis2check.model import Json, Why


def settled(reader: Reader, path: str, text: str, subject: str) -> tuple[dict[str, Json], dict[str, Why]]:
    """The facts of a subject, all of them declared, and why others are left open."""
    facts, gaps = told(reader, path, text, subject)
    assert facts.keys() <= {spec.name for spec in reader.FACTS}
    return {name: values[-1] for name, values in facts.items()}, {one.name: one.why for one in gaps}


def told(reader: Reader, path: str, text: str, subject: str) -> tuple[dict[str, list[Json]], list[Unread]]:
    """Every value of each fact of a subject, and its gaps."""
    found = [one for one in reader.read(path, text) if one.subject == subject]
    facts: dict[str, list[Json]] = {}
    for one in found:
        if isinstance(one, Read):
            facts.setdefault(one.name, []).append(one.value)
    return facts, [one for one in found if isinstance(one, Unread)]


def fact_of(reader: Reader, path: str, text: str, name: str) -> Read:
    """The file says this once, and leaves nothing of it open."""
    (one,) = [one for one in reader.read(path, text) if one.name == name]
    assert isinstance(one, Read), one
    return one


def tell_apart(reader: Reader, path: str, name: str, texts: tuple[str, str]) -> None:
    """The first text has offenders of this concern, the second holds it and has none."""
    for text, offends in zip(texts, (True, False), strict=True):
        one = fact_of(reader, path, text, name)
        assert isinstance(one.value, list)
        assert bool(one.value) is offends
        assert 1 <= one.line <= text.count("\n") + 1
