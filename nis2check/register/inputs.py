# SPDX-License-Identifier: EUPL-1.2
"""The sources of the register, read into plain values. Facts and traps of each file: docstrings below."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nis2check.errors import InputError, Place
from nis2check.language import _, reason

SOURCES = Path(__file__).with_name("sources")

# Paris, Lyon and Marseille stand in Insee's file by arrondissement only: prefix of these codes → commune.
_ARRONDISSEMENTS = {"751": "75056", "6938": "69123", "132": "13055"}

# typeLiaison of the Code officiel géographique → how "département" joins its name.
_LINKS = {0: "de ", 1: "d'", 2: "du ", 3: "de la ", 4: "des ", 5: "de l'", 6: "des ", 7: "de las ", 8: "de los "}


@dataclass(frozen=True, slots=True)
class Figure:
    """A population and the year on whose 1 January it came into force (2017 for Mayotte's census)."""

    value: int
    vintage: str


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune of the Code officiel géographique 2026. ``siren`` is empty overseas; ``municipale`` is PMUN 2023."""

    code: str
    siren: str
    name: str
    department: str
    region: str
    municipale: int | None


@dataclass(frozen=True, slots=True)
class Inputs:
    """All the sources. Populations are inhabitants; 2025 is (totale, municipale) per commune."""

    communes: Mapping[str, Commune]
    epci: tuple[Mapping[str, Any], ...]
    ept: tuple[Mapping[str, Any], ...]
    department_names: Mapping[str, str]
    figures_2025: Mapping[str, tuple[int, int]]
    totale_2026: Mapping[str, int]
    totale_2026_groupings: Mapping[str, int]
    patch: tuple[Mapping[str, str], ...]
    collectivities: tuple[Mapping[str, str], ...]
    aliases: Mapping[str, str]
    digests: Mapping[str, str]
    warnings: tuple[str, ...]


def read(package: Path, insee: Path | None = None, sources: Path = SOURCES) -> Inputs:
    """Read the npm package's folder (its root or its ``data``) and the CSV ``sources``. Raises InputError."""
    folder = package / "data" if (package / "data").is_dir() else package
    digests: dict[str, str] = {}

    def json_of(name: str) -> list[dict[str, Any]]:
        path = folder / name
        try:
            data = path.read_bytes()
            digests[f"@etalab/decoupage-administratif/data/{name}"] = hashlib.sha256(data).hexdigest()
            value: list[dict[str, Any]] = json.loads(data)
        except OSError:
            advice = _("Donner le dossier du paquet npm @etalab/decoupage-administratif 6.0.0, décompressé.")
            raise InputError(_("Fichier introuvable."), place=Place(str(path)), advice=advice) from None
        except ValueError as error:
            raise InputError(_("JSON illisible : {error}.").format(error=error), place=Place(str(path))) from None
        return value

    epci, ept = json_of("epci.json"), json_of("ept.json")
    communes = _communes(json_of("communes.json"))
    near = table(sources / "population_totale_2026.csv", digests)
    totale = {row["insee"]: int(row["ptot"]) for row in near if row["insee"]}
    of_groupings = {row["siren"]: int(row["ptot"]) for row in near if not row["insee"]}
    warnings = _disagreements(communes, {row["insee"]: int(row["pmun"]) for row in near if row["insee"]})
    if insee is not None:
        municipale, totale = _insee(insee, digests)
        warnings += _disagreements(communes, municipale)
        of_groupings = {}
    members = [member for grouping in epci for member in grouping["membres"]]
    return Inputs(
        communes=communes,
        epci=tuple(epci),
        ept=tuple(ept),
        department_names={
            d["code"]: f"Département {_LINKS[d['typeLiaison']]}{d['nom']}" for d in json_of("departements.json")
        },
        figures_2025={m["code"]: (m["populationTotale"], m["populationMunicipale"]) for m in members},
        totale_2026=totale,
        totale_2026_groupings=of_groupings,
        patch=tuple(table(sources / "patch_epci_2026.csv", digests)),
        collectivities=tuple(table(sources / "collectivites_siren.csv", digests)),
        aliases={row["name"]: row["siren"] for row in table(sources / "aliases.csv", digests)},
        digests=digests,
        warnings=tuple(warnings),
    )


def _communes(source: list[dict[str, Any]]) -> dict[str, Commune]:
    """The communes of today: déléguées and associées share a code with one, arrondissements are parts of one, and the
    districts of the TAAF and Clipperton (984, 989) are not communes though the file says so."""
    return {
        c["code"]: Commune(c["code"], c.get("siren", ""), c["nom"], c["departement"], c["region"], c.get("population"))
        for c in source
        if c["type"] == "commune-actuelle" and c["departement"] not in {"984", "989"}
    }


def table(path: Path, digests: dict[str, str]) -> list[dict[str, str]]:
    """A ``;`` file with a header; lines that start with # are remarks. Its digest is noted."""
    data = path.read_bytes()
    digests[path.name] = hashlib.sha256(data).hexdigest()
    header, *lines = [line for line in data.decode("utf-8-sig").splitlines() if line and not line.startswith("#")]
    return [dict(zip(header.split(";"), line.split(";"), strict=True)) for line in lines]


def _insee(path: Path, digests: dict[str, str]) -> tuple[dict[str, int], dict[str, int]]:
    """(municipale, totale) per commune of Insee's ``donnees_communes.csv``: reference year 2023, Mayotte absent."""
    municipale: dict[str, int] = {}
    totale: dict[str, int] = {}
    try:
        rows = table(path, digests)
        for row in rows:
            code = row["COM"] if len(row["COM"]) == 5 else row["DEP"][:2] + row["CODCOM"]
            code = next((whole for start, whole in _ARRONDISSEMENTS.items() if code.startswith(start)), code)
            municipale[code] = municipale.get(code, 0) + int(row["PMUN"])
            totale[code] = totale.get(code, 0) + int(row["PTOT"])
    except OSError as error:
        what = _("Fichier illisible : {reason}.").format(reason=reason(error))
        raise InputError(what, place=Place(str(path))) from None
    except (KeyError, ValueError, IndexError):
        what = _("Colonnes attendues : DEP ; CODCOM ; COM ; PMUN ; PTOT.")
        raise InputError(what, place=Place(str(path))) from None
    return municipale, totale


def _disagreements(communes: Mapping[str, Commune], municipale: Mapping[str, int]) -> list[str]:
    """One line for each commune whose population municipale is not the same in both sources."""
    what = _("{name} ({code}) : population municipale {one} dans le paquet, {other} dans l'autre source")
    return [
        what.format(name=communes[code].name, code=code, one=communes[code].municipale, other=value)
        for code, value in municipale.items()
        if code in communes and communes[code].municipale != value
    ]
