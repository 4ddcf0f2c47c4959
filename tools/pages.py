# SPDX-License-Identifier: EUPL-1.2
"""The pages of docs/: one for each rule, measure, objective, article of NIS 2 and regime, in French and in English.

python tools/pages.py write     renews them; a test compares them with what this makes

They say what ``nis2check explain`` says, from the same values (``report/page.py``), and are shipped in the wheel.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from nis2check import frameworks
from nis2check.evidence.sources import fact_specs
from nis2check.language import LANGUAGES, _, pick, say, speaking
from nis2check.law import regime
from nis2check.law.describe import describe
from nis2check.model import Json
from nis2check.report.page import markdown
from nis2check.rules.explain import explain
from nis2check.rules.load import load

DOCS = Path(__file__).parent.parent / "docs"
_FOLDERS = ("rules", "recyf", "nis2", "regimes")


def page_of(subject: str) -> str:
    """The place of a subject's page in the folder of a language; "" when it has none."""
    source, colon, clause = subject.partition(":")
    if not colon:
        return f"rules/{subject}.md"
    if source == "regime":
        return f"regimes/{clause}.md"
    if source in {"recyf", "nis2"}:
        return f"{source}/{re.sub(r'[^0-9A-Za-z.]+', '-', clause).strip('-')}.md"
    return ""


def subjects() -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Every subject that has a page, with what is to be said of it."""
    rules, recyf, nis2 = load(fact_specs()), frameworks.load(), frameworks.load("nis2")
    for rule in rules:
        yield rule.id, explain(rule.id, rules, recyf)
    for clause in (*recyf.objectives, *recyf.measures):
        yield f"recyf:{clause}", explain(f"recyf:{clause}", rules, recyf)
    for clause in (*nis2.objectives, *nis2.measures):
        yield f"nis2:{clause}", explain(f"nis2:{clause}", rules, recyf)
    for name in regime.known():
        yield f"regime:{name}", describe(regime.load(name))


def pages() -> dict[str, bytes]:
    """Every page by its place under docs/."""
    made: dict[str, bytes] = {}
    known = dict(subjects())
    for lang in LANGUAGES:
        for subject, about in known.items():
            own = page_of(subject)
            made[f"{lang}/{own}"] = markdown(about, lang, partial(_from, own, known))
        made[f"{lang}/index.md"] = _index(known, lang)
    return made


def _from(own: str, known: Mapping[str, Json], subject: str) -> str:
    """The address of a subject's page, as seen from another page."""
    place = page_of(subject) if subject in known else ""
    return Path(os.path.relpath(place, Path(own).parent)).as_posix() if place else ""


def _index(known: Mapping[str, Mapping[str, Json]], lang: str) -> bytes:
    with speaking(lang):
        titles = {
            "rule": _("Règles"),
            "regime": _("Régimes"),
            "clause": _("Articles de NIS 2"),
            "objective": _("Objectifs de ReCyF"),
            "measure": _("Mesures de ReCyF"),
        }
        lines = ["# " + _("Ce que nis2check vérifie, et pourquoi"), ""]
        for kind, title in titles.items():
            lines += [f"## {title}", ""]
            for subject, about in known.items():
                if about["kind"] == kind:
                    lines.append(f"- [{subject}]({page_of(subject)}) : {pick(about['title'])}")
            lines.append("")
        return say("\n".join(lines)).encode()


def write() -> None:
    made = pages()
    for lang in LANGUAGES:
        for folder in _FOLDERS:
            shutil.rmtree(DOCS / lang / folder, ignore_errors=True)
    for place, data in made.items():
        path = DOCS / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"{len(made)} pages")


if __name__ == "__main__":
    if sys.argv[1:] != ["write"]:
        sys.exit(__doc__)
    write()
