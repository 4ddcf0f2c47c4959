# SPDX-License-Identifier: EUPL-1.2
"""Text on its way out: foreign bytes made harmless on every medium, French typography, dates, numbers, columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nis2check import printing
from nis2check.printing import Medium, clean

NARROW, NBSP = "\u202f", "\u00a0"


@given(st.text(max_size=300), st.sampled_from(list(Medium)))
def test_no_control_or_bidi_ever_leaves(text: str, medium: Medium) -> None:
    shown = clean(text, medium)
    hidden = [
        one for one in shown if ord(one) < 0x20 or 0x7F <= ord(one) <= 0x9F or one in "\u202e\u2066\u200b\ufeff\u2028"
    ]
    assert hidden == []
    shown.encode("utf-8")  # no lone surrogate either


@pytest.mark.parametrize("medium", list(Medium))
def test_an_escape_is_shown_not_sent(medium: Medium) -> None:
    assert "\\x1b" in clean("\x1b]0;PWNED\x07", medium).replace("\\\\", "\\")


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\n=1", "\r=1"])
def test_a_spreadsheet_runs_nothing(cell: str) -> None:
    assert clean(cell, Medium.CSV)[0] not in "=+-@\t\r\n"


def test_markdown_marks_and_links_are_escaped() -> None:
    shown = clean("![x](http://evil.test) <b> www.evil.test", Medium.MARKDOWN)
    assert shown == "!\\[x\\](http\\://evil.test) \\<b\\> www\\.evil.test"


@pytest.mark.parametrize("line", ["::error file=x::boo", "##vso[task.setvariable]x"])
def test_a_runner_reads_no_command(line: str) -> None:
    assert not clean(line, Medium.LOG).startswith(("::", "##"))
    assert "::" not in clean(line, Medium.GITHUB)


def test_length_is_bounded() -> None:
    assert len(clean("a" * 10_000, Medium.TERMINAL)) == printing.LONGEST
    assert clean("a" * 10_000, Medium.TERMINAL).endswith("…")


@pytest.mark.parametrize(
    ("plain", "dressed"),
    [
        ("Quoi ? Non !", f"Quoi{NARROW}? Non{NARROW}!"),
        ("Ensuite : rien", f"Ensuite{NBSP}: rien"),
        ("{name} : {n} jours", f"{{name}}{NBSP}: {{n}}{NBSP}jours"),
        ("le « bon » mot", f"le «{NARROW}bon{NARROW}» mot"),
        ("55 % en 12 mois", f"55{NBSP}% en 12{NBSP}mois"),
        ("plus de 30 000 habitants", f"plus de 30{NARROW}000{NBSP}habitants"),
        ("1 500 000 euros, (20 000).", f"1{NARROW}500{NARROW}000 euros, (20{NARROW}000)."),
        ("en 2026 152 moyens ; 0 600", f"en 2026 152 moyens{NARROW}; 0 600"),
        ("10.0.0.1 200, 80 443/tcp, 12 1234", "10.0.0.1 200, 80 443/tcp, 12 1234"),
        ("http://x.test:443 et 14:05", "http://x.test:443 et 14:05"),
    ],
)
def test_french_spaces(plain: str, dressed: str) -> None:
    assert printing.french(plain) == dressed


def test_the_apostrophe_is_curly_in_documents_only() -> None:
    assert printing.french("l'État") == "l'État"
    assert printing.french("l'État", curly=True) == "l’État"


@pytest.mark.parametrize(
    ("value", "french", "english"),
    [
        (0, "0", "0"),
        (31420, f"31{NARROW}420", "31,420"),
        (0.5, "0,5", "0.5"),
        (4.96, "5", "5"),
        (-1234.5, f"-1{NARROW}234,5", "-1,234.5"),
    ],
)
def test_numbers(value: float, french: str, english: str) -> None:
    assert printing.number(value, "fr") == french
    assert printing.number(value, "en") == english


def test_dates_and_times() -> None:
    assert printing.date("2026-11-22", "fr") == f"22{NBSP}novembre{NBSP}2026"
    assert printing.date("2027-01-01T00:00:00+01:00", "fr") == f"1er{NBSP}janvier{NBSP}2027"
    assert printing.date("2027-01-01", "en") == f"1{NBSP}January{NBSP}2027"
    assert printing.short_date("2026-11-22T14:05:12+01:00") == "22/11/2026"
    assert printing.clock("2026-11-22T14:05:12+01:00", "fr") == f"14{NBSP}h{NBSP}05"
    assert printing.clock("2026-11-22T09:05:12+01:00", "fr") == f"9{NBSP}h{NBSP}05"
    assert printing.clock("2026-11-22T14:05:12+01:00", "en") == "14:05"
    assert printing.month("2026-12", "fr") == f"décembre{NBSP}2026"
    assert printing.month("2026-12", "fr", short=True) == f"déc.{NBSP}2026"


@pytest.mark.parametrize("odd", ["", "hier", "2026-13-01", "20261122", "2026-11-22x"])
def test_what_is_no_date_comes_back_as_it_is(odd: str) -> None:
    assert printing.date(odd, "fr") == odd
    assert printing.clock(odd, "fr") == ""
    assert printing.month(odd, "fr") == odd


def test_columns_counts_what_a_terminal_shows() -> None:
    assert printing.columns("écart") == 5
    assert printing.columns("e\u0301cart") == 5
    assert printing.columns("日本") == 4


@given(st.text(max_size=100))
def test_ascii_is_ascii(text: str) -> None:
    assert printing.ascii_only(text).isascii()


def test_ascii_stays_readable() -> None:
    assert printing.ascii_only(f"Élevée → « œuvre »{NBSP}: 3{NARROW}€") == 'Elevee -> " oeuvre " : 3 EUR'
