# SPDX-License-Identifier: EUPL-1.2
"""SARIF 2.1.0 for code scanning (GitHub, GitLab, DefectDojo…): only gaps are results; a waiver is a suppression.

What platforms demand beyond the standard stands beside each line that serves it (GitHub "SARIF support for code scanning").
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from nis2check import files
from nis2check.language import _, plural, say, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import words
from nis2check.report.alerts import Alert, alerts

NAME = "sarif"
SUFFIX = ".sarif"
MEDIA = "application/sarif+json"

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST = 25_000  # results of a run that GitHub takes; it refuses a file with more
MOST_TAGS = 10  # of a rule that GitHub shows
MOST_NOTES = 100  # places of a repository that could not be read
MOST_FACTS = 50  # values of one finding: the whole is in the result
# GitHub's scale: above 9 critical, from 7 high, from 4 medium, above 0 low.
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.5", "info": "0.0"}
_PROSE = ("fr", "en")


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """One run, at most `MOST` results, the gravest; a notification says how many were left out."""
    with speaking(lang):
        found = alerts(document, Medium.SARIF, lang)
        kept = found[:MOST]
        rules = _rules(kept, lang)
        index = {rule["id"]: at for at, rule in enumerate(rules)}
        run = {
            "tool": {"driver": _driver(document, rules, lang)},
            # What GitHub keeps apart: runs of one category replace each other (the part before the last slash).
            "automationDetails": {"id": f"nis2check/{_who(document)}/"},
            "invocations": [_invocation(document, len(found) - len(kept), lang)],
            "columnKind": "utf16CodeUnits",
            "results": [_result(alert, index, lang) | _state(alert, document) for alert in kept],
        }
        return files.canonical({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _who(document: Mapping[str, Json]) -> str:
    body = document["body"]
    return clean(body["siren"], Medium.SARIF) if body and body.get("siren") else "check"


def _driver(document: Mapping[str, Json], rules: list[dict[str, Json]], lang: str) -> dict[str, Json]:
    tool = document["tool"]
    return {
        "name": "nis2check",
        "version": clean(tool["version"], Medium.SARIF),
        "language": lang,
        "rules": rules,
        "properties": {
            "rules": {key: clean(value, Medium.SARIF) for key, value in tool["rules"].items()},
            "regime": clean(document["regime"], Medium.SARIF),
            "notice": _text(words.spoken(document["notice"], lang), lang),
        },
    }


def _invocation(document: Mapping[str, Json], left: int, lang: str) -> dict[str, Json]:
    notes: list[str] = []
    if left:
        notes.append(
            plural(
                "{n} écart, des moins graves, n'est pas dans ce fichier : il est dans le résultat JSON.",
                "{n} écarts, les moins graves, ne sont pas dans ce fichier : ils sont dans le résultat JSON.",
                left,
            )
        )
    unknown = document["coverage"]["unknown"]
    if unknown:
        notes.append(plural("{n} point indéterminé.", "{n} points indéterminés.", unknown))
    if not document["complete"]:
        notes.append(_("Analyse interrompue : le résultat est partiel."))
    times = {"startTimeUtc": _utc(document["run"]["started"]), "endTimeUtc": _utc(document["run"]["finished"])}
    return {
        "executionSuccessful": bool(document["complete"]),
        "toolExecutionNotifications": [
            *({"level": "warning", "message": {"text": say(note, lang)}} for note in notes),
            *_unread(document, lang),
        ],
    } | {name: time for name, time in times.items() if time}


def _unread(document: Mapping[str, Json], lang: str) -> list[dict[str, Json]]:
    """The places of a repository that nobody could read: no result of a rule, and yet no silence (SARIF 3.58)."""
    out: list[dict[str, Json]] = []
    for gap in [gap for gap in document["gaps"] if gap.get("where") and not gap.get("known")][:MOST_NOTES]:
        file, _colon, line = str(gap["where"]).rpartition(":")
        if not file or not line.isdigit():
            continue
        folder = document.get("folder", "")
        text = f"{words.why(gap['why'])} ({clean(gap['detail'], Medium.SARIF)})"
        place = {
            "artifactLocation": {"uri": uri(f"{folder}/{file}" if folder else file), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": max(int(line), 1)},
        }
        out.append(
            {"level": "warning", "message": {"text": say(text, lang)}, "locations": [{"physicalLocation": place}]}
        )
    return out


def _utc(moment: str) -> str:
    """``2026-11-22T13:05:12Z`` (SARIF 3.9: a Z and nothing else); empty for a bare date or what is no time."""
    try:
        time = datetime.datetime.fromisoformat(moment)
    except ValueError:
        return ""
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time.tzinfo else ""


# ----------------------------------------------------------------------------------------------------------- rules


def _rules(found: Sequence[Alert], lang: str) -> list[dict[str, Json]]:
    """Those that have results, sorted by id; the gravest of their findings gives their score."""
    first: dict[str, Alert] = {}
    for alert in found:
        first.setdefault(alert.one["rule"], alert)  # the gravest: alerts come worst first
    return [_rule(first[id_], lang) for id_ in sorted(first)]


def _rule(alert: Alert, lang: str) -> dict[str, Json]:
    says = alert.says
    references = [words.reference(one) for one in alert.one["references"]]
    why = words.spoken(says.get("why", {}), lang) or alert.title
    return {
        "id": clean(alert.one["rule"], Medium.SARIF),
        "shortDescription": {"text": _links(alert.title)},
        "fullDescription": {"text": _text(why, lang)},
        "help": {"text": _text(_help(alert, lang), lang), "markdown": _markdown(alert, references, lang)},
        "defaultConfiguration": {"level": alert.level},
        "properties": {
            "security-severity": _SCORES.get(alert.one["severity"], "0.0"),
            "tags": ["security", "nis2", *(clean(one, Medium.SARIF) for one in references)][:MOST_TAGS],
        },
    }


def _help(alert: Alert, lang: str) -> str:
    return words.spoken(alert.says.get("remediation", {}), lang) or alert.title


def _markdown(alert: Alert, references: Sequence[str], lang: str) -> str:
    """Why, what it means for the body, what to do, by product; every word of a rule of one's own is foreign."""
    says = alert.says
    parts = [
        clean(say(words.spoken(says.get(key, {}), lang), lang), Medium.MARKDOWN, longest=4000)
        for key in ("why", "impact", "remediation", "limits")
    ]
    titles = (_("Pourquoi"), _("Ce que cela veut dire"), _("Comment corriger"), _("Limites"))
    blocks = [f"**{title}**\n\n{part}" for title, part in zip(titles, parts, strict=True) if part]
    for product, text in says.get("remediation", {}).items():
        if product not in _PROSE:
            blocks.append(f"{clean(product, Medium.MARKDOWN)}\n\n{_fence(str(text))}")
    if references:
        blocks.append(clean(", ".join(references), Medium.MARKDOWN))
    return "\n\n".join(blocks) or clean(alert.title, Medium.MARKDOWN)


