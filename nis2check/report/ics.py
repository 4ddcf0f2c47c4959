# SPDX-License-Identifier: EUPL-1.2
"""The plan as a calendar (RFC 5545): each action a task with its due day, and that day as an event.

Both, because many calendars show no task (VTODO) and a task list shows no event. No host name is written: a calendar is shared.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping

from nis2check.language import _, speaking, written
from nis2check.model import Json
from nis2check.printing import Medium, clean, number
from nis2check.report import actions, identifiers, words

NAME = "ics"
SUFFIX = ".ics"
MEDIA = "text/calendar; charset=utf-8"

LONGEST = 2_000  # characters of a description
WIDEST = 75  # octets of a line, its end apart (RFC 5545 3.1)


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """One task and one event an action that has a month, one event the end of a waiver. Stamps are those of the run."""
    with speaking(lang):
        lines = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            f"PRODID:-//nis2check//{_text(document['tool']['version'])}//{lang.upper()}",
            "CALSCALE:GREGORIAN",
            "METHOD:PUBLISH",
            f"X-WR-CALNAME:{_text(written(_('Plan NIS 2'), lang))}",
            *_components(document, lang),
            "END:VCALENDAR",
        ]
    return b"".join(_folded(line) for line in lines)


def _components(document: Mapping[str, Json], lang: str) -> Iterator[str]:
    stamp = identifiers.utc(document["run"]["finished"]).strftime("%Y%m%dT%H%M%SZ")
    for item in actions.every(document):
        due = actions.due(item)
        if due is not None:
            yield from _task(document, item, due, stamp, lang)
            yield from _due(document, item, due, stamp, lang)
    for waiver in document["waivers"]:
        yield from _end_of_waiver(document, waiver, stamp, lang)


def _task(
    document: Mapping[str, Json], item: Mapping[str, Json], due: datetime.date, stamp: str, lang: str
) -> Iterator[str]:
    begins = actions.begins(item)
    yield "BEGIN:VTODO"
    yield f"UID:{_uid(document, 'task', actions.key(item))}"
    yield f"DTSTAMP:{stamp}"
    if begins is not None and begins < due:  # DUE must come after DTSTART (RFC 5545 3.8.2.3)
        yield f"DTSTART;VALUE=DATE:{begins:%Y%m%d}"
    yield f"DUE;VALUE=DATE:{due:%Y%m%d}"
    yield f"SUMMARY:{_text(written(words.spoken(item['title'], lang), lang))}"
    yield f"DESCRIPTION:{_text(written(_description(item, lang), lang))}"
    yield f"PRIORITY:{min(9, max(1, int(item['rank'])))}"
    yield "STATUS:NEEDS-ACTION"
    yield "END:VTODO"


def _due(
    document: Mapping[str, Json], item: Mapping[str, Json], due: datetime.date, stamp: str, lang: str
) -> Iterator[str]:
    title = written(_("Échéance : {title}").format(title=words.spoken(item["title"], lang)), lang)
    told = written(_description(item, lang), lang)
    yield from _event(_uid(document, "due", actions.key(item)), due, title, told, stamp)


def _end_of_waiver(document: Mapping[str, Json], waiver: Mapping[str, Json], stamp: str, lang: str) -> Iterator[str]:
    end = actions.day(str(waiver["until"]))
    if end is not None:
        title = written(_("Fin de la dérogation {id}"), lang).format(id=waiver["id"])
        told = written(_("Règle : {rule}. Approuvée par : {approver}."), lang)
        told = told.format(rule=waiver["rule"], approver=waiver["approver"])
        yield from _event(_uid(document, "waiver", str(waiver["id"])), end, title, told, stamp)


def _event(uid: str, day: datetime.date, title: str, told: str, stamp: str) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{uid}"
    yield f"DTSTAMP:{stamp}"
    yield f"DTSTART;VALUE=DATE:{day:%Y%m%d}"  # without an end: the whole day (RFC 5545 3.6.1)
    yield f"SUMMARY:{_text(title)}"
    yield f"DESCRIPTION:{_text(told)}"
    yield "TRANSP:TRANSPARENT"  # takes no one's time
    yield "END:VEVENT"


def _description(item: Mapping[str, Json], lang: str) -> str:
    lines = [
        _("Pilote : {owner}.").format(owner=words.owner(str(item["owner"]), lang)),
        _("Effort : {days} j.").format(days=number(item["effort"], lang)),
        words.spoken(item["because"], lang),
    ]
    if item["measures"]:
        lines.insert(0, _("ReCyF : {clauses}.").format(clauses=", ".join(str(one) for one in item["measures"])))
    return "\n".join(lines)


def _uid(document: Mapping[str, Json], kind: str, key: str) -> str:
    return f"{identifiers.of(document, 'ics', kind, key)}@nis2check"


def _text(text: object) -> str:
    """A TEXT value: lines cleaned one by one, then escaped (RFC 5545 3.3.11)."""
    lines = (clean(line, Medium.HTML, longest=LONGEST) for line in str(text).split("\n"))
    escaped = (re.sub(r"([\\;,])", r"\\\1", line) for line in lines)
    return "\\n".join(escaped)


def _folded(line: str) -> bytes:
    """A content line of at most 75 octets, continued after CRLF and a space; a character is never cut (RFC 5545 3.1)."""
    out, taken = bytearray(), 0
    for one in line:
        octets = one.encode("utf-8", "backslashreplace")
        if taken + len(octets) > WIDEST:
            out += b"\r\n "
            taken = 1
        out += octets
        taken += len(octets)
    return bytes(out) + b"\r\n"
