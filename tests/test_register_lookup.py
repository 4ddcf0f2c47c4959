# SPDX-License-Identifier: EUPL-1.2
"""From what a person types to one body: numbers checked by their key, names never decided on nearness."""

from __future__ import annotations

import pytest

from nis2check.errors import InputError
from nis2check.register.identifiers import Shape, luhn_sum, recognise
from nis2check.register.lookup import described, everybody, find
from nis2check.register.names import core, plain

TODAY = "2026-11-22"


@pytest.mark.parametrize("identity", [{"siren": ""}, {"siren": " "}, {"insee": ""}, {"name": "Syndicat"}, {}])
def test_nobody_in_particular_is_a_fault_of_who_asks(identity: dict[str, str]) -> None:
    with pytest.raises(InputError):
        described(identity, TODAY)


@pytest.mark.parametrize(
    ("typed", "siren"),
    [
        ("243400819", "243400819"),
        ("243 400 819", "243400819"),
        ("243\u202f400\u00a0819", "243400819"),
        ("２４３４００８１９", "243400819"),
        ("24340081900014", "243400819"),
        ("929939411", "929939411"),
        ("2A004", "212000046"),
        ("2a004", "212000046"),
        ("01004", "210100046"),
        ("CA du Grand Périgueux", "200040392"),
        ("communauté d'agglomération grand perigueux", "200040392"),
        ("Communauté d'agglomération Hérault Méditerranée", "243400819"),
        ("Grand Lyon", "200046977"),
        ("CAPI", "243800604"),
        ("copamo", "246900740"),
        ("Lévézou Communauté", "994579670"),
        ("st etienne", "214202186"),
        ("Metz Métropole", "200039865"),
        ("métropole de Metz", "200039865"),
        ("EVRY COURCOURONNES", "200083525"),
        ("conseil départemental de la Dordogne", "222400012"),
        ("Corse", "200076958"),
        ("mairie de Périgueux", "212403224"),
    ],
)
def test_one_body(typed: str, siren: str) -> None:
    assert find(typed, TODAY).siren == siren


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("243400818", "somme de Luhn 39"),
        ("24340081", "8 chiffres"),
        ("1004", "4 chiffres"),
        ("2434008190001", "13 chiffres"),
        ("", "vide"),
        ("  ", "vide"),
        ("356000000", "Aucun organisme de SIREN 356000000"),
        ("99999", "Aucune commune"),
        ("xqzw", "Aucun organisme ne s'appelle"),
    ],
)
def test_no_body(typed: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        find(typed, TODAY)
    assert told in error.value.what


def test_the_right_key_is_told() -> None:
    with pytest.raises(InputError) as error:
        find("243400818", TODAY)
    assert "243400819" in error.value.advice


@pytest.mark.parametrize(
    ("typed", "candidates"),
    [
        ("Saint-Denis", {"211103395", "213002470", "219740115", "929939411"}),
        ("CC des 4 rivières", {"247000623", "247400666"}),
        ("Oeuilly", {"210205423", "215103789"}),
        ("evry courcouronne", {"200083525"}),
        ("Perigeux", {"212403224"}),
    ],
)
def test_an_ambiguous_or_near_name_gives_candidates_and_decides_nothing(typed: str, candidates: set[str]) -> None:
    with pytest.raises(InputError) as error:
        find(typed, TODAY)
    assert candidates <= {line.split()[0] for line in error.value.more}


def test_a_homonym_of_another_nature_is_a_note() -> None:
    assert "CA de Haguenau" in find("Haguenau", TODAY).notes[-1]["fr"]


def test_a_dissolved_siren_answers_with_its_successor() -> None:
    body = find("241200658", TODAY)
    assert body.siren == "994579670"
    assert "dissous depuis le 01/01/2026" in body.notes[0]["fr"]
    assert find("241200658", "2025-06-01").siren == "241200658"
    assert find("Val de Fensch", TODAY).siren == "992367730"


def test_a_body_that_does_not_exist_yet_is_told() -> None:
    with pytest.raises(InputError, match="n'existe pas au millésime 2025"):
        find("994579670", "2025-06-01")


def test_a_day_before_the_first_vintage_is_told() -> None:
    with pytest.raises(InputError, match="2025, 2026"):
        find("243400819", "2024-12-31")


def test_a_figure_says_its_vintage() -> None:
    far, near = find("34172", TODAY), find("84087", TODAY)
    assert far.vintage == {"totale": "2025", "municipale": "2026"}
    assert near.vintage == {"totale": "2026", "municipale": "2026"}
    assert near.population == {"totale": 30314, "municipale": 29706}
    assert find("84087", "2025-06-01").population["totale"] == 30000
    assert find("97610", TODAY).vintage["totale"] == "2017"


def test_a_grouping_holds_its_largest_commune_under_both_notions() -> None:
    body = find("243400819", TODAY)
    assert body.largest_commune == {"totale": 30340, "municipale": 29939}
    assert body.largest_commune_names == {"totale": "Agde", "municipale": "Agde"}
    assert body.largest_commune_vintage == {"totale": "2026", "municipale": "2026"}


@pytest.mark.parametrize(("on", "count"), [("2025-12-31", 36253), ("2026-01-01", 36251), (TODAY, 36251)])
def test_everybody_has_one_right_siren(on: str, count: int) -> None:
    sirens = [body.siren for body in everybody(on)]
    assert len(sirens) == len(set(sirens)) == count
    assert all(len(siren) == 9 and luhn_sum(siren) % 10 == 0 for siren in sirens)


def test_contradictory_facts_are_told() -> None:
    with pytest.raises(InputError, match=r"contradictoires.*REG.*CC"):
        described({"siren": "233500016", "nature": "CC"}, TODAY)


def test_declared_facts_go_on_top_of_the_register() -> None:
    body = described({"siren": "210100012", "designated": "essential", "population": 30001}, TODAY)
    assert body.facts == {"designated": "essential"}
    assert body.population == {"totale": 30001, "municipale": 30001}
    assert body.vintage == {}
    assert "déclarée" in body.notes[-1]["fr"]


def test_a_body_outside_the_register_needs_its_nature_alone() -> None:
    body = described({"siren": "356000000", "nature": "SYNDICAT", "name": "Syndicat des eaux"}, TODAY)
    assert (body.name, body.siren, body.population) == ("Syndicat des eaux", "356000000", {})


def test_keys_of_names() -> None:
    assert plain("L'Haÿ-les-Roses") == "l hay les roses"
    assert plain("ST-ŒUF & Cie") == "saint oeuf et cie"
    assert core("CA Le Grand Périgueux") == ("grand perigueux", frozenset({"CA"}))
    assert core("Métropole de Metz")[0] == core("Metz Métropole")[0]
    assert core("Les") == ("les", None)


def test_shapes() -> None:
    assert recognise("Saint-Denis").shape is Shape.NAME
    assert recognise("75 056").value == "75056"
    assert recognise("4 rivières").shape is Shape.NAME
