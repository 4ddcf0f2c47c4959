# SPDX-License-Identifier: EUPL-1.2
"""The syntax of nginx configuration files, read without knowing the directives: any module's, any version's, any snippet.

Tolerant of templates in values (``{{ port }}`` is part of a word), not of templates around directives: those make the
structure itself unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nis2check.evidence.repo.concerns import NotRead
from nis2check.model import Why

DEEPEST = 50

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>\#[^\n]*|\{\#[^\n]{0,500}?\#\})
      | (?P<statement>\{%|<%)
      | (?P<quoted>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')
      | (?P<word>(?:\$\{[^}\n]{0,200}\}|\{\{[^}\n]{0,200}\}\}|\\.|[^\s;{}"'\\]|(?<=[^\s;{}])["'])++)
      | (?P<mark>[;{}])
      | (?P<stray>.)""",
    re.VERBOSE | re.DOTALL,
)
_LUA = re.compile(r"""[{}]|--[^\n]*|'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+\"""", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(slots=True)
class Directive:
    """One directive; ``block`` is None for a simple one. ``line`` counts from 1."""

    name: str
    words: tuple[str, ...]
    line: int
    block: list[Directive] | None = None
    _named: dict[str, list[Directive]] | None = field(default=None, repr=False, compare=False)  # built when first asked

    @property
    def templated(self) -> bool:
        return any("{{" in word for word in (self.name, *self.words))

    def every(self, *names: str) -> Iterator[Directive]:
        """The directives of the block with one of these names, not those of blocks within."""
        if len(names) > 1:
            return (child for child in self.block or () if child.name in names)
        if self._named is None:
            self._named = {}
            for child in self.block or ():
                self._named.setdefault(child.name, []).append(child)
        return iter(self._named.get(names[0], ()))

    def last(self, name: str) -> Directive | None:
        """The directive of that name in the block, None without."""
        return next(iter(list(self.every(name))[-1:]), None)


@dataclass(slots=True)
class _Parser:
    """Directives as they are completed; ``open`` holds the blocks not closed yet, the file itself first."""

    open: list[Directive] = field(default_factory=lambda: [Directive("", (), 1, [])])
    words: list[str] = field(default_factory=list)
    line: int = 1

    def add(self, block: list[Directive] | None) -> Directive:
        directive = Directive(self.words[0] if self.words else "", tuple(self.words[1:]), self.line, block)
        inside = self.open[-1].block
        assert inside is not None  # only blocks are open
        inside.append(directive)
        self.words = []
        return directive

    def mark(self, mark: str, line: int) -> None:
        if mark == ";":
            if self.words:
                self.add(None)
        elif mark == "{":
            if len(self.open) > DEEPEST:
                raise NotRead(Why.LIMIT, f"more than {DEEPEST} blocks deep", line)
            self.open.append(self.add([]))
        elif len(self.open) == 1 or self.words:
            raise NotRead(Why.MALFORMED, "a } that closes nothing", line)
        else:
            self.open.pop()


def parse(text: str) -> Directive:
    """The file as one block. Raises NotRead: malformed, templated (around directives), limit."""
    parser = _Parser()
    position, line = 0, 1
    while position < len(text):
        token = _TOKEN.match(text, position)
        assert token is not None  # the last alternative takes any character
        kind, raw = token.lastgroup, token[0]
        position = token.end()
        if kind == "statement":
            raise NotRead(Why.TEMPLATED, "a template decides which directives there are", line)
        if kind == "mark":
            parser.mark(raw, line)
            if raw == "{" and parser.open[-1].name.endswith("_by_lua_block"):
                position = _after_lua(text, position)
                parser.open.pop()
        elif kind in {"word", "quoted", "stray"}:
            if not parser.words:
                parser.line = line
            parser.words.append(_ESCAPE.sub(r"\1", raw[1:-1]) if kind == "quoted" else raw)
        line += text.count("\n", token.start(), position)
    if len(parser.open) > 1 or parser.words:
        raise NotRead(Why.MALFORMED, f"{parser.open[-1].name[:40] or 'a directive'} is not finished", parser.line)
    return parser.open[0]


def _after_lua(text: str, position: int) -> int:
    """Past the brace that closes a block of Lua, whose own braces are balanced outside strings and comments."""
    depth = 1
    for mark in _LUA.finditer(text, position):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    return len(text)
