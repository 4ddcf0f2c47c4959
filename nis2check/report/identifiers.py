# SPDX-License-Identifier: EUPL-1.2
"""Identifiers and times that other tools want: the same for the same thing in every run, never drawn by chance."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping

from nis2check.model import Json

# Drawn once for nis2check; RFC 9562 5.5 makes the others from it.
_OURS = uuid.UUID("0f6a1d5e-7b0b-4c53-9a53-2d6f6e697332")


def of(document: Mapping[str, Json], *parts: str) -> str:
    """A UUID of version 5 from the body and what is named: ids of findings and measures, never their wording."""
    body = document["body"] or {}
    who = str(body.get("siren") or body.get("name") or "")
    return shared(who, *parts)


def shared(*parts: str) -> str:
    """The same for every body: what stands in a framework."""
    return str(uuid.uuid5(_OURS, "\n".join(parts).encode("utf-8", "backslashreplace").decode()))


def utc(moment: str) -> datetime.datetime:
    """A time or day of a result, in UTC; a day begins at midnight. What is no time is the first day of computers: an export
    must not fail for it."""
    try:
        found = datetime.datetime.fromisoformat(moment)
        return found.replace(tzinfo=datetime.UTC) if found.tzinfo is None else found.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return datetime.datetime.fromtimestamp(0, datetime.UTC)
