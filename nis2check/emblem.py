# SPDX-License-Identifier: EUPL-1.2
"""The logo of a body: a small PNG or JPEG, put into its result so that every page made from it stands alone.

Rule for this file: an image is judged by its bytes, never by its name. SVG is refused: it may hold scripts and outside links.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nis2check.errors import InputError, Place
from nis2check.files import read_bytes
from nis2check.language import _
from nis2check.model import Json

LARGEST = 64 << 10  # bytes: it is repeated in every page
WIDEST = 2_000  # pixels of a side: a small file may hold a picture that fills the memory

_LENT = "instead_of"
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
# Markers that begin a frame and so hold its size (ITU T.81 table B.1); C4, C8 and CC do not.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read(path: Path | str) -> dict[str, str]:
    """``{media, data}``, the data in base64. Raises InputError: unreadable, too large, neither PNG nor JPEG."""
    from base64 import b64encode

    data = read_bytes(path, 1 << 20)
    place = Place(str(path))
    if len(data) > LARGEST:
        what = _("Logo trop lourd ({size} Kio au plus).").format(size=LARGEST >> 10)
        raise InputError(what, place=place, advice=_("L'enregistrer en plus petit."))
    media, sides = _kind(data)
    if sides is None:
        if b"<svg" in data[:4096].lower():
            advice = _("L'enregistrer en PNG : un SVG peut contenir du code.")
            raise InputError(_("Un logo SVG n'est pas accepté."), place=place, advice=advice)
        raise InputError(_("Ce n'est ni un PNG ni un JPEG lisible."), place=place)
    if not all(0 < side <= WIDEST for side in sides):
        raise InputError(_("Logo trop grand ({n} pixels de côté au plus).").format(n=WIDEST), place=place)
    return {"media": media, "data": b64encode(data).decode()}


def placed(document: Mapping[str, Json], logo: Mapping[str, str] | None) -> Mapping[str, Json]:
    """The result with the logo of its body; as it was without a logo or without a body."""
    if logo is None or not document["body"]:
        return document
    return {**document, "body": {**document["body"], "logo": dict(logo)}}


def lent(document: Mapping[str, Json], logo: Mapping[str, str]) -> Mapping[str, Json]:
    """The result with a logo for one printing, which `as_read` takes off again: its bytes are not those of the result."""
    if not document["body"]:
        return document
    return placed(document, {**logo, _LENT: (document["body"]).get("logo")})


def as_read(document: Mapping[str, Json]) -> Mapping[str, Json]:
    """The result as its file has it: what a digest must cover."""
    body = document["body"]
    if not body or _LENT not in (body.get("logo") or {}):
        return document
    own = {"logo": body["logo"][_LENT]} if body["logo"][_LENT] else {}
    return {**document, "body": {key: value for key, value in body.items() if key != "logo"} | own}


def shown(document: Mapping[str, Json]) -> dict[str, str] | None:
    """The logo of a result's body, judged again: the result may come from anybody."""
    from base64 import b64decode

    logo = (document["body"] or {}).get("logo")
    if not logo:
        return None
    try:
        data = b64decode(logo["data"], validate=True)
    except (ValueError, TypeError, KeyError):
        return None
    media, sides = _kind(data)
    sound = sides is not None and len(data) <= LARGEST and all(0 < side <= WIDEST for side in sides)
    return {"media": media, "data": str(logo["data"])} if sound else None


def _kind(data: bytes) -> tuple[str, tuple[int, int] | None]:
    """The media type, and width and height; None when they are not there."""
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) > 24:
        return "image/png", (int.from_bytes(data[16:20]), int.from_bytes(data[20:24]))
    if data.startswith(_JPEG):
        return "image/jpeg", _jpeg_sides(data)
    return "", None


def _jpeg_sides(data: bytes) -> tuple[int, int] | None:
    """Width and height from the first frame of a JPEG (ITU T.81 B.2.2)."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        if data[at + 1] in _FRAMES:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None
