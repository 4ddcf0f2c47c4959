# SPDX-License-Identifier: EUPL-1.2
"""Every verdict of a run as one text, which stands beside the run: to compare two runs of each of 35 000 bodies reads two
texts a body, where the table of states would join millions of rows.

A line for each verdict and severity, then the ids of its findings: ``fail high:0123456789abcdef …``. Lines and ids are sorted:
two runs that differ in nothing have the same text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nis2check.history.compare import States


def written(found: States) -> str:
    """The text of a run's findings. An id is hexadecimal: it holds neither a space nor the end of a line."""
    lines: dict[str, list[str]] = {}
    for one in found.values():
        lines.setdefault(f"{one.verdict} {one.severity}", []).append(one.id)
    return "\n".join(f"{words}:{' '.join(sorted(ids))}" for words, ids in sorted(lines.items()))


def read(text: str) -> dict[str, frozenset[str]]:
    """Ids of findings by verdict and severity, as ``fail high``. The words are the text's: who uses them checks them."""
    lines = (line.partition(":") for line in text.split("\n"))
    return {words: frozenset(ids.split(" ")) for words, _colon, ids in lines if ids}


def different(was: str, now: str) -> Iterator[tuple[str | None, str | None]]:
    """Of each finding that is new, other or gone between two texts, what it was and is; None where it was not there."""
    before, after = read(was), read(now)
    left = _others(before, after)
    for name, words in _others(after, before).items():
        yield left.pop(name, None), words
    for words in left.values():
        yield words, None


def _others(mine: Mapping[str, frozenset[str]], theirs: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """The findings of one text that do not stand under the same words in the other, with these words."""
    return {name: words for words, ids in mine.items() for name in ids - theirs.get(words, frozenset())}
