# SPDX-License-Identifier: EUPL-1.2
"""Walks a repository of strangers and has its files read: facts with file and line, and a gap for what could not be.

Rules for this file: every step goes through the folder already opened (``dir_fd``) and follows no link; only regular files
are read, capped in size, depth and count; the order is that of the names, so that the same tree gives the same bytes. What
git ignores is not read. Nothing of the tree is run, and none of its settings is obeyed.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import cast

from nis2check.evidence import gitignore, gitindex
from nis2check.evidence.observe import Read, Reader, Unread
from nis2check.evidence.repo import comments
from nis2check.evidence.sandbox import Job, Sandbox
from nis2check.model import Evidence, Fact, Gap, Source, Why

LARGEST = 5 << 20  # bytes of one file
DEEPEST = 40  # folders
MOST_ENTRIES = 200_000  # names met
MOST_FILES = 20_000  # files that a reader takes
MOST_BYTES = 512 << 20  # of all those files
HEAD = 8192  # bytes shown to ``matches``
LARGEST_IGNORE = 1 << 20
_TOO_LARGE = f"larger than {LARGEST >> 20} MiB"
BATCH_FILES = 64
BATCH_SIZE = 1 << 20  # characters
MOST_GAPS = 1000  # of what was skipped; the rest is counted

_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a repository says. ``files`` were met, ``read`` taken by a reader, the others left out for the counted reasons."""

    evidence: Evidence
    files: int
    read: int
    skipped: dict[str, int]


def read(root: Path, readers: Sequence[Reader], *, seen_at: str = "") -> Evidence:
    """The facts and gaps of a repository. ``seen_at``: RFC 3339, now when empty. Never raises for what the tree holds."""
    return survey(root, readers, seen_at=seen_at).evidence


def survey(root: Path, readers: Sequence[Reader], *, seen_at: str = "") -> Reading:
    """As `read`, with the counts."""
    walk = _Walk(readers)
    facts: list[Fact] = []
    moment = seen_at or datetime.now(UTC).isoformat(timespec="seconds")
    taken = 0
    with Sandbox() as sandbox:
        for files in _batches(walk.files(root)):
            taken += len(files)
            jobs = [Job(cast(ModuleType, reader), file.path, file.text) for file in files for reader in file.readers]
            for job, answer in zip(jobs, sandbox.read(jobs), strict=True):
                for found in answer:
                    _keep(found, job.path, moment, facts, walk.gaps)
    evidence = Evidence(tuple(facts), tuple(walk.gaps))
    return Reading(evidence, walk.met, taken, dict(sorted(walk.skipped.items())))


def under(folder: str, evidence: Evidence) -> Evidence:
    """The same evidence with every file named from above: a body with two repositories has two files of one name."""

    def moved(subject: str, where: str) -> tuple[str, str]:
        is_file = where.rpartition(":")[0] == subject
        return (f"{folder}/{subject}" if is_file else subject), f"{folder}/{where}"

    facts = []
    for fact in evidence.facts:
        subject, where = moved(fact.subject, fact.where)
        facts.append(replace(fact, subject=subject, where=where))
    gaps = []
    for gap in evidence.gaps:
        subject, where = moved(gap.subject, gap.where)
        gaps.append(replace(gap, subject=subject, where=where))
    return replace(evidence, facts=tuple(facts), gaps=tuple(gaps))


def _batches(files: Iterator[_File]) -> Iterator[list[_File]]:
    """A few files at a time: going to the child and back costs more than reading a small one."""
    batch: list[_File] = []
    size = 0
    for file in files:
        batch.append(file)
        size += len(file.text)
        if len(batch) >= BATCH_FILES or size >= BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _keep(found: Read | Unread, path: str, moment: str, facts: list[Fact], gaps: list[Gap]) -> None:
    where = f"{path}:{max(1, found.line)}"
    if isinstance(found, Read):
        facts.append(Fact(found.name, found.subject or path, found.value, Source.FILE, where, moment))
    else:
        gaps.append(Gap(found.name, found.subject or path, found.why, found.detail, source=Source.FILE, where=where))


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    text: str
    readers: tuple[Reader, ...]


