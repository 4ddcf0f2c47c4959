# SPDX-License-Identifier: EUPL-1.2
"""The folder of proofs: each file kept under its SHA-256, each deposit one line of a log that holds the hash of the line before.

Rule for this file: nothing here is ever replaced or hashed again in silence. A proof that is no longer what it was is told.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from nis2check.errors import InputError, Place, WriteError
from nis2check.files import read_bytes, write_aside
from nis2check.language import _, reason
from nis2check.model import Fact, Json

FOLDER = ".nis2check/proofs"
LOG = "log.jsonl"
LARGEST = 256 << 20  # bytes of one proof: a scanned decision, an export, a short video
LARGEST_LOG = 64 << 20
NOTHING = "0" * 64  # the hash before the first line

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of the folder that is not as it was left. ``kind``: chain, missing_copy, altered_copy, altered_file,
    not_logged, foreign_file."""

    kind: str
    what: str  # a French sentence
    file: str = ""
    measure: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What a verification found. ``head`` is the hash of the last line of the log: note it elsewhere to detect a cut."""

    entries: int
    head: str
    problems: tuple[Problem, ...]


def copy_of(folder: Path, digest: str) -> Path:
    """Where the file with this SHA-256 is kept, ``folder`` being that of the attestations."""
    return folder / FOLDER / digest[:2] / digest


def digest_of(file: Path) -> str | None:
    """The SHA-256 of a file as it is now; None when it is not there. Raises InputError: a folder, unreadable, too large."""
    try:
        there = file.exists()
    except OSError:  # a name that no file can have
        there = False
    return sha256(read_bytes(file, LARGEST)).hexdigest() if there else None


def deposit(folder: Path, file: Path, *, measure: str, by: str, at: str) -> dict[str, str]:
    """Keep a file and log it; return the entry ``{file, sha256}`` (and ``name`` for one from outside the folder).

    Raises InputError: not a regular file, empty, the log is broken, or what is kept under this hash was altered.
    """
    data = read_bytes(file, LARGEST)
    if not data:
        raise InputError(_("Une preuve vide ne prouve rien."), place=Place(str(file)))
    digest = sha256(data).hexdigest()
    copy = copy_of(folder, digest)
    entry = _entry(folder, file, copy, digest)
    with _alone(folder):
        lines, problems = _chain(folder)
        if problems:
            raise InputError(problems[0].what, place=Place(_log(folder)), advice=_("Voir : nis2check attest --verify"))
        kept = digest_of(copy)
        if kept is None:
            _make(copy.parent)
            write_aside(copy, data)
            copy.chmod(0o444)
        elif kept != digest:
            raise InputError(_("La copie gardée de cette preuve a été modifiée."), place=Place(str(copy)))
        if not any(one["sha256"] == digest and one["measure"] == measure for one in lines):
            said = {"at": at, "by": by, "bytes": len(data), "event": "deposit"}
            _append(folder, said | {"file": entry.get("name", entry["file"]), "measure": measure, "sha256": digest})
    return entry


def _entry(folder: Path, file: Path, copy: Path, digest: str) -> dict[str, str]:
    """A file of the folder is named where it lies, so that a change is seen; one from elsewhere by its copy."""
    try:
        return {"file": file.resolve().relative_to(folder.resolve()).as_posix(), "sha256": digest}
    except (ValueError, OSError):
        return {"name": file.name, "file": copy.relative_to(folder).as_posix(), "sha256": digest}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(path: Path, error: OSError) -> WriteError:
    return WriteError(_("Écriture impossible : {reason}.").format(reason=reason(error)), place=Place(str(path)))


def _log(folder: Path) -> str:
    return str(folder / FOLDER / LOG)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One deposit at a time in a folder, where the system can lock (POSIX)."""
    _make(folder / FOLDER)
    try:
        lock = (folder / FOLDER / ".lock").open("w")
    except OSError as error:
        raise _unwritable(folder / FOLDER, error) from None
    with lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        except ImportError:  # elsewhere the chain itself tells of two writers
            pass
        yield


