# SPDX-License-Identifier: EUPL-1.2
"""The one door to a history, wherever it lies: what a store may ask of it, and which one serves a place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from nis2check.errors import InputError
from nis2check.language import _
from nis2check.model import Json

PATIENCE = 30.0  # seconds to wait for another writer


class Rows(Protocol):
    def fetchone(self) -> tuple[Json, ...] | None: ...

    def __iter__(self) -> Iterator[tuple[Json, ...]]: ...


class Connection(Protocol):
    """SQL that SQLite and PostgreSQL both speak, with ``?`` for values."""

    def execute(self, query: str, values: Sequence[Json] = (), /) -> Rows: ...

    def executemany(self, query: str, rows: Iterable[Sequence[Json]], /) -> object: ...


class Door(Protocol):
    """Every fault is an InputError of one sentence; nothing was written then."""

    @property
    def shown(self) -> str:
        """The place as it may be printed: without a password."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Read one moment of a history that exists, checked first."""

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction that no other writer shares, on disk when it returns; a history that does not exist is made."""

    def shrink(self) -> None:
        """Give the room of forgotten runs back."""

    def damaged(self, why: str) -> InputError:
        """The fault of a history that cannot be trusted, and the way out."""


def door(place: Path | str, patience: float = PATIENCE) -> Door:
    """The door to a file, or to the server of a ``postgresql://`` URL. Raises InputError: another kind of URL."""
    scheme = re.match(r"([a-z][a-z0-9+.-]*)://", str(place), re.IGNORECASE)
    if scheme is None:
        from nis2check.history.sqlite import SqliteDoor

        return SqliteDoor(Path(place), patience)
    if scheme[1].lower() not in {"postgresql", "postgres"}:
        what = _("Historique à une adresse {scheme}:// : inconnu.").format(scheme=scheme[1].lower())
        raise InputError(what, advice=_("Attendu : un fichier, ou postgresql://UTILISATEUR@HÔTE/BASE."))
    from nis2check.history.postgresql import PostgresqlDoor, parse

    return PostgresqlDoor(parse(str(place)), patience)
