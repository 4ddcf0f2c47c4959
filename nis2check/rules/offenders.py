# SPDX-License-Identifier: EUPL-1.2
"""Which parts of a file's facts fail a rule: one part an offender, with its line and a print that a shifted line leaves as it is.

A finding is of a rule and a file; a baseline, a comment beside a line and a change of a few lines speak of its parts. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from nis2check.model import Fact, Json, Location, Offender
from nis2check.rules.answer import Assertion, fits

MOST = 1000  # of one finding; the facts themselves are all in the result

# Where a part stands in its file, not what it is.
_PLACES = frozenset({"line", "lines", "end_line", "column"})


def offenders(assertions: Iterable[Assertion], facts: Mapping[str, Sequence[Fact]]) -> tuple[Offender, ...]:
    """The failing parts of facts read in files, in the order of the rule and of the files."""
    found = [
        offender
        for assertion in assertions
        for fact in facts.get(assertion.name, ())
        if fact.location() is not None and fits(assertion, fact.value) and not assertion.holds(fact.value)
        for offender in _parts(assertion, fact)
    ]
    return tuple(found[:MOST])


def _parts(assertion: Assertion, fact: Fact) -> Iterator[Offender]:
    place = fact.location()
    assert place is not None  # asked of facts of files only
    items = _items(assertion, fact.value) if isinstance(fact.value, list) else []
    for item in items:
        yield Offender(fact.name, _place(item, place, alone=len(items) == 1), _print(fact.name, item))
    if not items:
        # What is not there, or a plain value: whatever the value becomes, it is the same gap until the rule holds.
        yield Offender(fact.name, place, _print(fact.name, None))


def _items(assertion: Assertion, value: list[Json]) -> list[Json]:
    """The items that fail on their own; all of them when the rule wants the list empty; none when it fails as a whole."""
    failing: set[int] = set()
    for error in assertion.validator.iter_errors(value):
        path = list(error.absolute_path)
        if path:
            failing.add(int(path[0]))
        elif error.validator == "maxItems" and error.validator_value == 0:
            return value
    return [value[index] for index in sorted(failing)]


def _place(item: Json, place: Location, *, alone: bool) -> Location | None:
    """The line of a part, when its reader noted it; that of the fact is the line of the first part."""
    line = item.get("line") if isinstance(item, dict) else None
    if isinstance(line, int) and line > 0:
        return Location(place.file, line)
    return place if alone else None


def _print(name: str, item: Json) -> str:
    text = json.dumps([name, _bare(item)], ensure_ascii=False, sort_keys=True)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _bare(item: Json) -> Json:
    return {key: value for key, value in item.items() if key not in _PLACES} if isinstance(item, dict) else item
