# SPDX-License-Identifier: EUPL-1.2
"""JUnit XML, which every continuous integration reads: one suite a theme of rules or objective, one case a rule and target.

A gap is a failure, what could not be told an error, what waits for a person or has a waiver is skipped with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nis2check.language import _, say, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import beside, findings, reasons, words

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAME = "junit"
SUFFIX = ".junit.xml"
MEDIA = "application/xml"

LONGEST = 4000  # characters of a message
_VERDICTS = ("fail", "partial", "unknown", "to_attest", "pass", "not_applicable")
_OUTCOMES = {
    "fail": "failure",
    "partial": "failure",
    "unknown": "error",
    "to_attest": "skipped",
    "not_applicable": "skipped",
}


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """All findings. Names come from rule and target, never from wording, so that a platform follows a case from run to run."""
    import xml.etree.ElementTree as ElementTree

    with speaking(lang):
        suites: dict[str, list[Element]] = {}
        for group in findings.groups(document, _VERDICTS):
            title = say(group.title(document, lang), lang)
            for one in group.members:
                suites.setdefault(_suite(group.rule, document), []).append(_case(group, one, title, lang))
        root = ElementTree.Element("testsuites", _counts([case for cases in suites.values() for case in cases]))
        root.attrib.pop("skipped")  # the schema of Jenkins counts them by suite only
        root.set("name", "nis2check")
        for name in sorted(suites, key=findings.natural):
            cases = sorted(suites[name], key=lambda case: findings.natural(case.attrib["name"]))
            suite = ElementTree.SubElement(root, "testsuite", {"name": _text(name)} | _counts(cases))
            suite.set("timestamp", _text(document["run"]["started"]))
            suite.extend(cases)
        ElementTree.indent(root)
        body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
        return body + b"\n"


def _suite(rule: str, document: Mapping[str, Json]) -> str:
    """``tls`` of ``tls/versions``; ``recyf/8`` (the objective) of ``recyf/8.1``."""
    theme, _slash, rest = rule.partition("/")
    measure = document["framework"]["measures"].get(rest) if theme == document["framework"]["id"] else None
    return f"{theme}/{measure['objective']}" if measure else theme


def _case(group: findings.Group, one: Mapping[str, Json], title: str, lang: str) -> Element:
    from xml.etree.ElementTree import Element, SubElement

    case = Element("testcase", {"classname": _text(one["rule"].replace("/", ".")), "name": _text(name(one))})
    accepted = one["waiver"] and one["verdict"] in findings.GAPS
    outcome = "skipped" if accepted or beside.is_known(one) else _OUTCOMES.get(one["verdict"])
    if outcome:
        told = SubElement(case, outcome, {"type": _text(one["verdict"]), "message": _text(title)})
        told.text = _text("\n".join(_lines(group, one, lang)))
    return case


def name(one: Mapping[str, Json]) -> str:
    """Of a finding. The same target may be judged live and in files: two cases."""
    read = " @files" if one["proof"] == "declared_files" and one["target"]["kind"] != "file" else ""
    return f"{one['rule']} {one['target']['name']}{read}"


def _lines(group: findings.Group, one: Mapping[str, Json], lang: str) -> list[str]:
    """Why, where and what to do: what a person reads under a red line."""
    waiver, place = one["waiver"], one["location"]
    lines = [words.verdict(one["verdict"]).word + " – " + words.severity(one["severity"])]
    lines += [part for part in reasons.told(str(one["reason"])) if part]
    lines += [f"{place['file']}:{place['line']}"] if place else []
    if waiver:
        text = _("Dérogation {id} jusqu'au {until} : {reason}")
        lines.append(text.format(id=waiver["id"], until=waiver["until"], reason=waiver["reason"]))
    if one["verdict"] in findings.GAPS:
        lines.append(words.spoken(group.says.get("remediation", {}), lang))
    return [say(line, lang) for line in lines if line]


def _counts(cases: list[Element]) -> dict[str, str]:
    outcomes = [case[0].tag for case in cases if len(case)]
    counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(len(cases))} | {name: str(outcomes.count(tag)) for name, tag in counts.items()}


def _text(text: str) -> str:
    """Lines cleaned one by one; the two characters that `clean` lets through and XML 1.0 (2.2) refuses are shown."""
    lines = (clean(line, Medium.HTML, longest=LONGEST) for line in text.split("\n"))
    return "\n".join(lines).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
