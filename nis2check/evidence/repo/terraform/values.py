# SPDX-License-Identifier: EUPL-1.2
"""What a Terraform file says, in one shape whatever it was written in: HCL, the JSON of a plan, or a state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Scalar = str | int | float | bool | None

MOST_FOUND = 2000  # values at the end of one path


@dataclass(frozen=True, slots=True)
class Value:
    """One value with its line: a scalar, a list (``items``), an object or a block (``keys``), or what is not settled here.

    ``unknown`` is the text of an expression that only a run of Terraform would settle; ``by_default`` marks what comes from the
    default of a variable, which its caller may override. ``size`` counts the values within.
    """

    line: int
    scalar: Scalar = None
    items: tuple[Value, ...] | None = None
    keys: Mapping[str, Value] | None = None
    unknown: str = ""
    by_default: bool = False
    size: int = 1

    @property
    def absent(self) -> bool:
        """Null, "" and [] are how a plan writes what nobody set."""
        return not self.unknown and not self.keys and not self.items and (self.scalar is None or self.scalar == "")

    def find(self, path: str) -> list[Value]:
        """The values at a dotted path, through every block on the way; an unknown on the way stands for what is behind it.

        Empty: nothing is set there.
        """
        found = [self]
        for step in path.split("."):
            found = [child for value in found for child in value._step(step)][:MOST_FOUND]
        return found

    def each(self, path: str) -> list[Value]:
        """As `find`, with every element of the lists at its end."""
        return [one for value in self.find(path) for one in value.flat()][:MOST_FOUND]

    def one(self, path: str) -> Value | None:
        """The first value at a path, None without."""
        return next(iter(self.find(path)), None)

    def text(self, path: str) -> str:
        """The words at a path, "" when there are none or they are not settled."""
        value = self.one(path)
        return value.scalar if value is not None and isinstance(value.scalar, str) else ""

    def flat(self) -> Iterator[Value]:
        """The elements of a list, of the lists within too; anything else itself."""
        if self.items is None:
            yield self
            return
        for item in self.items:
            yield from item.flat()

    def _step(self, name: str) -> Iterator[Value]:
        for block in self.flat():
            if block.unknown:
                yield block
            elif block.keys is not None and name in block.keys and not block.keys[name].absent:
                yield block.keys[name]


@dataclass(frozen=True, slots=True)
class Block:
    """One block at the top of a file. ``labels`` of a resource: its type and its name."""

    kind: str  # resource, data, provider, module, terraform, variable…
    labels: tuple[str, ...]
    line: int
    body: Value
    full_address: str = ""  # as a plan gives it: module.base.aws_s3_bucket.archives

    @property
    def type(self) -> str:
        return self.labels[0] if self.labels else ""

    @property
    def address(self) -> str:
        """As Terraform writes it: aws_s3_bucket.archives, data.aws_iam_policy_document.all, module.network."""
        words = self.labels if self.kind == "resource" else (self.kind, *self.labels)
        return (self.full_address or ".".join(words))[:200]


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of the file that could not be read, and the line where it starts."""

    line: int
    detail: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """A file as read. ``whole``: nothing of what it describes is in another file (a plan, a state)."""

    blocks: tuple[Block, ...]
    faults: tuple[Fault, ...] = ()
    whole: bool = False
    assigned: Mapping[str, Value] = field(default_factory=dict)  # of a .tfvars file

    def of_kind(self, kind: str) -> Iterator[Block]:
        return (block for block in self.blocks if block.kind == kind)


def plain(value: object, line: int) -> Value:
    """A JSON value as it stands; an absurd depth is the caller's to refuse. Raises RecursionError."""
    if isinstance(value, dict):
        keys = {str(name): plain(child, line) for name, child in value.items()}
        return Value(line, keys=keys, size=1 + sum(one.size for one in keys.values()))
    if isinstance(value, list):
        items = tuple(plain(child, line) for child in value)
        return Value(line, items=items, size=1 + sum(one.size for one in items))
    return Value(line, scalar=value if isinstance(value, (str, int, float, bool)) else None)


def word(value: Scalar) -> str:
    """A scalar as Terraform compares it: true and "true" are one."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value).strip()
