# SPDX-License-Identifier: EUPL-1.2
"""The syntax of HAProxy files: sections, their lines in words, and the defaults that a proxy takes (Configuration Manual 2.2, 4).

What stands between ``.if`` and ``.endif`` depends on the machine that starts it: such lines are told with ``guard``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nis2check.evidence.repo.concerns import NotRead
from nis2check.model import Why

MOST_LINES = 50_000
MOST_SECTIONS = 1000
DEEPEST = 20  # defaults that take from defaults
LONGEST = 16_384  # characters of a line; HAProxy stops at 2 048 and a few

_WORD = re.compile(r"""(?:"(?:[^"\\]|\\.)*+"|'[^']*+'|\\.|[^\s"'\\#])++""")
_PIECE = re.compile(r""""((?:[^"\\]|\\.)*+)"|'([^']*+)'|\\(.)|([^"'\\]+)""")
_STATEMENT = re.compile(r"^\s*(?:\{%|<%|\{\{-?\s*(?:if|range|with|end|else)\b)", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{|\{\{|<%=|\"\$[A-Za-z_]")
SECTIONS = {
    "global", "defaults", "frontend", "backend", "listen", "userlist", "peers", "resolvers", "mailers", "cache", "program",
    "http-errors", "ring", "fcgi-app", "log-forward", "crt-store", "acme", "traces", "log-profile",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line in words, without quotes. ``guard``: the condition it depends on; ``templated``: something else fills it in."""

    words: tuple[str, ...]
    number: int
    guard: bool = False
    templated: bool = False

    @property
    def settled(self) -> bool:
        return not (self.guard or self.templated)

    def after(self, word: str) -> str:
        """The word after an option of the line, empty without."""
        found = self.words.index(word) if word in self.words else len(self.words)
        return self.words[found + 1] if found + 1 < len(self.words) else ""


@dataclass(slots=True)
class Section:
    """A section and the defaults in force for it: of a proxy those before it, or those that it names (``from``)."""

    kind: str
    name: str
    line: int
    lines: list[Line] = field(default_factory=list)
    defaults: Section | None = None
    depth: int = 0

    def every(self, *start: str) -> Iterator[Line]:
        """The lines that begin with these words."""
        return (one for one in self.lines if one.words[: len(start)] == start)

    def rules(self, *names: str) -> list[Line]:
        """The rules of these names in the order of the file, those of the defaults first (since 2.6, they add up)."""
        above = self.defaults.rules(*names) if self.defaults is not None else []
        return [*above, *(one for one in self.lines if one.words[0] in names)]

    def inherited(self, *start: str) -> list[Line]:
        """The same, or those of the defaults when the section has none."""
        return list(self.every(*start)) or (self.defaults.inherited(*start) if self.defaults is not None else [])


def parse(text: str) -> list[Section]:
    """The sections of a file; lines before the first are one without kind. Raises NotRead: templated, limit."""
    if (statement := _STATEMENT.search(text)) is not None:
        raise NotRead(
            Why.TEMPLATED, "a template decides which lines there are", 1 + text.count("\n", 0, statement.start())
        )
    sections = [Section("", "", 1)]
    depth = 0
    for number, raw in enumerate(text.split("\n"), 1):
        if number > MOST_LINES or len(raw) > LONGEST:
            raise NotRead(Why.LIMIT, f"more than {MOST_LINES} lines, or one longer than {LONGEST}", number)
        words = _words(raw)
        if not words:
            continue
        if words[0] in {".if", ".endif"}:
            depth += 1 if words[0] == ".if" else -1
        elif words[0].startswith("."):
            continue
        elif words[0] in SECTIONS:  # indented or not
            if len(sections) > MOST_SECTIONS:
                raise NotRead(Why.LIMIT, f"more than {MOST_SECTIONS} sections", number)
            sections.append(_section(words, number, sections))
        else:
            sections[-1].lines.append(Line(words, number, depth > 0, _VARIABLE.search(raw) is not None))
    return sections


def _section(words: tuple[str, ...], number: int, before: list[Section]) -> Section:
    kind, name = words[0], words[1] if len(words) > 1 else ""
    section = Section(kind, name, number)
    if kind not in {"defaults", "frontend", "backend", "listen"}:
        return section
    defaults = [one for one in before if one.kind == "defaults"]
    if "from" in words[1:-1]:
        wanted = words[words.index("from", 1) + 1]
        section.defaults = next((one for one in defaults if one.name == wanted and one.depth < DEEPEST), None)
        section.depth = section.defaults.depth + 1 if section.defaults is not None else 0
    elif kind != "defaults" and defaults:
        section.defaults = defaults[-1]
    return section


def _words(raw: str) -> tuple[str, ...]:
    words = []
    position = 0
    while position < len(raw):
        if raw[position].isspace():
            position += 1
            continue
        found = _WORD.match(raw, position)
        if found is None:
            break  # a comment, or a quote that is not closed
        words.append("".join("".join(piece) for piece in _PIECE.findall(found[0])))
        position = found.end()
    return tuple(words)
