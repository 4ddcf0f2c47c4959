# SPDX-License-Identifier: EUPL-1.2
"""policies/imports.yaml: what a result of another tool is about, and the clauses that it speaks to."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nis2check import files
from nis2check.imports.foreign import Foreign
from nis2check.model import Json, Text

# The annex of Implementing Regulation (EU) 2024/2690 names the point of Article 21(2) in the heading of each chapter: Prowler
# numbers its NIS 2 requirements so. Chapters of several points are left out: a number alone does not tell which.
_CHAPTERS = {
    "1": "a", "2": "a", "3": "b", "4": "c", "5": "d", "6": "e", "7": "f", "8": "g", "9": "h", "10": "i", "12": "i"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Theme:
    title: Text
    references: tuple[Mapping[str, Json], ...]


@dataclass(frozen=True, slots=True)
class Concern:
    id: str
    theme: str
    words: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Table:
    themes: Mapping[str, Theme]
    concerns: tuple[Concern, ...]
    weaknesses: Mapping[int, str]  # CWE → concern
    tools: Mapping[str, Mapping[str, str]]  # tool in lower case → pattern of its rule ids → concern
    unranked: frozenset[str]  # tools, in lower case, that give every result the same level
    known: dict[tuple[str, str, str], str] = field(default_factory=dict)  # answers given: a tool has few rules

    def concern(self, found: Foreign) -> str:
        """The concern of a result: the tool's own rule, then its weakness, then its words; empty when nothing fits."""
        return self._by_rule(found.tool, found.rule) or self._by_weakness(found.cwe) or self._by_words(found)

    def told(self, rule: str, title: str) -> str:
        """The concern of one of our own rules, by its id and English title."""
        return self._words("nis2check", rule, title)

    def theme(self, concern: str) -> str:
        """The theme of a concern; empty for none."""
        return next((one.theme for one in self.concerns if one.id == concern), "")

    def _by_rule(self, tool: str, rule: str) -> str:
        rules = self.tools.get(tool.lower(), {})
        return next((concern for pattern, concern in rules.items() if fnmatch.fnmatchcase(rule, pattern)), "")

    def _by_weakness(self, numbers: Iterable[int]) -> str:
        return next((self.weaknesses[number] for number in numbers if number in self.weaknesses), "")

    def _by_words(self, found: Foreign) -> str:
        says_more = found.title and found.rule not in found.title  # "Semgrep Finding: the.id" says nothing
        return self._words(found.tool, found.rule, found.title if says_more else found.message)

    def _words(self, tool: str, rule: str, title: str) -> str:
        key = (tool, rule, title)
        if key not in self.known:
            text = f"{rule} {title}".lower()
            self.known[key] = next((one.id for one in self.concerns if one.words.search(text)), "")
        return self.known[key]


def load() -> Table:
    """The shipped table."""
    data = files.load_yaml(files.shipped("policies") / "imports.yaml", name="policies/imports.yaml", ours=True).data
    return Table(
        themes={name: Theme(one["title"], tuple(one["references"])) for name, one in data["themes"].items()},
        concerns=tuple(Concern(one["id"], one["theme"], re.compile(one["words"])) for one in data["concerns"]),
        weaknesses={number: concern for concern, numbers in data["cwe"].items() for number in numbers},
        tools=data["tools"],
        unranked=frozenset(data["unranked"]),
    )


def own_clauses(clauses: Iterable[str]) -> tuple[Mapping[str, Json], ...]:
    """References to the clauses of NIS 2 that a tool itself names, as points of Article 21(2) or of the Regulation's annex."""
    letters = set()
    for clause in clauses:
        direct = re.fullmatch(r"21\(2\)\(([a-j])\)", clause)
        chapter = _CHAPTERS.get(clause.partition(".")[0])
        if direct or chapter:
            letters.add(direct[1] if direct else chapter)
    return tuple(
        {"source": "nis2", "clause": f"21(2)({one})", "strength": "indicator"} for one in sorted(filter(None, letters))
    )