def _append(folder: Path, said: Mapping[str, Json]) -> None:
    """Add one line to the log; a line that could not be written whole is taken back."""
    path = Path(_log(folder))
    before = read_bytes(path, LARGEST_LOG) if path.exists() else b""
    lines = before.splitlines()
    previous = sha256(lines[-1]).hexdigest() if lines else NOTHING
    record = {**said, "previous": previous, "seq": len(lines) + 1}
    line = json.dumps(record, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    if before and not before.endswith(b"\n"):  # an editor took the last newline away
        line = b"\n" + line
    try:
        with path.open("ab") as stream:
            try:
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                stream.truncate(len(before))
                raise
    except OSError as error:
        raise _unwritable(path, error) from None


# -------------------------------------------------------------------------------------------------------- verifying


def verify(folder: Path, facts: Iterable[Fact] = ()) -> State:
    """The chain, the kept files, and the proofs that the attestations (``facts``) name: all that is not as it was left."""
    lines, problems = _chain(folder)
    logged = {line["sha256"] for line in lines}
    for line in {line["sha256"]: line for line in lines}.values():
        kept = digest_of(copy_of(folder, line["sha256"]))
        if kept != line["sha256"]:
            problems.append(_copy_problem(line, gone=kept is None))
    problems += _foreign(folder, logged)
    for fact in facts:
        measure = fact.name.partition(".")[2]
        problems += [problem for one in fact.value["proof"] for problem in _attested(measure, one, logged)]
    raw = _raw_lines(folder)
    return State(len(lines), sha256(raw[-1]).hexdigest() if raw else NOTHING, tuple(problems))


def altered(proof: Mapping[str, Json]) -> bool:
    """Whether a proof of an attestation, as read, is no longer the file that was deposited."""
    deposited = proof.get("deposited")
    return deposited is not None and any(proof[now] not in {None, deposited} for now in ("sha256", "kept"))


def absent(proof: Mapping[str, Json]) -> bool:
    """Whether neither the file that a proof names nor a kept copy is there."""
    return "file" in proof and proof["sha256"] is None and proof.get("kept") is None


def _copy_problem(line: Mapping[str, Json], *, gone: bool) -> Problem:
    what = _("Preuve disparue du dossier : {file}.") if gone else _("Copie de preuve modifiée : {file}.")
    kind = "missing_copy" if gone else "altered_copy"
    return Problem(kind, what.format(file=line["file"]), line["file"], line["measure"])


def _attested(measure: str, proof: Mapping[str, Json], logged: set[str]) -> Iterator[Problem]:
    file, deposited = proof.get("file", ""), proof.get("deposited")
    if deposited is None:
        return
    if deposited not in logged:
        yield Problem("not_logged", _("Preuve absente du journal : {file}.").format(file=file), file, measure)
    if proof["sha256"] not in {None, deposited}:
        what = _("Preuve modifiée depuis son dépôt : {file}.").format(file=file)
        yield Problem("altered_file", what, file, measure)
    elif absent(proof):
        yield Problem("missing_copy", _("Preuve introuvable : {file}.").format(file=file), file, measure)


def _foreign(folder: Path, logged: set[str]) -> Iterator[Problem]:
    root = folder / FOLDER
    for path in sorted(root.glob("*/*")):
        known = path.name in logged and path.parent.name == path.name[:2]
        if not known and not path.name.startswith("."):
            file = path.relative_to(folder).as_posix()
            yield Problem("foreign_file", _("Fichier inconnu du journal : {file}.").format(file=file), file)


def _raw_lines(folder: Path) -> list[bytes]:
    path = Path(_log(folder))
    return read_bytes(path, LARGEST_LOG).splitlines() if path.exists() else []


def _chain(folder: Path) -> tuple[list[dict[str, Json]], list[Problem]]:
    """The lines that hold together, and where the chain breaks: what follows a break cannot be relied on, but is read."""
    lines: list[dict[str, Json]] = []
    problems: list[Problem] = []
    previous = NOTHING
    for number, raw in enumerate(_raw_lines(folder), 1):
        line = _record(raw)
        if line is None:
            problems.append(Problem("chain", _("Journal altéré : ligne {n} illisible.").format(n=number)))
        else:
            if line["previous"] != previous or line["seq"] != number:
                what = _("Journal altéré : la ligne {n} ne suit pas la précédente.").format(n=number)
                problems.append(Problem("chain", what))
            lines.append(line)
        previous = sha256(raw).hexdigest()
    return lines, problems


def _record(raw: bytes) -> dict[str, Json] | None:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    texts = ("at", "by", "event", "file", "measure", "previous", "sha256")
    if not isinstance(line, dict) or any(not isinstance(line.get(key), str) for key in texts):
        return None
    return line if _DIGEST.match(line["sha256"]) and isinstance(line.get("seq"), int) else None