@dataclass(frozen=True, slots=True)
class _Folder:
    """An open folder: its descriptor, the parts of its path, the .gitignore files above and in it."""

    handle: int
    parts: tuple[str, ...]
    ignores: tuple[tuple[int, gitignore.Ignore], ...]
    ignored: bool = False  # itself, so that only what git tracks all the same is read in it


@dataclass(slots=True)
class _Walk:
    """One walk, its limits and what it left out."""

    readers: Sequence[Reader]
    gaps: list[Gap] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    met: int = 0
    taken: int = 0
    size: int = 0
    full: bool = False
    tracked: frozenset[bytes] = frozenset()  # by git: files and the folders that hold them

    def files(self, root: Path) -> Iterator[_File]:
        """The files that some reader takes, in the order of their paths."""
        if os.open not in os.supports_dir_fd or os.scandir not in os.supports_fd:
            self._gap(".", Why.UNREADABLE, "this system cannot open folders without following links")
            return
        try:
            handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            self._gap(".", Why.UNREADABLE, f"the folder cannot be opened: {error.strerror}")
            return
        try:
            self.tracked = _tracked(handle)
            yield from self._folder(_Folder(handle, (), ()), os.path.realpath(root))
        finally:
            os.close(handle)

    def _gap(self, path: str, why: Why, detail: str) -> None:
        self.skipped[detail] += 1
        if len(self.gaps) < MOST_GAPS:
            self.gaps.append(Gap("files.*", path, why, detail, source=Source.FILE, where=f"{path}:1"))

    def _folder(self, folder: _Folder, root: str) -> Iterator[_File]:
        try:
            with os.scandir(folder.handle) as entries:
                listed = sorted(
                    (entry.name, entry.is_symlink(), entry.is_dir(follow_symlinks=False))
                    for entry in self._few(entries)
                )
        except OSError as error:
            self._gap(_shown(folder.parts) or ".", Why.UNREADABLE, f"the folder cannot be listed: {error.strerror}")
            return
        folder = self._with_ignore(folder, [name for name, is_link, is_dir in listed if not (is_link or is_dir)])
        for name, is_link, is_dir in listed:
            parts = (*folder.parts, name)
            if name == ".git" or self.full:
                continue
            shown = [_text(part) for part in parts]
            ignored = folder.ignored or gitignore.ignored(folder.ignores, shown, folder=is_dir)
            if ignored and os.fsencode("/".join(parts)) not in self.tracked:
                self.skipped["ignored by git"] += 1
            elif is_link:
                self._link(folder, name, root)
            elif is_dir:
                yield from self._enter(folder, name, root, ignored=ignored)
            else:
                yield from self._file(folder, name)

    def _few(self, entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        for entry in entries:
            self.met += 1
            if self.met > MOST_ENTRIES:
                self._stop(f"more than {MOST_ENTRIES} names in the tree: the rest is not read")
                return
            yield entry

    def _stop(self, detail: str) -> None:
        if not self.full:
            self.full = True
            self._gap(".", Why.LIMIT, detail)

    def _with_ignore(self, folder: _Folder, names: Sequence[str]) -> _Folder:
        if ".gitignore" not in names:
            return folder
        try:
            handle = _open_regular(folder.handle, ".gitignore")
        except (OSError, _NotRegular):
            return folder
        with os.fdopen(handle, "rb") as stream:
            text = stream.read(LARGEST_IGNORE).decode("utf-8", "replace")
        return replace(folder, ignores=(*folder.ignores, (len(folder.parts), gitignore.parse(text))))

    def _link(self, folder: _Folder, name: str, root: str) -> None:
        """Never followed. What it points at is met on its own if it lies in the tree; else it is said."""
        path = _shown((*folder.parts, name))
        place = os.path.join(root, *folder.parts)  # noqa: PTH118 - bytes that are no text must survive
        try:
            target = os.path.normpath(os.path.join(place, os.readlink(name, dir_fd=folder.handle)))  # noqa: PTH118 - as above
        except (OSError, ValueError):
            target = ""
        if target == root or target.startswith(root + os.sep):
            self.skipped["link inside the tree"] += 1
        else:
            self._gap(path, Why.OUT_OF_SCOPE, "a link that leaves the tree: not followed")

    def _enter(self, folder: _Folder, name: str, root: str, *, ignored: bool = False) -> Iterator[_File]:
        parts = (*folder.parts, name)
        if len(parts) > DEEPEST:
            self._gap(_shown(parts), Why.LIMIT, f"more than {DEEPEST} folders deep")
            return
        try:
            handle = os.open(name, _OPEN | os.O_DIRECTORY, dir_fd=folder.handle)
        except OSError as error:
            self._gap(_shown(parts), Why.UNREADABLE, f"the folder cannot be opened: {error.strerror}")
            return
        try:
            yield from self._folder(_Folder(handle, parts, folder.ignores, ignored), root)
        finally:
            os.close(handle)

    def _file(self, folder: _Folder, name: str) -> Iterator[_File]:
        path = _shown((*folder.parts, name))
        try:
            handle = _open_regular(folder.handle, name)
        except _NotRegular:
            self._gap(path, Why.UNREADABLE, "not a regular file")
            return
        except OSError as error:
            self._gap(path, Why.UNREADABLE, f"the file cannot be opened: {error.strerror}")
            return
        with os.fdopen(handle, "rb") as stream:
            if os.fstat(handle).st_size > LARGEST and any(reader.matches(path, b"") for reader in self.readers):
                self._gap(path, Why.LIMIT, _TOO_LARGE)
                return
            try:
                head = stream.read(HEAD)
                readers = tuple(reader for reader in self.readers if reader.matches(path, head))
                if not readers:
                    self.skipped["no reader takes it"] += 1
                    return
                data = head + stream.read(LARGEST + 1 - len(head))
            except OSError as error:
                self._gap(path, Why.UNREADABLE, f"the file cannot be read: {error.strerror}")
                return
        text = self._admit(path, data)
        if text is not None:
            asks = comments.MARK in text and comments in self.readers
            yield _File(path, text, (*readers, comments) if asks else readers)

    def _admit(self, path: str, data: bytes) -> str | None:
        """The text of a file within all limits, or None with its gap."""
        if len(data) > LARGEST:
            self._gap(path, Why.LIMIT, _TOO_LARGE)
            return None
        self.taken += 1
        self.size += len(data)
        if self.taken > MOST_FILES or self.size > MOST_BYTES:
            self._stop(f"more than {MOST_FILES} files or {MOST_BYTES >> 20} MiB to read: the rest is not read")
            return None
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            self._gap(path, Why.UNREADABLE, "UTF-16")
            return None
        if b"\0" in data:
            self._gap(path, Why.UNREADABLE, "binary")
            return None
        return data.decode("utf-8-sig", "replace")  # comments in Latin-1 are common and harm nothing


def _tracked(root: int) -> frozenset[bytes]:
    """What git tracks is never ignored, whatever its .gitignore says. Read from the index itself; empty without one."""
    try:
        git = os.open(".git", _OPEN | os.O_DIRECTORY, dir_fd=root)
    except OSError:
        return frozenset()
    try:
        with os.fdopen(_open_regular(git, "index"), "rb") as stream:
            return gitindex.paths(stream.read(gitindex.LARGEST + 1))
    except (OSError, _NotRegular):
        return frozenset()
    finally:
        os.close(git)


class _NotRegular(Exception):
    """A pipe, a socket, a device."""


def _open_regular(folder: int, name: str) -> int:
    """A descriptor of a regular file; no link followed, no wait for a pipe. Raises OSError, _NotRegular."""
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        raise _NotRegular
    handle = os.open(name, _OPEN, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # swapped since
        os.close(handle)
        raise _NotRegular
    return handle


def _text(name: str) -> str:
    """A file name as text: bytes that are no UTF-8 shown as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _shown(parts: Sequence[str]) -> str:
    """A path as reported: POSIX, relative to the tree, always text."""
    return "/".join(_text(part) for part in parts)
