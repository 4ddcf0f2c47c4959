# SPDX-License-Identifier: EUPL-1.2
"""What an assertion may say: a closed part of JSON Schema 2020-12, and patterns that cannot be made to run for minutes.

JSON Schema ignores what it does not know: a misspelt ``minimun`` would pass everything. So the list is closed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator

from nis2check.errors import InputError, Path_
from nis2check.files import Document
from nis2check.language import _
from nis2check.model import Json

# The validation and applicator vocabularies, but for `format` (asserts nothing by default), `$dynamicRef` and friends
# (nothing to refer to) and `unevaluated*` (no flat fact needs them).
OF_TYPE: dict[str, frozenset[str]] = {
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "string": frozenset({"minLength", "maxLength", "pattern"}),
    "array": frozenset(
        {"items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems", "uniqueItems"}
    ),
    "object": frozenset(
        {"properties", "patternProperties", "additionalProperties", "propertyNames", "required", "dependentRequired"}
        | {"minProperties", "maxProperties"}
    ),
}
OF_ANY = frozenset({"type", "const", "enum", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$comment"})
KEYWORDS = OF_ANY.union(*OF_TYPE.values())

_ONE = ("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else")
_SEVERAL = ("prefixItems", "allOf", "anyOf", "oneOf")
_NAMED = ("properties", "patternProperties")

LONGEST_SUBJECT = 8 << 10  # characters that a pattern is tried on
MOST_PATHS = 4 * LONGEST_SUBJECT**2  # that backtracking may try, counted generously: some seconds at the very worst


def near(word: str, words: Collection[str]) -> str:
    """A French « vouliez-vous dire » for a misspelt word, with a leading space; empty when nothing is near."""
    found = difflib.get_close_matches(word, sorted(words), 1)
    return " " + _("Vouliez-vous dire « {near} » ?").format(near=found[0]) if found else ""


def check_assertion(schema: Json, document: Document, path: Path_) -> None:
    """Check the schema of one fact. Raises InputError: unknown keyword, malformed value, dangerous pattern."""
    for found, at in _subschemas(schema, path):
        if isinstance(found, bool):
            continue
        if not isinstance(found, dict):
            raise InputError(_("Une assertion est un objet ou un booléen."), place=document.place(at))
        for keyword in found:
            if keyword not in KEYWORDS:
                what = _("Mot-clé d'assertion inconnu : « {keyword} ».").format(keyword=keyword)
                raise InputError(what + near(keyword, KEYWORDS), place=document.place((*at, keyword)))
        patterns = [found["pattern"]] if "pattern" in found else []
        patterns += list(found.get("patternProperties", ()))
        for pattern in patterns:
            problem = refuse_pattern(pattern)
            if problem:
                what = _("Expression refusée : {problem}.").format(problem=problem)
                raise InputError(what, place=document.place((*at, "pattern")))
    _check_values(schema, document, path)


def _check_values(schema: Json, document: Document, path: Path_) -> None:
    """``minimum: "ten"`` and the like, by the standard's own schema of schemas."""
    import jsonschema
    from jsonschema.exceptions import best_match

    meta = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)
    fault = best_match(meta.iter_errors(schema))
    if fault is not None:
        where = (*path, *fault.absolute_path)
        what = _("Assertion mal formée : {problem}.").format(problem=fault.message[:120])
        raise InputError(what, place=document.place(where))


def _subschemas(schema: Json, path: Path_) -> Iterator[tuple[Json, Path_]]:
    yield schema, path
    if not isinstance(schema, dict):
        return
    for keyword in _ONE:
        if keyword in schema:
            yield from _subschemas(schema[keyword], (*path, keyword))
    for keyword in _SEVERAL:
        branches = schema.get(keyword)
        for index, branch in enumerate(branches if isinstance(branches, list) else ()):
            yield from _subschemas(branch, (*path, keyword, index))
    for keyword in _NAMED:
        branches = schema.get(keyword)
        for name, branch in branches.items() if isinstance(branches, dict) else ():
            yield from _subschemas(branch, (*path, keyword, name))


