# SPDX-License-Identifier: EUPL-1.2
"""What one assertion says of the facts of its name: yes, no, or cannot tell, with the reason in words.

JSON Schema has two answers; we need three. A gap, an absent fact, a value of another type or too long to try are the third.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nis2check.errors import dotted
from nis2check.model import Fact, Gap, Json, Location, Why
from nis2check.rules.assertions import LONGEST_SUBJECT, has_pattern, implied_types

_WORTH_KEEPING = 300  # characters of a value whose answer is kept: lists of versions, not whole policies


@dataclass(frozen=True, slots=True)
class Assertion:
    name: str
    validator: Any
    types: frozenset[str]  # JSON types that its keywords speak of; empty: any
    patterned: bool
    known: dict[str, bool] = field(default_factory=dict)  # answers given: subjects mostly show the same few values

    def holds(self, value: Json) -> bool:
        key = repr(value)
        found = self.known.get(key)
        if found is None:
            found = bool(self.validator.is_valid(value))
            if len(key) <= _WORTH_KEEPING:
                self.known[key] = found
        return found


def compile_all(schemas: Mapping[str, Json]) -> tuple[Assertion, ...]:
    """The assertions of a `when` or an `expect`, ready to be asked many times."""
    from jsonschema import Draft202012Validator

    return tuple(
        Assertion(name, Draft202012Validator(schema), implied_types(schema), has_pattern(schema))
        for name, schema in schemas.items()
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What one assertion says of its fact: yes, no or None (cannot tell), the fact that decided, and in words."""

    holds: bool | None
    words: str = ""
    fact: Fact | None = None
    place: Location | None = None


def ask(assertion: Assertion, facts: Sequence[Fact], gaps: Iterable[Gap], *, wanted: bool) -> Answer:
    """Ask one assertion of all the facts of its name at one address.

    ``wanted`` is the answer that settles it: a file may say a thing twice, and one failing line is a failure (False),
    one matching line makes the rule apply (True). A gap of that very name means that not all was seen, so that only the
    settling answer counts; a gap ``tls.*`` speaks of what is missing only.
    """
    unsure: Answer | None = None
    for fact in facts:
        trouble = _trouble(assertion, fact.value)
        if trouble:
            unsure = unsure or Answer(None, trouble, fact, fact.location())
        elif assertion.holds(fact.value) is wanted:
            return _answered(assertion, fact, holds=wanted)
    if unsure:
        return unsure
    for gap in gaps:
        if gap.name == assertion.name or (not facts and covers(gap, assertion.name)):
            return Answer(None, f"{gap.why}: {gap.detail}" if gap.detail else str(gap.why), None, gap.location())
    if not facts:
        return Answer(None, f"{Why.NOT_ASKED}: {assertion.name}")
    return _answered(assertion, facts[0], holds=not wanted)


def _answered(assertion: Assertion, fact: Fact, *, holds: bool) -> Answer:
    if holds:
        return Answer(True, "", fact, fact.location())
    return Answer(False, _told(assertion, fact), fact, _place(assertion, fact))


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def fits(assertion: Assertion, value: Json) -> bool:
    """Whether a value is of a type that the assertion speaks of."""
    if not assertion.types:
        return True
    return not isinstance(value, bool) and any(isinstance(value, _PYTHON_TYPES[kind]) for kind in assertion.types)


def _trouble(assertion: Assertion, value: Json) -> str:
    """Why a value cannot be judged, else empty: JSON Schema lets ``minimum`` pass anything that is not a number."""
    if not fits(assertion, value):
        return f"{Why.MALFORMED}: {assertion.name} = {_cut(_short(value))}"
    if assertion.patterned and _longest(value) > LONGEST_SUBJECT:
        return f"{Why.LIMIT}: {assertion.name} > {LONGEST_SUBJECT} characters"
    return ""


def _longest(value: Json) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return max(map(_longest, value), default=0)
    if isinstance(value, dict):
        return max((max(len(key), _longest(child)) for key, child in value.items()), default=0)
    return 0


def _told(assertion: Assertion, fact: Fact) -> str:
    """``certificate.days_left = 3 (minimum: 15)``: the same in every language, since facts and JSON Schema have one.

    Of a long value, only the first part that does not satisfy is shown.
    """
    error = next(assertion.validator.iter_errors(fact.value))
    name, value = fact.name, _short(fact.value)
    if len(value) > _LONGEST_SHOWN and error.absolute_path:
        name, value = dotted((fact.name, *error.absolute_path)), _short(error.instance)
    expected = f" ({error.validator}: {_cut(_short(error.validator_value))})" if error.validator else ""
    return f"{name} = {_cut(value)}{expected}"


def _place(assertion: Assertion, fact: Fact) -> Location | None:
    """The line of the part that does not satisfy, when the reader noted it, else that of the fact."""
    place, value = fact.location(), fact.value
    if place is None:
        return None
    for step in next(assertion.validator.iter_errors(value)).absolute_path:
        value = value[step]
        if isinstance(value, dict) and isinstance(value.get("line"), int):
            place = Location(place.file, value["line"])
    return place


_LONGEST_SHOWN = 120


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _short(value: Json) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def weakest(answers: Iterable[Answer]) -> Answer | None:
    """The first clear no, else the first that cannot tell, else None: all hold."""
    unsure: Answer | None = None
    for answer in answers:
        if answer.holds is False:
            return answer
        if answer.holds is None:
            unsure = unsure or answer
    return unsure


def covers(gap: Gap, name: str) -> bool:
    return gap.name == name or (gap.name.endswith(".*") and name.startswith(gap.name[:-1]))
