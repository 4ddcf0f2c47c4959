# SPDX-License-Identifier: EUPL-1.2
"""Is the register whole? Every file against its digest, every row against what the build promises."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from nis2check.errors import InputError, Place
from nis2check.language import _, reason
from nis2check.model import Json
from nis2check.register import store
from nis2check.register.identifiers import luhn_sum

ATTRIBUTION = {
    "fr": "Données : Insee, Code officiel géographique au 1er janvier 2026 et populations de référence 2023 (en vigueur au "
    "1er janvier 2026 ; Mayotte : 2017) ; DGCL, périmètre des EPCI à fiscalité propre et populations 2022 au 1er janvier "
    "2025, mis à jour par nos soins au 1er janvier 2026 ; réunies par data.gouv.fr (paquet @etalab/decoupage-administratif "
    "6.0.0, 9 mars 2026). Licence Ouverte / Open Licence 2.0. Données retraitées : elles n'engagent pas ces organismes.",
    "en": "Data: Insee, official geographic code at 1 January 2026 and populations of reference year 2023 (in force on "
    "1 January 2026; Mayotte: 2017); DGCL, EPCI perimeters and 2022 populations at 1 January 2025, brought to 1 January 2026 "
    "by us; gathered by data.gouv.fr (package @etalab/decoupage-administratif 6.0.0, 9 March 2026). Licence Ouverte / Open "
    "Licence 2.0. Reprocessed data: those bodies do not answer for it.",
}


def manifest() -> dict[str, Json]:
    """What was built from what (``nis2check.register/1``). Raises InputError: missing or not JSON."""
    path = store.folder() / "register.json"
    try:
        value: dict[str, Json] = json.loads(path.read_bytes())
    except OSError as error:
        what = _("Registre illisible : {reason}.").format(reason=reason(error))
        raise InputError(what, place=Place(str(path))) from None
    except ValueError:
        raise InputError(_("Registre abîmé : ce n'est pas du JSON."), place=Place(str(path))) from None
    return value


def faults() -> Iterator[str]:
    """One sentence for each thing wrong with the register; nothing when it is whole."""
    described = manifest()
    for path, expected in described["files"].items():
        vintage, _slash, name = path.rpartition("/")
        data = store.read(name, vintage)
        if hashlib.sha256(data).hexdigest() != expected["sha256"]:
            yield _("{path} : le contenu n'est pas celui qui a été construit").format(path=path)
        if data.count(b"\n") - 1 != expected["rows"]:
            yield _("{path} : {n} lignes annoncées").format(path=path, n=expected["rows"])
    for vintage, count in described["bodies_with_siren"].items():
        yield from _rows_of(vintage, count)
    yield from _successors()


def _rows_of(vintage: str, count: int) -> Iterator[str]:
    groupings = [_row(line) for line in store.lines(store.read(store.GROUPINGS, vintage))]
    communes = [_row(line) for line in store.lines(store.read(store.COMMUNES, vintage))]
    seen: set[str] = set()
    for row in groupings + communes:
        siren = row["siren"]
        if siren in seen:
            yield _("{vintage} : SIREN {siren} deux fois").format(vintage=vintage, siren=siren)
        if siren and (len(siren) != 9 or luhn_sum(siren) % 10):
            yield _("{vintage} : clé fausse, {siren}").format(vintage=vintage, siren=siren)
        seen |= {siren} - {""}
    known = {row["siren"] for row in groupings} | {""}
    lost = _("{vintage} : la commune {insee} est dans un groupement inconnu, {home}")
    for row in communes:
        if row["grouping"] not in known:
            yield lost.format(vintage=vintage, insee=row["insee"], home=row["grouping"])
    if len(seen) != count:
        yield _("{vintage} : {n} SIREN, {count} annoncés").format(vintage=vintage, n=len(seen), count=count)


def _row(line: str) -> Mapping[str, str]:
    return dict(zip(store.COLUMNS, line.split(";"), strict=True))


def _successors() -> Iterator[str]:
    for line in store.lines(store.read(store.SUCCESSORS)):
        siren, _name, successor, since = line.split(";")
        data = store.read(store.GROUPINGS, since[:4])
        if store.line_of_siren(data, successor) is None or store.line_of_siren(data, siren) is not None:
            yield _("successeur de {siren} : {successor} n'est pas au registre, ou {siren} y est encore").format(
                siren=siren, successor=successor
            )


def differences(files: Mapping[str, bytes]) -> Iterator[str]:
    """The files whose plain bytes are not those of a rebuild."""
    for path, data in files.items():
        vintage, _slash, name = path.rpartition("/")
        if store.read(name, vintage) != data:
            yield _("{path} : une reconstruction donne un autre contenu").format(path=path)
