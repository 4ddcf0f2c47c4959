# SPDX-License-Identifier: EUPL-1.2
"""The grammar of HCL (tree-sitter), behind limits: what it costs is bounded before it starts, what it cannot read is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from nis2check.evidence.observe import Unseen
from nis2check.evidence.repo.terraform.values import Fault
from nis2check.model import Why

if TYPE_CHECKING:
    from tree_sitter import Node

LARGEST = 1_000_000  # characters without long heredocs: the grammar takes 200 bytes for each when all are signs
MOST_MARKS = 150_000  # and 6 µs for each of these, right or wrong
LONGEST_HEREDOC = 32 << 10  # characters
MOST_HEREDOCS = 1000  # looked at for their length
MOST_STEPS = 60_000  # of parsing, about a second; a megabyte of good HCL takes 30,000
STEPS_AFTER_ERROR = 8  # as slow is the search for a way on
DEEPEST_BRACKETS = 500
MOST_BLOCKS = 5000
MOST_FAULTS = 5

_READ_AT_ONCE = 1 << 16
_MARKS = '"{}[](),=<'
_HEREDOC = re.compile(r"[=(,\[][ \t]*<<-?([A-Za-z_][\w-]{0,50})[ \t]*\n")
# A block at the left margin: where reading can begin again after an error.
_TOP = re.compile(
    rb"^(?:resource|data|module|provider|variable|locals|output|terraform|moved|import|check)\b[^\n=]*\{", re.M
)
_BRACKET = re.compile(r"[\[{(]|[\]})]")


@dataclass(frozen=True, slots=True)
class Tree:
    """A file as the grammar sees it: one root, or one per piece when an error stands in it. Nodes speak of ``source``."""

    source: bytes
    roots: list[Node]
    faults: tuple[Fault, ...]


def parse(text: str) -> Tree:
    """Raises Unseen(limit)."""
    text = _without_long_heredocs(text)
    if len(text) > LARGEST or sum(map(text.count, _MARKS)) > MOST_MARKS:
        raise Unseen(Why.LIMIT, f"more than {LARGEST} characters, or {MOST_MARKS} quotes, brackets and signs")
    _judge_depth(text)
    source = text.encode("utf-8", "replace")
    roots = _roots(source)
    return Tree(source, roots, tuple(islice((fault for root in roots for fault in _faults(root)), MOST_FAULTS)))


def _without_long_heredocs(text: str) -> str:
    """Whole manifests are pasted in heredocs, by the megabyte: no setting is as long, so that only their lines are kept."""
    pieces = []
    done = position = 0
    for _each in range(MOST_HEREDOCS):
        start = _HEREDOC.search(text, position)
        if start is None:
            break
        position = start.end()
        end = re.compile(rf"^[ \t]*{re.escape(start[1])}[ \t]*$", re.MULTILINE).search(text, position)
        if end is None:
            break
        if end.start() - position > LONGEST_HEREDOC:
            pieces += [text[done:position], "\n" * text.count("\n", position, end.start())]
            done = end.start()
        position = end.end()
    return "".join([*pieces, text[done:]]) if pieces else text


def _judge_depth(text: str) -> None:
    """Refuse absurd nesting while it is still text. Brackets in strings count: they close too, or nearly all."""
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth = depth + 1 if bracket[0] in "[{(" else max(0, depth - 1)
        if depth > DEEPEST_BRACKETS:
            raise Unseen(Why.LIMIT, f"more than {DEEPEST_BRACKETS} brackets within each other")


@dataclass(slots=True)
class _Effort:
    """What parsing may still cost, counted in the grammar's own steps, so that the same text always ends at the same place."""

    left: int = MOST_STEPS

    def is_spent(self, _offset: int, has_error: bool) -> bool:
        self.left -= STEPS_AFTER_ERROR if has_error else 1
        return self.left < 0


def _roots(source: bytes) -> list[Node]:
    """The tree of the file; when it holds an error, one tree per piece, so that one bad block does not take those after it."""
    import tree_sitter_hcl
    from tree_sitter import Language, Parser, Range

    language = Language(tree_sitter_hcl.language())

    def root(parser: Parser, effort: _Effort) -> Node | None:
        try:
            return parser.parse(
                lambda offset, _point: source[offset : offset + _READ_AT_ONCE], progress_callback=effort.is_spent
            ).root_node
        except ValueError:  # what tree-sitter says of a parse that is_spent ended
            return None

    whole = root(Parser(language), _Effort())
    if whole is not None and not whole.has_error:
        return [whole]
    starts = [0, *(found.start() for found in _TOP.finditer(source) if found.start())]
    if len(starts) > MOST_BLOCKS:
        raise Unseen(Why.LIMIT, f"more than {MOST_BLOCKS} blocks")
    if whole is None and len(starts) == 1:
        raise _too_dear()
    pieces = []
    line, effort = 0, _Effort()
    for start, end in zip(starts, [*starts[1:], len(source)], strict=True):
        after = line + source.count(b"\n", start, end)
        piece = root(Parser(language, included_ranges=[Range((line, 0), (after, 0), start, end)]), effort)
        if piece is None:
            raise _too_dear()
        pieces.append(piece)
        line = after
    return pieces


def _too_dear() -> Unseen:
    return Unseen(Why.LIMIT, "not HCL as far as it was read, and reading on costs too much")


def _faults(root: Node) -> Iterator[Fault]:
    """Where the grammar was lost: the first few places, one a line."""
    lines: set[int] = set()
    waiting = [root] if root.has_error else []
    while waiting and len(lines) < MOST_FAULTS:
        node = waiting.pop()
        line = node.start_point[0] + 1
        if node.is_error or node.is_missing:
            if line not in lines:
                yield Fault(line, "not HCL: the block around this line is not read")
            lines.add(line)
        elif node.has_error:
            waiting += reversed(node.children)
