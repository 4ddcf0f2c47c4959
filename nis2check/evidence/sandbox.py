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
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

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

_DESCRIPTORS = "/proc/self/fd"

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
        self._child: subprocess.Popen[bytes] | _Copy | None = None
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


class _Copy:
    """A copy of this process that reads. It knows the readers already, so it starts in a tenth of the time that a new
    interpreter takes: most repositories are small, and that start was a quarter of what a check cost.

    What a reader can reach is the same: no descriptor but the two pipes, no environment, ``/`` as its folder, the limits.
    """

    def __init__(self) -> None:
        asked, self._ask = os.pipe()
        self._answer, told = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _live_as_child(asked, told)
        os.close(asked)
        os.close(told)
        self.stdin = os.fdopen(self._ask, "wb")
        self.stdout = os.fdopen(self._answer, "rb")

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        os.waitpid(self.pid, 0)


def _live_as_child(asked: int, told: int) -> NoReturn:
    """Whatever happens here, nothing of the parent goes on: no handler, no buffer, no exit hook."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_WRONLY)
        for target, source in enumerate((asked, told, null)):
            os.dup2(source, target)
        _close_all_but(3)
        os.chdir("/")
        os.environ.clear()
        with open(0, "rb", closefd=False) as requests, open(1, "wb", closefd=False) as answers:
            _serve(requests, answers, already=_address_space())
    finally:
        os._exit(0)


def _close_all_but(first: int) -> None:
    """Every descriptor from a number on. Not os.closerange: where the system allows a billion, it may try each of them."""
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - lighter
        if int(name) >= first:
            try:
                os.close(int(name))
            except OSError:
                pass  # that of the listing itself


def _address_space() -> int:
    """Bytes that this process maps already (proc(5), statm)."""
    with open("/proc/self/statm", "rb") as stream:  # noqa: PTH123 - lighter
        return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _start() -> subprocess.Popen[bytes] | _Copy:
    """A copy where that is safe: on Linux with its /proc, and when no other thread may hold a lock that the copy would want."""
    if sys.platform == "linux" and threading.active_count() == 1 and os.path.isdir(_DESCRIPTORS):  # noqa: PTH112 - lighter
        return _Copy()
    return _new_interpreter()


def _new_interpreter() -> subprocess.Popen[bytes]:
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
    _serve(sys.stdin.buffer, sys.stdout.buffer)


def _serve(requests: BinaryIO, answers: BinaryIO, *, already: int = 0) -> None:
    _limit(already)
    for line in requests:
        _allow_cpu()
        found = [_read(request) for request in json.loads(line)]
        answers.write(json.dumps(found, allow_nan=False).encode() + b"\n")
        answers.flush()


def _limit(already: int = 0) -> None:
    """``already``: bytes that the process holds before it reads anything."""
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    memory = MOST_MEMORY + already if hard == resource.RLIM_INFINITY else min(MOST_MEMORY + already, hard)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
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
    place = f" ({os.path.basename(last.tb_frame.f_code.co_filename)}:{last.tb_lineno})" if last else ""  # noqa: PTH119 - a code object gives a string
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