def _fence(text: str) -> str:
    """A block of code whose fence is longer than any run of backquotes inside (CommonMark 4.5)."""
    lines = [clean(line, Medium.SARIF, longest=2000) for line in text.splitlines()]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence, *lines, fence])


# --------------------------------------------------------------------------------------------------------- results


def _result(alert: Alert, index: Mapping[str, int], lang: str) -> dict[str, Json]:
    one = alert.one
    rule = clean(one["rule"], Medium.SARIF)
    target = clean(one["target"]["name"], Medium.SARIF)
    result: dict[str, Json] = {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "kind": "fail",
        "level": alert.level,
        "message": {"text": _links(alert.message)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(alert.file), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": alert.line},
                },
                "logicalLocations": [{"name": target, "kind": "resource"}],
            }
        ],
        # The second name is the one that GitHub matches on; without it, it hashes the text of the line.
        "partialFingerprints": {
            "nis2checkFinding/v1": clean(one["id"], Medium.SARIF),
            "primaryLocationLineHash": clean(f"{one['id']}:1", Medium.SARIF),
        },
        "properties": {
            "verdict": clean(one["verdict"], Medium.SARIF),
            "severity": clean(one["severity"], Medium.SARIF),
            "proof": clean(one["proof"], Medium.SARIF),
            "since": clean(one["since"], Medium.SARIF),
            "facts": {
                clean(name, Medium.SARIF): clean(words.value(value), Medium.SARIF)
                for name, value in sorted(one["facts"].items())[:MOST_FACTS]
            },
        },
    }
    if one["waiver"]:
        result["suppressions"] = [_suppression(one["waiver"], lang)]
    return result


def _state(alert: Alert, document: Mapping[str, Json]) -> dict[str, Json]:
    """SARIF 3.27.24: of all results of a run or of none, so only when there was a baseline to compare with."""
    return {"baselineState": "unchanged" if alert.is_known else "new"} if "baseline" in document else {}


def _suppression(waiver: Mapping[str, Json], lang: str) -> dict[str, Json]:
    text = _("Dérogation {id} jusqu'au {until}, approuvée par {approver} : {reason}")
    inside = not waiver["approver"]  # a comment of the file, that nobody else approved
    if inside:
        text = _("Commentaire {id}, jusqu'au {until} : {reason}")
    fields = {name: clean(waiver[name], Medium.SARIF) for name in ("id", "until", "approver", "reason")}
    kind = "inSource" if inside else "external"
    return {"kind": kind, "status": "accepted", "justification": say(text, lang).format(**fields)}


def uri(file: str) -> str:
    """A path as a relative URI reference (RFC 3986 4.2): percent-encoded, and no colon that would make it a scheme."""
    path = quote(file.encode("utf-8", "surrogatepass"), safe="/")
    return f"file://{path}" if path.startswith("/") else path


def _text(text: str, lang: str) -> str:
    return _links(clean(say(text, lang), Medium.SARIF, longest=4000))


def _links(text: str) -> str:
    """No embedded link nor placeholder in a message (SARIF 3.11.5, 3.11.6): foreign brackets and braces stay plain text."""
    return re.sub(r"\{(?=\d)", "{\u200a", text.replace("](", "]\u200a("))
