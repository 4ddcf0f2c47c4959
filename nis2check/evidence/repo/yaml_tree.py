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
        _judge(yaml.parse(text, Loader=loader))
        return [_Builder().build(root, 0) for root in yaml.compose_all(text, Loader=loader) if root is not None]
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        if "{{" in text or "{%" in text:
            raise Unseen(Why.TEMPLATED, f"a template, not YAML by itself (line {line})") from None
        raise Unseen(Why.MALFORMED, f"not YAML: line {line}") from None


def _judge(events: Iterator[Any]) -> None:
    """Refuse depth and the sheer number of nodes while libyaml still streams; its composer would overflow the stack."""
    import yaml

    depth = starts = 0
    for nodes, event in enumerate(events):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        starts += isinstance(event, yaml.DocumentStartEvent)
        if depth > DEEPEST:
            raise Unseen(Why.LIMIT, f"more than {DEEPEST} levels")
        if nodes > MOST_NODES or starts > MOST_DOCUMENTS:
            raise Unseen(Why.LIMIT, f"more than {MOST_NODES} values or {MOST_DOCUMENTS} documents")


class _Builder:
    """Builds the nodes of one document; a node behind an alias is built once, so that a bomb of aliases stays small."""

    def __init__(self) -> None:
        self._built: dict[int, Node] = {}
        self._open: set[int] = set()

    def build(self, node: Any, depth: int) -> Node:
        if id(node) in self._built:
            return self._built[id(node)]
        if id(node) in self._open:
            raise Unseen(Why.LIMIT, f"a value that holds itself at line {node.start_mark.line + 1}")
        if depth > DEEPEST:
            raise Unseen(Why.LIMIT, f"more than {DEEPEST} levels, aliases followed")
        self._open.add(id(node))
        built = self._of(node, node.start_mark.line + 1, depth + 1)
        self._open.discard(id(node))
        self._built[id(node)] = built
        return built

    def _of(self, node: Any, line: int, depth: int) -> Node:
        from yaml.nodes import MappingNode, SequenceNode

        if isinstance(node, SequenceNode):
            return Node(line, items=tuple(self.build(child, depth) for child in node.value))
        if not isinstance(node, MappingNode):
            return Node(line, text=str(node.value), plain=not node.style, block=node.style in ("|", ">"))
        if node.flow_style and any(isinstance(key, MappingNode) for key, _value in node.value):
            return Node(
                line, text="{{ }}", plain=False
            )  # what YAML makes of a bare {{ value }}: a template, no mapping
        keys: dict[str, Node] = {}
        merged: list[Node] = []
        for key, value in node.value:
            name = str(key.value) if isinstance(key.value, str) else ""
            if key.tag == "tag:yaml.org,2002:merge":
                child = self.build(value, depth)
                merged += [child] if child.keys is not None else list(child.each())
            else:
                keys[name] = self.build(value, depth)
        if len(merged) > MOST_MERGES:
            raise Unseen(Why.LIMIT, f"more than {MOST_MERGES} merges at line {line}")
        for other in merged:
            for name, child in other.pairs():
                keys.setdefault(name, child)
        return Node(line, keys=keys)
