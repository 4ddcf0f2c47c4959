# SPDX-License-Identifier: EUPL-1.2
"""What a change touches of some files: their lines that a commit does not have. git gives the old content; we compare.

The files as they lie are compared, committed or not, so that the same question works before a commit and in a pipeline.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable
from pathlib import Path

from nis2check.errors import InputError
from nis2check.evidence import gitbase
from nis2check.model import Touched

MOST_LINES = 20_000  # of a file that is compared line by line; a longer one counts as touched whole
MOST_RENAMES = 20  # files that went away, tried as the former name of one that came
ALIKE = 0.5  # share of lines, as `git diff --find-renames` has it

Ranges = tuple[tuple[int, int], ...]


def touched(root: Path, base: str, files: Iterable[str]) -> tuple[Touched, bool]:
    """The lines of these files (relative to ``root``) that changed since HEAD left ``base``.

    The second value is False when a shallow clone does not tell where: then the files are compared with ``base`` itself,
    and what was changed there since counts too. Raises InputError: no repository, unknown revision.
    """
    repository = gitbase.find(root)
    with gitbase.Objects(repository) as objects:
        asked = objects.commit(base)
        left = objects.merge_base(asked)
        commit = left or asked
        folder = Path(root).resolve().relative_to(repository.top).as_posix()
        change = _Change(root, objects, objects.tree(commit, "" if folder == "." else folder))
        lines: dict[str, Ranges | None] = {}
        for file in sorted(set(files)):
            ranges = change.ranges(file)
            if ranges is None or ranges:
                lines[file] = ranges
    return Touched(base, commit, lines), left is not None


class _Change:
    def __init__(self, root: Path, objects: gitbase.Objects, before: dict[str, str]) -> None:
        self._root = root
        self._objects = objects
        self._before = before
        self._gone: dict[str, str] | None = None

    def ranges(self, file: str) -> Ranges | None:
        """Touched ranges of lines; empty: untouched; None: the whole file."""
        data = self._now(file)
        if data is None:
            return None
        known = self._before.get(file)
        if known is None:
            known = self._former(file, data)
        if known is None:
            return None
        if known == _id(data, known):
            return ()
        before = self._objects.content(known)
        return None if before is None else _compared(before, data)

    def _now(self, file: str) -> bytes | None:
        from nis2check.files import read_bytes

        try:
            return read_bytes(self._root / file, gitbase.LARGEST_BLOB)
        except (InputError, ValueError):
            return None

    def _former(self, file: str, data: bytes) -> str | None:
        """The old content of a file that was renamed: the very same, else the most alike of the same suffix."""
        if self._gone is None:
            self._gone = {path: id_ for path, id_ in self._before.items() if not (self._root / path).exists()}
        for id_ in self._gone.values():
            if id_ == _id(data, id_):
                return id_
        suffix, name = Path(file).suffix, Path(file).name
        near = sorted(
            (path for path in self._gone if Path(path).suffix == suffix),
            key=lambda path: (Path(path).name != name, path),
        )
        best, share = None, ALIKE
        for path in near[:MOST_RENAMES]:
            before = self._objects.content(self._gone[path])
            alike = _alike(before, data) if before is not None else 0.0
            if alike > share:
                best, share = self._gone[path], alike
        return best


def _id(data: bytes, like: str) -> str:
    """The id that git gives to a content, by the hash that the other id was made with."""
    head = f"blob {len(data)}\0".encode("ascii")
    if len(like) == 64:
        return hashlib.sha256(head + data).hexdigest()
    return hashlib.sha1(head + data, usedforsecurity=False).hexdigest()


def _lines(data: bytes) -> list[bytes]:
    """Without their ends: a checkout may turn LF into CRLF, and that is no change."""
    return [line.rstrip(b"\r") for line in data.split(b"\n")]


def _alike(before: bytes, after: bytes) -> float:
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > MOST_LINES:
        return 0.0
    return difflib.SequenceMatcher(None, old, new, autojunk=True).quick_ratio()


def _compared(before: bytes, after: bytes) -> Ranges | None:
    """The ranges of lines that are new or other, and the two lines around what was taken away."""
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > MOST_LINES:
        return None
    ranges: list[tuple[int, int]] = []
    for kind, _old_first, _old_last, first, last in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind == "delete":
            ranges.append((max(1, first), first + 1))
        elif kind != "equal":
            ranges.append((first + 1, last))
    return tuple(ranges)
