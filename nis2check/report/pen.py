# SPDX-License-Identifier: EUPL-1.2
"""How lines are laid on a terminal: width, colour, ASCII. Nothing here knows what a result is.

Rules for this file: a word without a space is never cut (a target that cannot be copied is useless); colour only repeats
what a sign and a word already say.
"""

from __future__ import annotations

from dataclasses import dataclass

from nis2check.language import say
from nis2check.printing import Medium, ascii_only, clean, columns
from nis2check.report import words

_PAINTS = {"red": "31", "amber": "33", "green": "32", "blue": "34", "bold": "1"}
_VERDICT_PAINTS = {"fail": "red", "partial": "amber", "unknown": "amber", "to_attest": "blue", "pass": "green"}


@dataclass(frozen=True, slots=True)
class Pen:
    """The terminal to write for. ``width`` in columns, 40 at least."""

    lang: str
    width: int = 80
    colour: bool = False
    ascii: bool = False

    def own(self, sentence: str) -> str:
        """One of our sentences, with its typography, folded for an ASCII terminal."""
        said = say(sentence, self.lang)
        return ascii_only(said) if self.ascii else said

    def foreign(self, text: object) -> str:
        """Anything that came from a target, a repository or a user's file."""
        safe = clean(text, Medium.TERMINAL)
        return ascii_only(safe) if self.ascii else safe

    def paint(self, text: str, paint: str) -> str:
        return f"\x1b[{_PAINTS[paint]}m{text}\x1b[0m" if self.colour and paint in _PAINTS and text else text

    def sign(self, verdict: str) -> str:
        mark = words.verdict(verdict)
        return self.paint(mark.ascii if self.ascii else mark.sign, _VERDICT_PAINTS.get(verdict, ""))

    def paint_as(self, verdict: str, text: str) -> str:
        return self.paint(text, _VERDICT_PAINTS.get(verdict, ""))

    def wrap(self, text: str, indent: str = "", hanging: str | None = None) -> list[str]:
        """Fill lines to the width, breaking at ordinary spaces only; a longer word stands whole on its own line."""
        lines: list[str] = []
        line, room = indent, columns(indent)
        empty = True
        for word in text.split(" "):
            taken = columns(word)
            if not empty and room + 1 + taken > self.width:
                lines.append(line)
                line = indent if hanging is None else hanging
                room, empty = columns(line), True
            line += word if empty else f" {word}"
            room += taken if empty else taken + 1
            empty = False
        return [*lines, line]

    def heading(self, sentence: str) -> list[str]:
        return [self.paint(line, "bold") for line in self.wrap(self.own(sentence))]

    def row(self, left: str, right: str, indent: str = "") -> list[str]:
        """Two texts on the ends of one line, or of two when they do not fit. Both must be without paint."""
        if not right:
            return self.wrap(left, indent, indent)
        room = self.width - columns(indent) - columns(left) - columns(right)
        if room >= 2:
            return [indent + left + " " * room + right]
        return [*self.wrap(left, indent, indent), " " * max(len(indent), self.width - columns(right)) + right]

    def bar(self, part: int, whole: int, cells: int = 20) -> str:
        """A bar of ``cells``, always printed beside its number. Full only when all of it is there, empty only for none."""
        filled = round(cells * part / whole) if whole else 0
        if 0 < part < whole:
            filled = min(max(filled, 1), cells - 1)
        full, rest = ("#", ".") if self.ascii else ("█", "░")
        return full * filled + rest * (cells - filled)
