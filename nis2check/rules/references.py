# SPDX-License-Identifier: EUPL-1.2
"""The sources that rules may cite, and what each clause says in our own words: ``policies/references.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from nis2check.files import load_yaml, shipped
from nis2check.model import Json, Text


@dataclass(frozen=True, slots=True)
class Source:
    """A text that rules cite. ``clauses`` maps each known clause to our words for it, None when its number is all we say."""

    id: str
    title: Text
    url: str | None
    confidence: str  # A read in an official source, B secondary, C to be checked
    clauses: Mapping[str, Text | None]
    section: str = ""  # how a clause ends the url

    def address(self, clause: str) -> str | None:
        """Where to read the clause, as near as its publisher lets us point."""
        return f"{self.url}{self.section}{clause}" if self.url and self.section else self.url


@lru_cache(maxsize=1)
def sources() -> Mapping[str, Source]:
    """Every source by id. Clauses of a framework come from its own file."""
    data = load_yaml(shipped("policies") / "references.yaml", name="policies/references.yaml").data
    return {source_id: _source(source_id, item) for source_id, item in data.items()}


def _source(source_id: str, item: Json) -> Source:
    clauses: Mapping[str, Text | None]
    if "framework" in item:
        clauses = _of_framework(item["framework"])
    elif isinstance(item["clauses"], list):
        clauses = dict.fromkeys(item["clauses"])
    else:
        clauses = item["clauses"]
    return Source(source_id, item["title"], item["url"], item["confidence"], clauses, item.get("section", ""))


def _of_framework(framework_id: str) -> dict[str, Text]:
    from nis2check.frameworks import load

    framework = load(framework_id)
    return {measure.id: measure.title for measure in framework.measures.values()} | {
        objective.id: objective.title for objective in framework.objectives.values()
    }
