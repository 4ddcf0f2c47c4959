# SPDX-License-Identifier: EUPL-1.2
"""The history of a team: PostgreSQL (extra ``server``), in a schema of its own, ``nis2check``.

Rules for this file: what may be printed of the place never holds a password, nor does a fault (libpq quotes a malformed URL
whole); a server elsewhere is spoken to over verified TLS unless the URL says otherwise, since libpq's default would fall
back to clear text in silence.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nis2check.errors import InputError, Place
from nis2check.history.door import Rows
from nis2check.history.schema import APPLICATION, VERSION, statements
from nis2check.language import _
from nis2check.model import Json

if TYPE_CHECKING:
    import psycopg

    Session = psycopg.Connection[tuple[Json, ...]]

CONNECTING = 10  # seconds for each address
SILENT = 30_000  # milliseconds after which a server that acknowledges nothing is given up (RFC 5482)
_NAME = "nis2check"  # of our schema, and of the application in the server's log
_SCHEMA = statements(blob="BYTEA", clustered="")
_MARK = f"{_NAME} history "  # and the version: the comment on our schema


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A session that takes ``?`` for values, as SQLite does; none of our queries holds another ``?``."""

    session: Session

    def execute(self, query: str, values: Sequence[Json] = (), /) -> Rows:
        return self.session.execute(_dressed(query), values)

    def executemany(self, query: str, rows: Iterable[Sequence[Json]], /) -> None:
        with self.session.cursor() as cursor:
            cursor.executemany(_dressed(query), rows)


def _dressed(query: str) -> bytes:
    return query.replace("%", "%%").replace("?", "%s").encode()


