# SPDX-License-Identifier: EUPL-1.2
"""Where the tables write what they find of a file, concern by concern, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo.terraform.concerns import PREFIX
from nis2check.evidence.repo.terraform.values import Block, Fault, Value
from nis2check.model import Json, Why

MOST_OFFENDERS = 200  # of one concern and file
MOST_GAPS = 3  # of one concern and file: each says the same
LONGEST_SHOWN = 100  # characters of a value


class Said(StrEnum):
    """Who says what offends: the file itself, the default of a variable, or the documented default of the provider."""

    HERE = "here"
    VARIABLE = "variable"
    PROVIDER = "provider"


@dataclass(slots=True)
class _Page:
    offenders: list[dict[str, Json]] = field(default_factory=list)
    gaps: list[Unread] = field(default_factory=list)
    fits: bool = False


@dataclass(slots=True)
class Ledger:
    """What offends, what fits and what is not told, by concern. A concern that nothing speaks of has no page."""

    pages: dict[str, _Page] = field(default_factory=dict)

    def _page(self, concern: str) -> _Page:
        return self.pages.setdefault(concern, _Page())

    def fits(self, concern: str) -> None:
        self._page(concern).fits = True

    def offends(self, concern: str, block: Block, line: int, said: Said = Said.HERE, **more: Json) -> None:
        """``more``: setting, value, and what a concern has of its own. Releases and open ports are listed too, right or wrong."""
        shown = {name: _short(value) for name, value in more.items()}
        self._page(concern).offenders.append({"name": block.address, "line": line, **shown, "said": str(said)})

    def setting_offends(self, concern: str, block: Block, setting: str, value: Value) -> None:
        said = Said.VARIABLE if value.by_default else Said.HERE
        self.offends(concern, block, value.line, said, setting=setting, value=value.scalar)

    def untold(self, concern: str, block: Block, setting: str, value: Value) -> None:
        """The file holds the setting, and a run of Terraform would tell its value."""
        self.gap(concern, Why.TEMPLATED, f"{block.address}: {setting} is {value.unknown}", value.line)

    def elsewhere(self, concern: str, block: Block, detail: str) -> None:
        """The file does not hold the setting: another file may, or the default depends on versions and accounts."""
        self.gap(concern, Why.NOT_ASKED, f"{block.address}: {detail}", block.line)

    def gap(self, concern: str, why: Why, detail: str, line: int) -> None:
        page = self._page(concern)
        if len(page.gaps) < MOST_GAPS:
            page.gaps.append(Unread(f"{PREFIX}{concern}", why, detail[:200], line))

    def yields(self, faults: tuple[Fault, ...]) -> Iterator[Read | Unread]:
        """The facts and gaps of the file. What could not be read may hold more of every concern."""
        for concern, page in self.pages.items():
            offenders = sorted(page.offenders, key=lambda one: (one["line"], one["name"]))
            if offenders or page.fits:
                line = offenders[0]["line"] if offenders else 1
                yield Read(f"{PREFIX}{concern}", offenders[:MOST_OFFENDERS], line)
            yield from page.gaps
            if len(offenders) > MOST_OFFENDERS:
                yield Unread(f"{PREFIX}{concern}", Why.LIMIT, f"more than {MOST_OFFENDERS}", line)
            elif faults and (offenders or page.fits):
                yield Unread(f"{PREFIX}{concern}", Why.MALFORMED, faults[0].detail, faults[0].line)


def _short(value: Json) -> Json:
    return value[:LONGEST_SHOWN] if isinstance(value, str) else value
