# SPDX-License-Identifier: EUPL-1.2
"""Whether a sentence may be published: it names no host, address, file, product nor version of the result it comes from.

Our own sentences name none; those of a body's own rules and plan may. What is held back is said in general words instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nis2check.model import Json

# 1.2, v3, 10.0.0.1, 2001:db8::1, and what looks like a host name: an attacker's first questions.
_EXACT = re.compile(
    r"\bv?\d+\.\d+|\bv\d+\b|[0-9a-f]{1,4}:[0-9a-f]{0,4}:|\b(?:[a-z0-9_-]+\.)+[a-z]{2,}\b|\b\d{3,5}/(?:tcp|udp)\b", re.I
)
_PRODUCT = re.compile(r"([A-Za-z][\w.+-]{2,})/\d[\w.]*")  # as a banner says it: nginx/1.24.0
_SHORTEST = 4  # characters of a name that may not appear; below, ordinary words would be held back
_PROSE = ("fr", "en")  # keys of a remediation that are sentences; the others are products
_ORDINARY = frozenset({"compose", "exchange", "file", "html", "windows", "zone"})  # products that are also plain words


@dataclass(frozen=True, slots=True)
class Discretion:
    """What must not be said of one result, in lower case."""

    names: frozenset[str]

    def allows(self, text: str) -> bool:
        """True when a sentence gives nothing away."""
        low = text.lower()
        return not _EXACT.search(text) and not any(name in low for name in self.names)


def of(document: Mapping[str, Json]) -> Discretion:
    """The names of a result: targets with and without port, addresses, files, products of rules and of banners."""
    found = {name.lower() for text in _named(document) for name in (text, text.rpartition(":")[0])}
    return Discretion(frozenset(name for name in found - _ORDINARY if len(name) >= _SHORTEST))


def _named(document: Mapping[str, Json]) -> Iterator[str]:
    for one in document["findings"]:
        if one["target"]["kind"] != "body":
            yield from _texts((one["target"]["name"], one["target"]["address"], (one["location"] or {}).get("file")))
            yield from (product[1] for value in one["facts"].values() for product in _PRODUCT.finditer(str(value)))
        yield from _texts(address["address"] for address in one.get("addresses", ()))
    for gap in document["gaps"]:
        yield from _texts((gap["subject"], gap["address"]))
    for rule in document["rules"].values():
        yield from (product for product in rule["remediation"] if product not in _PROSE)


def _texts(values: Iterable[Json]) -> Iterator[str]:
    return (str(value) for value in values if value)