@dataclass(frozen=True, slots=True)
class PostgresqlDoor:
    """The door to a server (``history.door.Door``). ``parameters`` are libpq's, the password among them."""

    parameters: Mapping[str, str] = field(repr=False)
    patience: float

    @property
    def shown(self) -> str:
        """``postgresql://user@host:port/base``; what is not said here libpq takes from its own environment."""
        user, host = self.parameters.get("user", ""), self.parameters.get("host", "")
        port, base = self.parameters.get("port", ""), self.parameters.get("dbname", "")
        return f"postgresql://{user}{'@' * bool(user)}{host}{':' * bool(port)}{port}/{base}"

    @contextmanager
    def reading(self) -> Iterator[_Spoken]:
        with self._told(), self._session() as session, session.transaction():
            session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if not self._stands(session):
                advice = _("En commencer un : nis2check scan --save.")
                raise InputError(_("Pas d'historique à cet endroit."), place=Place(self.shown), advice=advice)
            yield _Spoken(session)

    @contextmanager
    def writing(self) -> Iterator[_Spoken]:
        with self._told(), self._session() as session, session.transaction():
            session.execute("SET LOCAL synchronous_commit = on")  # when it returns, the run is on disk
            session.execute(f"SET LOCAL lock_timeout = {int(self.patience * 1000)}".encode())
            session.execute("SELECT pg_advisory_xact_lock(%s)", (APPLICATION,))  # one writer, the first maker too
            if not self._stands(session):
                _make(session)
            yield _Spoken(session)

    def shrink(self) -> None:
        with self._told(), self._session() as session:
            session.execute("VACUUM (ANALYZE) run, finding, state")

    def damaged(self, why: str) -> InputError:
        return InputError(
            _("Historique endommagé, laissé intact : {why}.").format(why=why),
            place=Place(self.shown),
            advice=_("Le restaurer d'une sauvegarde, ou en nommer un autre : --history."),
        )

    @contextmanager
    def _session(self) -> Iterator[Session]:
        import psycopg

        # No server-side prepared statements: a pooler between us and the server may not keep them.
        opened = psycopg.connect(**self.parameters, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type] # libpq takes words
        with opened as session:
            session.execute(f"SET search_path = {_NAME}".encode())
            yield session

    def _stands(self, session: Session) -> bool:
        """Whether our schema is there. Raises InputError: it is of another version, or of somebody else."""
        encoding = session.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            what = _("Cette base PostgreSQL n'est pas en UTF-8 ({encoding}).").format(encoding=encoding)
            raise InputError(what, place=Place(self.shown), advice=_("En créer une : createdb -E UTF8 -T template0."))
        query = "SELECT obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace WHERE nspname = %s"
        row = session.execute(query, (_NAME,)).fetchone()
        if row is None:
            return False
        if row[0] is None:  # prepared by an administrator, and still empty
            query = "SELECT 1 FROM pg_catalog.pg_class WHERE relnamespace = %s::regnamespace LIMIT 1"
            if session.execute(query, (_NAME,)).fetchone() is None:
                return False
        self._known(str(row[0]))
        return True

    def _known(self, comment: str) -> None:
        version = comment.removeprefix(_MARK)
        if not comment.startswith(_MARK) or not version.isdigit() or len(version) > 9:
            raise self.damaged(_("ses tables ne sont pas celles de nis2check"))
        if int(version) > VERSION:
            what = _("Historique écrit par un nis2check plus récent (format {version}, connu : {known}).")
            what = what.format(version=version, known=VERSION)
            raise InputError(what, place=Place(self.shown), advice=_("Mettre nis2check à jour."))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """PostgreSQL's faults as sentences."""
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise self._fault(error) from None

    def _fault(self, error: psycopg.Error) -> InputError:
        state, place = error.sqlstate or "", Place(self.shown)
        if state in {"55P03", "40001", "40P01"}:  # lock_not_available, serialization_failure, deadlock_detected
            advice = _("Réessayer quand l'autre analyse est finie.")
            return InputError(_("Historique occupé par un autre programme."), place=place, advice=advice)
        if state in {"42501", "25006"}:  # insufficient_privilege, read_only_sql_transaction
            return InputError(_("Historique en lecture seule ou inaccessible."), place=place)
        if state == "53100":  # disk_full
            return InputError(_("Historique non écrit : disque plein."), place=place)
        if state[:2] in {
            "42",
            "22",
            "23",
            "XX",
        }:  # tables that are not ours, values that cannot stand in them, corruption
            return self.damaged(_("ses tables ne sont pas celles de nis2check") + f" (SQLSTATE {state})")
        what = _("Serveur PostgreSQL injoignable ou refus de sa part : {reason}.").format(reason=self._reason(error))
        return InputError(what, place=place, advice=_("Vérifier l'adresse, le compte et sslmode (libpq)."))

    def _reason(self, error: psycopg.Error) -> str:
        """The first line of what libpq says, without the password should it ever quote it."""
        said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        secret = self.parameters.get("password", "")
        return (said.replace(secret, "***") if secret else said).strip().rstrip(".")[:300]


def _make(session: Session) -> None:
    session.execute(f"CREATE SCHEMA IF NOT EXISTS {_NAME}".encode())
    for statement in _SCHEMA:
        session.execute(statement.encode())
    session.execute(f"COMMENT ON SCHEMA {_NAME} IS '{_MARK}{VERSION}'".encode())


def parse(url: str) -> dict[str, str]:
    """A ``postgresql://`` URL → libpq's parameters. Raises InputError, which quotes nothing of it."""
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:  # the package, or libpq under it
        what = _("Un historique PostgreSQL demande l'extra « server ».")
        raise InputError(what, advice=_("L'installer : pip install 'nis2check[server]'.")) from None
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:
        what = _("Adresse PostgreSQL mal formée.")
        raise InputError(what, advice=_("Attendu : postgresql://UTILISATEUR@HÔTE:PORT/BASE.")) from None
    ours = {"application_name": _NAME, "connect_timeout": str(CONNECTING), "tcp_user_timeout": str(SILENT)}
    if not _local(given) and "PGSSLMODE" not in os.environ:
        ours["sslmode"] = "verify-full"
    return ours | given | {"client_encoding": "UTF8"}


def _local(parameters: Mapping[str, str]) -> bool:
    """Whether every host is this machine: a socket of the file system, or a loopback address."""
    hosts = parameters.get("hostaddr") or parameters.get("host") or os.environ.get("PGHOST", "")
    return all(host in {"", "localhost"} or host.startswith(("/", "@")) or _loopback(host) for host in hosts.split(","))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
