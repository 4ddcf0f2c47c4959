# SPDX-License-Identifier: EUPL-1.2
"""The objects of a Kubernetes file and the pods that its workloads make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nis2check.evidence.repo.yaml_tree import Node

MOST_OBJECTS = 2000  # of one file
DEEPEST_LISTS = 5

# Where a workload keeps its pod, and what a whole manifest of it always has: without that, it is a patch on another one.
_PODS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Pod": (("spec",), ("metadata",)),
    "PodTemplate": (("template", "spec"), ("metadata",)),
    "Deployment": (("spec", "template", "spec"), ("spec", "selector")),
    "StatefulSet": (("spec", "template", "spec"), ("spec", "selector")),
    "DaemonSet": (("spec", "template", "spec"), ("spec", "selector")),
    "ReplicaSet": (("spec", "template", "spec"), ("spec", "selector")),
    "ReplicationController": (("spec", "template", "spec"), ("spec", "template")),
    "DeploymentConfig": (("spec", "template", "spec"), ("spec", "template")),
    "Rollout": (("spec", "template", "spec"), ("spec", "selector")),
    "Job": (("spec", "template", "spec"), ("spec", "template", "spec", "restartPolicy")),
    "CronJob": (("spec", "jobTemplate", "spec", "template", "spec"), ("spec", "schedule")),
}
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class Thing:
    """One object: ``Deployment/web`` of ``apps/v1``."""

    api: str
    kind: str
    root: Node

    @property
    def label(self) -> str:
        name = self.root.word("metadata", "name") or self.root.word("metadata", "generateName") or "?"
        return f"{self.kind}/{name}"[:150]

    @property
    def group(self) -> str:
        """The API group, empty for the core."""
        return self.api.rpartition("/")[0]

    def annotation(self, name: str) -> Node | None:
        return self.root.get("metadata", "annotations", name)

    def annotations(self) -> dict[str, Node]:
        node = self.root.get("metadata", "annotations")
        return node.keys or {} if node is not None else {}


@dataclass(frozen=True, slots=True)
class Pod:
    """The pod that a workload makes. ``whole``: not a patch, so that what is absent here is absent."""

    label: str
    spec: Node
    whole: bool

    def containers(self) -> Iterator[tuple[str, Node]]:
        """Name and node of each container, those that run first included."""
        for key in _CONTAINERS:
            for one in self.spec.entries(key):
                yield one.word("name")[:100] or "?", one


def things(roots: Sequence[Node]) -> list[Thing]:
    """Every object with apiVersion and kind, those inside a List too."""
    found: list[Thing] = []
    for root in roots:
        _gather(root, found, 0)
    return found


def _gather(root: Node, found: list[Thing], depth: int) -> None:
    api, kind = root.word("apiVersion"), root.word("kind")
    if not api or not kind or len(found) >= MOST_OBJECTS:
        return
    if kind.endswith("List") and root.get("items") is not None:
        if depth < DEEPEST_LISTS:
            for item in root.entries("items"):
                _gather(item, found, depth + 1)
        return
    found.append(Thing(api, kind, root))


def pod_of(thing: Thing) -> Pod | None:
    """The pod of a workload, None for another object."""
    if thing.kind not in _PODS:
        return None
    path, proof = _PODS[thing.kind]
    spec = thing.root.get(*path)
    if spec is None or spec.keys is None:
        return None
    return Pod(thing.label, spec, thing.root.get(*proof) is not None)
