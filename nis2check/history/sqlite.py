# SPDX-License-Identifier: EUPL-1.2
"""A history in a file: SQLite, opened only after the file was found sound, ours and of a version we know.

Rules for this file: nothing is written to a file that was not checked first (a damaged one is never touched, so that it can be
mended); the check itself opens read-only, since an ordinary connection copies the write-ahead log into the file when it
closes; nothing that a schema says is run (trusted_schema, and the schema must be ours word for word).
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nis2check.errors import InputError, Place
from nis2check.history.place import prepare
from nis2check.history.schema import APPLICATION, VERSION, statements
from nis2check.language import _, reason

CHECKED_WHOLE = 64 << 20  # bytes up to which every page is checked before anything is written (0.1 s)
CHECKED_TO_READ = 4 << 20  # and before anything is read (5 ms); beyond, a page is checked when it is read
LARGEST = 256 << 20  # bytes of one value

Connection = sqlite3.Connection

_SCHEMA = statements(blob="BLOB", clustered=" WITHOUT ROWID")
_SETTINGS = (
    "trusted_schema = OFF",
    "foreign_keys = ON",
    "cell_size_check = ON",
    "temp_store = MEMORY",
    "cache_size = -32768",  # KiB: two runs of every body of the country side by side
)
_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class SqliteDoor:
    """The door to one file (``history.door.Door``)."""

    path: Path
    patience: float

    @property
    def shown(self) -> str:
        return str(self.path)

    def reading(self) -> AbstractContextManager[Connection]:
        return reading(self.path, self.patience)

    def writing(self) -> AbstractContextManager[Connection]:
        return writing(self.path, self.patience)

    def shrink(self) -> None:
        shrink(self.path, self.patience)

    def damaged(self, why: str) -> InputError:
        return damaged(self.path, why)


@contextmanager
def reading(path: Path, patience: float, whole: int = CHECKED_TO_READ) -> Iterator[Connection]:
    """A read-only connection to a history that exists; every page of a file of ``whole`` bytes or less is checked first.
    Raises InputError, one sentence for each fault."""
    _look_at(path)
    with _told(path), closing(_connect(path, "ro", patience)) as connection:
        _check(path, connection, whole)
        yield connection


@contextmanager
def writing(path: Path, patience: float) -> Iterator[Connection]:
    """One transaction that no other writer shares, kept at the end of the block and on disk when it returns.

    A history that does not exist is made. Raises InputError; then nothing was written.
    """
    if not os.path.lexists(path):
        _create(path, patience)
    with reading(path, patience, CHECKED_WHOLE):
        pass
    with _told(path), closing(_connect(path, "rw", patience)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def shrink(path: Path, patience: float) -> None:
    """Give the room of forgotten runs back to the disk, and leave nothing of them in the file."""
    with _told(path), closing(_connect(path, "rw", patience)) as connection:
        connection.execute("VACUUM")


def _connect(path: Path, mode: str, patience: float) -> Connection:
    # Where nothing can be written SQLite has no place for its shared memory; without a log the file is the whole truth.
    log = _status(Path(f"{path}-wal"))
    alone = (log is None or log.st_size == 0) and not os.access(path.parent, os.W_OK)
    frozen = "&immutable=1" if mode == "ro" and alone else ""
    uri = f"{path.absolute().as_uri()}?mode={mode}{frozen}"
    connection = sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


# ------------------------------------------------------------------------------------------------------------- checks


def _look_at(path: Path) -> None:
    """What can be seen without SQLite: a link, another kind of file, another program's, a later version's."""
    found = _status(path)
    if found is None:
        advice = _("En commencer un : nis2check scan --save.")
        raise InputError(_("Pas d'historique à cet endroit."), place=Place(str(path)), advice=advice)
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISLNK(found.st_mode):
        raise InputError(_("Ce n'est pas un fichier ordinaire."), place=Place(str(path)))
    if stat.S_ISLNK(found.st_mode) or found.st_nlink > 1:
        # Two names, two write-ahead logs: SQLite would damage the file (sqlite.org/howtocorrupt.html, 2.5).
        raise InputError(_("L'historique est un lien : refusé."), place=Place(str(path)))
    for end in ("-wal", "-shm"):
        beside = _status(Path(f"{path}{end}"))
        if beside is not None and not stat.S_ISREG(beside.st_mode):
            raise InputError(_("Ce n'est pas un fichier ordinaire."), place=Place(f"{path}{end}"))
    if _status(Path(f"{path}-journal")) is not None:  # we never make one; SQLite would play it back into the file
        raise damaged(path, _("un journal étranger est à côté"))
    _read_header(path)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        what = _("Historique illisible : {reason}.").format(reason=reason(error))
        raise InputError(what, place=Place(str(path))) from None


def _read_header(path: Path) -> None:
    """The first 100 bytes (sqlite.org/fileformat2.html, 1.3): magic, user version at 60, application id at 68."""
    try:
        with path.open("rb") as stream:
            head = stream.read(100)
    except OSError as error:
        what = _("Historique illisible : {reason}.").format(reason=reason(error))
        raise InputError(what, place=Place(str(path))) from None
    if not head.startswith(_MAGIC) or len(head) < 100:
        raise damaged(path, _("fichier vide") if not head else _("ce n'est pas un fichier SQLite"))
    if int.from_bytes(head[68:72]) != APPLICATION:
        what = _("Ce fichier SQLite n'est pas un historique de nis2check.")
        raise InputError(what, place=Place(str(path)), advice=_("Nommer un autre fichier : --history CHEMIN."))
    version = int.from_bytes(head[60:64])
    if version > VERSION:
        what = _("Historique écrit par un nis2check plus récent (format {version}, connu : {known}).")
        raise InputError(
            what.format(version=version, known=VERSION),
            place=Place(str(path)),
            advice=_("Mettre nis2check à jour."),
        )


def _check(path: Path, connection: Connection, whole: int) -> None:
    """Our tables word for word, and sound pages."""
    found = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master") if sql is not None}
    if found != {text for text in _SCHEMA if text.startswith("CREATE")}:
        raise damaged(path, _("ses tables ne sont pas celles de nis2check"))
    if path.stat().st_size <= whole:
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise damaged(path, _("des pages ne concordent pas"))


def damaged(path: Path, why: str) -> InputError:
    """The fault of a history that cannot be trusted, and the way out."""
    return InputError(
        _("Historique endommagé, laissé intact : {why}.").format(why=why),
        place=Place(str(path)),
        advice=_("Le renommer pour en commencer un autre, ou le restaurer d'une sauvegarde."),
    )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's faults as sentences."""
    try:
        yield
    except sqlite3.Error as error:
        raise _fault(path, error) from None


