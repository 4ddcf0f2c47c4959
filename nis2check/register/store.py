# SPDX-License-Identifier: EUPL-1.2
"""The register on disk: one folder a vintage, plain sorted ``;`` files in deterministic gzip, read without csv or gzip.

One SIREN must answer in a few milliseconds: a file is inflated whole (2 MB) and the one line is found in its bytes.
A field never holds ``;`` or a newline, nor starts with a quote: the build refuses it.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from nis2check.errors import InputError, Place
from nis2check.language import _, reason
from nis2check.model import Body, Text

SHIPPED = Path(__file__).with_name("data")

# A vintage is the year on whose 1 January perimeters and populations come into force.
VINTAGES = ("2025", "2026")

# Files of a vintage, then files of the whole register. "groupings" holds régions and départements too: all but communes.
GROUPINGS, COMMUNES = "groupings", "communes"
NAMES, SUCCESSORS = "names", "successors"

COLUMNS = (
    "siren", "insee", "nature", "name", "departments", "regions", "grouping", "members",
    "totale", "totale_vintage", "municipale", "municipale_vintage",
    "largest_totale", "largest_totale_name", "largest_totale_vintage",
    "largest_municipale", "largest_municipale_name", "largest_municipale_vintage",
)  # fmt: skip

_GZIP = 31  # zlib's window bits for a gzip envelope


def folder() -> Path:
    """Where the register lies: NIS2CHECK_REGISTER (made by ``register build``), else the one shipped."""
    own = os.environ.get("NIS2CHECK_REGISTER")
    return Path(own) if own else SHIPPED


def vintage_in_force(on: str) -> str:
    """The vintage in force on an ISO date; the last known for a later day. Raises InputError before the first."""
    year = on[:4]
    if year < VINTAGES[0]:
        what = _("Le registre ne connaît pas le {on} : ses millésimes sont {vintages}.")
        raise InputError(what.format(on=on, vintages=", ".join(VINTAGES)))
    return max(vintage for vintage in VINTAGES if vintage <= year)


@lru_cache(maxsize=8)
def read(name: str, vintage: str = "") -> bytes:
    """The plain bytes of one file of the register. Raises InputError: missing or damaged."""
    path = folder() / vintage / f"{name}.csv.gz"
    try:
        return zlib.decompress(path.read_bytes(), _GZIP)
    except OSError as error:
        what = _("Registre illisible : {reason}.").format(reason=reason(error))
        raise InputError(what, place=Place(str(path))) from None
    except zlib.error:
        raise InputError(_("Registre abîmé : ce n'est pas du gzip."), place=Place(str(path))) from None


def line_of_siren(data: bytes, siren: str) -> str | None:
    """The line whose first field is this SIREN."""
    return _line(data, data.find(f"\n{siren};".encode()) + 1)


def line_of_insee(data: bytes, insee: str) -> str | None:
    """The line whose second field is this Insee code: the field after a SIREN, or after nothing (overseas)."""
    at = -1
    while (at := data.find(f";{insee};".encode(), at + 1)) >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        if b";" not in data[start:at]:
            return _line(data, start)
    return None


def lines(data: bytes) -> Iterator[str]:
    """Every line after the header."""
    return iter(data.decode().splitlines()[1:])


def _line(data: bytes, start: int) -> str | None:
    return data[start : data.index(b"\n", start)].decode() if start > 0 else None


def body(line: str) -> Body:
    """A line of the register as a Body."""
    (
        siren, insee, nature, name, departments, _regions, _grouping, _members,
        totale, totale_vintage, municipale, municipale_vintage,
        largest_totale, totale_name, largest_totale_vintage,
        largest_municipale, municipale_name, largest_municipale_vintage,
    ) = line.split(";")  # fmt: skip
    return Body(
        name=name,
        nature=nature,
        siren=siren,
        insee=insee,
        population={
            "totale": int(totale) if totale else None,
            "municipale": int(municipale) if municipale else None,
        },
        vintage={"totale": totale_vintage, "municipale": municipale_vintage},
        largest_commune=_both(int(largest_totale), int(largest_municipale)) if largest_totale else {},
        largest_commune_names=_both(totale_name, municipale_name) if largest_totale else {},
        largest_commune_vintage=_both(largest_totale_vintage, largest_municipale_vintage) if largest_totale else {},
        departments=tuple(departments.split(" ")) if departments else (),
        notes=remarks(siren, departments),
    )


Value = TypeVar("Value", int, str)


def _both(totale: Value, municipale: Value) -> dict[str, Value]:
    return {"totale": totale, "municipale": municipale}


_OVERSEAS_CENSUS = {
    "fr": "Mayotte : population du recensement de 2017, la dernière publiée que connaît le registre.",
    "en": "Mayotte: population of the 2017 census, the last published that the register knows.",
}
# What the register knows of one body and its nature does not say. The law engine only carries these notes.
_REMARKS: dict[str, Text] = {
    "200054781": {
        "fr": "Métropole du Grand Paris : à confirmer, les textes lus disent « métropoles » sans la nommer.",
        "en": "Métropole du Grand Paris: to be confirmed, the texts read say “métropoles” without naming it.",
    },
    "200046977": {
        "fr": "Métropole de Lyon : collectivité à statut particulier, assimilée à une métropole ; à confirmer.",
        "en": "Métropole de Lyon: a collectivity with a special status, treated as a métropole; to be confirmed.",
    },
    "217500016": {
        "fr": "Paris : commune et département sous un même SIREN.",
        "en": "Paris: a commune and a département under one SIREN.",
    },
}


def remarks(siren: str, departments: str) -> tuple[Text, ...]:
    """What is to be known of this body beside its figures."""
    known: tuple[Text, ...] = (_REMARKS[siren],) if siren in _REMARKS else ()
    return (*known, _OVERSEAS_CENSUS) if departments == "976" else known
