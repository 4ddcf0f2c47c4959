# SPDX-License-Identifier: EUPL-1.2
"""Rebuild the register from its sources: the same inputs, the same bytes. Stops on a fault rather than ship a doubt.

Inputs: the JSON files of the npm package @etalab/decoupage-administratif, the CSV files of ``sources/`` (perimeter patch of
2026, SIREN of régions and départements, population totale near the thresholds, brands) and, if the user has it, Insee's
own ``donnees_communes.csv``.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nis2check.errors import InputError
from nis2check.files import canonical
from nis2check.language import _
from nis2check.register import names, store
from nis2check.register.identifiers import luhn_sum
from nis2check.register.inputs import Commune, Figure, Inputs

Row = tuple[str, ...]

_NO_MEMBERS: Row = ("",) * 6  # the columns of the largest member commune, for a body that has none


@dataclass(slots=True)
class Grouping:
    """An EPCI or EPT while its perimeter is being worked out: ``members`` are Insee codes."""

    siren: str
    nature: str
    name: str
    members: list[str]
    stated: Mapping[str, int] = field(default_factory=dict)  # totals of the source for this very perimeter


@dataclass(frozen=True, slots=True)
class Register:
    """The plain bytes of each file, by its path without ``.csv.gz``, and what a person should look at."""

    files: Mapping[str, bytes]
    manifest: bytes
    warnings: tuple[str, ...]


def build(inputs: Inputs) -> Register:
    """Every vintage, the index of names, the successors and the manifest. Raises InputError on a fault of the sources."""
    files: dict[str, bytes] = {}
    rows: dict[str, list[Row]] = {}
    old = _perimeter(inputs)
    new, successors = _patched(inputs, old)
    for vintage, groupings in (("2025", old), ("2026", new)):
        figures = _figures(inputs, vintage)
        communes = _commune_rows(inputs, figures, groupings)
        others = _grouping_rows(inputs, figures, groupings, vintage) + _collectivity_rows(inputs, figures)
        for name, of_kind in ((store.COMMUNES, communes), (store.GROUPINGS, others)):
            rows[f"{vintage}/{name}"] = sorted(of_kind, key=lambda row: (row[0], row[1]))
    for path, table in rows.items():
        files[path] = _table(store.COLUMNS, table)
    _check_sirens(rows["2026/communes"] + rows["2026/groupings"])
    files[store.SUCCESSORS] = _table(("siren", "name", "successor", "on"), sorted(successors))
    everything = {(row[0] or row[1], row[2], row[3]) for table in rows.values() for row in table}
    files[store.NAMES] = _table(("key", "level", "id", "nature"), _name_rows(everything, inputs.aliases))
    return Register(files, _manifest(inputs, files, rows), tuple(inputs.warnings))


def write(register: Register, folder: Path) -> None:
    """Write the files of a register in a folder, gzip without name or time."""
    from nis2check.files import write_aside

    for path, data in register.files.items():
        target = folder / f"{path}.csv.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_aside(target, _gzip(data))
    write_aside(folder / "register.json", register.manifest)


def _gzip(data: bytes) -> bytes:
    """zlib writes no time and no name in the envelope, so that only the content decides the bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def _perimeter(inputs: Inputs) -> dict[str, Grouping]:
    """The groupings of 1 January 2025, as the DGCL file in the npm package has them, EPT included."""
    out: dict[str, Grouping] = {}
    for source in (*inputs.epci, *inputs.ept):
        members = [member["code"] for member in source["membres"]]
        stated = {"totale": source["populationTotale"], "municipale": source["populationMunicipale"]}
        out[source["code"]] = Grouping(source["code"], source["type"], source["nom"], members, stated)
    return out


def _patched(inputs: Inputs, old: Mapping[str, Grouping]) -> tuple[dict[str, Grouping], list[Row]]:
    """The groupings of 1 January 2026 and what became of the dissolved ones."""
    new = {siren: Grouping(g.siren, g.nature, g.name, list(g.members), g.stated) for siren, g in old.items()}
    absorbed: dict[str, str] = {}
    for change in inputs.patch:
        source, target = change["siren_source"], change["siren_cible"]
        if source not in new:
            raise _fault(_("le périmètre change un groupement inconnu : {siren}").format(siren=source))
        if target not in new:
            new[target] = Grouping(target, change["nature_cible"], change["nom_cible"], [])
        if change["action"] == "transformation":
            new[target] = Grouping(target, change["nature_cible"], change["nom_cible"], new[target].members)
        for code in change["communes"].split():
            if code not in new[source].members:
                raise _fault(_("la commune {code} n'est pas dans {siren}").format(code=code, siren=source))
            new[source].members.remove(code)
            new[target].members.append(code)
            new[source].stated = new[target].stated = {}
        if change["action"] == "fusion":
            absorbed[source] = target
    for siren in absorbed:
        if new[siren].members:
            raise _fault(_("{siren} est absorbé et garde des communes").format(siren=siren))
        del new[siren]
    successors: list[Row] = [(siren, old[siren].name, target, "2026-01-01") for siren, target in absorbed.items()]
    return new, successors


