# SPDX-License-Identifier: EUPL-1.2
"""The HTML report: one sealed file, honest words, colours that can be read, typography."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nis2check import files
from nis2check.report import findings, html, pages, timeline
from nis2check.report.words import family as family_name

GOLDEN = Path(__file__).parent / "golden" / "result.json"


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


@pytest.fixture
def page(golden: dict[str, Any]) -> str:
    return html.render(golden, "fr").decode()


class Walk(HTMLParser):
    """Elements with their attributes, open elements left at the end, and the text without style."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def text_of(page: str) -> str:
    return " ".join(Walk(page).text.replace("\u00a0", " ").replace("\u202f", " ").split())


def test_every_element_is_closed_and_ids_are_unique(page: str) -> None:
    walk = Walk(page)
    assert walk.open == []
    ids = [attributes["id"] for _tag, attributes in walk.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [str(a["href"])[1:] for tag, a in walk.seen if tag == "a"]
    assert set(targets) <= set(ids)
    named = [word for _tag, a in walk.seen for word in (a.get("aria-labelledby") or "").split()]
    assert set(named) <= set(ids)


def test_nothing_runs_and_nothing_is_loaded(page: str) -> None:
    tags = Walk(page).seen
    assert {tag for tag, _attributes in tags} & {
        "script",
        "link",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "img",
    } == set()
    names = {name for _tag, attributes in tags for name in attributes}
    assert [name for name in names if name.startswith("on") or name in {"style", "src", "srcset"}] == []
    assert [a["href"] for tag, a in tags if tag == "a" and not str(a["href"]).startswith("#")] == []
    assert "url(" not in page
    assert "@import" not in page


def test_the_policy_allows_the_one_style_sheet_by_its_hash(page: str) -> None:
    policy = next(a["content"] for tag, a in Walk(page).seen if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy


def test_structure_for_a_screen_reader(page: str) -> None:
    tags = Walk(page).seen
    assert ("html", {"lang": "fr"}) in tags
    levels = [int(tag[1]) for tag, _attributes in tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert next(a for tag, a in tags if tag == "a")["class"] == "skip"
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _attributes in tags}
    assert [a for tag, a in tags if tag == "th" and "scope" not in a] == []
    tables = [tag for tag, _attributes in tags if tag in {"table", "caption"}]
    assert tables.count("table") == tables.count("caption") > 3
    drawn = [a for tag, a in tags if tag == "svg"]
    assert all(a.get("aria-hidden") == "true" or (a.get("role") == "img" and a.get("aria-labelledby")) for a in drawn)


def test_it_says_what_it_must(page: str, golden: dict[str, Any]) -> None:
    text = text_of(page)
    for words in (
        "Communauté de communes des Étangs & Forêts",
        "31 420 habitants",
        "Entité importante (EI)",
        "art. 9, 5°",
        "confiance A",
        "non promulgué au 7 octobre 2026",
        "c’est la première porte d’entrée des rançongiciels",
        "91 points examinés",
        "8 par sonde",
        "28 par attestation",
        "Un point indéterminé n’est jamais compté comme conforme.",
        "seule une attestation, avec sa preuve, y répond",
        "Depuis le 15 novembre 2026 : 1 nouveau, 3 corrigés, 0 aggravé, 2 non retestés.",
        "Tester une restauration complète",
        "Gain 3 × urgence 3 ÷ effort 2 = 4,5.",
        "Mois 13 à 24",
        "5/16",
        "sondes : 4 contre, 2 pour",
        "L’attendu « Aucune version de TLS antérieure à 1.2 » n’est pas tenu.",
        "SSLProtocol -all +TLSv1.2 +TLSv1.3",
        "Ne voit que les adresses publiques du nom.",
        "Dérive entre les fichiers et ce qui est en service",
        "Dérogation D-004 jusqu’au 15 janvier 2027",
        "échue",
        "Un filtre a répondu à la place du site",
        "Aide à la préparation ; ne vaut ni certification ni avis juridique.",
        "sans lien avec l’ANSSI",
        "b7" * 32,
        hashlib.sha256(files.canonical(golden)).hexdigest(),
    ):
        assert words in text, words


def test_each_family_has_its_counts(page: str, golden: dict[str, Any]) -> None:
    said = text_of(page)[text_of(page).index("par famille") : text_of(page).index("par objectif")]
    for family, counts in findings.families(golden):
        assert f"{family_name(family)} {counts['pass']}/{counts['measures']}" in " ".join(said.split())


def test_no_grade_and_no_percentage(page: str) -> None:
    assert "%" not in text_of(page)


def test_hostile_values_are_shown_as_text(page: str) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b]0;PWNED\\x07" in page
    assert "\\u202egnp.exe" in page
    assert "&lt;i&gt;au plus tard&lt;/i&gt;" in page


def test_typography(page: str) -> None:
    text = Walk(page).text
    assert "l'" not in text.replace("C calc'!A0", "").replace('"L\'Étang"', "")
    assert not re.search(r"[a-zé] [;!?](\s|$)", text)
    assert re.search(r"\u00ab\u202f", text)


def test_an_undefined_name_is_an_error(golden: dict[str, Any]) -> None:
    from jinja2 import UndefinedError

    del golden["tool"]["rules"]["sha256"]
    with pytest.raises(UndefinedError):
        html.render(golden, "fr")


def test_long_lists_are_cut_with_a_number(golden: dict[str, Any]) -> None:
    one = golden["findings"][1]
    golden["findings"] += [one | {"id": str(n), "target": one["target"] | {"name": f"h{n}.test"}} for n in range(1200)]
    golden["gaps"] += [golden["gaps"][0] | {"subject": f"g{n}.test"} for n in range(1000)]
    text = text_of(html.render(golden, "fr").decode())
    assert "… et 1 198 autres, dans les fichiers CSV et JSON." in text
    assert "… et 801 autres, dans le fichier JSON." in text


def test_no_gap_is_not_a_blank_cheque(golden: dict[str, Any]) -> None:
    golden["findings"] = [one for one in golden["findings"] if one["verdict"] == "pass"]
    text = text_of(html.render(golden, "fr").decode())
    assert "Aucun écart n’a été observé par les sondes" in text
    assert "Cela ne vaut que pour ce qui a été regardé." in text


# ----------------------------------------------------------------------------------------------------------- colours

TEXT_PAIRS = [
    ("ink", "ground"), ("ink", "paper"), ("soft", "ground"), ("soft", "paper"), ("soft", "wash"), ("ink", "wash"),
    ("accent", "paper"), ("accent", "ground"), ("on-band", "band"), ("on-band-soft", "band"),
    *((word, "paper") for word in ("fail", "partial", "unknown", "to_attest", "pass")),
    *((word, f"{word}-wash") for word in ("fail", "partial", "unknown", "to_attest", "pass", "none")),
]  # fmt: skip


def palettes() -> dict[str, dict[str, str]]:
    """The custom properties of the light and of the dark theme."""
    css = (pages.TEMPLATES / "report.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([a-z_-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.S)[:2]
    )
    assert set(light) == set(dark)
    return {"light": light, "dark": dark}


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2, 1.4.3."""

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str) -> None:
    colours = palettes()[theme]
    weak = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in TEXT_PAIRS}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_can_be_seen(theme: str) -> None:
    colours = palettes()[theme]
    for word in ("pass", "partial", "fail", "unknown", "accent"):
        assert contrast(colours[word], colours["paper"]) >= 3


# ---------------------------------------------------------------------------------------------------------- timeline


def test_timeline_places_measures_of_a_month_one_after_another(golden: dict[str, Any]) -> None:
    drawn = timeline.draw(golden["plan"], "fr")
    assert drawn
    assert [month.replace("\u00a0", " ") for month in drawn.months] == [
        "déc. 2026", "janv. 2027", "févr. 2027", "mars 2027", "avril 2027", "mai 2027"
    ]  # fmt: skip
    assert drawn.loads == ("2", "1", "–", "3", "–", "2,5")
    first, second, third = drawn.bars[:3]
    assert first.x + first.width <= second.x
    assert second.x + second.width <= third.x
    assert all(bar.x + bar.width <= drawn.width for bar in drawn.bars)


def test_timeline_of_a_plan_that_overflows_stays_inside(golden: dict[str, Any]) -> None:
    plan = golden["plan"]
    plan["measures"] = [one | {"effort": 90, "month": "2029-01"} for one in plan["measures"]]
    drawn = timeline.draw(plan, "fr")
    assert drawn
    assert all(bar.width > 0 and bar.x + bar.width <= drawn.width for bar in drawn.bars)
    assert timeline.draw({"measures": [], "roadmap": []}, "fr") is None


def test_a_folder_holds_every_finding_in_pages(golden: dict[str, Any]) -> None:
    one = golden["findings"][1]
    golden["findings"] += [one | {"id": str(n), "target": one["target"] | {"name": f"h{n}.test"}} for n in range(2_300)]
    made = html.documents(golden, "fr")
    assert list(made) == ["index.html", "constats-1.html", "constats-2.html", "constats-3.html"]
    shown = [set(re.findall(r"h\d+\.test", data.decode())) for data in made.values()]
    assert set.union(*shown[1:]) == {f"h{n}.test" for n in range(2_300)}
    assert sum(len(some) for some in shown[1:]) == 2_300
    assert len(shown[0]) < 50
    ids = {name: set(re.findall(r' id="([^"]+)"', data.decode())) for name, data in made.items()}
    for name, data in made.items():
        for target in re.findall(r'href="([^"]+)"', data.decode()):
            page, _hash, anchor = target.partition("#")
            assert (page or name) in made, target
            assert not anchor or anchor in ids[page or name], target
    assert max(len(data) for data in made.values()) < 600_000
