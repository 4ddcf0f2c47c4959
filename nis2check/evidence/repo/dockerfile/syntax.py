# SPDX-License-Identifier: EUPL-1.2
"""Instructions of a Dockerfile with their lines, and its stages.

https://docs.docker.com/reference/dockerfile/: continuation lines, comments between them, the ``escape`` directive, and here
documents, whose lines are no instructions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MOST_LINES = 50_000
MOST_INSTRUCTIONS = 5000

_DIRECTIVE = re.compile(r"#\s*escape\s*=\s*([\\`])\s*\Z", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*([\"']?)([A-Za-z_][A-Za-z0-9_]*)\1")
_WORD = re.compile(r"([A-Za-z]+)(?:\s+(.*))?\Z", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(\w{1,80})(?:(:?[-+])([^}$]{0,200}))?\}|(\w{1,80}))")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its word in capitals, what follows (continuations on lines of their own), its first line."""

    word: str
    rest: str
    line: int


@dataclass(slots=True)
class Stage:
    """From one FROM to the next. ``base`` with its ARG filled in as far as the file tells; ``name`` after AS."""

    base: str
    name: str
    line: int
    written: str = ""  # the base as it stands, its variables unfilled
    instructions: list[Instruction] = field(default_factory=list)


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions in order; here documents belong to the instruction that opens them."""
    lines = text.split("\n")[:MOST_LINES]
    escape = "\\"
    index = count = 0
    directive = _DIRECTIVE.match(lines[0].strip()) if lines else None
    if directive:
        escape = directive[1]
    while index < len(lines) and count < MOST_INSTRUCTIONS:
        start = index
        pieces, index = _joined(lines, index, escape)
        word = _WORD.match("\n".join(pieces).strip())
        if word is None:
            continue
        rest = word[2] or ""
        if word[1].upper() == "RUN":
            rest = rest.replace("\n", "\\\n")  # for the shell it stays one line
        if word[1].upper() in {"RUN", "COPY", "ADD"}:
            body, index = _heredocs(lines, index, rest)
            rest += body
        count += 1
        yield Instruction(word[1].upper(), rest, start + 1)


def _joined(lines: list[str], index: int, escape: str) -> tuple[list[str], int]:
    """The pieces of one logical line; comment lines inside it stand as empty ones, so that lines can still be counted."""
    pieces: list[str] = []
    while index < len(lines):
        line = lines[index].rstrip("\r")
        index += 1
        if line.lstrip().startswith("#"):
            if not pieces:
                return [], index
            pieces.append("")
            continue
        bare = line.rstrip()
        if not bare.endswith(escape):
            pieces.append(line)
            if pieces[:-1] and not bare and index < len(lines):
                continue  # an empty line inside a continuation is skipped by Docker
            break
        pieces.append(bare[:-1])
    return pieces, index


def _heredocs(lines: list[str], index: int, rest: str) -> tuple[str, int]:
    body: list[str] = []
    for _quote, mark in _HEREDOC.findall(rest):
        while index < len(lines):
            line = lines[index].rstrip("\r")
            index += 1
            if line.lstrip("\t") == mark:
                break
            body.append(line)
    return "".join(f"\n{line}" for line in body), index


def stages(found: list[Instruction]) -> list[Stage]:
    """The stages; only an ARG before the first FROM, with its default, fills in what follows FROM."""
    arguments: dict[str, str] = {}
    built: list[Stage] = []
    for one in found:
        if one.word == "ARG" and not built:
            name, _equals, default = one.rest.strip().partition("=")
            if default:
                arguments[name.strip()] = default.strip().strip("\"'")
        elif one.word == "FROM":
            words = [word for word in one.rest.split() if not word.startswith("--")]
            base = filled(words[0], arguments) if words else ""
            name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
            built.append(Stage(base, name.lower(), one.line, words[0] if words else ""))
        elif built:
            built[-1].instructions.append(one)
    return built


def filled(text: str, arguments: dict[str, str]) -> str:
    """The text with the variables that the file settles; the others stay as they are."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[4]
        if name in arguments:
            return arguments[name]
        return match[3] if match[2] in {"-", ":-"} else match[0]

    return _VARIABLE.sub(value, text)