def has_pattern(schema: Json) -> bool:
    """Whether any part of the schema tries a regular expression."""
    return any(
        isinstance(found, dict) and ("pattern" in found or "patternProperties" in found)
        for found, _at in _subschemas(schema, ())
    )


def implied_types(schema: Json) -> frozenset[str]:
    """The JSON types that the top keywords speak of; empty when the schema itself decides for every type.

    ``minimum: 15`` says nothing of null, so null would pass: the judge must know that the rule speaks of numbers.
    """
    if not isinstance(schema, dict) or not OF_ANY.isdisjoint(schema.keys() - {"$comment"}):
        return frozenset()
    return frozenset(kind for kind, keywords in OF_TYPE.items() if not keywords.isdisjoint(schema))


# ---------------------------------------------------------------------------------------------------------- patterns

_QUANTIFIER = re.compile(r"\*|\+|\?|\{(\d{1,4})\}|\{(\d{1,4}),(\d{0,4})\}")
_ATOM = re.compile(r"\\.|\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)  # an escape or a class: one character, no structure
_SPECIAL = re.compile(r"\(\?(?![:=!])")
_OPENING = re.compile(r"\(\?[:=!]")


def refuse_pattern(pattern: Json) -> str:
    """Why a regular expression is refused, as the end of a French sentence; empty when it is accepted.

    Python's engine backtracks: a repetition inside a repetition, or a choice inside one, may take exponential time on a
    value that a target chooses. Such patterns are refused by their shape, a few harmless ones with them.
    """
    if not isinstance(pattern, str):
        return _("une expression est un texte")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return _("mal formée ({problem})").format(problem=error)
    return _shape(pattern)


def _shape(pattern: str) -> str:
    if any(atom.group()[0] == "\\" and atom.group()[1] in "123456789" for atom in _ATOM.finditer(pattern)):
        return _("renvoi à un groupe (\\1)")
    bare = _ATOM.sub("x", pattern)
    if _SPECIAL.search(bare):
        return _("groupe spécial (seuls (…), (?:…), (?=…) et (?!…) sont admis)")
    return _repetitions(_OPENING.sub("(", bare))


def _repetitions(bare: str) -> str:
    """Walk a pattern without escapes or classes once, multiplying the paths that backtracking may try."""
    stack, last_risky = [0], False  # a frame: how often the group open there repeats or chooses
    paths = 1 if bare.startswith("^") and "|" not in bare else LONGEST_SUBJECT
    position = 0
    while position < len(bare):
        char, quantifier = bare[position], _QUANTIFIER.match(bare, position)
        position += 1
        if quantifier:
            least, most = _bounds(quantifier)
            if last_risky and most > 1:
                return _("répétition ou choix à l'intérieur d'une répétition")
            position = quantifier.end() + (bare[quantifier.end() : quantifier.end() + 1] in ("?", "+"))
            paths *= most - least + 1
            last_risky = least != most
            stack[-1] += last_risky
            continue
        last_risky = False
        if char == "(":
            stack.append(0)
        elif char == ")":
            last_risky = stack.pop() > 0
            stack[-1] += last_risky
        elif char == "|":
            stack[-1] += 1
            paths *= 2
    return _("trop de répétitions ou de choix (deux sans borne après ^, sinon une)") if paths > MOST_PATHS else ""


def _bounds(quantifier: re.Match[str]) -> tuple[int, int]:
    mark = quantifier.group()
    if mark in ("*", "+", "?"):
        return (1 if mark == "+" else 0), (1 if mark == "?" else LONGEST_SUBJECT - 1)
    if quantifier.group(1):
        return int(quantifier.group(1)), int(quantifier.group(1))
    return int(quantifier.group(2)), int(quantifier.group(3) or LONGEST_SUBJECT - 1)
