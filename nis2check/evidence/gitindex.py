# SPDX-License-Identifier: EUPL-1.2
"""The paths that git tracks, from the bytes of its index (gitformat-index(5), versions 2 to 4, SHA-1). git is not called.

Pure. A broken index gives no path: then only .gitignore speaks.
"""

from __future__ import annotations

import struct

LARGEST = 64 << 20
MOST_PATHS = 500_000
_FIXED = 62  # times, device, mode, owner, size, SHA-1, flags
_EXTENDED = 0x4000


def paths(data: bytes) -> frozenset[bytes]:
    """Tracked files and the folders that hold them, relative to the work tree, ``/`` between parts. Never raises."""
    try:
        return _paths(data)
    except (struct.error, IndexError, ValueError):
        return frozenset()


def _paths(data: bytes) -> frozenset[bytes]:
    mark, version, count = struct.unpack_from(">4sII", data)
    if mark != b"DIRC" or version not in {2, 3, 4} or count > MOST_PATHS or len(data) > LARGEST:
        return frozenset()
    found: set[bytes] = set()
    size = 0  # of all names: version 4 may spell a long one with a byte
    position, name = 12, b""
    for _entry in range(count):
        (flags,) = struct.unpack_from(">H", data, position + _FIXED - 2)
        start = position + _FIXED + (2 if version >= 3 and flags & _EXTENDED else 0)
        kept = b""
        if version == 4:
            drop, start = _number(data, start)
            kept = name[: len(name) - drop]
        end = data.index(b"\0", start)
        name = kept + data[start:end]
        position = end + 1 if version == 4 else position + (end - position) // 8 * 8 + 8
        path = name
        while path and path not in found:
            found.add(path)
            size += len(path)
            if size > LARGEST:
                raise ValueError("names without an end")
            path = path.rpartition(b"/")[0]
    return frozenset(found)


def _number(data: bytes, position: int) -> tuple[int, int]:
    """An offset as git packs it: seven bits a byte, one added at each continuation. With the position after it."""
    byte = data[position]
    value = byte & 0x7F
    while byte & 0x80:
        position += 1
        byte = data[position]
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, position + 1
