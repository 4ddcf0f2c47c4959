# SPDX-License-Identifier: EUPL-1.2
"""Reads a security.txt file (RFC 9116). Pure; the instant of the look is a parameter."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from nis2check.model import Json

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):\S+\Z")
_ARMOUR = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"


def fields(text: str) -> dict[str, list[str]]:
    """Field names in lower case with their values in order; comments, blank lines and the OpenPGP armour left out."""
    found: dict[str, list[str]] = {}
    signed = text.lstrip().startswith(_ARMOUR)
    for line in text.splitlines()[:2000]:
        if signed and line.startswith(_SIGNATURE):
            break
        line = line.removeprefix("- ") if signed else line  # dash escaping, RFC 9580 section 7.2
        name, colon, value = line.partition(":")
        if colon and not line.startswith(("#", "-----")) and name.strip():
            found.setdefault(name.strip().lower(), []).append(value.strip())
    return found


def is_one(text: str) -> bool:
    """Whether a text is a security.txt at all, and not a page that a site serves for every path."""
    return bool({"contact", "expires"} & fields(text).keys())


def expiry(text: str) -> datetime | None:
    """The instant of the Expires field, None when it is absent, repeated or no RFC 3339 date-time with an offset."""
    values = fields(text).get("expires", [])
    if len(values) != 1 or not re.match(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d", values[0]):
        return None
    try:
        found = datetime.fromisoformat(values[0].upper())
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def facts(text: str, media_type: str, now: datetime) -> dict[str, Json]:
    """Facts of a file that is one. Valid: plain text, a usable Contact, exactly one Expires that lies ahead (2.5.3, 2.5.5)."""
    found = fields(text)
    until = expiry(text)
    contacts = found.get("contact", [])
    out: dict[str, Json] = {
        "http.security_txt.present": True,
        "http.security_txt.signed": text.lstrip().startswith(_ARMOUR) and _SIGNATURE in text,
        "http.security_txt.valid": (
            media_type.partition(";")[0].strip().lower() == "text/plain"
            and bool(contacts)
            and all(_is_contact(contact) for contact in contacts)
            and until is not None
            and until > now
            and len(found.get("preferred-languages", [])) <= 1
        ),
    }
    if until is not None:
        out["http.security_txt.expires"] = until.isoformat(timespec="seconds")
        out["http.security_txt.days_left"] = (until - now).days
    return out


def _is_contact(value: str) -> bool:
    """A URI (2.5.3); a web address must be https."""
    scheme = _SCHEME.match(value)
    return scheme is not None and scheme[1].lower() != "http"
