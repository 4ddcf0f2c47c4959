# SPDX-License-Identifier: EUPL-1.2
"""What can go wrong for a user, as data: what, where, why, what to do. Only ``cli`` prints them and chooses the exit code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fault stands: a file, its line (from 1) and the path of keys inside it, whichever are known."""

    file: str
    line: int | None = None
    path: str = ""

    def __str__(self) -> str:
        text = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{text}: {self.path}" if self.path else text


Path_ = tuple[str | int, ...]  # keys and indexes from the root of a document


def dotted(path: Path_) -> str:
    """``("targets", "web", 0)`` as ``targets.web[0]``."""
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else (f".{step}" if out else str(step))
    return out


class Nis2checkError(Exception):
    """A fault with an explanation. ``what`` is a whole sentence; ``advice`` says what to type or change."""

    def __init__(self, what: str, *, place: Place | None = None, advice: str = "", more: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.place = place
        self.advice = advice
        self.more = more  # further faults of the same input, one line each, so that all are mended in one go


class InputError(Nis2checkError):
    """Usage, configuration, policy or input file is wrong (exit 2)."""


class WriteError(Nis2checkError):
    """A result could not be written; what could be, was (exit 74)."""
