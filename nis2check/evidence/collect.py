# SPDX-License-Identifier: EUPL-1.2
"""Asks every probe for every target, and keeps what came whatever happens: a failure is a gap, a crash is a gap, Ctrl-C ends
the looks and keeps their yield."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from nis2check.evidence.observe import Missed, Observation, Probe, Seen, Unseen
from nis2check.evidence.wire import LOOK_SECONDS, Wire
from nis2check.model import Evidence, Fact, Gap, Source, Target, Why

AT_ONCE = 64  # looks in flight; the wire holds the pace of each address
LEAST_SECONDS = 2.0  # a second look in less would only say "deadline"
SILENCE = frozenset({Why.TIMEOUT, Why.RESET, Why.CLOSED, Why.SERVFAIL, Why.DEADLINE})

Progress = Callable[[int, int, str], None]


async def collect(
    targets: Sequence[Target],
    wire: Wire,
    probes: Sequence[Probe],
    *,
    stop: asyncio.Event,
    progress: Progress = lambda _done, _all, _name: None,
) -> Evidence:
    """Look at every target with the probe of its kind. ``stop`` ends the run early: what was seen is kept."""
    by_kind = {probe.KIND: probe for probe in probes}
    work = [(by_kind[target.kind], target) for target in targets if target.kind in by_kind]
    looks: list[_Look] = [_Look(probe, target) for probe, target in work]
    gate = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def one(look: _Look) -> None:
        nonlocal done
        async with gate:
            await look.run(wire)
        done += 1
        progress(min(done, len(looks)), len(looks), look.target.name)

    await _until(stop, [one(look) for look in looks])
    # Silence is tried again, later in the run, before it becomes a gap: within what is left of the target's time.
    silent = [look for look in looks if look.only_silence() and wire.seconds() - look.spent >= LEAST_SECONDS]
    if silent and not stop.is_set():
        again = [_Look(look.probe, look.target, wire.seconds() - look.spent) for look in silent]
        await _until(stop, [one(look) for look in again])
        for first, second in zip(silent, again, strict=True):
            if second.observations and not second.only_silence():
                first.observations = second.observations
    facts: list[Fact] = []
    gaps: list[Gap] = []
    for look in looks:
        look.pour(facts, gaps)
    return Evidence(tuple(facts), tuple(gaps), tuple(targets), complete=not stop.is_set())


async def _until(stop: asyncio.Event, jobs: Sequence[Coroutine[object, None, object]]) -> None:
    """Run the jobs; when ``stop`` is set, cancel those that still run and wait for them to let go."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    ending: asyncio.Future[object] = asyncio.ensure_future(stop.wait())
    pending: set[asyncio.Future[object]] = set(tasks)
    while pending and not stop.is_set():
        _done, left = await asyncio.wait(pending | {ending}, return_when=asyncio.FIRST_COMPLETED)
        pending = left - {ending}
    ending.cancel()
    for task in pending:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Look:
    """One probe on one target, and what it yielded so far."""

    def __init__(self, probe: Probe, target: Target, seconds: float | None = None) -> None:
        self.probe = probe
        self.target = target
        self.spent = 0.0
        self._seconds = seconds  # None: the target's whole time
        self.observations: list[tuple[Observation, str]] = []
        self._over = False

    async def run(self, wire: Wire) -> None:
        name = f"{self.probe.NAME}.*"
        LOOK_SECONDS.set(self._seconds)
        started = time.monotonic()
        try:
            async with asyncio.timeout(wire.seconds() + 5):  # the net under the probe, which keeps its own deadline
                async for observation in self.probe.look(self.target, wire):
                    self.observations.append((observation, wire.now()))
        except TimeoutError:
            self._miss(Missed(name, Why.DEADLINE, f"more than {wire.seconds():.0f} s"), wire)
        except Unseen as missed:
            self._miss(Missed(name, missed.why, missed.detail), wire)
        except asyncio.CancelledError:
            self._miss(Missed(name, Why.NOT_ASKED, "interrupted"), wire)
            raise
        except Exception as error:  # noqa: BLE001 - the one place: a bug in a probe is a gap, never a dead run
            self._miss(Missed(name, Why.OUR_BUG, _trace(error)), wire)
        self.spent = time.monotonic() - started
        self._over = True

    def _miss(self, missed: Missed, wire: Wire) -> None:
        self.observations.append((missed, wire.now()))

    def only_silence(self) -> bool:
        """True when nothing was seen and every reason is a silence that another try may mend."""
        return bool(self.observations) and all(
            isinstance(observation, Missed) and observation.why in SILENCE for observation, _at in self.observations
        )

    def pour(self, facts: list[Fact], gaps: list[Gap]) -> None:
        if not self.observations and not self._over:
            gaps.append(Gap(f"{self.probe.NAME}.*", self.target.name, Why.NOT_ASKED, "interrupted before its turn"))
        for observation, at in self.observations:
            subject = observation.subject or self.target.name
            if isinstance(observation, Seen):
                where = observation.where or self.probe.NAME
                facts.append(
                    Fact(observation.name, subject, observation.value, Source.PROBE, where, at, observation.address)
                )
            else:
                gaps.append(Gap(observation.name, subject, observation.why, observation.detail, observation.address))


def _trace(error: Exception) -> str:
    """The end of a trace, without machine paths: kind, message, and the last frames as file:line."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__}: {str(error)[:200]} ({places})"
