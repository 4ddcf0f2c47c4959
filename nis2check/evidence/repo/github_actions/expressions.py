# SPDX-License-Identifier: EUPL-1.2
"""Values of ``${{ … }}`` that a stranger chooses, pasted into a script before the shell reads it.

https://docs.github.com/en/actions/reference/security/secure-use (script injection); zizmor, template-injection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST = 100  # of one script
LONGEST = 2000  # characters of one expression

_EXPRESSION = re.compile(r"\$\{\{(.{1,2000}?)\}\}", re.DOTALL)
# The event that fills the context, and the context.
_STRANGERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("pull_request", re.compile(r"\bgithub\.head_ref\b")),
    ("pull_request", re.compile(r"\bgithub\.event\.pull_request\.(?:title|body|head\.(?:ref|label|repo\.default_branch))\b")),
    ("issues", re.compile(r"\bgithub\.event\.issue\.(?:title|body)\b")),
    ("comment", re.compile(r"\bgithub\.event\.(?:comment|review|review_comment)\.body\b")),
    ("discussion", re.compile(r"\bgithub\.event\.discussion\.(?:title|body)\b")),
    ("workflow_run", re.compile(r"\bgithub\.event\.workflow_run\.(?:head_branch|display_title|head_commit\.\w+)\b")),
    ("push", re.compile(r"\bgithub\.event\.(?:head_commit|commits\[?[\d*]*\]?(?:\.\*)?)\.(?:message|author\.(?:name|email))\b")),
    ("pages", re.compile(r"\bgithub\.event\.pages\[?[\d*]*\]?\.(?:\*\.)?page_name\b")),
)  # fmt: skip
# Functions whose result is true or false, a hash, or quoted: nothing of the text itself remains.
_HARMLESS = re.compile(r"\b(?:contains|startsWith|endsWith|hashFiles|toJSON)\s*\(", re.IGNORECASE)
_COMPARED = re.compile(r"[=!<>]=?|&&|\|\|")


def strangers(text: str, events: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Each context that a stranger fills and that this script pastes, with the line of the text (from 0)."""
    for count, match in enumerate(_EXPRESSION.finditer(text)):
        if count >= MOST:
            return
        inner = match[1]
        if _HARMLESS.search(inner) or _COMPARED.search(inner):
            continue
        for event, pattern in _STRANGERS:
            found = pattern.search(inner)
            if found and _may_happen(event, events):
                yield found[0], text.count("\n", 0, match.start())


def _may_happen(event: str, events: frozenset[str]) -> bool:
    """A workflow on ``push`` alone has no pull request; without events (an action) anything may call."""
    if not events or "workflow_call" in events:
        return True
    if event == "pull_request":
        return any(one.startswith("pull_request") for one in events)
    if event == "issues":
        return bool(events & {"issues", "issue_comment"})
    if event == "comment":
        return bool(
            events
            & {
                "issue_comment",
                "pull_request_review",
                "pull_request_review_comment",
                "commit_comment",
                "discussion_comment",
            }
        )
    if event == "discussion":
        return bool(events & {"discussion", "discussion_comment"})
    if event == "pages":
        return "gollum" in events
    return event in events
