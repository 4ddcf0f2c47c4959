# SPDX-License-Identifier: EUPL-1.2
"""Rows for the audit import of CISO Assistant: one a measure of ReCyF, keyed by ``ref_id``.

What its reader does (``backend/data_wizard/views.py``) decides the shape: a comma-separated file read by pandas; any value
in ``assessable`` counts as true; both score columns must be there and empty, or an absent score is stored as one.
"""

from __future__ import annotations

from collections.abc import Mapping

from nis2check.language import say, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import measures, words

NAME = "ciso-assistant"
SUFFIX = ".ciso-assistant.csv"
MEDIA = "text/csv; charset=utf-8"

LONGEST = 4_000  # characters of an observation
COLUMNS = (
    "urn", "assessable", "ref_id", "name", "description", "compliance_result", "requirement_progress", "score",
    "implementation_score", "documentation_score", "observations",
)  # fmt: skip
# A measure that nobody answered stays blank: the import then leaves it to assess instead of overwriting an auditor's work.
_RESULTS = {
    "pass": "compliant",
    "partial": "partially_compliant",
    "fail": "non_compliant",
    "not_applicable": "not_applicable",
}
_PROGRESS = {"pass": "done", "partial": "in_progress", "fail": "to_do", "not_applicable": "done"}


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """The measures that apply to the body, in the order of the framework."""
    import csv
    import io

    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    with speaking(lang):
        for one in measures.answered(document):
            writer.writerow({name: _cell(text) for name, text in _row(one, lang).items()})
    return out.getvalue().encode("utf-8", "backslashreplace")


def _row(one: measures.Answered, lang: str) -> dict[str, str]:
    return {
        "assessable": "true",
        "ref_id": one.id,
        "name": say(words.spoken(one.says["title"], lang), lang),
        "compliance_result": _RESULTS.get(one.verdict, ""),
        "requirement_progress": _PROGRESS.get(one.verdict, ""),
        "observations": say(measures.observation(one), lang),
    }


def _cell(text: str) -> str:
    """Lines cleaned one by one; the guard against formulas stands at the head of the cell."""
    lines = [clean(line, Medium.HTML, longest=LONGEST) for line in text.split("\n")]
    return "\n".join([clean(lines[0], Medium.CSV, longest=LONGEST), *lines[1:]])
