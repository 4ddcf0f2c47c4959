# SPDX-License-Identifier: EUPL-1.2
"""YAML of strangers as values with lines: anchors and merge keys are followed, tags and templates are left as they stand.

Unlike the files of our users (`nis2check.files`), what is odd here is not refused: only what is dangerous is. The event
stream is judged before anything is composed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nis2check.evidence.observe import Unseen
from nis2check.model import Why

DEEPEST = 100
MOST_NODES = 200_000
MOST_DOCUMENTS = 1000
MOST_MERGES = 100  # of one mapping
_TOO_MANY = f"more than {MOST_NODES} values or {MOST_DOCUMENTS} documents"


@dataclass(frozen=True, slots=True)
class Node:
    """One value. ``text`` of a scalar as written; keys of a mapping in order, those of the mapping itself over merged ones."""

    line: int
    text: str | None = None
    items: tuple[Node, ...] | None = None
    keys: dict[str, Node] | None = None
    plain: bool = True  # a scalar without quotes: true, 5432 and null mean more than text
    block: bool = False  # a scalar after | or >: its text begins on the next line

    @property
    def first_line(self) -> int:
        """The line on which the text of a scalar begins."""
        return self.line + 1 if self.block else self.line

    def says(self, *words: str) -> bool:
        """Whether it is one of these words, whatever their case: ``true`` and ``"true"`` alike."""
        return self.text is not None and self.text.lower() in words

    def get(self, *path: str) -> Node | None:
        """The value under nested keys, None without."""
        node: Node | None = self
        for key in path:
            node = node.keys.get(key) if node is not None and node.keys is not None else None
        return node

    def pairs(self) -> Iterator[tuple[str, Node]]:
        yield from (self.keys or {}).items()

    def each(self) -> Iterator[Node]:
        yield from self.items or ()

    def entries(self, *path: str) -> tuple[Node, ...]:
        """The items of the sequence under nested keys, none without."""
        node = self.get(*path)
        return node.items or () if node is not None else ()

    def word(self, *path: str) -> str:
        """The text of the scalar under nested keys, empty without."""
        node = self.get(*path)
        return (node.text or "") if node is not None else ""


def is_templated(text: str) -> bool:
    """Whether a value is made elsewhere: Helm, Jinja, Argo, a shell variable that another tool fills in."""
    return "{{" in text or "${" in text or "<%" in text or "{%" in text


def walk(root: Node) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Every value below, once, with its keys: a value behind many aliases is met at its first place only."""
    seen: set[int] = set()
    waiting: list[tuple[tuple[str, ...], Node]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield path, node
        below = [((*path, name), child) for name, child in node.pairs()] + [(path, child) for child in node.each()]
        waiting.extend(reversed(below))


@lru_cache(maxsize=1)  # several readers take the same file, one after the other
def documents(text: str) -> list[Node]:
    """The documents of a file. Raises Unseen: limit, malformed, templated (not YAML before a template is filled in)."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(yaml.parse(text, Loader=loader)).documents()
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        if "{{" in text or "{%" in text:
            raise Unseen(Why.TEMPLATED, f"a template, not YAML by itself (line {line})") from None
        raise Unseen(Why.MALFORMED, f"not YAML: line {line}") from None


class _Builder:
    """Builds the nodes straight from libyaml's events, and refuses depth and sheer number while they still stream.

    PyYAML's own composer refuses an anchor that is given twice, which YAML 1.2.2 allows (3.2.2.2: the last one counts). A
    value behind an alias is built once, so that a bomb of aliases stays small.
    """

    def __init__(self, events: Iterator[Any]) -> None:
        from yaml import events as kinds

        self._yaml = kinds
        self._events = events
        self._count = 0
        self._anchors: dict[str, Node | None] = {}  # None: still open

    def documents(self) -> list[Node]:
        found: list[Node] = []
        starts = 0
        for event in self._events:
            if event.__class__ is self._yaml.DocumentStartEvent:
                starts += 1
                if starts > MOST_DOCUMENTS:
                    raise Unseen(Why.LIMIT, _TOO_MANY)
                self._anchors.clear()
                found.append(self._value(self._next(), 0))
        return found

    def _next(self) -> Any:
        self._count += 1
        if self._count > MOST_NODES:
            raise Unseen(Why.LIMIT, _TOO_MANY)
        return next(self._events)

    def _value(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if event.__class__ is self._yaml.AliasEvent:
            if event.anchor not in self._anchors:
                raise Unseen(Why.MALFORMED, f"not YAML: line {line}")
            known = self._anchors[event.anchor]
            if known is None:
                raise Unseen(Why.LIMIT, f"a value that holds itself at line {line}")
            return known
        if depth > DEEPEST:
            raise Unseen(Why.LIMIT, f"more than {DEEPEST} levels")
        if event.anchor:
            self._anchors[event.anchor] = None
        if event.__class__ is self._yaml.ScalarEvent:
            node = Node(line, text=event.value, plain=not event.style, block=event.style in ("|", ">"))
        elif event.__class__ is self._yaml.SequenceStartEvent:
            node = Node(line, items=tuple(self._items(depth + 1)))
        else:
            node = self._mapping(event, line, depth + 1)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _items(self, depth: int) -> Iterator[Node]:
        while (event := self._next()).__class__ is not self._yaml.SequenceEndEvent:
            yield self._value(event, depth)

    def _mapping(self, event: Any, line: int, depth: int) -> Node:
        keys: dict[str, Node] = {}
        merged: list[Node] = []
        is_template = False
        while (key := self._next()).__class__ is not self._yaml.MappingEndEvent:
            is_scalar = key.__class__ is self._yaml.ScalarEvent
            name = self._value(key, depth)
            value = self._value(self._next(), depth)
            if is_scalar and key.value == "<<" and not key.style:
                merged += [value] if value.keys is not None else list(value.each())
            else:
                is_template |= event.flow_style and key.__class__ is self._yaml.MappingStartEvent
                keys[name.text or ""] = value
        if is_template:  # a bare {{ value }} is a mapping of a mapping for YAML
            return Node(line, text="{{ }}", plain=False)
        if len(merged) > MOST_MERGES:
            raise Unseen(Why.LIMIT, f"more than {MOST_MERGES} merges at line {line}")
        for other in merged:
            for inherited, child in other.pairs():
                keys.setdefault(inherited, child)
        return Node(line, keys=keys)