def _figures(inputs: Inputs, vintage: str) -> dict[str, tuple[Figure | None, Figure | None]]:
    """Per commune, (totale, municipale) of a vintage; where it has none, the nearest figure with its own vintage."""
    out: dict[str, tuple[Figure | None, Figure | None]] = {}
    for code, commune in inputs.communes.items():
        before, after = inputs.figures_2025.get(code), inputs.totale_2026.get(code)
        census = "2017" if commune.department == "976" else ""
        municipale = Figure(commune.municipale, census or "2026") if commune.municipale is not None else None
        totale = Figure(after, census or "2026") if after is not None else None
        if before is not None:
            if vintage == "2025" or totale is None:
                totale = Figure(before[0], census or "2025")
            if vintage == "2025":
                municipale = Figure(before[1], census or "2025")
        out[code] = (totale, municipale)
    return out


def _cells(figure: Figure | None) -> tuple[str, str]:
    return ("", "") if figure is None else (str(figure.value), figure.vintage)


def _commune_rows(
    inputs: Inputs, figures: Mapping[str, tuple[Figure | None, Figure | None]], groupings: Mapping[str, Grouping]
) -> list[Row]:
    home: dict[str, str] = {}
    for grouping in groupings.values():
        for code in grouping.members if grouping.nature != "EPT" else ():
            if code not in inputs.communes:
                raise _fault(_("commune inconnue dans {siren} : {code}").format(siren=grouping.siren, code=code))
            if home.setdefault(code, grouping.siren) != grouping.siren:
                raise _fault(_("la commune {code} est dans deux EPCI").format(code=code))
    rows: list[Row] = []
    for commune in inputs.communes.values():
        totale, municipale = figures[commune.code]
        # The 94 lines of the overseas collectivities have no SIREN; the texts on them were not read (law.md 1.2).
        nature = "COMMUNE" if commune.siren else "COM"
        rows.append(
            (commune.siren, commune.code, nature, commune.name, commune.department, commune.region)
            + (home.get(commune.code, ""), "", *_cells(totale), *_cells(municipale), *_NO_MEMBERS)
        )
    return rows


def _grouping_rows(
    inputs: Inputs,
    figures: Mapping[str, tuple[Figure | None, Figure | None]],
    groupings: Mapping[str, Grouping],
    vintage: str,
) -> list[Row]:
    rows: list[Row] = []
    for grouping in groupings.values():
        members = [inputs.communes[code] for code in grouping.members]
        totale = _total(inputs, figures, grouping, members, vintage, 0)
        municipale = _total(inputs, figures, grouping, members, vintage, 1)
        largest = [_largest(figures, members, notion) for notion in (0, 1)]
        places = " ".join(sorted({m.department for m in members})), " ".join(sorted({m.region for m in members}))
        rows.append(
            (grouping.siren, "", grouping.nature, grouping.name, *places, "", str(len(members)))
            + (*_cells(totale), *_cells(municipale), *largest[0], *largest[1])
        )
    return rows


def _largest(
    figures: Mapping[str, tuple[Figure | None, Figure | None]], members: Iterable[Commune], notion: int
) -> tuple[str, str, str]:
    """The figure, name and vintage of the largest member; at equal figures, the smaller code."""
    best = max(members, key=lambda m: (value.value if (value := figures[m.code][notion]) else -1, -int(m.code, 36)))
    figure = figures[best.code][notion]
    if figure is None:
        raise _fault(_("aucune population pour la commune {code}").format(code=best.code))
    return str(figure.value), best.name, figure.vintage


