# SPDX-License-Identifier: EUPL-1.2
"""SARIF 2.1.0 of another tool (checkov, trivy, KICS, zizmor, semgrep…) → its results. Pure.

What the tool itself suppressed, what passes and what is only a note of its run is left out (SARIF 3.27.9, 3.27.23).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from nis2check.imports.foreign import Foreign, Reading
from nis2check.model import Severity

NAME = "sarif"

_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW, "none": Severity.INFO}
_WORDS = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "error": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "warning": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
    "informational": Severity.INFO,
}
_CWE = re.compile(r"\bCWE-?(\d{1,5})\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{(\d{1,3})\}")
_OPEN_KINDS = {"", "fail", "open", "review"}


def results(log: Reading) -> Iterator[Foreign]:
    """The results of every run. Raises InputError at what is no SARIF 2.1.0."""
    if log.get("version").data != "2.1.0":
        raise log.get("version").fault("2.1.0")
    if not log.get("runs"):
        raise log.get("runs").fault("array")
    for run in log.get("runs").each():
        driver = run.get("tool").get("driver")
        if not driver.get("name").text():
            raise driver.get("name").fault("string")
        rules = _rules(run)
        for result in run.get("results").each():
            if _stands(result):
                yield _foreign(result, driver, rules)


def _stands(result: Reading) -> bool:
    suppressed = any(one.get("status").text() in {"", "accepted"} for one in result.get("suppressions").each())
    gone = result.get("baselineState").text() == "absent"
    return not suppressed and not gone and result.get("kind").text() in _OPEN_KINDS


Rules = Mapping[str | int, Reading]


def _rules(run: Reading) -> Rules:
    """The rules of the driver by id and by index; those of extensions (CodeQL, semgrep's packs) by id."""
    found: dict[str | int, Reading] = {}
    tool = run.get("tool")
    for index, rule in enumerate(tool.get("driver").get("rules").each()):
        found[index] = rule
        found.setdefault(rule.get("id").text(), rule)
    for extension in tool.get("extensions").each():
        for rule in extension.get("rules").each():
            found.setdefault(rule.get("id").text(), rule)
    return found


def _foreign(result: Reading, driver: Reading, rules: Rules) -> Foreign:
    reference = result.get("rule")  # SARIF 3.27.7: an object that may hold the id instead
    id_ = result.get("ruleId").text() or (reference.get("id").text() if reference else "")
    index = result.get("ruleIndex").data
    rule = rules.get(id_) or (rules.get(index) if isinstance(index, int) else None) or Reading({}, "")
    id_ = id_ or rule.get("id").text() or "?"
    title = _message(rule.get("shortDescription")) or rule.get("name").text() or id_
    tags = tuple(tag.text() for tag in _properties(rule).get("tags").each()) if _properties(rule).get("tags") else ()
    told = " ".join((*tags, title, _message(rule.get("fullDescription"))))
    file, line, end = _place(result)
    severity, scored = _severity(result, rule)
    return Foreign(
        tool=driver.get("name").text(),
        version=driver.get("version").text() or driver.get("semanticVersion").text(),
        rule=id_,
        title=title,
        message=_message(result.get("message"), rule),
        severity=severity,
        scored=scored,
        file=file,
        line=line,
        end=max(line, end),
        resource=_resource(result),
        cwe=tuple(dict.fromkeys(int(one[1]) for one in _CWE.finditer(told)))[:20],
        tags=tags[:50],
    )


def _properties(holder: Reading) -> Reading:
    found = holder.get("properties")
    return found if isinstance(found.data, dict) else Reading({}, "")


def _message(message: Reading, rule: Reading | None = None) -> str:
    """The text of a message, with its arguments; one that stands in its rule is fetched there (SARIF 3.11.7)."""
    if not message:
        return ""
    text = message.get("text").text()
    if not text and rule is not None and message.get("id").text():
        strings = rule.get("messageStrings")
        text = _message(strings.get(message.get("id").text())) if strings else ""
    arguments = [one.text() for one in message.get("arguments").each()]
    return _PLACEHOLDER.sub(
        lambda one: arguments[int(one[1])] if int(one[1]) < len(arguments) else one[0], text
    ).strip()


def _severity(result: Reading, rule: Reading) -> tuple[Severity, bool]:
    """A score as GitHub reads it, else a word that the tool gives, else (False) the level of the result or of its rule."""
    for holder in (_properties(result), _properties(rule)):
        score = _score(holder.get("security-severity").data)
        if score is not None:
            return score, True
    for holder in (_properties(result), _properties(rule)):
        word = holder.get("severity").text() or holder.get("problem.severity").text()
        if word.lower() in _WORDS:
            return _WORDS[word.lower()], True
    default = rule.get("defaultConfiguration")
    level = result.get("level").text() or (default.get("level").text() if default else "")
    return _LEVELS.get(level, Severity.MEDIUM), False


def _score(value: object) -> Severity | None:
    try:
        score = float(str(value))
    except ValueError:
        return None
    bounds = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
    return next((severity for least, severity in bounds if score >= least), Severity.INFO)


def _place(result: Reading) -> tuple[str, int, int]:
    """File and lines of the first location that has them."""
    for location in result.get("locations").each():
        physical = location.get("physicalLocation")
        if not physical:
            continue
        artifact = physical.get("artifactLocation")
        uri = artifact.get("uri").text() if artifact else ""
        if uri:
            region = physical.get("region")
            line = region.get("startLine").number() if region else 0
            end = region.get("endLine").number() if region else 0
            return unquote(uri), line, end
    return "", 0, 0


def _resource(result: Reading) -> str:
    for location in result.get("locations").each():
        for logical in location.get("logicalLocations").each():
            name = logical.get("fullyQualifiedName").text() or logical.get("name").text()
            if name:
                return name
    return ""
