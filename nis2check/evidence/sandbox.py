# SPDX-License-Identifier: EUPL-1.2
"""Runs readers of foreign syntax in a child process with limits, so that a bomb costs one gap.

The child gets one JSON line for a few files and answers with one; it has no arguments of the tree, no environment, the root as
its folder, and no right to write files. It dies: each file of the line gets a child of its own, and the one that kills is a gap.
"""

from __future__ import annotations

import json
import math
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any

from nis2check.evidence.observe import Read, Unread
from nis2check.model import Kind, Why

if TYPE_CHECKING:
    from types import ModuleType

CPU_SECONDS = 5  # of one file
WALL_SECONDS = 20.0
MOST_MEMORY = 512 << 20
MOST_DEATHS = 6  # of one tree: who writes more bombs than that wants our time
MOST_OBSERVATIONS = 5000  # of one file and reader
MOST_ANSWER = 16 << 20  # bytes

_START = "import sys; sys.path.append(sys.argv[1]); from nis2check.evidence.sandbox import serve; serve()"

Answer = list[Read | Unread]


@dataclass(frozen=True, slots=True)
class Job:
    """One file for one reader."""

    reader: ModuleType
    path: str
    text: str

    @property
    def gap(self) -> str:
        """The name of what is missing when the reader does not come to its end."""
        return f"{self.reader.NAME}.*"


class Sandbox:
    """A child that reads; started on first use, restarted when it dies."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._deaths = 0

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def read(self, jobs: Sequence[Job]) -> list[Answer]:
        """What the readers yield of some files, in the order of the jobs; never raises for what a file holds."""
        if os.name != "posix":
            detail = "this system has no process limits, foreign syntax is not read"
            return [[Unread(job.gap, Why.UNREADABLE, detail)] for job in jobs]
        if self._deaths >= MOST_DEATHS:
            detail = f"not read: {MOST_DEATHS} files before it broke the reading process"
            return [[Unread(job.gap, Why.LIMIT, detail)] for job in jobs]
        request = [{"reader": job.reader.__name__, "path": job.path, "text": job.text} for job in jobs]
        try:
            return _decode(self._ask(json.dumps(request).encode() + b"\n"), jobs)
        except (OSError, _Died) as died:
            self._end()
            if len(jobs) > 1:
                return [answer for job in jobs for answer in self.read([job])]
            self._deaths += 1
            return [[Unread(jobs[0].gap, Why.LIMIT, str(died) or "the reading process ended")]]

    def _ask(self, request: bytes) -> bytes:
        child = self._child = self._child or _start()
        assert child.stdin is not None  # both are pipes, see _start
        assert child.stdout is not None
        child.stdin.write(request)
        child.stdin.flush()
        return _line(child.stdout.fileno(), time.monotonic() + WALL_SECONDS)

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass  # bytes that a dead child never took
        child.wait()


class _Died(Exception):
    """The child gave no whole answer."""


def _start() -> subprocess.Popen[bytes]:
    from nis2check.files import PACKAGE

    return subprocess.Popen(  # noqa: S603 - our own interpreter on our own module
        [sys.executable, "-I", "-c", _START, str(PACKAGE.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
    )


def _line(source: int, until: float) -> bytes:
    """One line of the child. Raises _Died."""
    pieces: list[bytes] = []
    size = 0
    with selectors.DefaultSelector() as selector:
        selector.register(source, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, until - time.monotonic())):
                raise _Died(f"not read within {WALL_SECONDS:.0f} s")
            piece = os.read(source, 1 << 16)
            pieces.append(piece)
            size += len(piece)
            if piece.endswith(b"\n"):
                return b"".join(pieces)
            if not piece:
                raise _Died(f"more than {CPU_SECONDS} s of computing or {MOST_MEMORY >> 20} MiB of memory")
            if size > MOST_ANSWER:
                raise _Died(f"more than {MOST_ANSWER >> 20} MiB of facts")


def _decode(line: bytes, jobs: Sequence[Job]) -> list[Answer]:
    try:
        return [[_observation(one) for one in answer] for _job, answer in zip(jobs, json.loads(line), strict=True)]
    except (ValueError, KeyError, TypeError):
        return [[Unread(job.gap, Why.OUR_BUG, "the reading process gave an answer that is none")] for job in jobs]


def _observation(one: dict[str, Any]) -> Read | Unread:
    if "value" in one:
        return Read(one["name"], one["value"], one["line"], one["subject"], Kind(one["kind"]))
    return Unread(one["name"], Why(one["why"]), one["detail"], one["line"], one["subject"], Kind(one["kind"]))


# ----------------------------------------------------------------------------------------------------------- the child


def serve() -> None:
    """The child: one answer per line of stdin, until it ends."""
    _limit()
    for line in sys.stdin.buffer:
        _allow_cpu()
        answers = [_read(request) for request in json.loads(line)]
        answer = json.dumps(answers, allow_nan=False).encode()
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()


def _limit() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow_cpu() -> None:
    """So many more seconds of computing: what earlier files took does not count against this one."""
    import resource

    used = math.ceil(time.process_time())
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used + CPU_SECONDS, hard))


def _read(request: dict[str, str]) -> list[dict[str, Any]]:
    reader = import_module(request["reader"])
    name = f"{reader.NAME}.*"
    found: list[dict[str, Any]] = []
    try:
        for observation in reader.read(request["path"], request["text"]):
            if len(found) >= MOST_OBSERVATIONS:
                found.append(_plain(Unread(name, Why.LIMIT, f"more than {MOST_OBSERVATIONS} facts")))
                break
            found.append(_plain(observation))
    except RecursionError:
        found.append(_plain(Unread(name, Why.LIMIT, "nested too deeply")))
    except MemoryError:
        found.append(_plain(Unread(name, Why.LIMIT, f"more than {MOST_MEMORY >> 20} MiB of memory")))
    except Exception as error:  # noqa: BLE001 - a bug in a reader is a gap of that file
        found.append(_plain(Unread(name, Why.OUR_BUG, _trace(error))))
    return found


def _trace(error: Exception) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = f" ({os.path.basename(last.tb_frame.f_code.co_filename)}:{last.tb_lineno})" if last else ""  # noqa: PTH119
    return f"{type(error).__name__}{place}"  # not its message: it may quote the file, and a secret in it


def _plain(observation: Read | Unread) -> dict[str, Any]:
    common = {
        "name": observation.name,
        "line": observation.line,
        "subject": observation.subject,
        "kind": str(observation.kind),
    }
    if isinstance(observation, Read):
        return common | {"value": observation.value}
    return common | {"why": str(observation.why), "detail": observation.detail}
