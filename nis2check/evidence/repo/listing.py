# SPDX-License-Identifier: EUPL-1.2
"""Gathers the offenders of one file, fact by fact: empty when the file holds such things and all are right, absent when not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import container_images
from nis2check.evidence.repo.yaml_tree import Node, is_templated
from nis2check.model import Json, Why

MOST = 200  # offenders of one fact and file
MOST_GAPS = 50  # of one file
LONGEST = 200  # characters kept of a foreign word

Found = Iterator[Read | Unread]


@dataclass(slots=True)
class Listing:
    """``holds`` a thing of the kind, ``add`` an offender, ``gap`` what the file leaves open; then ``found``."""

    _facts: dict[str, list[dict[str, Json]]] = field(default_factory=dict)
    _gaps: dict[tuple[str, int], Unread] = field(default_factory=dict)

    def holds(self, *facts: str) -> None:
        """The file holds such things."""
        for fact in facts:
            self._facts.setdefault(fact, [])

    def add(self, fact: str, line: int, **said: Json) -> None:
        """An offender, its words cut."""
        offenders = self._facts.setdefault(fact, [])
        if len(offenders) < MOST:
            kept = {key: value[:LONGEST] if isinstance(value, str) else value for key, value in said.items()}
            offenders.append({**kept, "line": line})

    def gap(self, fact: str, why: Why, detail: str, line: int) -> None:
        """What the file does not settle; once a fact and line."""
        if len(self._gaps) < MOST_GAPS:
            self._gaps.setdefault((fact, line), Unread(fact, why, detail[:LONGEST], line))

    def is_true(self, fact: str, node: Node | None) -> bool:
        """Whether a judged field says true; a template that decides is a gap of that fact."""
        if node is None or node.text is None:
            return False
        if is_templated(node.text):
            self.gap(fact, Why.TEMPLATED, "a template decides", node.line)
        return node.text.lower() == "true"

    def image(self, unpinned: str, outdated: str, reference: str, line: int, **said: Json) -> None:
        """An image: an offender when nothing fixes its version, and the releases that its name tells."""
        self.holds(unpinned)
        if container_images.is_templated(reference):
            self.gap(unpinned, Why.TEMPLATED, "an image comes from a variable", line)
            return
        image = container_images.parse(reference)
        if not image.name:
            return
        if not image.pinned:
            self.add(unpinned, line, image=reference, **said)
        for release in container_images.releases(image):
            self.add(outdated, line, release=release, image=reference, **said)

    def forget(self, *facts: str) -> None:
        """Say nothing of these facts after all."""
        for fact in facts:
            self._facts.pop(fact, None)

    def found(self) -> Found:
        """One fact for each concern, at the line of its first offender, and the gaps."""
        for fact, offenders in self._facts.items():
            yield Read(fact, offenders, offenders[0]["line"] if offenders else 1)
        yield from self._gaps.values()
