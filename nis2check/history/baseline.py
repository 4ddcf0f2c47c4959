# SPDX-License-Identifier: EUPL-1.2
"""What was already known of a repository (``check --baseline``), so that only what is new counts. Pure.

Known is by content, never by wording nor by line: the finding's id (rule and target) and the prints of the parts that fail.
A second fault of the same rule in the same file is new. What is gone from the files is said apart from what was judged again
and passed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

from nis2check.model import Json, Verdict

SCHEMA = "nis2check.baseline/1"

_OPEN = frozenset({Verdict.FAIL, Verdict.PARTIAL, Verdict.UNKNOWN})
_SETTLED = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
_NO_PRINT = ""  # of a finding that has no parts


def baseline(document: Mapping[str, Json]) -> dict[str, Json]:
    """The ``nis2check.baseline/1`` of a result: no date and no line, so that it changes only when what is known does."""
    return {
        "schema": SCHEMA,
        "tool": {"name": document["tool"]["name"], "version": document["tool"]["version"]},
        "findings": [
            {
                "id": one["id"],
                "rule": one["rule"],
                "target": one["target"]["name"],
                "prints": dict(sorted(_prints(one).items())),
            }
            for one in sorted(document["findings"], key=lambda one: (one["rule"], one["target"]["name"], one["id"]))
            if one["verdict"] in _OPEN
        ],
        "gaps": sorted({_gap_print(gap) for gap in document["gaps"]}),
    }


def with_baseline(document: Mapping[str, Json], known: Mapping[str, Json], *, whole: bool = True) -> dict[str, Json]:
    """The result again, each finding and gap that was known marked ``known``, and what became of the rest.

    ``known`` is a baseline or an earlier result; ``whole`` is False when only a change was judged: then nothing is said of
    what was not looked at.
    """
    before = known if known["schema"] == SCHEMA else baseline(known)
    prints = {one["id"]: Counter(one["prints"]) for one in before["findings"]}
    gaps = frozenset(before["gaps"])
    findings = [_marked(one, prints) for one in document["findings"]]
    verdicts = {one["id"]: one["verdict"] for one in findings}
    gone = [one for one in before["findings"] if one["id"] not in verdicts] if whole else []
    return {
        **document,
        "findings": findings,
        "gaps": [gap | {"known": True} if _gap_print(gap) in gaps else gap for gap in document["gaps"]],
        "baseline": {
            "known": [one["id"] for one in findings if one.get("known")],
            "new": [one["id"] for one in findings if one["verdict"] in _OPEN and not one.get("known")],
            "fixed": [_named(one) for one in before["findings"] if verdicts.get(one["id"]) in _SETTLED],
            "gone": [_named(one) for one in gone],
        },
    }


def _marked(one: Mapping[str, Json], prints: Mapping[str, Counter[str]]) -> dict[str, Json]:
    """A finding whose every part was known. One that can no longer be told was known too: nothing new was seen of it."""
    before = prints.get(one["id"])
    if before is None or one["verdict"] not in _OPEN:
        return dict(one)
    if one["verdict"] == Verdict.UNKNOWN or _prints(one) <= before:
        return {**one, "known": True}
    new = (part["location"] for part in one.get("offenders", ()) if part["print"] not in before and part["location"])
    return {**one, "location": next(new, one["location"])}


def _prints(one: Mapping[str, Json]) -> Counter[str]:
    if one["verdict"] == Verdict.UNKNOWN:
        return Counter({str(Verdict.UNKNOWN): 1})
    return Counter(part["print"] for part in one.get("offenders", ())) or Counter({_NO_PRINT: 1})


def _gap_print(gap: Mapping[str, Json]) -> str:
    text = "\n".join(str(gap[key]) for key in ("name", "subject", "why", "detail"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _named(one: Mapping[str, Json]) -> dict[str, Json]:
    return {"id": one["id"], "rule": one["rule"], "target": one["target"]}
