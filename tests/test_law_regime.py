# SPDX-License-Identifier: EUPL-1.2
"""Regimes as files: a new law is one file and no code; a faulty file is one clear line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nis2check.errors import InputError
from nis2check.files import check, load_yaml, shipped
from nis2check.law.regime import known, load
from nis2check.law.scope import decide, document
from nis2check.model import Body, Category
from nis2check.register.lookup import find

REFERENCE = {"source": "Journal officiel", "clause": "art. 9"}


def regime(**changes: Any) -> dict[str, Any]:
    """An invented law in force: communautés de communes of 15 000 inhabitants or more, by population municipale alone."""
    data: dict[str, Any] = {
        "schema": "nis2check.regime/1",
        "title": {"fr": "Loi inventée", "en": "Invented law"},
        "state": "enacted",
        "dates": {"adopted": "2027-02-01", "from": "2027-06-01", "until": None},
        "checked_on": "2027-02-02",
        "legal_status": {"text": {"fr": "loi", "en": "law"}, "as_of": "2027-02-02", "source": "Journal officiel"},
        "clauses": [clause()],
    }
    return data | changes


def clause(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": "cc",
        "clause": "art. 9",
        "natures": ["CC"],
        "category": "important",
        "confidence": "A",
        "test": comparison(),
        "text": {"fr": "Communauté de communes de 15 000 habitants et plus."},
        "references": [REFERENCE],
    }
    return data | changes


def comparison(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "fact": "population",
        "operator": ">=",
        "value": 15000,
        "unit": "inhabitants",
        "notion": "municipale",
        "reference": REFERENCE,
    }
    return {key: value for key, value in (data | changes).items() if value is not None}


def written(folder: Path, data: Any, name: str = "law.yaml") -> str:
    path = folder / name
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return str(path)


def test_the_shipped_regimes_keep_their_schema() -> None:
    assert known()[:2] == ("senate-2025", "government-2024")
    assert len(known()) == 7
    for name in known():
        check(load_yaml(shipped("policies") / "law" / f"{name}.yaml"), "regime")


STATUS = ("projet de loi, non promulgué", "bill, not promulgated")  # always printed with its date


def texts(item: Any) -> Iterator[str]:
    """Every text of a file: the values of its ``{fr: …, en: …}``."""
    if isinstance(item, dict) and isinstance(item.get("fr"), str):
        yield from item.values()
    elif isinstance(item, dict | list):
        for each in item.values() if isinstance(item, dict) else item:
            yield from texts(each)


def values(item: Any) -> Iterator[dict[str, Any]]:
    if isinstance(item, dict):
        if "operator" in item:
            yield item
        for each in item.values():
            yield from values(each)
    elif isinstance(item, list):
        for each in item:
            yield from values(each)


def test_every_shipped_number_carries_its_reference_unit_and_notion() -> None:
    for name in known():
        for item in values(load_yaml(shipped("policies") / "law" / f"{name}.yaml").data):
            if type(item["value"]) is int:
                assert item["reference"]["source"]
                assert item["unit"]
                assert item["unit"] != "inhabitants" or item["notion"]


def test_no_code_of_the_law_room_names_a_nature_or_a_threshold() -> None:
    natures = set(load("senate-2025").clauses_of)
    for path in (Path(decide.__code__.co_filename).parent).glob("*.py"):
        code = path.read_text(encoding="utf-8")
        assert not {word for word in re.findall(r'"([A-Z0-9]+)"', code) if word in natures}, path.name
        assert not re.search(r"\b[23]0_?000\b", re.sub(r'""".*?"""|_\(.*?\)', "", code, flags=re.DOTALL)), path.name


def test_a_new_law_is_one_file(tmp_path: Path) -> None:
    law = load(written(tmp_path, regime()))
    under, at = (
        Body("x", "CC", population={"totale": 40000, "municipale": population}) for population in (14999, 15000)
    )
    assert decide(under, law, "totale", "2027-07-01").category is Category.OUT_OF_SCOPE
    assert decide(at, law, "totale", "2027-07-01").category is Category.IMPORTANT
    # The notion stands in the text: both readings are the same.
    assert set(decide(under, law, "totale", "2027-07-01").by_notion.values()) == {Category.OUT_OF_SCOPE}
    assert document(decide(at, law, "totale", "2027-07-01"))["legal_status"]["text"] == "law"


def test_no_shipped_text_says_how_the_law_stands_without_the_date() -> None:
    today = re.compile(
        r"à ce jour|aujourd'hui|actuel|pas promulgu|pas encore|n'est pas|\b(yet|today|current|now)\b|is not"
    )
    for name in known():
        for text in texts(load_yaml(shipped("policies") / "law" / f"{name}.yaml").data):
            found = today.search(text)
            assert found is None or "as_of" in text or "à confirmer" in text or "to be confirmed" in text, (name, text)
            dated = "{as_of}" in text or text in STATUS
            assert dated or not re.search(r"(promulguée?|promulgated)\b", text), (name, text)


def test_a_new_date_of_the_legal_status_changes_every_text_that_depends_on_it(tmp_path: Path) -> None:
    source = (shipped("policies") / "law" / "senate-2025.yaml").read_text(encoding="utf-8")
    assert source.count("2026-10-07") == 1
    path = tmp_path / "later.yaml"
    path.write_text(source.replace("2026-10-07", "2027-01-15"), encoding="utf-8")
    duties = {duty.id: duty.text for duty in load(str(path)).obligations}
    assert "n'était pas promulguée au 15 janvier 2027." in duties["deadline"]["fr"].replace("\u00a0", " ")
    assert "was not promulgated as of 15 January 2027." in duties["deadline"]["en"].replace("\u00a0", " ")
    assert "15 janvier 2027" in duties["registration"]["fr"].replace("\u00a0", " ")


def test_a_law_that_extends_another_keeps_the_date_of_what_it_inherits(tmp_path: Path) -> None:
    law = load(written(tmp_path, regime(extends="senate-2025")))
    deadline = next(duty.text["fr"] for duty in law.obligations if duty.id == "deadline")
    assert "7 octobre 2026" in deadline.replace("\u00a0", " ")
    assert law.legal_status["as_of"] == "2027-02-02"


def test_no_placeholder_is_left_in_a_text() -> None:
    for name in known():
        law = load(name)
        for written_text in [clause.text for clause in law.clauses] + [duty.text for duty in law.obligations]:
            assert not any("{" in text for text in written_text.values()), written_text


def test_a_new_law_may_state_its_differences_with_a_shipped_one(tmp_path: Path) -> None:
    law = load(written(tmp_path, regime(extends="senate-2025")))
    assert decide(find("994579670", "2026-11-22"), law).category is Category.OUT_OF_SCOPE
    assert decide(find("243400819", "2026-11-22"), law).category is Category.ESSENTIAL


def test_a_law_not_yet_in_force_says_so(tmp_path: Path) -> None:
    law = load(written(tmp_path, regime()))
    body = Body("x", "CC", population={"totale": 40000, "municipale": 40000})
    assert "2027-06-01" in document(decide(body, law, "totale", "2027-05-31"))["notes"][-1]
    assert decide(body, law, "totale", "2027-06-01").notes == ()


def test_a_clause_may_change_on_a_day(tmp_path: Path) -> None:
    before = clause(until="2028-12-31")
    after = clause(**{"from": "2029-01-01"}, test=comparison(value=10000))
    law = load(written(tmp_path, regime(clauses=[before, after])))
    body = Body("x", "CC", population={"totale": 12000, "municipale": 12000})
    assert decide(body, law, "totale", "2028-12-31").category is Category.OUT_OF_SCOPE
    assert decide(body, law, "totale", "2029-01-01").category is Category.IMPORTANT


FAULTS = {
    "overlapping dates": (
        regime(clauses=[clause(until="2029-01-01"), clause(**{"from": "2029-01-01"})]),
        "chevauchent",
    ),
    "the same clause twice": (regime(clauses=[clause(), clause()]), "chevauchent"),
    "ends before it starts": (
        regime(clauses=[clause(**{"from": "2029-01-01"}, until="2028-01-01")]),
        "finit avant de commencer",
    ),
    "a number without reference": (regime(clauses=[clause(test=comparison(reference=None))]), "reference"),
    "a number without unit": (regime(clauses=[clause(test=comparison(unit=None))]), "unit"),
    "a threshold without notion": (regime(clauses=[clause(test=comparison(notion=None))]), "notion"),
    "an unknown nature": (regime(clauses=[clause(natures=["COMUNE"])]), "COMMUNE"),
    "an unknown operator": (regime(clauses=[clause(test=comparison(operator="=>"))]), "=>"),
    "an unknown fact": (regime(clauses=[clause(test=comparison(fact="populaton"))]), "population"),
    "a fractional number": (regime(clauses=[clause(test=comparison(value=15000.5))]), "15000.5"),
    "a negative number": (regime(clauses=[clause(test=comparison(value=-1))]), "-1"),
    "a clause without reference": (regime(clauses=[clause(references=[])]), "references"),
    "a lost parent": (regime(extends="senate-2052"), "senate-2025"),
    "a clause that the parent has not": (regime(extends="senate-2025", without=["cca"]), "cca"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_regime_is_one_clear_line(fault: str, tmp_path: Path) -> None:
    data, told = FAULTS[fault]
    path = written(tmp_path, data)
    with pytest.raises(InputError) as error:
        load(path)
    assert told in f"{error.value.what} {error.value.place} {error.value.advice}"
    assert "\n" not in error.value.what


def test_a_cycle_between_regimes_is_told(tmp_path: Path) -> None:
    written(tmp_path, regime(extends="b.yaml"), "a.yaml")
    written(tmp_path, regime(extends="a.yaml"), "b.yaml")
    with pytest.raises(InputError, match=r"boucle.*a.yaml.*b.yaml.*a.yaml"):
        load(str(tmp_path / "a.yaml"))


def test_an_unknown_regime_is_told_with_a_suggestion() -> None:
    with pytest.raises(InputError, match="senate-2024") as error:
        load("senate-2024")
    assert "senate-2025" in error.value.advice