def _total(
    inputs: Inputs,
    figures: Mapping[str, tuple[Figure | None, Figure | None]],
    grouping: Grouping,
    members: list[Commune],
    vintage: str,
    notion: int,
) -> Figure:
    """The population of a grouping: one vintage for all its members, never a sum of several."""
    census = "2017" if all(m.department == "976" for m in members) else ""
    if vintage == "2025" and grouping.stated:
        return Figure(grouping.stated[("totale", "municipale")[notion]], census or "2025")
    if notion == 1:
        return Figure(sum(m.municipale or 0 for m in members), census or "2026")
    if grouping.siren in inputs.totale_2026_groupings:
        return Figure(inputs.totale_2026_groupings[grouping.siren], census or "2026")
    vintages = {figure.vintage for m in members if (figure := figures[m.code][0])}
    if len(vintages) == 1:
        return Figure(sum(figure.value for m in members if (figure := figures[m.code][0])), vintages.pop())
    before = sum(inputs.figures_2025[m.code][0] for m in members)
    return Figure(grouping.stated.get("totale", before), "2025")


def _collectivity_rows(inputs: Inputs, figures: Mapping[str, tuple[Figure | None, Figure | None]]) -> list[Row]:
    """Régions, départements and their like. Population municipale is the sum of their communes; totale is left out: no
    source gives it in one vintage, and no threshold of the texts bears on it."""
    rows: list[Row] = []
    for source in inputs.collectivities:
        departments = source["deps"].split()
        by_region = source["nature"] == "REG"
        members = [
            c
            for c in inputs.communes.values()
            if (c.region == source["code"] if by_region else c.department in departments)
        ]
        found = [figure for m in members if (figure := figures[m.code][1])]
        vintages = {figure.vintage for figure in found}
        municipale = Figure(sum(f.value for f in found), vintages.pop()) if len(vintages) == 1 else None
        places = " ".join(sorted({m.department for m in members})), " ".join(sorted({m.region for m in members}))
        name = inputs.department_names.get(source["code"], "") if source["nature"] == "DEP" else ""
        rows.append(
            (source["siren"], "", source["nature"], name or source["nom"], *places, "", str(len(members)))
            + ("", "", *_cells(municipale), *_NO_MEMBERS)
        )
    return rows


def _check_sirens(rows: list[Row]) -> None:
    """Every SIREN has a right key and stands once; every text can live in a field."""
    seen: set[str] = set()
    for row in rows:
        siren = row[0]
        if siren and (len(siren) != 9 or not siren.isdigit() or luhn_sum(siren) % 10):
            raise _fault(_("clé fausse : {siren} ({name})").format(siren=siren, name=row[3]))
        if siren in seen:
            raise _fault(_("SIREN présent deux fois : {siren}").format(siren=siren))
        if siren:
            seen.add(siren)


def _name_rows(bodies: Iterable[Row], aliases: Mapping[str, str]) -> list[Row]:
    """Keys of every way of writing a name; level ``f`` for a whole name, ``c`` for its core (see `names`)."""
    natures = {body[0]: body[1] for body in bodies}
    rows: set[Row] = set()
    for alias, siren in aliases.items():
        if siren not in natures:
            raise _fault(_("le surnom {alias} vise un SIREN inconnu : {siren}").format(alias=alias, siren=siren))
        rows.add((names.plain(alias), "f", siren, natures[siren]))
    for identity, nature, name in bodies:
        for written in names.written(name):
            whole = names.plain(written)
            rows.add((whole, "f", identity, nature))
            rows.add((names.core(written)[0], "c", identity, nature))
    return sorted(row for row in rows if row[1] == "f" or (row[0], "f", *row[2:]) not in rows)


def _table(columns: Row, rows: Iterable[Row]) -> bytes:
    out = [";".join(columns)]
    for row in rows:
        if any(cell.startswith('"') or not cell.isprintable() or ";" in cell for cell in row):
            raise _fault(_("caractère interdit dans : {row}").format(row=" | ".join(row)))
        out.append(";".join(row))
    return ("\n".join(out) + "\n").encode()


def _manifest(inputs: Inputs, files: Mapping[str, bytes], rows: Mapping[str, list[Row]]) -> bytes:
    """What was built from what: a sha256 of each input and of each file's plain bytes."""
    bodies = {
        vintage: sum(bool(row[0]) for name in (store.COMMUNES, store.GROUPINGS) for row in rows[f"{vintage}/{name}"])
        for vintage in store.VINTAGES
    }
    described = {
        path: {"rows": data.count(b"\n") - 1, "sha256": hashlib.sha256(data).hexdigest()}
        for path, data in files.items()
    }
    manifest = {"schema": "nis2check.register/1", "bodies_with_siren": bodies, "files": described}
    return canonical(manifest | {"sources": dict(inputs.digests)})


def _fault(what: str) -> InputError:
    return InputError(_("Registre non construit : {what}.").format(what=what))
