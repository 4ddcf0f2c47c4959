# SPDX-License-Identifier: EUPL-1.2
"""The syntax of Apache httpd files: directives, nested sections, continued lines, and the sections that depend on the server.

IfModule, IfDefine, IfVersion and their kind hold directives that a server may or may not read: what they hold is told with
``guard``, their condition. Sections for requests (Directory, Location, If…) are blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nis2check.evidence.repo.concerns import NotRead
from nis2check.model import Why

DEEPEST = 50
MOST_LINES = 100_000
LONGEST = 8192  # characters of a line, continued ones together: httpd's own limit (MAX_STRING_LEN)

_WORD = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)'|(\S+))""")
_OPENS = re.compile(r"<\s*([A-Za-z]+)\s*(.*?)\s*>\s*\Z", re.DOTALL)
_CLOSES = re.compile(r"</\s*([A-Za-z]+)\s*>?\s*\Z")
_STATEMENT = re.compile(r"^\s*(?:\{%|<%|\{\{\s*[#/-]|\{\{-?\s*(?:if|range|with|end|else)\b)", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CONDITIONS = {"ifmodule", "ifdefine", "ifversion", "iffile", "ifdirective", "ifsection"}
# Modules without which the file would not say what it says: a server that reads it has them, or serves none of it.
_GRANTED = {"ssl_module", "mod_ssl.c", "mod_ssl", "log_config_module", "mod_log_config.c"}


@dataclass(slots=True)
class Directive:
    """One directive or section; ``name`` in lower case, ``block`` None for a directive, ``line`` from 1."""

    name: str
    words: tuple[str, ...]
    line: int
    block: list[Directive] | None = None
    guard: str = ""
    _last: dict[str, Directive] | None = field(default=None, repr=False, compare=False)  # built when first asked

    @property
    def templated(self) -> bool:
        """Whether a template or a variable that the file does not define fills it in."""
        return any("{{" in word or _VARIABLE.search(word) for word in self.words)

    @property
    def first(self) -> str:
        return self.words[0] if self.words else ""

    def every(self, *names: str) -> Iterator[Directive]:
        """The children with one of these names, in order, not those of sections within."""
        return (child for child in self.block or () if child.name in names)

    def last(self, name: str) -> Directive | None:
        """The last child of that name: httpd takes the last word on most of its settings."""
        if self._last is None:
            self._last = {child.name: child for child in self.block or ()}
        return self._last.get(name)

    def all(self) -> Iterator[Directive]:
        """Every directive within, depth first, this one left out."""
        for child in self.block or ():
            yield child
            yield from child.all()


@dataclass(slots=True)
class _Parser:
    """``open``: sections not closed yet, the file itself first, each with the guard that is in force in it."""

    open: list[tuple[Directive, str]] = field(default_factory=lambda: [(Directive("", (), 1, []), "")])
    loaded: set[str] = field(default_factory=set)
    defined: dict[str, str | None] = field(default_factory=dict)  # None: defined in more than one way

    def take(self, line: int, text: str) -> None:
        if closing := _CLOSES.match(text):
            self._close(closing[1].lower(), line)
        elif opening := _OPENS.match(text):
            self._open(opening[1].lower(), opening[2], line)
        elif text.startswith("<"):
            raise NotRead(Why.MALFORMED, "a section that is not closed on its line", line)
        else:
            name, _blank, rest = text.partition(" ") if " " in text else text.partition("\t")
            self._add(Directive(name.lower(), self._words(rest), line))

    def _add(self, directive: Directive) -> None:
        parent, guard = self.open[-1]
        assert parent.block is not None  # only sections are open
        directive.guard = guard
        parent.block.append(directive)
        if directive.name == "loadmodule" and not guard:
            self.loaded.add(directive.first.lower())
        elif directive.name == "define" and directive.words:
            value = directive.words[1] if len(directive.words) > 1 else ""
            known = self.defined.get(directive.first, value)
            self.defined[directive.first] = value if not guard and known == value else None

    def _open(self, name: str, rest: str, line: int) -> None:
        if len(self.open) > DEEPEST:
            raise NotRead(Why.LIMIT, f"more than {DEEPEST} sections deep", line)
        words = self._words(rest)
        if name in _CONDITIONS:
            holder, outer = self.open[-1]
            guard = "" if self._holds(name, words) else f"<{name} {' '.join(words)[:60]}>"
            self.open.append((Directive(name, words, line, holder.block), outer or guard))
            return
        section = Directive(name, words, line, [])
        self._add(section)
        self.open.append((section, ""))  # its own guard covers what it holds

    def _holds(self, name: str, words: tuple[str, ...]) -> bool:
        """Whether every server that reads the file reads what the condition holds."""
        what = words[0].lower() if words else ""
        if name == "ifmodule":
            return what in _GRANTED or what in self.loaded or _module_of(what) in self.loaded
        if name == "ifversion":
            return words[:1] == (">=",) and words[1:2] in (("2.4",), ("2.4.0",), ("2.2",))
        return name == "ifdefine" and what.upper() == "SSL"  # apache2 -D SSL, as the packages of SUSE start it

    def _close(self, name: str, line: int) -> None:
        if len(self.open) == 1 or self.open[-1][0].name != name:
            raise NotRead(Why.MALFORMED, f"</{name[:40]}> closes nothing", line)
        self.open.pop()

    def _words(self, rest: str) -> tuple[str, ...]:
        words = []
        for quoted, single, bare in _WORD.findall(rest):
            words.append(self._filled(bare or re.sub(r'\\(["\\\'])', r"\1", quoted or single)))
        return tuple(words)

    def _filled(self, word: str) -> str:
        """With the variables that the file itself defines, once each."""
        return _VARIABLE.sub(lambda found: self.defined.get(found[1]) or found[0], word)[:LONGEST]


def _module_of(source: str) -> str:
    """``mod_headers.c`` → ``headers_module``."""
    return source.removeprefix("mod_").removesuffix(".c") + "_module"


def parse(text: str) -> Directive:
    """The file as one section. Raises NotRead: malformed, templated (around directives), limit."""
    if (statement := _STATEMENT.search(text)) is not None:
        raise NotRead(
            Why.TEMPLATED, "a template decides which directives there are", 1 + text.count("\n", 0, statement.start())
        )
    parser = _Parser()
    for line, logical in _lines(text):
        parser.take(line, logical)
    if len(parser.open) > 1:
        section = parser.open[-1][0]
        raise NotRead(Why.MALFORMED, f"<{section.name[:40]}> is not closed", section.line)
    return parser.open[0][0]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, those continued by a backslash joined, each with the number of its first."""
    started, held = 0, ""
    for number, raw in enumerate(text.split("\n"), 1):
        if number > MOST_LINES or len(held) + len(raw) > LONGEST:
            raise NotRead(Why.LIMIT, f"more than {MOST_LINES} lines, or a line longer than {LONGEST}", number)
        line = raw.rstrip("\r")
        started = started if held else number
        if line.endswith("\\") and not line.endswith("\\\\"):
            held += line[:-1] + " "
            continue
        whole, held = (held + line).strip(), ""
        if whole and not whole.startswith("#"):
            yield started, whole
