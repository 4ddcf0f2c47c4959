# SPDX-License-Identifier: EUPL-1.2
"""A workflow or a composite action as its parts: events, jobs, steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.repo.yaml_tree import Node

MOST_JOBS = 500
MOST_STEPS = 5000


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    node: Node

    def steps(self) -> tuple[Node, ...]:
        return self.node.entries("steps")[:MOST_STEPS]


@dataclass(frozen=True, slots=True)
class Workflow:
    """``events`` is empty for an action: whoever uses it decides."""

    root: Node
    events: frozenset[str]
    jobs: tuple[Job, ...]
    is_action: bool

    def steps(self) -> Iterator[tuple[str, Node]]:
        """Each step with the name of its job."""
        for job in self.jobs:
            for step in job.steps():
                yield job.name, step


@dataclass(frozen=True, slots=True)
class Uses:
    """``owner/repository/path@ref`` of an action or a reusable workflow."""

    name: str
    ref: str

    @property
    def owner(self) -> str:
        return self.name.partition("/")[0].lower()

    @property
    def repository(self) -> str:
        return "/".join(self.name.lower().split("/")[:2])


def parse(roots: list[Node]) -> Workflow | None:
    """The workflow or action of a file, None when it is neither."""
    root = roots[0] if roots else None
    if root is None or root.keys is None:
        return None
    jobs = root.get("jobs")
    if jobs is not None and jobs.keys:
        found = tuple(Job(name, node) for name, node in jobs.pairs() if node.keys)[:MOST_JOBS]
        return Workflow(root, _events(root), found, is_action=False)
    runs = root.get("runs")
    if runs is not None and runs.keys and runs.get("using") is not None:
        return Workflow(root, frozenset(), (Job("runs", runs),), is_action=True)
    return None


def _events(root: Node) -> frozenset[str]:
    on = root.get("on") or root.get("true")  # YAML 1.1 takes a bare ``on`` for true; we keep its spelling
    if on is None:
        return frozenset()
    names = [on.text] if on.text else [one.text for one in on.each()] + list(on.keys or {})
    return frozenset(name for name in names if name)


def uses(node: Node | None) -> Uses | None:
    """What a ``uses`` names at GitHub; None for a local one (``./``) or an image (``docker://``)."""
    text = (node.text or "").strip() if node is not None else ""
    if not text or text.startswith(("./", "../", "docker://")) or "/" not in text:
        return None
    name, _at, ref = text.partition("@")
    return Uses(name, ref)
