# SPDX-License-Identifier: EUPL-1.2
"""What every page in HTML is made with: one environment of templates, one style sheet allowed by its hash, no script.

Rules for this file and the templates: everything printed passes through `clean` (Jinja's ``finalize``) and autoescape; a
foreign value also through the ``foreign`` filter, which bounds it; an undefined name is an error.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nis2check import emblem, printing
from nis2check.language import _, plural, speaking, written
from nis2check.printing import Medium, clean
from nis2check.report import findings, reasons, words

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
MOST_GROUPS = 300  # rules of one verdict shown in full; beyond, the page says how many are in the JSON and CSV
MOST_TARGETS = 40  # targets of one rule shown in full
MOST_STEPS = 8  # of one period of the roadmap, the rest folded
MOST_LINES = 200  # names in a plain list
SHEETS = ("report.css",)


def render(
    template: str, lang: str, values: dict[str, Any], *, sheets: tuple[str, ...] = SHEETS, forms: str = "'none'"
) -> bytes:
    """One page as UTF-8, spoken in ``lang``. ``forms``: where a form of the page may be sent (CSP ``form-action``)."""
    css = _css(sheets)
    with speaking(lang):
        page = (
            _environment(lang).get_template(template).render(lang=lang, css=css, policy=policy(sheets, forms), **values)
        )
    return page.encode("utf-8", "backslashreplace")


@lru_cache(maxsize=4)
def _css(sheets: tuple[str, ...]) -> str:
    return "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in sheets)


def policy(sheets: tuple[str, ...] = SHEETS, forms: str = "'none'") -> str:
    """Nothing may load, run or be framed; the one style sheet is allowed by its own hash (CSP 3)."""
    import hashlib
    from base64 import b64encode

    digest = b64encode(hashlib.sha256(_css(sheets).encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action {forms}"


@lru_cache(maxsize=2)
def _environment(lang: str) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from nis2check.report.compiled import Beside

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        optimized=False,  # folding constants costs more than it saves: most templates are compiled for one page
        auto_reload=False,
        bytecode_cache=Beside(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "_": lambda message: _dress(_(message), lang),
        "plural": lambda one, many, count: _dress(plural(one, many, count), lang),
        "emblem": emblem,
        "details": {},  # set in a folder: the page that holds every finding of a rule and verdict
        "served": None,  # set by the dashboard: the run that a page shows, for its links
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


@lru_cache(maxsize=4096)  # a page says the same few hundred words thousands of times
def _dress(text: str, lang: str) -> str:
    """The typography of a document: French spaces, and a true apostrophe in both languages."""
    return written(text, lang)


def _finalize(value: Any) -> Any:
    """The last gate: no text goes out uncleaned, even one that a template forgot to filter."""
    return clean(value, Medium.HTML, longest=20_000) if type(value) is str else value
