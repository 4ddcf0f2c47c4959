# SPDX-License-Identifier: EUPL-1.2
"""Rows of tables: which setting of which resources offends which concern, and what its absence means.

Absence offends or fits only where the provider documents its default, for every version of the provider that is maintained.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nis2check.evidence.repo.terraform.ledger import Ledger, Said
from nis2check.evidence.repo.terraform.values import Block, Configuration, Scalar, Value, word

Test = Callable[[Scalar], bool]


class Absent(StrEnum):
    """What it means that a setting is not there."""

    OFFENDS = "offends"  # documented default
    FITS = "fits"  # documented default
    UNTOLD = "untold"  # the default depends on the account, the engine or the version: a gap
    SILENT = "silent"  # nobody would look for it here


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. ``unless``: paths that, when set, make the row mute; ``only``: a path and the words it must have, if set."""

    concern: str
    types: tuple[str, ...]
    path: str
    offends: Test
    absent: Absent = Absent.SILENT
    unless: tuple[str, ...] = ()
    only: tuple[str, frozenset[str]] | None = None
    holds: str = ""  # a word that the list at ``path`` must hold


@dataclass(frozen=True, slots=True)
class Companion:
    """What one resource needs another for: missing from a whole plan it offends, from one file it is not told."""

    concern: str
    type: str
    companion: str
    unless: tuple[str, ...] = ()


def row(
    concern: str,
    types: str,
    path: str,
    offends: Test,
    absent: Absent = Absent.SILENT,
    *,
    unless: str = "",
    only: tuple[str, str] | None = None,
    holds: str = "",
) -> Setting:
    """A `Setting` with its lists written as words."""
    words = (only[0], frozenset(only[1].split())) if only else None
    return Setting(concern, tuple(types.split()), path, offends, absent, tuple(unless.split()), words, holds)


def among(words: str) -> Test:
    """One of these words, whatever the case."""
    known = frozenset(words.lower().split())
    return lambda value: word(value).lower() in known


def matching(pattern: str) -> Test:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda value: compiled.match(word(value)[:300]) is not None


def below(least: float, *, but: Sequence[float] = ()) -> Test:
    """A number under ``least``; ``but``: numbers that mean for ever."""

    def test(value: Scalar) -> bool:
        try:
            number = float(word(value))
        except ValueError:
            return False
        return number < least and number not in but

    return test


def anywhere(value: Scalar) -> bool:
    """The whole Internet."""
    return word(value) in EVERYWHERE


def never(value: Scalar) -> bool:
    """For rows where absence alone offends."""
    return False


EVERYWHERE = frozenset({"0.0.0.0/0", "::/0", "0.0.0.0/00", "0::/0", "0000:0000:0000:0000:0000:0000:0000:0000/0"})


def types_of(rows: Iterable[Setting | Companion]) -> frozenset[str]:
    """The resources that tables speak of."""
    found: set[str] = set()
    for one in rows:
        found |= {one.type, one.companion} if isinstance(one, Companion) else set(one.types)
    return frozenset(found)


def apply(settings: Sequence[Setting], configuration: Configuration, ledger: Ledger) -> None:
    """Write what the rows say of every resource."""
    by_type: dict[str, list[Setting]] = {}
    for setting in settings:
        for kind in setting.types:
            by_type.setdefault(kind, []).append(setting)
    for block in configuration.of_kind("resource"):
        for setting in by_type.get(block.type, ()):
            _judge(setting, block, ledger)


def accompany(companions: Sequence[Companion], configuration: Configuration, ledger: Ledger) -> None:
    """Write what is said, or missing, beside a resource."""
    present = {block.type for block in configuration.of_kind("resource")}
    for rule in companions:
        if rule.companion in present:
            continue  # its own rows judge it; which resource it goes with is a reference
        for block in configuration.of_kind("resource"):
            if block.type != rule.type or any(block.body.find(path) for path in rule.unless):
                continue
            if configuration.whole:
                ledger.offends(rule.concern, block, block.line, Said.PROVIDER, setting=rule.companion)
            else:
                ledger.elsewhere(rule.concern, block, f"{rule.companion} may be in another file")


def _judge(setting: Setting, block: Block, ledger: Ledger) -> None:
    """A row never looks at a value without meaning for it: absent, known, or not told."""
    if any(block.body.find(path) for path in setting.unless) or not _is_meant(setting, block, ledger):
        return
    values = block.body.each(setting.path)
    if not values:
        _absent(setting, block, ledger)
    elif setting.holds:
        _held(setting, values, block, ledger)
    else:
        for value in values:
            if value.unknown:
                ledger.untold(setting.concern, block, setting.path, value)
            elif value.keys is None and setting.offends(value.scalar):
                ledger.setting_offends(setting.concern, block, setting.path, value)
            else:
                ledger.fits(setting.concern)


def _held(setting: Setting, values: list[Value], block: Block, ledger: Ledger) -> None:
    unknown = next((value for value in values if value.unknown), None)
    if any(not value.unknown and word(value.scalar) == setting.holds for value in values):
        ledger.fits(setting.concern)
    elif unknown is not None:
        ledger.untold(setting.concern, block, setting.path, unknown)
    else:
        ledger.offends(setting.concern, block, values[0].line, setting=setting.path, value=f"without {setting.holds}")


def _is_meant(setting: Setting, block: Block, ledger: Ledger) -> bool:
    """Whether the row speaks of this resource; when only a run would tell, that is written."""
    if setting.only is None:
        return True
    path, words = setting.only
    values = block.body.each(path)
    unknown = next((value for value in values if value.unknown), None)
    if unknown is not None:
        ledger.untold(setting.concern, block, path, unknown)
        return False
    return all(word(value.scalar) in words for value in values)


def _absent(setting: Setting, block: Block, ledger: Ledger) -> None:
    if setting.absent is Absent.OFFENDS:
        ledger.offends(setting.concern, block, block.line, Said.PROVIDER, setting=setting.path)
    elif setting.absent is Absent.FITS:
        ledger.fits(setting.concern)
    elif setting.absent is Absent.UNTOLD:
        ledger.elsewhere(
            setting.concern, block, f"{setting.path} is not set, and its default depends on more than this file"
        )