def _fault(path: Path, error: sqlite3.Error) -> InputError:
    name = getattr(error, "sqlite_errorname", None) or ""
    place = Place(str(path))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        advice = _("Réessayer quand l'autre analyse est finie.")
        return InputError(_("Historique occupé par un autre programme."), place=place, advice=advice)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return InputError(_("Historique en lecture seule ou inaccessible."), place=place)
    if name == "SQLITE_FULL":
        return InputError(_("Historique non écrit : disque plein."), place=place)
    if name.startswith("SQLITE_IOERR"):
        return InputError(_("Historique non écrit ou illisible : erreur du disque."), place=place)
    return damaged(
        path, str(error) if name else _("contenu illisible")
    )  # nameless: the message would quote the content


# ------------------------------------------------------------------------------------------------------------- making


def _create(path: Path, patience: float) -> None:
    """Make an empty history aside and rename it: a run that is killed meanwhile leaves no half-made file behind."""
    try:
        prepare(path)
        with _alone(path.parent, patience):
            if not os.path.lexists(path):
                _make(path)
    except OSError as error:
        what = _("Historique impossible à créer : {reason}.").format(reason=reason(error))
        raise InputError(what, place=Place(str(path))) from None


def _make(path: Path) -> None:
    aside = path.with_name(f".{path.name}.new")
    for left in (aside, Path(f"{aside}-wal"), Path(f"{aside}-shm"), Path(f"{aside}-journal")):
        left.unlink(missing_ok=True)  # of a run that was killed: we hold the lock
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with _told(path), closing(sqlite3.connect(aside, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    aside.rename(path)


@contextmanager
def _alone(folder: Path, patience: float) -> Iterator[None]:
    """Hold the folder while a history is made in it, and put its new name on disk. Where folders cannot be locked (Windows),
    the rename itself refuses a second maker."""
    if os.name != "posix":
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(handle, patience)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)  # and the lock goes with it


def _lock(handle: int, patience: float) -> None:
    """Wait for the folder, as long as for a writer; a file system without locks is left to chance."""
    import errno
    import fcntl

    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.EACCES}:
                return
            if time.monotonic() > end:
                raise
        time.sleep(0.02)
