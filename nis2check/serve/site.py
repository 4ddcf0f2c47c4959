# SPDX-License-Identifier: EUPL-1.2
"""The pages of the dashboard: a path and its query → the bodies, one body's runs, a run, its findings, what changed.

Rule for this file: a query comes from whoever typed it: every value is bounded, checked against its list, or searched as plain
text. Pages change nothing, so all of them are GET.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from nis2check.errors import InputError, Nis2checkError
from nis2check.history import diff
from nis2check.history.compare import KINDS
from nis2check.history.store import History, Run
from nis2check.language import _, speaking
from nis2check.model import Json, Proof, Severity, Verdict
from nis2check.report import brief, brief_page, curve, findings, html, pages, plan_page
from nis2check.serve.server import Answer

SHEETS = ("report.css", "dashboard.css")
A_PAGE = 100  # lines of a table; the others are behind a link
LONGEST_QUERY = 200  # characters of one value
OPENED = 8  # results kept ready
FRESH = 5.0  # seconds that the list of all runs may be old: turning the pages of a country reads it once

STATES = ("", "gaps", "new", "unknown", "interrupted")


class NotFoundError(Exception):
    """No such page, run or body."""


@dataclass(frozen=True, slots=True)
class Query:
    """The values of a query, one of each name, bounded."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.values.get(name, "")[:LONGEST_QUERY].strip()

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """One of the choices, else the first: a filter that is not known filters nothing."""
        value = self.text(name)
        return value if value in choices else choices[0]

    def number(self, name: str) -> int:
        """A number from 1, or NotFoundError."""
        value = self.text(name)
        if not (value.isascii() and value.isdigit() and 0 < len(value) < 10 and int(value)):
            raise NotFoundError
        return int(value)

    def page(self) -> int:
        return self.number("page") if self.text("page") else 1


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of a list, and the links to its neighbours ("" when there is none)."""

    items: Sequence[Any]
    total: int
    before: str
    after: str


@dataclass(slots=True)
class Site:
    """The pages over one history, in one language. Safe to call from several threads."""

    history: History
    lang: str
    _ready: OrderedDict[int, Mapping[str, Json]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)
    _runs: tuple[Run, ...] = ()
    _read_at: float = -FRESH

    def answer(self, target: str) -> Answer:
        """The page of a path and query; never raises."""
        try:
            parts = urlsplit(target)
            page = PAGES.get(parts.path)
            if page is None:
                raise NotFoundError
            found = parse_qs(parts.query, max_num_fields=20, errors="replace")
            with speaking(self.lang):
                return page(self, Query({name: values[-1] for name, values in found.items()}))
        except (NotFoundError, ValueError):
            return self.refused(HTTPStatus.NOT_FOUND)
        except Nis2checkError as fault:
            return self.refused(HTTPStatus.INTERNAL_SERVER_ERROR, fault.what)
        except Exception:  # noqa: BLE001 - a bug in one page must not end the others; the page says so
            return self.refused(HTTPStatus.INTERNAL_SERVER_ERROR)

    def refused(self, status: HTTPStatus, told: str = "") -> Answer:
        """A page that says no, without an echo of what was asked."""
        with speaking(self.lang):
            values = {"status": int(status), "sentence": told or _refusals().get(status, _("Demande refusée."))}
        return self._made("refused.html.j2", values, status)

    def _made(self, template: str, values: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Answer:
        body = pages.render(template, self.lang, values, sheets=SHEETS, forms="'self'")
        return Answer(status, body, pages.policy(SHEETS, "'self'"))

    def _listed(self) -> tuple[Run, ...]:
        """Every run, the latest first."""
        now = time.monotonic()
        if now - self._read_at >= FRESH:
            self._runs = self.history.runs()
            self._read_at = now
        return self._runs

    def _document(self, number: int) -> Mapping[str, Json]:
        """The result of a run; a run that was kept never changes. NotFoundError when it is not there."""
        with self._lock:
            if number in self._ready:
                self._ready.move_to_end(number)
                return self._ready[number]
        try:
            document = self.history.document(number)
        except InputError:
            if all(run.number != number for run in self.history.runs()):
                raise NotFoundError from None
            raise
        with self._lock:
            self._ready[number] = document
            if len(self._ready) > OPENED:
                self._ready.popitem(last=False)
        return document

    # ------------------------------------------------------------------------------------------------------- pages

    def bodies(self, query: Query) -> Answer:
        """The bodies of the history, each with its last run."""
        last: dict[str, Run] = {}
        count: dict[str, int] = {}
        for run in self._listed():  # the latest first
            last.setdefault(run.body, run)
            count[run.body] = count.get(run.body, 0) + 1
        wanted, state = query.text("q"), query.choice("state", STATES)
        found = [run for run in last.values() if _named(run, wanted) and _in_state(run, state)]
        found.sort(key=lambda run: (findings.natural(run.name.casefold()), run.body))
        values = {"q": wanted, "state": state, "states": STATES, "runs": count, "whole": len(last)}
        return self._made("bodies.html.j2", values | {"page": _slice(found, query, "/", {"q": wanted, "state": state})})

    def body(self, query: Query) -> Answer:
        """One body: its curve, its runs, and two of them to compare."""
        key = query.text("key")
        runs = self.history.runs(key) if key else ()
        if not runs:
            raise NotFoundError
        trend = curve.draw([asdict(point) for point in self.history.trend(runs[0].body)], self.lang)
        page = _slice(runs, query, "/body", {"key": key})
        return self._made("body.html.j2", {"runs": runs, "trend": trend, "page": page, "body": runs[0]})

    def run(self, query: Query) -> Answer:
        """The whole report of a run."""
        number = query.number("n")
        document = self._document(number)
        values = html.page_values(document, self.lang) | self._back(number, document)
        return self._made("report.html.j2", values)

    def brief(self, query: Query) -> Answer:
        number = query.number("n")
        document = self._document(number)
        values = {"brief": brief.build(document, self.lang), "document": document} | self._back(number, document)
        body = pages.render("brief.html.j2", self.lang, values, sheets=brief_page.SHEETS)
        return Answer(HTTPStatus.OK, body, pages.policy(brief_page.SHEETS))

    def plan(self, query: Query) -> Answer:
        number = query.number("n")
        document = self._document(number)
        return self._made("plan_page.html.j2", plan_page.values(document, self.lang) | self._back(number, document))

    def findings(self, query: Query) -> Answer:
        """The findings of a run, searched and filtered."""
        number = query.number("n")
        document = self._document(number)
        chosen = {
            "q": query.text("q"),
            "verdict": query.choice("verdict", ("", *(word.value for word in Verdict))),
            "severity": query.choice("severity", ("", *(word.value for word in Severity))),
            "proof": query.choice("proof", ("", *(word.value for word in Proof))),
        }
        lines = [line for line in _lines(document, self.lang) if _chosen(line, chosen)]
        page = _slice(lines, query, "/findings", {"n": str(number), **chosen})
        values = {
            "document": document,
            "number": number,
            "chosen": chosen,
            "page": page,
            "whole": len(document["findings"]),
        }
        choices = {"verdict": list(Verdict), "severity": list(Severity), "proof": list(Proof)}
        return self._made("findings_list.html.j2", values | {"choices": choices} | self._back(number, document))

    def changes(self, query: Query) -> Answer:
        """What changed between two runs of a body."""
        before, after = query.number("before"), query.number("after")
        told = diff.document(self._document(before), self._document(after))
        values = {"diff": told, "kinds": KINDS, "numbers": (before, after), "most": A_PAGE}
        return self._made("diff.html.j2", values | self._back(after, self._document(after)))

    def _back(self, number: int, document: Mapping[str, Json]) -> dict[str, Any]:
        """The way back: the dashboard and the body of a run, and the other views of it."""
        body = document["body"] or {}
        return {"served": {"key": str(body.get("siren") or body.get("name") or ""), "number": number}}


Page = Callable[[Site, Query], Answer]
PAGES: Mapping[str, Page] = {
    "/": Site.bodies,
    "/body": Site.body,
    "/run": Site.run,
    "/brief": Site.brief,
    "/plan": Site.plan,
    "/findings": Site.findings,
    "/diff": Site.changes,
}


def _refusals() -> dict[HTTPStatus, str]:
    return {
        HTTPStatus.FORBIDDEN: _("Ouvrir l'adresse entière que nis2check serve a affichée : elle porte un jeton."),
        HTTPStatus.NOT_FOUND: _("Cette page n'existe pas, ou cette analyse n'est plus gardée."),
        HTTPStatus.METHOD_NOT_ALLOWED: _("Ce tableau de bord se lit seulement."),
        HTTPStatus.MISDIRECTED_REQUEST: _("Ce nom n'est pas celui de ce tableau de bord."),
        HTTPStatus.REQUEST_URI_TOO_LONG: _("Adresse trop longue."),
        HTTPStatus.INTERNAL_SERVER_ERROR: _("Erreur interne de nis2check."),
    }


def _named(run: Run, wanted: str) -> bool:
    return not wanted or wanted.casefold() in run.name.casefold() or wanted.replace(" ", "") in run.body


def _in_state(run: Run, state: str) -> bool:
    asked = {
        "gaps": run.counts["fail"] + run.counts["partial"] > 0,
        "new": run.changes["new"] + run.changes["worse"] > 0,
        "unknown": run.counts["unknown"] > 0,
        "interrupted": not run.complete,
    }
    return asked.get(state, True)


def _lines(document: Mapping[str, Json], lang: str) -> Iterable[dict[str, Any]]:
    """Every finding with the title of its rule, worst first."""
    for group in findings.groups(document, tuple(Verdict)):
        title = group.title(document, lang)
        for one in group.members:
            yield {"finding": one, "title": title}


def _chosen(line: Mapping[str, Any], chosen: Mapping[str, str]) -> bool:
    one = line["finding"]
    if any(chosen[name] and one[name] != chosen[name] for name in ("verdict", "severity", "proof")):
        return False
    wanted = chosen["q"].casefold()
    return not wanted or any(wanted in text.casefold() for text in (line["title"], one["rule"], one["target"]["name"]))


def _slice(items: Sequence[Any], query: Query, path: str, values: Mapping[str, str]) -> Slice:
    """The page that was asked of a list; NotFoundError beyond its end."""
    number = query.page()
    start = (number - 1) * A_PAGE
    if number > 1 and start >= len(items):
        raise NotFoundError

    def link(other: int) -> str:
        kept = {name: value for name, value in values.items() if value}
        return f"{path}?{urlencode(kept | {'page': str(other)})}"

    return Slice(
        items[start : start + A_PAGE],
        len(items),
        link(number - 1) if number > 1 else "",
        link(number + 1) if start + A_PAGE < len(items) else "",
    )
