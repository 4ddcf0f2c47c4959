# SPDX-License-Identifier: EUPL-1.2
"""The collector: what came is kept whatever happens, silence is tried again, a bug is a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nis2check.evidence.collect import collect
from nis2check.evidence.document import from_document, to_document
from nis2check.evidence.observe import Missed, Observation, Probe, Seen, Unseen
from nis2check.evidence.wire import Settings, Wire
from nis2check.files import canonical
from nis2check.model import Evidence, Kind, Source, Target, Why

TARGET = Target(Kind.TLS, "x.test:443")


def probe(look: Any) -> Probe:
    return cast(Probe, SimpleNamespace(NAME="tls", KIND=Kind.TLS, FACTS=(), look=look, cost=lambda _target: []))


def collected(look: Any, *, seconds: float = 60, stop_after: float | None = None) -> Evidence:
    async def run() -> Evidence:
        stop = asyncio.Event()
        if stop_after is not None:
            asyncio.get_running_loop().call_later(stop_after, stop.set)
        return await collect([TARGET], Wire(Settings(seconds_per_target=seconds)), [probe(look)], stop=stop)

    return asyncio.run(run())


def test_facts_are_stamped_with_source_place_and_time() -> None:
    async def look(_target: Target, _wire: Wire) -> AsyncIterator[Observation]:
        yield Seen("tls.accepted", True, "192.0.2.1", "tls hello 1.2")

    fact = collected(look).facts[0]

    assert (fact.subject, fact.address, fact.source, fact.where) == (
        "x.test:443",
        "192.0.2.1",
        Source.PROBE,
        "tls hello 1.2",
    )
    assert fact.seen_at.endswith("+00:00")


@pytest.mark.parametrize(
    ("error", "why"), [(Unseen(Why.REFUSED, "closed"), Why.REFUSED), (ZeroDivisionError("oops"), Why.OUR_BUG)]
)
def test_an_end_by_exception_is_a_gap_and_keeps_what_came(error: Exception, why: Why) -> None:
    async def look(_target: Target, _wire: Wire) -> AsyncIterator[Observation]:
        yield Seen("tls.accepted", True)
        raise error

    evidence = collected(look)

    assert [fact.name for fact in evidence.facts] == ["tls.accepted"]
    assert [(gap.name, gap.why) for gap in evidence.gaps] == [("tls.*", why)]
    assert evidence.complete


def test_the_trace_of_a_bug_names_files_without_their_folders() -> None:
    async def look(_target: Target, _wire: Wire) -> AsyncIterator[Observation]:
        raise ValueError("x")
        yield  # pragma: no cover

    detail = collected(look).gaps[0].detail

    assert "test_collect.py:" in detail and "/" not in detail


def test_silence_is_tried_again_and_the_second_answer_counts() -> None:
    tries = 0

    async def look(_target: Target, _wire: Wire) -> AsyncIterator[Observation]:
        nonlocal tries
        tries += 1
        if tries == 1:
            yield Missed("tls.*", Why.TIMEOUT, "no answer")
        else:
            yield Seen("tls.accepted", True)

    evidence = collected(look)

    assert tries == 2
    assert [fact.name for fact in evidence.facts] == ["tls.accepted"] and evidence.gaps == ()


def test_two_looks_share_the_time_of_one_target() -> None:
    allowed: list[float] = []

    async def look(_target: Target, wire: Wire) -> AsyncIterator[Observation]:
        allowed.append(wire.seconds())
        await asyncio.sleep(0.5)
        yield Missed("tls.*", Why.TIMEOUT, "no answer")

    collected(look, seconds=10)

    assert allowed[0] == 10 and 8 < allowed[1] <= 9.5
    allowed.clear()
    collected(look, seconds=2)
    assert allowed == [2]


def test_an_answer_is_not_asked_twice() -> None:
    tries = 0

    async def look(_target: Target, _wire: Wire) -> AsyncIterator[Observation]:
        nonlocal tries
        tries += 1
        yield Missed("tls.*", Why.NOT_TLS, "speaks HTTP")

    collected(look)

    assert tries == 1


def test_a_stop_keeps_what_came_and_says_that_it_is_not_all() -> None:
    async def look(_target: Target, _wire: Wire) -> AsyncIterator[Observation]:
        yield Seen("tls.accepted", True)
        await asyncio.sleep(60)
        yield Seen("tls.versions", [])

    evidence = collected(look, stop_after=0.1)

    assert [fact.name for fact in evidence.facts] == ["tls.accepted"]
    assert [gap.why for gap in evidence.gaps] == [Why.NOT_ASKED]
    assert not evidence.complete


def test_stored_evidence_comes_back_the_same() -> None:
    async def look(_target: Target, _wire: Wire) -> AsyncIterator[Observation]:
        yield Seen("tls.versions", ["TLSv1.2"], "192.0.2.1")
        yield Missed("certificate.trusted", Why.NOT_ASKED, "no store", "192.0.2.1")

    evidence = collected(look)
    times = {"started": "2026-11-22T10:00:00+00:00", "finished": "2026-11-22T10:00:01+00:00", "body": None}
    document = to_document(evidence, **times)  # type: ignore[arg-type]

    assert canonical(to_document(from_document(document), **times)) == canonical(document)  # type: ignore[arg-type]
