# SPDX-License-Identifier: EUPL-1.2
"""Ctrl-C and SIGTERM during a look: the first ends it and keeps what was found, the second stops at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nis2check.cli.exits import Exit


@dataclass(slots=True)
class Stop:
    """Set by the first signal; ``code`` is then the exit code of the run."""

    event: asyncio.Event = field(default_factory=asyncio.Event)
    code: Exit | None = None


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Inside a running loop: signals set the stop; on the second one their default (immediate) effect is back."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    caught = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}

    def end(number: signal.Signals) -> None:
        stop.code = caught[number]
        stop.event.set()
        for each in caught:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)

    before = {number: signal.getsignal(number) for number in caught}
    try:
        for number in caught:
            loop.add_signal_handler(number, end, number)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        yield stop
        return
    try:
        yield stop
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
