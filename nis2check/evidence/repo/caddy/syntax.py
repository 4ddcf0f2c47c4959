# SPDX-License-Identifier: EUPL-1.2
"""The syntax of a Caddyfile: options, snippets and sites, each a block of directives (caddyserver.com, "Caddyfile Concepts").

A snippet of the same file is put where it is imported; what another file holds stays an ``import``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nis2check.evidence.repo.concerns import NotRead
from nis2check.model import Why

DEEPEST = 30
MOST_TOKENS = 100_000
MOST_SITES = 1000
MOST_IMPORTED = 5_000  # directives brought in by snippets, so that snippets of snippets cost little

_TOKEN = re.compile(
    r"""(?P<newline>\n)
      | (?P<blank>[ \t\r\f\v]+|\\\r?\n)
      | (?P<comment>\#[^\n]*)
      | (?P<heredoc><<(?P<mark>[A-Za-z0-9_-]+)[ \t]*\r?\n)
      | (?P<quoted>"(?:[^"\\]|\\.)*+"|`[^`]*+`)
      | (?P<word>(?:[^\s\\]|\\(?!\r?\n))++)
      | (?P<stray>.)""",
    re.VERBOSE | re.DOTALL,
)
_STATEMENT = re.compile(r"^\s*(?:\{%|<%|\{\{-?\s*(?:if|range|with|end|else)\b)", re.MULTILINE)
_VARIABLE = re.compile(r"\{\$([^}:]{0,100})(?::([^}]{0,200}))?\}")


@dataclass(slots=True)
class Directive:
    """One directive; ``block`` None without braces. Of a site or a snippet the words are its addresses or its name."""

    words: tuple[str, ...]
    line: int
    block: list[Directive] | None = None

    @property
    def name(self) -> str:
        return self.words[0] if self.words else ""

    @property
    def templated(self) -> bool:
        return any("{{" in word or "{$" in word or "{args" in word for word in self.words)

    def every(self, *names: str) -> Iterator[Directive]:
        return (child for child in self.block or () if child.name in names)

    def all(self) -> Iterator[Directive]:
        for child in self.block or ():
            yield child
            yield from child.all()


@dataclass(slots=True)
class File:
    """``options`` is the block without a name, ``sites`` have addresses as words."""

    options: Directive
    sites: list[Directive] = field(default_factory=list)


def parse(text: str) -> File:
    """Raises NotRead: malformed, templated (around directives), limit."""
    if (statement := _STATEMENT.search(text)) is not None:
        line = 1 + text.count("\n", 0, statement.start())
        raise NotRead(Why.TEMPLATED, "a template decides which directives there are", line)
    top = _blocks(list(_lines(text)))
    first = next(
        (index for index, one in enumerate(top) if one.words and not one.name.startswith(("(", "&("))), len(top)
    )
    if first < len(top) and top[first].block is None and top[first].name != "import":
        top = [*top[:first], Directive(top[first].words, top[first].line, top[first + 1 :])]  # one site without braces
    snippets = {one.name.strip("()"): one for one in top if one.name.startswith("(") and one.name.endswith(")")}
    if len(top) > MOST_SITES:
        raise NotRead(Why.LIMIT, f"more than {MOST_SITES} sites", top[MOST_SITES].line)
    file = File(Directive((), 1, []))
    budget = [MOST_IMPORTED]
    for one in top:
        if not one.words and one.block is not None:
            file.options = one
        elif not one.name.startswith(("(", "&(")) and one.block is not None:
            file.sites.append(Directive(one.words, one.line, list(_imported(one.block, snippets, budget, 0))))
        elif one.name == "import":
            file.sites.append(Directive(("import",), one.line, None))
    return file


def _imported(
    block: list[Directive], snippets: dict[str, Directive], budget: list[int], depth: int
) -> Iterator[Directive]:
    """The directives with the snippets of the file in place. Raises NotRead(limit)."""
    for one in block:
        known = snippets.get(one.words[1]) if one.name == "import" and len(one.words) > 1 else None
        budget[0] -= 1
        if budget[0] < 0 or depth > DEEPEST:
            raise NotRead(Why.LIMIT, f"more than {MOST_IMPORTED} directives through snippets", one.line)
        if known is not None:
            yield from _imported(known.block or [], snippets, budget, depth + 1)
        elif one.block is not None:
            yield Directive(one.words, one.line, list(_imported(one.block, snippets, budget, depth + 1)))
        else:
            yield one


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The words of each line, with its number; quotes are taken off, defaults of variables filled in."""
    position, line, count = 0, 1, 0
    words: list[str] = []
    started = 1
    while position < len(text):
        token = _TOKEN.match(text, position)
        assert token is not None  # the last alternative takes any character
        kind, raw, position = token.lastgroup, token[0], token.end()
        count += 1
        if count > MOST_TOKENS:
            raise NotRead(Why.LIMIT, f"more than {MOST_TOKENS} words", line)
        if kind == "newline":
            if words:
                yield started, words
            words = []
        elif kind in {"word", "quoted", "stray", "mark", "heredoc"}:
            started = started if words else line
            if token["heredoc"]:
                end = re.compile(rf"^[ \t]*{re.escape(token['mark'])}[ \t]*$", re.MULTILINE).search(text, position)
                raw, position = text[token.end() : end.start() if end else len(text)], end.end() if end else len(text)
            words.append(_filled(raw[1:-1] if kind == "quoted" else raw))
        line += text.count("\n", token.start(), position)
    if words:
        yield started, words


def _filled(word: str) -> str:
    """With the default of a variable, where it has one."""
    return _VARIABLE.sub(lambda found: found[2] or found[0], word)


def _blocks(lines: list[tuple[int, list[str]]]) -> list[Directive]:
    top: list[Directive] = []
    open_blocks: list[list[Directive]] = [top]
    held: list[str] = []  # addresses that go on after a comma
    for line, words in lines:
        if words == ["}"]:
            if len(open_blocks) == 1:
                raise NotRead(Why.MALFORMED, "a } that closes nothing", line)
            open_blocks.pop()
            continue
        opens = words[-1] == "{"
        given = [*held, *(words[:-1] if opens else words)]
        if len(open_blocks) == 1 and given and given[-1].endswith(",") and not opens:
            held = given
            continue
        held = []
        if opens:
            if len(open_blocks) > DEEPEST:
                raise NotRead(Why.LIMIT, f"more than {DEEPEST} blocks deep", line)
            block: list[Directive] = []
            open_blocks[-1].append(Directive(tuple(given), line, block))
            open_blocks.append(block)
        elif given:
            open_blocks[-1].append(Directive(tuple(given), line))
    if len(open_blocks) > 1:
        raise NotRead(Why.MALFORMED, "a block is not closed", lines[-1][0])
    return top
