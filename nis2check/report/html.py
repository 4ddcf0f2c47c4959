# SPDX-License-Identifier: EUPL-1.2
"""The report as one HTML file: no script, no outside asset, a Content-Security-Policy that says so (facts ux 5.2, 6.1).

Rules for this file and its templates: everything printed passes through `clean` (Jinja's ``finalize``) and autoescape; a
foreign value also through the ``foreign`` filter, which bounds it; an undefined name is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nis2check import files, printing
from nis2check.language import _, plural, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report import findings, reasons, timeline, words

if TYPE_CHECKING:
    from jinja2 import Environment

NAME = "html"
SUFFIX = ".html"
MEDIA = "text/html; charset=utf-8"

TEMPLATES = Path(__file__).with_name("templates")
MOST_GROUPS = 300  # rules of one verdict shown in full; beyond, the page says how many are in the JSON and CSV
MOST_TARGETS = 40  # targets of one rule shown in full
MOST_STEPS = 8  # of one period of the roadmap, the rest folded
MOST_LINES = 200  # names in a plain list


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """The whole page. The same document and language give the same bytes."""
    import hashlib

    with speaking(lang):
        page = (
            _environment(lang)
            .get_template("report.html.j2")
            .render(
                document=document,
                lang=lang,
                css=_css(),
                policy=_policy(),
                timeline=timeline.draw(document["plan"], lang),
                sha256=hashlib.sha256(files.canonical(document)).hexdigest(),
                **_sections(document),
            )
        )
    return page.encode("utf-8", "backslashreplace")


def _sections(document: Mapping[str, Json]) -> dict[str, Any]:
    """What the templates show, already sorted and grouped."""
    gaps = findings.groups(document, findings.GAPS)
    return {
        "exposures": findings.exposures(document),
        "gaps": gaps,
        "anchors": {(group.rule, group.verdict): f"c{place}" for place, group in enumerate(gaps[:MOST_GROUPS], 1)},
        "unknown": findings.groups(document, ("unknown",)),
        "to_attest": findings.by_objective(document, "to_attest"),
        "passed": findings.groups(document, ("pass",)),
        "not_applicable": findings.groups(document, ("not_applicable",)),
        "unseen": findings.gaps_by_why(document),
        "objectives": findings.objectives(document),
        "roadmap": _periods(document["plan"]["roadmap"]),
    }


def _periods(roadmap: list[Mapping[str, Json]]) -> list[tuple[str, list[Mapping[str, Json]]]]:
    """The measures that come after the first six months, by period, the nearest first."""
    out: dict[str, list[Mapping[str, Json]]] = {}
    for one in roadmap:
        out.setdefault(str(one["period"]), []).append(one)
    return sorted(out.items(), key=lambda item: findings.natural(item[0]))


@lru_cache(maxsize=1)
def _css() -> str:
    return (TEMPLATES / "report.css").read_text(encoding="utf-8")


def _policy() -> str:
    """Nothing may load, run, be sent or framed; the one style sheet is allowed by its own hash (CSP 3)."""
    import hashlib
    from base64 import b64encode

    digest = b64encode(hashlib.sha256(_css().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


@lru_cache(maxsize=2)
def _environment(lang: str) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "_": lambda message: _dress(_(message), lang),
        "plural": lambda one, many, count: _dress(plural(one, many, count), lang),
        "words": words,
        "reasons": reasons,
        "findings": findings,
        "most_groups": MOST_GROUPS,
        "most_targets": MOST_TARGETS,
        "most_lines": MOST_LINES,
        "most_steps": MOST_STEPS,
        "proofs": findings.PROOFS,
    }
    environment.filters |= {
        "foreign": lambda value: clean(value, Medium.HTML),
        "own": lambda text: _dress(str(text), lang),
        "spoken": lambda value: _dress(words.spoken(value, lang), lang),
        "date": lambda moment: printing.date(str(moment), lang),
        "short_date": lambda moment: printing.short_date(str(moment)),
        "clock": lambda moment: printing.clock(str(moment), lang),
        "month": lambda moment: printing.month(str(moment), lang),
        "number": lambda count: printing.number(float(count), lang),
        "capitalise": lambda text: text[:1].upper() + text[1:],
        "owner": lambda code: words.owner(str(code), lang),
        "value": words.value,
        "verdict": words.verdict,
    }
    return environment


def _dress(text: str, lang: str) -> str:
    """The typography of a document: French spaces, and a true apostrophe in both languages."""
    return printing.french(text, curly=True) if lang == "fr" else text.replace("'", "’")


def _finalize(value: Any) -> Any:
    """The last gate: no text goes out uncleaned, even one that a template forgot to filter."""
    return clean(value, Medium.HTML, longest=20_000) if type(value) is str else value
