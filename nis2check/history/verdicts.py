# SPDX-License-Identifier: EUPL-1.2
"""Every verdict of a run as one text, which stands beside the run: to compare two runs of each of 35 000 bodies reads two
texts a body, where the table of states would join millions of rows.

A line for each verdict and severity, then the ids of its findings: ``fail high:0123456789abcdef …``. Lines and ids are sorted:
two runs that differ in nothing have the same text.
"""

from __future__ import annotations

from nis2check.history.compare import States


def written(found: States) -> str:
    """The text of a run's findings. An id is hexadecimal: it holds neither a space nor the end of a line."""
    lines: dict[str, list[str]] = {}
    for one in found.values():
        lines.setdefault(f"{one.verdict} {one.severity}", []).append(one.id)
    return "\n".join(f"{words}:{' '.join(sorted(ids))}" for words, ids in sorted(lines.items()))


def read(text: str) -> dict[str, str]:
    """Verdict and severity, as ``fail high``, by id of finding. The words are the text's: who uses them checks them."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        words, _colon, ids = line.partition(":")
        found |= dict.fromkeys(ids.split(), words)
    return found
