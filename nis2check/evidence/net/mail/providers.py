# SPDX-License-Identifier: EUPL-1.2
"""Domains under which access providers and mail services give addresses to anybody: none can be a body's own."""

from __future__ import annotations

# French access providers past and present, then the mail services for the general public most used in France.
_SHARED = frozenset(
    {
        "orange.fr", "wanadoo.fr", "voila.fr", "free.fr", "libertysurf.fr", "aliceadsl.fr", "sfr.fr", "neuf.fr",
        "cegetel.net", "club-internet.fr", "numericable.fr", "noos.fr", "9online.fr", "9business.fr", "bbox.fr",
        "nordnet.fr", "laposte.net", "tiscali.fr",
        "gmail.com", "googlemail.com", "outlook.com", "outlook.fr", "hotmail.com", "hotmail.fr", "live.com", "live.fr",
        "msn.com", "yahoo.com", "yahoo.fr", "ymail.com", "aol.com", "icloud.com", "me.com", "mac.com",
        "gmx.com", "gmx.fr", "gmx.net", "mail.com", "protonmail.com", "proton.me", "pm.me", "tutanota.com",
    }
)  # fmt: skip


def is_shared(domain: str) -> bool:
    """Whether anybody can have an address under this mail domain."""
    return domain.rstrip(".").lower() in _SHARED
