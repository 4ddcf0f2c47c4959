# SPDX-License-Identifier: EUPL-1.2
"""What git would ignore, from the text of .gitignore files alone: git itself is never called on a tree of strangers.

Pure. Matching is linear in pattern and name: a hostile pattern costs nothing.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_PATTERNS = 5000  # of one file
MOST_SEGMENTS = 40  # of one pattern; the walk goes no deeper


@dataclass(frozen=True, slots=True)
class _Pattern:
    segments: tuple[re.Pattern[str] | None, ...]  # None stands for **
    negated: bool
    folders_only: bool
    anchored: bool

    def matches(self, parts: Sequence[str]) -> bool:
        if not self.anchored:
            (segment,) = self.segments
            return segment is None or segment.match(parts[-1]) is not None
        return _match(self.segments, parts)


@dataclass(frozen=True, slots=True)
class Ignore:
    """The patterns of one .gitignore; paths are given relative to its folder."""

    patterns: tuple[_Pattern, ...] = ()

    def says(self, parts: Sequence[str], *, folder: bool) -> bool | None:
        """True: ignored, False: taken back by ``!``, None: not spoken of. The last pattern that matches decides."""
        for pattern in reversed(self.patterns):
            if (folder or not pattern.folders_only) and pattern.matches(parts):
                return not pattern.negated
        return None


def parse(text: str) -> Ignore:
    """Read a .gitignore (gitignore(5)). Never raises; what is no pattern is left out."""
    found = (_pattern(line) for line in text.splitlines()[:MOST_PATTERNS])
    return Ignore(tuple(pattern for pattern in found if pattern is not None))


def ignored(stack: Sequence[tuple[int, Ignore]], parts: Sequence[str], *, folder: bool) -> bool:
    """Whether a path is ignored: ``stack`` holds the depth and patterns of each folder above it, outermost first."""
    for depth, ignore in reversed(stack):
        said = ignore.says(parts[depth:], folder=folder)
        if said is not None:
            return said
    return False


def _pattern(line: str) -> _Pattern | None:
    line = line.rstrip("\r")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    negated = line.startswith("!")
    line = line[1:] if negated else line
    if not line or line.startswith("#") or len(line) > 1024:
        return None
    folders_only = line.endswith("/")
    line = line.rstrip("/")
    anchored = "/" in line
    segments = line.lstrip("/").split("/")
    if len(segments) > MOST_SEGMENTS or not segments[0]:
        return None
    return _Pattern(
        tuple(None if part == "**" else _segment(part) for part in segments), negated, folders_only, anchored
    )


def _segment(glob: str) -> re.Pattern[str]:
    # fnmatch translates to patterns without backtracking between stars; it has no escapes, so they become sets.
    plain = re.sub(r"\\(.)", lambda match: f"[{match[1]}]" if match[1] in "*?[" else match[1], glob)
    return re.compile(fnmatch.translate(plain.replace("[^", "[!")))


def _match(segments: Sequence[re.Pattern[str] | None], parts: Sequence[str]) -> bool:
    """Whether the segments match all the parts; reached[n]: the segments so far can match the first n parts."""
    reached = [True] + [False] * len(parts)
    for index, segment in enumerate(segments):
        if segment is None:
            last = index == len(segments) - 1
            first = reached.index(True) if True in reached else len(parts) + 1
            reached = [n > first or (n == first and not last) for n in range(len(parts) + 1)]
        else:
            reached = [False] + [reached[n] and segment.match(part) is not None for n, part in enumerate(parts)]
    return reached[-1]
