# SPDX-License-Identifier: EUPL-1.2
"""A result of another tool, as its file says it: nothing is mapped or judged here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nis2check.errors import InputError, Path_, Place, dotted
from nis2check.language import _
from nis2check.model import Json, Severity

LARGEST = 64 << 20  # bytes of one file
MOST = 100_000  # results of one file
LONGEST = 2000  # characters of one text


@dataclass(frozen=True, slots=True)
class Foreign:
    """One result. ``file`` is POSIX and relative to the examined folder when it can be; empty for a resource of a cloud."""

    tool: str
    version: str
    rule: str
    title: str
    message: str
    severity: Severity
    scored: bool  # False: only SARIF's level told the severity
    file: str = ""
    line: int = 0  # 0: not told
    end: int = 0
    resource: str = ""
    cwe: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()  # of NIS 2, when the tool itself names them


class Reading:
    """A walk over a foreign document that names the place of what is not as its standard says."""

    def __init__(self, data: Json, file: str, path: Path_ = ()) -> None:
        self.data = data
        self._file = file
        self._path = path

    def fault(self, wanted: str) -> InputError:
        place = Place(self._file, None, dotted(self._path))
        return InputError(_("Valeur inattendue ; attendu : {wanted}.").format(wanted=wanted), place=place)

    def get(self, key: str) -> Reading:
        """What stands under a key; nothing (None) when it is absent. Raises InputError when this is no object."""
        if not isinstance(self.data, Mapping):
            raise self.fault("object")
        return Reading(self.data.get(key), self._file, (*self._path, key))

    def each(self) -> Iterator[Reading]:
        """The items of a list; none when it is absent. Raises InputError when it is something else, or far too long."""
        if self.data is None:
            return
        if not isinstance(self.data, list):
            raise self.fault("array")
        if len(self.data) > MOST:
            raise InputError(
                _("Plus de {n} résultats.").format(n=MOST), place=Place(self._file, None, dotted(self._path))
            )
        for index, item in enumerate(self.data):
            yield Reading(item, self._file, (*self._path, index))

    def text(self) -> str:
        """A text, cut; empty when it is absent or of another type: words are for people, a strange one loses no result."""
        return self.data[:LONGEST] if isinstance(self.data, str) else ""

    def number(self) -> int:
        """A count from 1; 0 when there is none."""
        return self.data if isinstance(self.data, int) and not isinstance(self.data, bool) and self.data > 0 else 0

    def __bool__(self) -> bool:
        return self.data is not None
