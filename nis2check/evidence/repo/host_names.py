# SPDX-License-Identifier: EUPL-1.2
"""Which words of a configuration are full host names, that a subject can be made of: no wildcard, no address, no bare label."""

from __future__ import annotations

import re

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\Z")
_ADDRESS = re.compile(r"[0-9.]+\Z")
_LOCAL = (".localhost", ".local", ".internal", ".test", ".lan", ".home.arpa", ".localdomain")


def is_public_name(text: str) -> bool:
    """A host name of the open Internet, as far as its end tells (RFC 6761, 6762, 8375)."""
    return is_host_name(text) and not text.endswith(_LOCAL)


def is_host_name(text: str) -> bool:
    """``text`` in lower case."""
    return _HOST.match(text) is not None and _ADDRESS.match(text) is None
