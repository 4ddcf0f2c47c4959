# SPDX-License-Identifier: EUPL-1.2
"""What one file of settings holds of each concern: who offends and where, or that all is right, or what it leaves open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.model import FactSpec, Json, Why

MOST_OFFENDERS = 200  # of one concern and file
LONGEST_WORD = 200  # characters kept of a foreign name or value
LONGEST_LINE = 1 << 14  # a longer one is data, not a setting
MOST_LINES = 50_000  # of one file

Found = Iterator[Read | Unread]

_FILLED = re.compile(r"\{\{|\{%|<%|@[A-Z][A-Z0-9_]+@|__[A-Z][A-Z0-9_]+__")
# Jinja, Go templates and ERB: what opens a part that is there or not, and what closes it.
_STATEMENT = re.compile(r"(?:\{%|\{\{|<%)[-+]?\s*(\w+)")
_OPENS = {"if", "for", "block", "macro", "call", "filter", "range", "with", "unless", "raw"}


class NotRead(Unseen):
    """The file, or its structure, cannot be read; ``line`` is where."""

    def __init__(self, why: Why, detail: str, line: int) -> None:
        super().__init__(why, detail)
        self.line = line


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as written. ``settled`` is False when a template decides on its value, or whether it is there."""

    name: str
    value: str
    line: int
    settled: bool = True


def is_filled_in(text: str) -> bool:
    """Whether a template, not the file, gives this text (Jinja, ERB, autoconf)."""
    return _FILLED.search(text) is not None


def conditional_lines(text: str) -> frozenset[int]:
    """The lines between ``{% if … %}`` and its end, those two included: a template decides whether they are there."""
    if "{%" not in text and "{{" not in text and "<%" not in text:
        return frozenset()
    inside: set[int] = set()
    depth = 0
    for number, line in numbered(text):
        before = depth
        for word in _STATEMENT.findall(line):
            depth += (word in _OPENS) - (depth > 0 and word.startswith("end"))
        if before or depth or "{%" in line or ("<%" in line and "<%=" not in line):
            inside.add(number)
    return frozenset(inside)


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """The lines from 1, without those that `long_line` tells of."""
    lines = text.splitlines()[:MOST_LINES]
    return ((number, line) for number, line in enumerate(lines, 1) if len(line) <= LONGEST_LINE)


def long_line(reader: str, text: str) -> Found:
    """The gap of the first line that is not read: for its length, or because so many came before."""
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        yield Unread(f"{reader}.*", Why.LIMIT, f"more than {MOST_LINES} lines", MOST_LINES + 1)
    for number, line in enumerate(lines[:MOST_LINES], 1):
        if len(line) > LONGEST_LINE:
            yield Unread(f"{reader}.*", Why.LIMIT, f"a line of more than {LONGEST_LINE} characters", number)
            return


def array_fact(name: str, meaning: str) -> FactSpec:
    """A fact that lists offenders: name, value and line of each; empty when the file holds such things and all are right."""
    return FactSpec(name, "array", "", meaning)


@dataclass(slots=True)
class Concerns:
    """Gathers what a file says, concern by concern; ``found`` gives one fact for each that the file speaks of."""

    _offenders: dict[str, list[dict[str, Json]]] = field(default_factory=dict)
    _first: dict[str, int] = field(default_factory=dict)
    _gaps: list[Unread] = field(default_factory=list)

    def right(self, fact: str, line: int) -> None:
        """The file holds something of this concern at that line, and it is right."""
        self._offenders.setdefault(fact, [])
        self._first.setdefault(fact, line)

    def wrong(self, fact: str, name: str, line: int, value: str = "") -> None:
        """The file holds an offender. ``value`` is never a secret."""
        offender: dict[str, Json] = {"name": name[:LONGEST_WORD], "line": line}
        if value:
            offender["value"] = value[:LONGEST_WORD]
        self._offenders.setdefault(fact, []).append(offender)

    def say(self, fact: str, offends: bool, setting: Setting) -> None:
        """Judge nothing, sort only: an unsettled setting is a gap, the others offend or are right."""
        if not setting.settled:
            self.open(fact, Why.TEMPLATED, f"{setting.name} comes from a template", setting.line)
        elif offends:
            self.wrong(fact, setting.name, setting.line, setting.value)
        else:
            self.right(fact, setting.line)

    def open(self, fact: str, why: Why, detail: str, line: int) -> None:
        """The file does not settle this."""
        self._gaps.append(Unread(fact, why, detail[:LONGEST_WORD], line))

    def found(self) -> Found:
        """One fact for each concern, at the line of its first offender, and the gaps."""
        for fact, offenders in self._offenders.items():
            line = min((one["line"] for one in offenders), default=self._first.get(fact, 1))
            yield Read(fact, offenders[:MOST_OFFENDERS], line)
        yield from self._gaps[:MOST_OFFENDERS]


# Parts of the names of suites and classes of OpenSSL that RFC 9325 4.1 and ANSSI's TLS guide (R9) forbid.
_WEAK = {"NULL", "ANULL", "ENULL", "COMPLEMENTOFALL", "LOW", "RC2", "RC4", "MD5", "DES", "3DES", "ADH", "AECDH", "IDEA"}


def weak_suites(cipher_list: str) -> list[str]:
    """The words of an OpenSSL cipher string that add a forbidden algorithm and that no ``!word`` or ``-word`` takes out."""
    words = [word for word in re.split(r"[:, \t]+", cipher_list) if word]
    removed = {word[1:].upper() for word in words if word[0] in "!-"}
    return [word for word in words if word[0] not in "!-+@" and word.upper() not in removed and _names_weak(word)]


def _names_weak(word: str) -> bool:
    return any(part in _WEAK or part.startswith("EXP") for part in re.split(r"[-_+]", word.upper()))


def pairs(lines: Iterable[tuple[int, str]], unsettled: frozenset[int], sign: str = "=") -> Iterator[Setting]:
    """``name = value`` of each line that has the sign."""
    for number, line in lines:
        name, found, value = line.partition(sign)
        if found and name.strip():
            value = value.strip()
            yield Setting(name.strip(), value, number, number not in unsettled and not is_filled_in(name + value))
