# SPDX-License-Identifier: EUPL-1.2
"""Reads what a repository asks to accept for a time: ``# nis2check:ignore RULE until=2027-03-01 reason=…``.

The comment stands at the end of the line it speaks of, or alone above it. Without an end or a reason it is said and counts
for nothing. Whether it holds on a day, and what it covers, is not judged here.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from nis2check.evidence.observe import Read, Unread
from nis2check.model import FactSpec, Json, Why

NAME = "comments"
FACTS = (
    FactSpec(
        "comments.ignore",
        "array",
        "",
        "Gaps that a comment asks to accept: rule, until, reason, line of the comment, line it covers.",
    ),
)

MARK = "nis2check:ignore"
MOST = 1000  # of one file
LONGEST_LINE = 4096

# A comment of the languages that are read: shell, YAML, HCL, nginx (#), zones (;), named.conf and HCL (//, /*), XML, Jinja.
_COMMENT = re.compile(r"(?:#|//|;|/\*|<!--)\s{0,20}nis2check:ignore\b(?P<said>.{0,2000})")
_RULE = re.compile(r"[a-z0-9-]+(?:/[a-z0-9._-]+)+\Z")
_UNTIL = re.compile(r"(?:^|\s)until=(\S{1,40})")
_REASON = re.compile(r"(?:^|\s)reason=(?:\"([^\"]{1,1000})\"|'([^']{1,1000})'|(.{1,1000}))")
_CLOSED = re.compile(r"\s*(?:\*/|-->|#\})\s*\Z")


def matches(path: str, head: bytes) -> bool:
    """None by itself: the walk gives it the files that bear the mark and that another reader takes, since only those can
    hold a gap. A manual that shows such a comment asks for nothing."""
    return False


def read(path: str, text: str) -> Iterator[Read | Unread]:
    """One fact of all the comments that are whole; a gap for each that is not."""
    lines = text.splitlines()
    found: list[dict[str, Json]] = []
    for number, line in enumerate(lines, 1):
        match = _COMMENT.search(line) if MARK in line and len(line) <= LONGEST_LINE else None
        if match is None:
            continue
        rule, until, reason = _said(match["said"])
        fault = _fault(rule, until, reason)
        if fault:
            yield Unread("comments.ignore", Why.MALFORMED, f"{MARK} {fault}: it counts for nothing", number)
        elif len(found) < MOST:
            alone = not line[: match.start()].strip()
            covers = _next(lines, number) if alone else number
            found.append({"rule": rule, "until": until, "reason": reason, "line": number, "covers": covers})
    if found:
        yield Read("comments.ignore", found, found[0]["line"])


def _said(text: str) -> tuple[str, str, str]:
    """Rule, end and reason as written; empty where there is none."""
    said = _CLOSED.sub("", text)
    reason = _REASON.search(said)
    told = next((part for part in reason.groups() if part), "").strip() if reason else ""
    before = said[: reason.start()] + (said[reason.end() :] if reason[3] is None else "") if reason else said
    until = _UNTIL.search(before)
    rule = before.split()[0] if before.split() else ""
    if (
        until is None and reason is not None and reason[3]
    ):  # a bare reason goes to the end of the line, the end after it
        until = _UNTIL.search(told)
        told = _UNTIL.sub("", told).strip()
    return rule, until[1] if until else "", told


def _fault(rule: str, until: str, reason: str) -> str:
    """What is missing, in a few words; empty when nothing is."""
    if not _RULE.match(rule):
        return "without a rule"
    if not until:
        return "without until=YYYY-MM-DD"
    try:
        datetime.date.fromisoformat(until)
    except ValueError:
        return f"until={until[:40]} is no date"
    return "" if reason else "without reason="


def _next(lines: list[str], number: int) -> int:
    """The first line below that is not such a comment itself: several may stand one above the other."""
    for below in range(number, len(lines)):
        line = lines[below]
        if line.strip() and not (MARK in line and _COMMENT.match(line.strip())):
            return below + 1
    return number
