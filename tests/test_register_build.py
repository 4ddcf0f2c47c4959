# SPDX-License-Identifier: EUPL-1.2
"""The build of the register on a small invented France: same sources, same bytes, and a stop on every fault."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nis2check.errors import InputError
from nis2check.register import build, inputs, lookup, store, verify

# Communes: 01001 (A), 01002 (B), 01003 (C), 01004 (D); groupings: CA of A and B, CC of C, CC of D; C's CC is absorbed by D's.
SIREN = {"A": "210100012", "B": "210100020", "C": "210100038", "D": "210100046"}
CA, OLD, NEW = "243400819", "241200658", "994579670"


def commune(name: str, population: int) -> dict[str, Any]:
    code = f"0100{ord(name) - 64}"
    return {
        "code": code,
        "nom": name,
        "departement": "01",
        "region": "84",
        "zone": "metro",
        "type": "commune-actuelle",
        "siren": SIREN[name],
        "population": population,
    }


def epci(siren: str, nature: str, name: str, members: dict[str, tuple[int, int]]) -> dict[str, Any]:
    return {
        "code": siren,
        "type": nature,
        "nom": name,
        "populationTotale": sum(totale for totale, _municipale in members.values()),
        "populationMunicipale": sum(municipale for _totale, municipale in members.values()),
        "membres": [
            {
                "code": f"0100{ord(m) - 64}",
                "siren": SIREN[m],
                "nom": m,
                "populationTotale": t,
                "populationMunicipale": p,
            }
            for m, (t, p) in members.items()
        ],
    }


@pytest.fixture
def france(tmp_path: Path) -> Path:
    """A folder ``package`` and a folder ``sources``, whole and without fault."""
    package, sources = tmp_path / "package", tmp_path / "sources"
    package.mkdir()
    sources.mkdir()
    deleguee = {**commune("A", 5), "type": "commune-deleguee", "siren": None}
    tables: dict[str, Any] = {
        "communes": [commune("A", 31000), commune("B", 900), commune("C", 500), commune("D", 700), deleguee],
        "epci": [
            epci(CA, "CA", "CA d'A", {"A": (29900, 29800), "B": (950, 890)}),
            epci(OLD, "CC", "CC de C", {"C": (520, 490)}),
            epci(NEW, "CC", "CC de D", {"D": (720, 690)}),
        ],
        "ept": [],
        "departements": [{"code": "01", "nom": "Ain", "typeLiaison": 5}],
    }
    for name, data in tables.items():
        (package / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
    files = {
        "patch_epci_2026.csv": "action;siren_source;siren_cible;nom_cible;nature_cible;fisc_cible;dep_siege;communes;motif\n"
        f"fusion;{OLD};{NEW};CC de D;CC;;01;01003;essai\n",
        "collectivites_siren.csv": "siren;nature;code;nom;code_region;deps\n220100010;DEP;01;Département : Ain;84;01\n",
        "population_totale_2026.csv": f"# a remark\ntype;insee;siren;nom;pmun;ptot\ncommune;01001;{SIREN['A']};A;31000;31500\n",
        "aliases.csv": f"name;siren\nLes Deux Rives;{CA}\n",
    }
    for name, text in files.items():
        (sources / name).write_text(text, encoding="utf-8")
    return tmp_path


def built(france: Path, insee: Path | None = None) -> build.Register:
    return build.build(inputs.read(france / "package", insee, france / "sources"))


def table(register: build.Register, path: str) -> dict[str, dict[str, str]]:
    lines = register.files[path].decode().splitlines()
    return {row["siren"]: row for row in csv.DictReader(lines, delimiter=";")}


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def test_two_vintages(france: Path) -> None:
    register = built(france)
    before, after = table(register, "2025/groupings"), table(register, "2026/groupings")
    assert set(before) - set(after) == {OLD}
    assert after[NEW]["members"] == "2"
    assert (after[NEW]["totale"], after[NEW]["totale_vintage"]) == ("1240", "2025")
    assert (after[NEW]["municipale"], after[NEW]["municipale_vintage"]) == ("1200", "2026")
    assert (before[CA]["largest_totale"], after[CA]["largest_totale"]) == ("29900", "31500")
    assert (after[CA]["largest_totale_vintage"], after[CA]["largest_totale_name"]) == ("2026", "A")
    assert after[CA]["totale_vintage"] == "2025", "never a sum of several vintages"
    assert after["220100010"]["name"] == "Département de l'Ain"
    assert len(table(register, "2026/communes")) == 4, "a commune déléguée is not a commune"


def test_the_users_insee_file_gives_every_totale_its_vintage(france: Path) -> None:
    path = france / "donnees_communes.csv"
    path.write_text(
        "REG;DEP;CODCOM;COM;PMUN;PCAP;PTOT\n84;01;001;01001;31000;1;31001\n84;01;002;01002;901;0;901\n"
        "84;01;003;01003;500;0;500\n84;01;004;01004;700;0;700\n",
        encoding="utf-8",
    )
    register = built(france, path)
    assert table(register, "2026/groupings")[CA]["totale"] == "31902"
    assert table(register, "2026/groupings")[CA]["totale_vintage"] == "2026"
    assert register.warnings == ("B (01002) : population municipale 900 dans le paquet, 901 dans l'autre source",)


def test_same_sources_same_bytes(france: Path) -> None:
    for folder in ("one", "two"):
        build.write(built(france), france / folder)
    for path in sorted((france / "one").rglob("*.*")):
        assert path.read_bytes() == (france / "two" / path.relative_to(france / "one")).read_bytes()
    packed = (france / "one" / "names.csv.gz").read_bytes()
    assert packed[4:8] == b"\0\0\0\0", "no time in the envelope"
    assert b"les deux rives;f;243400819;CA" in gzip.decompress(packed)


FAULTS: dict[str, tuple[str, str, str, str]] = {
    "a bad key": ("package/communes.json", "210100012", "210100013", "clé fausse : 210100013"),
    "a SIREN twice": ("package/communes.json", "210100020", "210100012", "deux fois : 210100012"),
    "a commune not where the patch says": ("sources/patch_epci_2026.csv", ";01003;", ";01002;", "01002 n'est pas dans"),
    "an absorbed EPCI that keeps members": ("sources/patch_epci_2026.csv", ";01003;", ";;", "absorbé et garde"),
    "a patch of nobody": ("sources/patch_epci_2026.csv", f"fusion;{OLD}", "fusion;200000172", "inconnu : 200000172"),
    "a brand of nobody": ("sources/aliases.csv", CA, "200000172", "vise un SIREN inconnu"),
    "a field that breaks the table": ("package/communes.json", '"nom": "B"', '"nom": "B;C"', "caractère interdit"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_stops_on(fault: str, france: Path) -> None:
    file, old, new, told = FAULTS[fault]
    edit(france / file, lambda text: text.replace(old, new))
    with pytest.raises(InputError) as error:
        built(france)
    assert told in error.value.what


@pytest.mark.parametrize("name", ["communes.json", "epci.json", "ept.json", "departements.json"])
def test_a_missing_or_truncated_source_is_told(name: str, france: Path) -> None:
    path = france / "package" / name
    path.write_bytes(path.read_bytes()[:20] if name != "ept.json" else b"[")
    with pytest.raises(InputError, match="illisible"):
        built(france)
    path.unlink()
    with pytest.raises(InputError) as error:
        built(france)
    assert "6.0.0" in error.value.advice


def test_a_file_that_is_not_insees_is_told(france: Path) -> None:
    path = france / "other.csv"
    path.write_text("a;b\n1;2\n", encoding="utf-8")
    with pytest.raises(InputError, match="PTOT"):
        built(france, path)


@pytest.fixture
def own(france: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A register of one's own in use."""
    folder = france / "own"
    build.write(built(france), folder)
    monkeypatch.setenv("NIS2CHECK_REGISTER", str(folder))
    store.read.cache_clear()
    return folder


@pytest.fixture(autouse=True)
def nothing_kept() -> Any:
    yield
    store.read.cache_clear()


def test_a_register_of_ones_own_serves(own: Path) -> None:
    assert not list(verify.faults())
    assert lookup.find("Les Deux Rives", "2026-11-22").siren == CA
    assert lookup.find(OLD, "2026-11-22").siren == NEW


def test_verify_sees_a_changed_file(own: Path) -> None:
    path = own / "2026" / "communes.csv.gz"
    text = gzip.decompress(path.read_bytes()).decode().replace("210100020;", "210100012;").replace(CA, "200000172")
    path.write_bytes(gzip.compress(text.encode()))
    store.read.cache_clear()
    found = " | ".join(verify.faults())
    assert "2026/communes : le contenu" in found
    assert "SIREN 210100012 deux fois" in found
    assert "groupement inconnu, 200000172" in found


def test_a_damaged_file_is_told(own: Path) -> None:
    (own / "2026" / "communes.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match="abîmé"):
        lookup.find("01001", "2026-11-22")
    shutil.rmtree(own / "2025")
    with pytest.raises(InputError, match="illisible"):
        lookup.find("01001", "2025-11-22")


def test_the_shipped_register_is_whole() -> None:
    assert not list(verify.faults())
