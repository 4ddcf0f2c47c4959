# SPDX-License-Identifier: EUPL-1.2
"""The trend of a body since its first kept run: numbers for the SVG that the template draws, and the rows of its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nis2check import printing
from nis2check.language import _
from nis2check.model import Json

LEFT, TOP, WIDTH, HEIGHT = 48, 14, 660, 150  # user units of the SVG; the plot, without the days below it
BELOW = 34
MOST_DAYS = 7  # written under the curve: SVG text does not wrap
LINES = ("pass", "gaps", "open")  # conform, gaps, and what nobody could tell or answer


@dataclass(frozen=True, slots=True)
class Row:
    """One run, as the table tells it. ``note`` is empty unless something else than the body explains a step."""

    started: str
    counts: Mapping[str, int]  # LINES, and applicable
    note: str


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: the points of a polyline, and where its last point is."""

    name: str
    points: str
    x: float
    y: float
    last: int


@dataclass(frozen=True, slots=True)
class Curve:
    rows: tuple[Row, ...]
    lines: tuple[Line, ...]
    marks: tuple[tuple[float, str, float, int], ...]  # of each point: x, line, y, count
    ticks: tuple[tuple[float, int], ...]  # of the axis: y, count
    days: tuple[tuple[float, str], ...]
    description: str
    left: int = LEFT
    right: int = LEFT + WIDTH
    bottom: int = TOP + HEIGHT
    width: int = LEFT + WIDTH + 60
    height: int = TOP + HEIGHT + BELOW


def draw(trend: Sequence[Mapping[str, Json]], lang: str) -> Curve | None:
    """The curve of the points of a trend, the oldest first; None for less than two."""
    if len(trend) < 2:
        return None
    rows = tuple(_row(point, before) for point, before in zip(trend, (None, *trend), strict=False))
    whole = max(row.counts[name] for row in rows for name in LINES) or 1
    step = _step(whole)
    top = -(-whole // step) * step
    xs = [round(LEFT + WIDTH * place / (len(rows) - 1), 1) for place in range(len(rows))]

    def y(count: int) -> float:
        return round(TOP + HEIGHT * (1 - count / top), 1)

    lines = tuple(
        Line(name, " ".join(f"{x},{y(row.counts[name])}" for x, row in zip(xs, rows, strict=True)), xs[-1],
             y(rows[-1].counts[name]), rows[-1].counts[name])
        for name in LINES
    )  # fmt: skip
    shown = sorted({round(place * (len(rows) - 1) / (MOST_DAYS - 1)) for place in range(MOST_DAYS)})
    return Curve(
        rows,
        lines,
        tuple(
            (x, name, y(row.counts[name]), row.counts[name]) for x, row in zip(xs, rows, strict=True) for name in LINES
        ),
        tuple((y(count), count) for count in range(0, top + 1, step)),
        tuple((xs[place], printing.short_date(rows[place].started)[:5]) for place in shown),
        _description(rows, lang),
    )


def _row(point: Mapping[str, Json], before: Mapping[str, Json] | None) -> Row:
    coverage = point["coverage"]
    counts = {
        "applicable": coverage["applicable"],
        "pass": coverage["pass"],
        "gaps": coverage["fail"] + coverage["partial"],
        "open": coverage["unknown"] + coverage["to_attest"],
    }
    return Row(str(point["started"]), counts, _note(point, before))


def _note(point: Mapping[str, Json], before: Mapping[str, Json] | None) -> str:
    """What else than the body may explain a step of the curve."""
    if not point["complete"]:
        return _("analyse interrompue")
    if before is None:
        return ""
    if point["regime"] != before["regime"]:
        return _("autre régime juridique")
    return _("autres règles") if point["rules"] != before["rules"] else ""


def _step(whole: int) -> int:
    """A round distance between the marks of the axis: at most five of them."""
    step = 1
    while whole / step > 5:
        step = int(str(step).replace("5", "10").replace("2", "5")) if str(step)[0] in "52" else step * 2
    return step


def _description(rows: Sequence[Row], lang: str) -> str:
    first, last = rows[0], rows[-1]
    said = _("Du {first} au {last} : {a} points conformes, puis {b} ; {c} écarts, puis {d}.")
    return said.format(
        first=printing.date(first.started, lang),
        last=printing.date(last.started, lang),
        a=printing.number(first.counts["pass"], lang),
        b=printing.number(last.counts["pass"], lang),
        c=printing.number(first.counts["gaps"], lang),
        d=printing.number(last.counts["gaps"], lang),
    )
