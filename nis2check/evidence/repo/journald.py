# SPDX-License-Identifier: EUPL-1.2
"""Reads journald.conf and its drop-ins: whether the journal outlives a restart, and how long it is kept."""

from __future__ import annotations

import re

from nis2check.evidence.repo.concerns import Concerns, Found, Setting, array_fact, long_line
from nis2check.evidence.repo.systemd import settings
from nis2check.model import Why

NAME = "journald"
FACTS = (
    array_fact("journald.volatile", "The journal is kept in memory only, or not at all."),
    array_fact("journald.short_retention", "Entries of the journal are removed before three months."),
)

THREE_MONTHS = 90 * 86400  # seconds; ReCyF 20.5 speaks of three months

_BY_NAME = re.compile(
    r"(?:^|/)journald(?:\.conf|\.conf\.d/[^/]+\.conf|[^/]*\.conf)(?:\.(?:j2|jinja2?|erb|template|tmpl))?\Z"
)
_SPAN = re.compile(r"(\d{1,12})\s*([A-Za-z]*)\s*")
# systemd.time(7)
_SECONDS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 604800),
    **dict.fromkeys(("M", "month", "months"), 2629800),
    **dict.fromkeys(("y", "year", "years"), 31557600),
}


def matches(path: str, head: bytes) -> bool:
    """journald.conf, journald.conf.d/*.conf and templates of them."""
    return _BY_NAME.search(path) is not None and (not head or b"[Journal]" in head)


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file; the last value of a name wins."""
    yield from long_line(NAME, text)
    journal = {setting.name: setting for section, setting in settings(text) if section == "Journal"}
    concerns = Concerns()
    if (storage := journal.get("Storage")) is not None:
        _storage(concerns, storage, journal.get("ForwardToSyslog"))
    if (span := journal.get("MaxRetentionSec")) is not None:
        _retention(concerns, span)
    yield from concerns.found()


def _storage(concerns: Concerns, storage: Setting, forward: Setting | None) -> None:
    word = storage.value.lower()
    if word == "auto":
        return  # depends on a folder of the machine
    if word in {"volatile", "none"} and forward is not None and forward.value.lower() in {"yes", "true", "1", "on"}:
        detail = "the journal hands its entries to syslog: what is kept of them is set elsewhere"
        concerns.open("journald.volatile", Why.UNREADABLE, detail, storage.line)
        return
    concerns.say("journald.volatile", word in {"volatile", "none"}, storage)


def _retention(concerns: Concerns, setting: Setting) -> None:
    seconds = span_seconds(setting.value)
    if seconds is None and setting.settled:
        concerns.open("journald.short_retention", Why.MALFORMED, "MaxRetentionSec is no span of time", setting.line)
        return
    concerns.say("journald.short_retention", 0 < (seconds or 0) < THREE_MONTHS, setting)  # 0: no limit of time


def span_seconds(text: str) -> int | None:
    """A span of systemd.time(7) in seconds: ``2week``, ``1month 3d``, ``infinity`` as 0; None for what is none."""
    if text.strip() in {"infinity", ""}:
        return 0
    total, position = 0, 0
    text = text.strip()
    while position < len(text):
        found = _SPAN.match(text, position)
        if found is None or found[2] not in _SECONDS:
            return None
        total += int(found[1]) * _SECONDS[found[2]]
        position = found.end()
    return total
