# SPDX-License-Identifier: EUPL-1.2
"""YAML read strictly: the events are judged while libyaml streams, then composed, then built into plain values with lines.

Implicit types are only true/false, null, integers without leading zero and ISO dates (kept as text); the rest is text.
Duplicate keys, tags, merge keys and non-text keys are refused.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

from nis2check.errors import InputError, Path_, Place, dotted
from nis2check.language import _, _n
from nis2check.model import Json

if TYPE_CHECKING:
    from yaml.nodes import Node

DEEPEST = 100  # nested collections; libyaml's composer dies at about 50 000, Python's recursion far earlier
MOST_NODES = 200_000  # of one document, aliases expanded
LONGEST_SCALAR = 1 << 20

# Values of these keys are text whatever they look like: 01004 is an INSEE code, 8.1 a clause, 22:30 a time.
TEXT_KEYS = frozenset({"siren", "siret", "insee", "clause", "measure", "objective", "version", "code", "id"})


def parse(text: str, file: str, *, ours: bool = False) -> tuple[Json, dict[Path_, int]]:
    """The plain values of one document, and the line of each path. The events of ``ours`` are not judged: a third of the
    time. Raises InputError."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if not ours:
            _prescan(text, file, loader)
        node = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        raise _malformed(error, text, file) from None
    if node is None:
        raise InputError(_("Fichier vide."), place=Place(file))
    lines: dict[Path_, int] = {}
    return _build(node, (), lines, file), lines


# What libyaml says of the commonest faults, in words that help; the rest keeps its own.
_YAML_FAULTS = {
    "mapping values are not allowed": _n("deux-points inattendu ; mettre la valeur entre guillemets"),
    "could not find expected ':'": _n("il manque un deux-points"),
    "did not find expected key": _n("indentation ou guillemet incohérent"),
    "did not find expected ',' or ']'": _n("crochet ou virgule manquants"),
    "did not find expected ',' or '}'": _n("accolade ou virgule manquantes"),
    "did not find expected node content": _n("il manque une valeur"),
    "found unexpected end of stream": _n("guillemet ou crochet jamais fermé"),
    "found undefined alias": _n("alias sans ancre"),
    "control characters are not allowed": _n("caractère de contrôle"),
}


def _malformed(error: Exception, text: str, file: str) -> InputError:
    """libyaml's complaint as one line; a tabulation is by far the commonest fault, and it does not say the word."""
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error).splitlines()[0]
    place = Place(file, mark.line + 1 if mark else None)
    lines = text.split("\n")
    if mark is not None and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        advice = _("Indenter avec des espaces, jamais de tabulations.")
        return InputError(_("YAML mal formé : tabulation."), place=place, advice=advice)
    said = next((_(ours) for theirs, ours in _YAML_FAULTS.items() if theirs in problem), problem)
    return InputError(_("YAML mal formé : {problem}.").format(problem=said), place=place)


def _prescan(text: str, file: str, loader: Any) -> None:  # noqa: C901 - one table of events, flat
    """Refuse depth, alias bombs, several documents and huge scalars while libyaml still streams."""
    import yaml

    depth = nodes = documents = 0
    weights: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []

    def refuse(line: int, what: str) -> InputError:
        return InputError(_("YAML refusé : {what}.").format(what=what), place=Place(file, line))

    def add(anchor: str | None, weight: int, line: int) -> None:
        nonlocal nodes
        if anchor is not None:
            weights[anchor] = weight
        if open_:
            open_[-1] = (open_[-1][0], open_[-1][1] + weight)
            weight = open_[-1][1]
        nodes += 1
        if weight > MOST_NODES or nodes > MOST_NODES:
            raise refuse(line, _("plus de {n} valeurs, alias développés").format(n=MOST_NODES))

    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > DEEPEST:
                raise refuse(line, _("plus de {n} niveaux").format(n=DEEPEST))
            if event.anchor is not None:
                weights[event.anchor] = MOST_NODES + 1  # a node inside itself has no end
            open_.append((event.anchor, 1))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
            anchor, weight = open_.pop()
            add(anchor, weight, line)
        elif isinstance(event, yaml.AliasEvent):
            add(None, weights.get(event.anchor or "", 1), line)
        elif isinstance(event, yaml.ScalarEvent):
            if len(event.value) > LONGEST_SCALAR:
                raise refuse(line, _("une valeur de plus de {n} caractères").format(n=LONGEST_SCALAR))
            add(event.anchor, 1, line)
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise refuse(line, _("plusieurs documents dans un fichier"))


_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\Z")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_STANDARD_TAG = "tag:yaml.org,2002:"
_MERGE_TAG = f"{_STANDARD_TAG}merge"
_PLAIN = ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value")
_PLAIN_TAGS = frozenset(_STANDARD_TAG + name for name in _PLAIN)
_QUOTED = frozenset("'\"|>")


def _build(node: Node, path: Path_, lines: dict[Path_, int], file: str) -> Json:
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if node.tag not in _PLAIN_TAGS:
        raise InputError(
            _("Étiquette YAML refusée : {tag}.").format(tag=node.tag), place=Place(file, line, dotted(path))
        )
    if isinstance(node, ScalarNode):
        return _scalar(node, path, file)
    if isinstance(node, SequenceNode):
        return [_build(child, (*path, index), lines, file) for index, child in enumerate(node.value)]
    assert isinstance(node, MappingNode)  # the three kinds of node of YAML
    out: dict[str, Json] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode) or key_node.tag == _MERGE_TAG:
            here = Place(file, line, dotted(path))
            raise InputError(_("Clé YAML refusée : une clé est un mot simple."), place=here)
        key = key_node.value
        if key in out:
            raise InputError(_("Clé répétée : « {key} ».").format(key=key), place=Place(file, line, dotted(path)))
        below = (*path, key)
        lines[below] = line
        out[key] = _build(value_node, below, lines, file)
    return out


def _scalar(node: Any, path: Path_, file: str) -> Json:
    value: str = node.value
    if node.style in _QUOTED or next((step for step in reversed(path) if type(step) is str), "") in TEXT_KEYS:
        return value
    if value in _WORDS:
        return _WORDS[value]
    if _INTEGER.match(value):
        return int(value)
    if _DATE.match(value):
        try:
            datetime.date.fromisoformat(value)
        except ValueError:
            place = Place(file, node.start_mark.line + 1, dotted(path))
            raise InputError(_("Date impossible : {value}.").format(value=value), place=place) from None
    return value
