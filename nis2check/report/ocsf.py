# SPDX-License-Identifier: EUPL-1.2
"""OCSF Compliance Finding (class 2003, schema 1.8.0) for a SIEM or a data lake: an array of events, one a finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nis2check import files
from nis2check.language import say, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import findings, identifiers, reasons, words

NAME = "ocsf"
SUFFIX = ".ocsf.json"
MEDIA = "application/json"

SCHEMA = "1.8.0"
LONGEST = 4_000  # characters of a text
_VERDICTS = ("fail", "partial", "unknown", "to_attest", "pass", "not_applicable")
_CLASS = {
    "activity_id": 1,
    "activity_name": "Create",
    "category_uid": 2,
    "category_name": "Findings",
    "class_uid": 2003,
    "class_name": "Compliance Finding",
    "type_uid": 200301,
    "type_name": "Compliance Finding: Create",
}
_SEVERITIES = {
    "info": (1, "Informational"),
    "low": (2, "Low"),
    "medium": (3, "Medium"),
    "high": (4, "High"),
    "critical": (5, "Critical"),
}
# compliance.status_id: 99 (other) keeps our own word; what could not be told is never a pass.
_COMPLIANCE = {"pass": (1, "Pass"), "partial": (2, "Warning"), "fail": (3, "Fail"), "unknown": (0, "Unknown")}
_OTHER = 99
_NEW, _SUPPRESSED, _RESOLVED = (1, "New"), (3, "Suppressed"), (4, "Resolved")


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """All findings, worst first."""
    with speaking(lang):
        return files.canonical(list(_events(document, lang)))


def _events(document: Mapping[str, Json], lang: str) -> Iterator[dict[str, Json]]:
    metadata = _metadata(document, lang)
    time = _milliseconds(document["run"]["finished"])
    for group in findings.groups(document, _VERDICTS):
        title = _text(group.title(document, lang), lang)
        for one in group.members:
            yield _event(document, group, one, title, lang) | {"metadata": metadata, "time": time}


def _metadata(document: Mapping[str, Json], lang: str) -> dict[str, Json]:
    tool = document["tool"]
    product = {"name": "nis2check", "vendor_name": "nis2check", "version": _text(tool["version"]), "lang": lang}
    body = document["body"]
    tenant = {"tenant_uid": _text(body["siren"])} if body and body.get("siren") else {}
    return {"version": SCHEMA, "product": product, "log_version": _text(tool["rules"]["version"])} | tenant


def _event(
    document: Mapping[str, Json], group: findings.Group, one: Mapping[str, Json], title: str, lang: str
) -> dict[str, Json]:
    severity, severity_word = _SEVERITIES.get(one["severity"], (_OTHER, _text(one["severity"])))
    status, status_word = _status(document, one)
    told = " – ".join(part for part in reasons.told(str(one["reason"])) if part)
    event: dict[str, Json] = {
        **_CLASS,
        "severity_id": severity,
        "severity": severity_word,
        "status_id": status,
        "status": status_word,
        "message": f"{title} – {_text(one['target']['name'])}",
        "finding_info": _info(group, one, title, lang),
        "compliance": _compliance(one, title),
        "resources": [_resource(one)],
        "unmapped": _unmapped(one),
    }
    if told:
        event["status_detail"] = _text(told, lang)
    remedy = words.spoken(group.says.get("remediation", {}), lang)
    if remedy and one["verdict"] in findings.GAPS:
        event["remediation"] = {"desc": _text(remedy, lang)}
    return event


def _status(document: Mapping[str, Json], one: Mapping[str, Json]) -> tuple[int, str]:
    """Whether there is something to handle: a waiver suppresses while it lasts, a verdict that is no gap is resolved."""
    if one["waiver"] and not findings.expired(one["waiver"], document):
        return _SUPPRESSED
    return _RESOLVED if one["verdict"] in {"pass", "not_applicable"} else _NEW


def _info(group: findings.Group, one: Mapping[str, Json], title: str, lang: str) -> dict[str, Json]:
    return {
        "uid": _text(one["id"]),
        "title": title,
        "desc": _text(words.spoken(group.says.get("why", {}), lang), lang) or title,
        "types": [_text(one["rule"])],
        "first_seen_time": _milliseconds(one["since"]),
    }


def _compliance(one: Mapping[str, Json], title: str) -> dict[str, Json]:
    status, word = _COMPLIANCE.get(one["verdict"], (_OTHER, _text(one["verdict"])))
    references = one["references"]
    return {
        "control": _text(one["rule"]),
        "desc": title,
        "status_id": status,
        "status": word,
        "standards": sorted({_text(ref["source"]) for ref in references}),
        "requirements": [_text(words.reference(ref)) for ref in references],
    }


def _resource(one: Mapping[str, Json]) -> dict[str, Json]:
    target = one["target"]
    resource: dict[str, Json] = {
        "uid": _text(target["name"]),
        "name": _text(target["name"]),
        "type": _text(target["kind"]),
    }
    if one["location"]:
        resource["labels"] = [_text(f"{one['location']['file']}:{one['location']['line']}")]
    return resource


def _unmapped(one: Mapping[str, Json]) -> dict[str, Json]:
    """What the class has no room for; the word of our own verdict first."""
    facts = {_text(name): _text(words.value(value)) for name, value in sorted(one["facts"].items())}
    waiver = (
        {key: _text(one["waiver"][key]) for key in ("id", "until", "approver", "reason")} if one["waiver"] else None
    )
    return {
        "verdict": _text(one["verdict"]),
        "proof": _text(one["proof"]),
        "address": _text(one["target"]["address"] or ""),
        "facts": facts,
        "waiver": waiver,
    }


def _milliseconds(moment: str) -> int:
    """Since the epoch, as OCSF counts time."""
    return int(identifiers.utc(str(moment)).timestamp() * 1000)


def _text(text: object, lang: str = "") -> str:
    return clean(say(str(text), lang) if lang else text, Medium.SARIF, longest=LONGEST)
