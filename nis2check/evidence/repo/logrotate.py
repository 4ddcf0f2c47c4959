# SPDX-License-Identifier: EUPL-1.2
"""Reads logrotate.conf and logrotate.d: how many days of each log are kept at least, right after a rotation.

logrotate(8): what stands before a block holds for it unless the block says otherwise; of a period and ``size`` the last counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nis2check.evidence.repo.concerns import (
    Concerns,
    Found,
    array_fact,
    conditional_lines,
    is_filled_in,
    long_line,
    numbered,
)
from nis2check.model import Why

NAME = "logrotate"
FACTS = (array_fact("logrotate.short_retention", "Logs of which less than three months are kept."),)

THREE_MONTHS = 90  # days; ReCyF 20.5 speaks of three months

_BY_NAME = re.compile(
    r"(?:^|/)logrotate(?:\.conf|[^/]*\.(?:conf|j2))(?:\.(?:j2|jinja2?|erb|template|tmpl))?\Z|(?:^|/)logrotate\.d/[^/]+\Z"
)
_LOOKS = re.compile(rb"^\s*(?:rotate\s+-?\d|hourly|daily|weekly|monthly|yearly|maxage\s)", re.MULTILINE)
_PERIODS = {"hourly": 1 / 24, "daily": 1.0, "weekly": 7.0, "monthly": 30.5, "yearly": 365.0}
_SCRIPTS = {"prerotate", "postrotate", "firstaction", "lastaction", "preremove"}


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is said of a log. ``days`` of one rotation: 0 when size alone rotates, None when not said."""

    days: float | None = None
    rotate: int | None = None
    maxage: int | None = None
    grows: bool = False  # maxsize: may rotate before its day
    settled: bool = True
    line: int = 0

    def kept(self) -> float | None:
        """Days kept at most, None when not known; infinite for ``rotate -1``."""
        if self.rotate is None or self.days is None:
            return float(self.maxage) if self.maxage is not None else None
        most = float("inf") if self.rotate < 0 else self.rotate * self.days
        return min(most, self.maxage) if self.maxage is not None else most


def matches(path: str, head: bytes) -> bool:
    """logrotate.conf, logrotate.d/* and templates of them."""
    return _BY_NAME.search(path) is not None and (not head or _LOOKS.search(head) is not None or b"{" in head)


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    yield from long_line(NAME, text)
    concerns = Concerns()
    for name, keeping in blocks(text):
        _judge(concerns, name, keeping)
    yield from concerns.found()


def blocks(text: str) -> Iterator[tuple[str, Keeping]]:
    """Each block by its logs, with what holds for it."""
    unsettled = conditional_lines(text)
    outer = Keeping()
    inner: Keeping | None = None
    names: list[str] = []
    script = False
    for number, raw in numbered(text):
        line = raw.partition("#")[0].strip() if raw.lstrip().startswith("#") or " #" in raw else raw.strip()
        word = line.split(None, 1)[0] if line else ""
        if script or word in _SCRIPTS:
            script = word != "endscript"
        elif line.endswith("{"):
            names.append(line[:-1].strip())
            inner = replace(outer, line=number, settled=outer.settled and number not in unsettled)
        elif line == "}" and inner is not None:
            yield " ".join(filter(None, names)), inner
            inner, names = None, []
        elif inner is not None:
            inner = _with(inner, line, number in unsettled)
        elif line.startswith(("/", '"', "'", "~")):
            names.append(line)
        else:
            outer = _with(outer, line, number in unsettled)


def _with(keeping: Keeping, line: str, conditional: bool) -> Keeping:
    """With what one directive says."""
    words = line.split()
    name = words[0].lower() if words else ""
    number = words[1] if len(words) > 1 else ""
    after = keeping
    if name in _PERIODS:
        after = replace(keeping, days=_PERIODS[name])
    elif name == "size":
        after = replace(keeping, days=0.0)
    elif name == "maxsize":
        after = replace(keeping, grows=True)
    elif name in {"rotate", "maxage"}:
        if is_filled_in(line) or not re.fullmatch(r"-?\d{1,6}", number):
            return replace(keeping, settled=False)
        after = replace(keeping, **{name: int(number)})  # type: ignore[arg-type] # both are whole numbers
    return replace(after, settled=False) if conditional and after != keeping else after


def _judge(concerns: Concerns, name: str, keeping: Keeping) -> None:
    fact, kept = "logrotate.short_retention", keeping.kept()
    if not keeping.settled:
        concerns.open(fact, Why.TEMPLATED, f"how long {name} is kept comes from a template", keeping.line)
    elif keeping.maxage is not None and keeping.maxage < THREE_MONTHS:
        concerns.wrong(fact, name, keeping.line, f"maxage {keeping.maxage}")
    elif kept is None:
        concerns.open(fact, Why.UNREADABLE, f"how long {name} is kept is set in another file", keeping.line)
    elif keeping.days == 0.0 and keeping.rotate:
        concerns.open(fact, Why.NOT_ASKED, f"{name} is rotated by size: days depend on what is written", keeping.line)
    elif kept < THREE_MONTHS:
        concerns.wrong(fact, name, keeping.line, f"{kept:.0f} days")
    elif keeping.grows:
        concerns.open(fact, Why.NOT_ASKED, f"{name} may be rotated early by its size (maxsize)", keeping.line)
    else:
        concerns.right(fact, keeping.line)
