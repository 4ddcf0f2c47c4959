# SPDX-License-Identifier: EUPL-1.2
"""The result itself, in canonical bytes: what every other format is made from, and what a hash or a signature covers."""

from __future__ import annotations

from collections.abc import Mapping

from nis2check import files
from nis2check.model import Json

NAME = "json"
SUFFIX = ".json"
MEDIA = "application/json"


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """The canonical bytes; ``lang`` changes nothing, since the document holds both languages."""
    return files.canonical(document)
