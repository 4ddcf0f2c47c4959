# SPDX-License-Identifier: EUPL-1.2
"""Reads HCL by its grammar (tree-sitter). Literals are values; so are locals and the defaults of variables of the same file.

Nothing is evaluated: a function, a condition, a reference to another resource is an unknown with its text. ``jsonencode`` and
the functions that change a type only are looked through. A block that holds an error of syntax is left out, and said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nis2check.evidence.observe import Unseen
from nis2check.evidence.repo.terraform import grammar
from nis2check.evidence.repo.terraform.values import Block, Configuration, Value, word
from nis2check.model import Why

if TYPE_CHECKING:
    from tree_sitter import Node

DEEPEST = 60  # blocks, lists and references within each other
LARGEST_REFERENCE = 500  # values behind one reference: a file cannot double itself into a bomb
MOST_EXPANDED = 1000  # blocks made of dynamic ones
LONGEST_UNKNOWN = 60  # characters shown of an expression

_KINDS = frozenset({"resource", "data", "provider", "module", "terraform", "variable", "locals", "output"})
_SEEN_THROUGH = frozenset({"jsonencode", "tolist", "toset", "tomap", "sensitive", "nonsensitive"})
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))|([$%])\3\{", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def read(text: str, wanted: frozenset[str]) -> Configuration:
    """The blocks of a file; of resources and data only the ``wanted`` types. Raises Unseen(limit)."""
    tree = grammar.parse(text)
    reader = _Reader(tree.source)
    bodies = [child for root in tree.roots for child in root.named_children if child.type == "body"]
    nodes = [child for body in bodies for child in body.named_children if not child.has_error]
    blocks = [node for node in nodes if node.type == "block"]
    if len(blocks) > grammar.MOST_BLOCKS:
        raise Unseen(Why.LIMIT, f"more than {grammar.MOST_BLOCKS} blocks")
    heads = [(node, *reader.head(node)) for node in blocks]
    reader.declare(heads)
    kept = [
        Block(kind, labels, node.start_point[0] + 1, reader.block(node))
        for node, kind, labels in heads
        if kind in _KINDS and (kind not in {"resource", "data"} or (labels[:1] and labels[0] in wanted))
    ]
    assigned = dict(reader.attribute(node) for node in nodes if node.type == "attribute")
    return Configuration(tuple(block for block in kept if _is_made(block)), tree.faults, assigned=assigned)


def _is_made(block: Block) -> bool:
    """False for what count or for_each says is never made; the default of a variable does not say never."""
    keys = block.body.keys or {}
    count, each = keys.get("count"), keys.get("for_each")
    if count is not None and not count.by_default and word(count.scalar) == "0":
        return False
    return each is None or each.by_default or not each.absent


@dataclass(slots=True)
class _Reader:
    """Turns nodes into values. ``around`` holds what the blocks being read define: the iterators of dynamic blocks."""

    source: bytes
    locals: dict[str, Node] = field(default_factory=dict)
    defaults: dict[str, Node] = field(default_factory=dict)
    known: dict[tuple[str, str], Value] = field(default_factory=dict)
    around: dict[str, Value] = field(default_factory=dict)
    depth: int = 0
    expanded: int = 0  # what dynamic blocks were made from

    # ------------------------------------------------------------------------------------------------------ structure

    def head(self, node: Node) -> tuple[str, tuple[str, ...]]:
        """The kind and the labels of a block."""
        words = []
        for child in node.named_children:
            if child.type == "identifier":
                words.append(self.raw(child))
            elif child.type == "string_lit":
                words.append(self.literal(child))
            elif child.type == "block_start":
                break
        return (words[0], tuple(words[1:])) if words else ("", ())

    def declare(self, heads: list[tuple[Node, str, tuple[str, ...]]]) -> None:
        """Note the locals and the defaults of variables: expressions, read when something refers to them."""
        for node, kind, labels in heads:
            if kind not in {"locals", "variable"}:
                continue
            for child in self.children(node):
                if child.type != "attribute":
                    continue
                name, expression = self.sides(child)
                if kind == "locals" and expression is not None:
                    self.locals[name] = expression
                elif name == "default" and labels and expression is not None:
                    self.defaults[labels[0]] = expression

    def children(self, block: Node) -> list[Node]:
        """The attributes and blocks within a block."""
        body = next((child for child in block.named_children if child.type == "body"), None)
        return body.named_children if body is not None else []

    def sides(self, attribute: Node) -> tuple[str, Node | None]:
        named = attribute.named_children
        return self.raw(named[0]), next((child for child in named[1:] if child.type == "expression"), None)

    def block(self, node: Node) -> Value:
        """The body of a block: attributes, and per name the list of the blocks within."""
        line = node.start_point[0] + 1
        if self.depth > DEEPEST:
            return Value(line, unknown="nested too deeply")
        self.depth += 1
        keys: dict[str, Value] = {}
        inner: dict[str, list[Value]] = {}
        for child in self.children(node):
            if child.type == "attribute":
                name, value = self.attribute(child)
                keys[name] = value
            elif child.type == "block":
                kind, labels = self.head(child)
                if kind == "dynamic" and labels:
                    inner.setdefault(labels[0], []).extend(self.dynamic(child, labels[0]))
                else:
                    inner.setdefault(kind, []).append(self.labelled(child, labels))
        self.depth -= 1
        for name, blocks in inner.items():
            keys[name] = _listed(blocks[0].line if blocks else line, blocks)
        return _keyed(line, keys)

    def labelled(self, node: Node, labels: tuple[str, ...]) -> Value:
        """A block within a block; its label (``backend "s3"``) is kept as ``__label``."""
        body = self.block(node)
        if not labels or body.keys is None:
            return body
        return replace(body, keys={**body.keys, "__label": Value(body.line, labels[0])})

    def dynamic(self, node: Node, name: str) -> list[Value]:
        """One block per element of a literal ``for_each``; else one unknown."""
        parts = dict(self.attribute(child) for child in self.children(node) if child.type == "attribute")
        content = next((child for child in self.children(node) if self.is_content(child)), None)
        iterator = str(parts["iterator"].unknown) if "iterator" in parts else name
        over = parts.get("for_each")
        line = node.start_point[0] + 1
        self.expanded += over.size if over is not None else 0
        if content is None or over is None or over.unknown or self.expanded > MOST_EXPANDED:
            return [Value(line, unknown=f'dynamic "{name}"'[:LONGEST_UNKNOWN])]
        pairs = over.keys.items() if over.keys is not None else enumerate(over.items or ())
        before = dict(self.around)
        made = []
        for key, value in pairs:
            shown = Value(line, key if isinstance(key, str) else value.scalar)
            self.around[iterator] = _keyed(line, {"key": shown, "value": value})
            made.append(self.block(content))
        self.around = before
        return made

    def is_content(self, node: Node) -> bool:
        return node.type == "block" and self.head(node)[0] == "content"

    def attribute(self, node: Node) -> tuple[str, Value]:
        name, expression = self.sides(node)
        line = node.start_point[0] + 1
        return name, Value(line, unknown="?") if expression is None else self.value(expression)

    # --------------------------------------------------------------------------------------------------------- values

    def raw(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def unknown(self, node: Node) -> Value:
        start = self.source[node.start_byte : min(node.end_byte, node.start_byte + 4 * LONGEST_UNKNOWN)]
        text = " ".join(start.decode("utf-8", "replace").split())
        short = text if len(text) <= LONGEST_UNKNOWN else text[: LONGEST_UNKNOWN - 1] + "…"
        return Value(node.start_point[0] + 1, unknown=short or "?")

    def value(self, expression: Node) -> Value:
        """What an expression says, an unknown when it does not say it by itself."""
        parts = [child for child in expression.named_children if child.type != "comment"]
        if self.depth > DEEPEST or not parts:
            return self.unknown(expression)
        self.depth += 1
        try:
            first = parts[0]
            if first.type == "variable_expr":
                return self.reference(expression, parts)
            if len(parts) > 1:
                return self.unknown(expression)
            read = _READ.get(first.type)
            return read(self, first) if read else self.unknown(expression)
        finally:
            self.depth -= 1

    def scalar(self, node: Node) -> Value:
        line = node.start_point[0] + 1
        first = node.named_children[0] if node.named_children else None
        kind = first.type if first is not None else ""
        if first is None or kind == "null_lit":
            return Value(line)
        if kind == "string_lit":
            return Value(line, self.literal(first))
        if kind == "bool_lit":
            return Value(line, self.raw(first) == "true")
        return Value(line, _number(self.raw(first)))

    def literal(self, node: Node) -> str:
        """A quoted string without templates."""
        return "".join(
            _ESCAPE.sub(_unescaped, self.raw(child))
            for child in node.named_children
            if child.type == "template_literal"
        )

    def template(self, node: Node) -> Value:
        """A quoted string or a heredoc: its text when nothing is filled in, a reference alone what it refers to."""
        inside = node.named_children[0] if node.named_children else node
        pieces = [child for child in inside.named_children if child.type.startswith("template_")]
        line = node.start_point[0] + 1
        if not pieces:
            return Value(line, "")
        if all(piece.type == "template_literal" for piece in pieces):
            text = "".join(self.raw(piece) for piece in pieces)
            return Value(line, text if inside.type == "heredoc_template" else _ESCAPE.sub(_unescaped, text))
        if len(pieces) == 1 and pieces[0].type == "template_interpolation":  # "${var.x}"
            within = next((child for child in pieces[0].named_children if child.type == "expression"), None)
            return self.value(within) if within is not None else self.unknown(node)
        return self.unknown(node)

    def collection(self, node: Node) -> Value:
        inside = node.named_children[0]
        line = node.start_point[0] + 1
        if inside.type == "tuple":
            return _listed(line, [self.value(child) for child in inside.named_children if child.type == "expression"])
        keys: dict[str, Value] = {}
        for element in inside.named_children:
            if element.type != "object_elem":
                continue
            name, value = (child for child in element.named_children if child.type == "expression")
            key = self.key(name)
            if key is None:
                return self.unknown(node)  # a key that a run settles: what is not here may be there
            keys[key] = self.value(value)
        return _keyed(line, keys)

    def key(self, expression: Node) -> str | None:
        """A bare word is a string as a key of an object; in brackets it is a reference."""
        parts = expression.named_children
        if len(parts) == 1 and parts[0].type == "variable_expr":
            return self.raw(parts[0])
        value = self.value(expression)
        return None if value.unknown or value.scalar is None else str(value.scalar)

    def call(self, node: Node) -> Value:
        arguments = next((child for child in node.named_children if child.type == "function_arguments"), None)
        given = [child for child in arguments.named_children if child.type == "expression"] if arguments else []
        if self.raw(node.named_children[0]) in _SEEN_THROUGH and len(given) == 1:
            return self.value(given[0])
        return self.unknown(node)

    def operation(self, node: Node) -> Value:
        """A minus sign or a negation before a literal."""
        unary = node.named_children[0]
        if unary.type == "unary_operation" and len(unary.named_children) == 1:
            value = self.scalar(unary.named_children[0]) if unary.named_children[0].type == "literal_value" else None
            if value is not None and isinstance(value.scalar, bool):
                return replace(value, scalar=not value.scalar)
            if value is not None and isinstance(value.scalar, (int, float)):
                return replace(value, scalar=-value.scalar)
        return self.unknown(node)

    # ----------------------------------------------------------------------------------------------------- references

    def reference(self, expression: Node, parts: list[Node]) -> Value:
        """``local.x``, ``var.x`` with a default here, ``rule.value`` of a dynamic block, and what lies within them."""
        path = [self.step(part) for part in parts]
        found = self.root([step for step in path if step is not None]) if None not in path else None
        line = expression.start_point[0] + 1
        if found is None or found.unknown or found.size > LARGEST_REFERENCE:
            return self.unknown(expression)
        return replace(found, line=line) if found.items is None and found.keys is None else found

    def step(self, part: Node) -> str | None:
        if part.type in {"variable_expr", "get_attr"} and part.named_children:
            return self.raw(part.named_children[-1])
        if part.type == "index" and len(inner := part.named_children) == 1 and inner[0].type == "new_index":
            value = self.value(inner[0].named_children[0]) if inner[0].named_children else None
            return str(value.scalar) if value is not None and isinstance(value.scalar, (str, int)) else None
        return None

    def root(self, path: list[str]) -> Value | None:
        """The value that a path leads to in this file, None when it leads out of it."""
        first, rest = path[0], path[1:]
        if first in self.around:
            found: Value | None = self.around[first]
        elif first in {"local", "var"} and rest:
            found, rest = self.named(first, rest[0]), rest[1:]
        else:
            return None
        for step in rest:
            if found is None or found.unknown:
                return None
            if found.items is not None and step.isdigit() and int(step) < len(found.items):
                found = found.items[int(step)]
            else:
                found = (found.keys or {}).get(step)
        return found

    def named(self, scope: str, name: str) -> Value | None:
        """A local, or the default of a variable. One that holds itself is unknown."""
        if (scope, name) not in self.known:
            expression = (self.locals if scope == "local" else self.defaults).get(name)
            if expression is None:
                return None
            self.known[scope, name] = Value(1, unknown=f"{scope}.{name}"[:LONGEST_UNKNOWN])
            around, self.around = self.around, {}
            value = self.value(expression)
            self.around = around
            if scope == "var":
                value = Value(value.line, unknown=f"var.{name}") if value.absent else _marked(value)
            self.known[scope, name] = value
        return self.known[scope, name]


_READ = {
    "literal_value": _Reader.scalar,
    "template_expr": _Reader.template,
    "collection_value": _Reader.collection,
    "function_call": _Reader.call,
    "operation": _Reader.operation,
    "expression": _Reader.value,  # in round brackets
}


def _marked(value: Value) -> Value:
    """The same, marked as coming from the default of a variable, all that it holds too."""
    items = None if value.items is None else tuple(_marked(one) for one in value.items)
    keys = None if value.keys is None else {name: _marked(one) for name, one in value.keys.items()}
    return replace(value, items=items, keys=keys, by_default=True)


def _listed(line: int, items: list[Value]) -> Value:
    return Value(line, items=tuple(items), size=1 + sum(one.size for one in items))


def _keyed(line: int, keys: Mapping[str, Value]) -> Value:
    return Value(line, keys=keys, size=1 + sum(one.size for one in keys.values()))


def _number(text: str) -> int | float:
    if text.isdecimal() and len(text) < 20:
        return int(text)
    try:
        return float(text)
    except ValueError:
        return 0.0  # the grammar gives numbers only


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16)).encode("utf-8", "replace").decode()  # half a surrogate pair is no text
    return _ESCAPED.get(found[2], found[2]) if found[2] else found[3] + "{"
