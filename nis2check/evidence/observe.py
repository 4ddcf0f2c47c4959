# SPDX-License-Identifier: EUPL-1.2
"""What a probe or a reader gives back, and the shape that each must have.

A probe is a plain module that satisfies `Probe`; a reader one that satisfies `Reader`. They yield what they learn as they
learn it, so that a deadline or Ctrl-C keeps all that came before. No negative without a positive observation: "not offered"
needs an answer that says so; anything else is a `Missed` with its reason.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nis2check.model import FactSpec, Json, Kind, Target, Why

if TYPE_CHECKING:
    from nis2check.evidence.wire import Wire


class Unseen(Exception):
    """An answer that could not be had, with its reason: raised by the wire, turned into `Missed` by the probe."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}")
        self.why = why
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Seen:
    """One fact as seen. ``where`` says what was asked, in a few words ("tls hello 1.2", "GET /", "TXT _dmarc").

    ``subject`` is empty for the target's own name; the ports probe names ``host:port``.
    """

    name: str
    value: Json
    address: str | None = None
    where: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Missed:
    """One fact looked for and not had. ``name`` may end in ``.*``."""

    name: str
    why: Why
    detail: str = ""
    address: str | None = None
    subject: str = ""


Observation = Seen | Missed


class Probe(Protocol):
    """A probe looks at targets of one kind and never judges.

    ``NAME`` is the word of ``nis2check probe NAME``; ``FACTS`` declares every fact it can yield;
    ``look`` yields facts and gaps of one target, spending at most ``wire.seconds(NAME)``. ``cost`` is the plan for
    ``--dry-run``: one line per thing that would be asked.
    """

    # Read-only, so that a plain module's constants satisfy them.
    @property
    def NAME(self) -> str: ...

    @property
    def KIND(self) -> Kind: ...

    @property
    def FACTS(self) -> tuple[FactSpec, ...]: ...

    def look(self, target: Target, wire: Wire) -> AsyncIterator[Observation]: ...

    def cost(self, target: Target) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Read:
    """One fact read in a file. ``subject`` is a live subject (``www.x.fr:443``, a zone's origin) when known, and then
    ``kind`` its kind; else the file itself. ``line`` counts from 1."""

    name: str
    value: Json
    line: int
    subject: str = ""
    kind: Kind = Kind.FILE


@dataclass(frozen=True, slots=True)
class Unread:
    """Something of a file that could not be read, and why: templated, unreadable, limit, malformed."""

    name: str
    why: Why
    detail: str = ""
    line: int = 1
    subject: str = ""
    kind: Kind = Kind.FILE


class Reader(Protocol):
    """A reader turns the text of one file into facts; it opens nothing, follows nothing, evaluates nothing.

    ``matches`` judges the POSIX path relative to the tree and, if the name does not tell, the first bytes.
    ``read`` yields facts and gaps. It runs in a child process with CPU and memory limits.
    """

    @property
    def NAME(self) -> str: ...

    @property
    def FACTS(self) -> tuple[FactSpec, ...]: ...

    def matches(self, path: str, head: bytes) -> bool: ...

    def read(self, path: str, text: str) -> Iterator[Read | Unread]: ...
