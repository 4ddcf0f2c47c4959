# SPDX-License-Identifier: EUPL-1.2
"""A simulation as one HTML page: a chart (SVG), the counts, who moves. No script, no outside asset.

Takes the plain ``nis2check.simulation/1`` value, so that a page can be made of an old file. Every text passes `_text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from nis2check.language import _, chosen, pick, say
from nis2check.law.scope import words
from nis2check.model import Category, Json
from nis2check.printing import Medium, clean, number

# Told apart without colour too: each bar carries its figure and the legend its order. Contrast over 4.5 on white.
_COLOURS = {Category.ESSENTIAL: "#8a1538", Category.IMPORTANT: "#1f5a96", Category.UNDECIDED: "#6b6b6b"}
_MOST_ROWS = 5000

_STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}caption{text-align:left;font-weight:600;padding:.5rem 0}
th,td{border:1px solid #888;padding:.25rem .6rem;text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}
svg{max-width:100%;height:auto;background:#fff}figure{margin:0}.scroll{overflow-x:auto}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def page(simulation: Mapping[str, Json]) -> bytes:
    """The whole page, in the chosen language."""
    title = _text(_("Simulation des régimes NIS 2 sur tout le registre"))
    notice = _text(
        _("Régimes à la date qu'ils portent, certains hypothétiques : une lecture des textes, pas un avis juridique.")
    )
    parts = [
        f'<!doctype html>\n<html lang="{chosen()}"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1><p>{notice}</p>",
        *(f"<p>{_text(note)}</p>" for note in simulation["notes"]),
        f"<figure>{chart(simulation)}</figure>",
        *_counts(simulation),
        *_natures(simulation),
        *_changes(simulation),
        "</main></body></html>\n",
    ]
    return "\n".join(parts).encode("utf-8", "backslashreplace")


def chart(simulation: Mapping[str, Json]) -> str:
    """Bars of essential, important and undecided bodies, a group a scenario; out of scope would dwarf them."""
    scenarios = simulation["scenarios"]
    shown = list(_COLOURS)
    most = max([1, *(each["counts"][category] for each in scenarios for category in shown)])
    left, row, wide = 330, 22, 460
    height = 50 + len(scenarios) * (row * len(shown) + 16)
    title = _text(_("Nombre d'organismes par catégorie et par scénario"))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {height}" role="img" aria-label="{title}">',
        f"<title>{title}</title>",
    ]
    x = 10
    for category in shown:
        label = _text(pick(words(category)))
        out.append(f'<rect x="{x}" y="8" width="14" height="14" fill="{_COLOURS[category]}"/>')
        out.append(f'<text x="{x + 20}" y="20" font-size="13" fill="#111">{label}</text>')
        x += 190
    y = 44
    for each in scenarios:
        out.append(f'<text x="10" y="{y + 16}" font-size="13" fill="#111">{_text(each["id"])}</text>')
        for category in shown:
            count = each["counts"][category]
            length = round(wide * count / most)
            out.append(f'<rect x="{left}" y="{y}" width="{length}" height="{row - 5}" fill="{_COLOURS[category]}"/>')
            figure = number(count, chosen())
            out.append(f'<text x="{left + length + 6}" y="{y + 13}" font-size="12" fill="#111">{figure}</text>')
            y += row
        y += 16
    return "".join([*out, "</svg>"])


def _text(value: object) -> str:
    """A foreign or translated text, harmless in HTML and in SVG."""
    return escape(say(clean(value, Medium.HTML)))


def _head(cells: list[str]) -> str:
    return "<thead><tr>" + "".join(f'<th scope="col">{_text(cell)}</th>' for cell in cells) + "</tr></thead><tbody>"


def _counts(simulation: Mapping[str, Json]) -> Iterator[str]:
    categories = list(Category)
    yield f'<div class="scroll"><table><caption>{_text(_("Par scénario"))}</caption>'
    yield _head([_("Scénario"), *(pick(words(category)) for category in categories)])
    for each in simulation["scenarios"]:
        figures = "".join(f'<td class="n">{number(each["counts"][category], chosen())}</td>' for category in categories)
        yield f'<tr><th scope="row">{_text(each["id"])}</th>{figures}</tr>'
    yield "</tbody></table></div>"


def _natures(simulation: Mapping[str, Json]) -> Iterator[str]:
    categories = list(Category)
    yield f'<div class="scroll"><table><caption>{_text(_("Par nature"))}</caption>'
    yield _head([_("Scénario"), _("Nature"), *(pick(words(category)) for category in categories)])
    for each in simulation["scenarios"]:
        for nature, counts in each["by_nature"].items():
            figures = "".join(f'<td class="n">{number(counts[category], chosen())}</td>' for category in categories)
            yield f"<tr><td>{_text(each['id'])}</td><td>{_text(nature)}</td>{figures}</tr>"
    yield "</tbody></table></div>"


def _changes(simulation: Mapping[str, Json]) -> Iterator[str]:
    changes = simulation["changes"]
    if not changes:
        return
    yield f'<div class="scroll"><table><caption>{_text(_("Qui change de catégorie"))}</caption>'
    yield _head([_("De"), _("À"), _("SIREN"), _("Nom"), _("Nature"), _("Départements"), _("Avant"), _("Après")])
    for change in changes[:_MOST_ROWS]:
        before, after = (_told(change[side]) for side in ("before", "after"))
        cells = [change["from"], change["to"], change["siren"], change["name"], change["nature"]]
        cells += [" ".join(change["departments"]), before, after]
        yield "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table></div>"
    if len(changes) > _MOST_ROWS:
        yield f"<p>{_text(_('Les {n} premiers changements ; tous sont dans le CSV.').format(n=_MOST_ROWS))}</p>"


def _told(category: str | None) -> str:
    return pick(words(Category(category))) if category else _("n'existe pas")
