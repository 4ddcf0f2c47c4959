# SPDX-License-Identifier: EUPL-1.2
"""The plan as a calendar, read back by another implementation of RFC 5545."""

from __future__ import annotations

import copy
import datetime
import json
from pathlib import Path
from typing import Any

import icalendar
import pytest

from nis2check.report import ics

GOLDEN = Path(__file__).parent / "golden" / "result.json"


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def read(document: dict[str, Any], lang: str = "fr") -> Any:
    calendar: Any = icalendar.Calendar.from_ical(ics.render(document, lang))
    assert [one.errors for one in calendar.walk() if one.errors] == []
    return calendar


def test_each_action_is_a_task_and_a_day(golden: dict[str, Any]) -> None:
    calendar = read(golden)
    dated = [item for item in golden["plan"]["measures"] + golden["plan"]["roadmap"] if "month" in item]
    tasks = calendar.walk("VTODO")
    assert [str(task["SUMMARY"]) for task in tasks] == [item["title"]["fr"] for item in dated]
    assert tasks[0]["DUE"].dt == datetime.date(2026, 12, 31)
    events = calendar.walk("VEVENT")
    assert len(events) == len(dated) + len(golden["waivers"])
    assert {one["DTSTAMP"].dt for one in tasks + events} == {
        datetime.datetime(2026, 11, 22, 13, 6, 24, tzinfo=datetime.UTC)
    }


def test_a_task_begins_before_it_is_due(golden: dict[str, Any]) -> None:
    golden["plan"]["measures"][0] |= {"begins": "2026-12", "month": "2027-02"}
    golden["plan"]["measures"][1] |= {"begins": "2027-03", "month": "2027-02"}
    first, second, *_rest = read(golden).walk("VTODO")
    assert first["DTSTART"].dt == datetime.date(2026, 12, 1)
    assert "DTSTART" not in second


def test_the_end_of_a_waiver_is_a_day(golden: dict[str, Any]) -> None:
    days = {str(one["SUMMARY"]): one["DTSTART"].dt for one in read(golden).walk("VEVENT")}
    assert days["Fin de la dérogation D-004"] == datetime.date(2027, 1, 15)


def test_text_comes_back_as_it_was(golden: dict[str, Any]) -> None:
    text = "a, b; c: \\n d\\ «\u202fé\u202f» 😀 " + "long " * 60
    golden["plan"]["measures"][0]["title"] = {"fr": text.strip()}
    data = ics.render(golden, "fr")
    assert max(len(line) for line in data.split(b"\r\n")) <= 75
    assert str(read(golden).walk("VTODO")[0]["SUMMARY"]) == text.strip()


def test_identifiers_follow_an_action_from_run_to_run(golden: dict[str, Any]) -> None:
    later = copy.deepcopy(golden)
    for item in later["plan"]["measures"]:
        item["title"] = {"fr": "Autrement dit"}
        item["month"] = "2028-02"
    later["run"]["finished"] = "2027-01-01T00:00:00+00:00"
    one, other = ([str(each["UID"]) for each in read(document).walk("VTODO")] for document in (golden, later))
    assert one == other
    whole = [str(each["UID"]) for each in read(golden).walk() if "UID" in each]
    assert len(whole) == len(set(whole))
    assert read(later).walk("VTODO")[0]["DUE"].dt == datetime.date(2028, 2, 29)


def test_no_host_is_named_in_what_is_shared(golden: dict[str, Any]) -> None:
    text = ics.render(golden | {"waivers": []}, "fr").replace(b"\r\n ", b"").decode()
    assert [
        one["target"]["name"]
        for one in golden["findings"]
        if one["target"]["kind"] != "body" and one["target"]["name"] in text
    ] == []


@pytest.mark.parametrize("month", ["", "2026-13", "2026-00", "0000-01", "décembre", "2026-12-01", "99999-01"])
def test_what_is_no_month_is_no_date(golden: dict[str, Any], month: str) -> None:
    golden["plan"] = {"measures": [golden["plan"]["measures"][0] | {"month": month}], "roadmap": []}
    assert read(golden | {"waivers": [golden["waivers"][0] | {"until": month}]}).walk("VTODO") == []
