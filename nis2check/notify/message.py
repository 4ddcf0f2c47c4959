# SPDX-License-Identifier: EUPL-1.2
"""A kept result → what to tell people, if anything changed. Pure.

Rule for this file: without ``details`` no name of a target leaves (a room may be read by many, and a mail goes far); every
foreign word is cleaned, and cut, before it stands in a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping

from nis2check.language import _, pick, plural, say
from nis2check.model import Json
from nis2check.printing import Medium, clean, short_date

KINDS = ("new", "worse", "fixed", "better", "not_retested")
MOST_DETAILS = 50  # findings named in one message
LONGEST_NAME = 80  # characters


def notification(document: Mapping[str, Json], path: str, *, details: bool = False) -> dict[str, Json] | None:
    """``nis2check.notification/1`` (schemas/), or None when nothing changed since the last kept run or there is none.

    ``path``: where the reader finds the rest.
    """
    changes = document["changes"] or {}
    counts = {kind: len(changes.get(kind, ())) for kind in KINDS}
    if not changes.get("since") or not any(counts.values()):
        return None
    body = document["body"] or {}
    told: dict[str, Json] = {
        "schema": "nis2check.notification/1",
        "body": {"siren": body.get("siren", ""), "name": body.get("name", "")},
        "run": {
            "number": document["trend"][-1]["run"] if document.get("trend") else None,
            "started": document["run"]["started"],
            "complete": document["complete"],
        },
        "since": changes["since"],
        "changes": counts,
        "gaps": document["coverage"]["fail"] + document["coverage"]["partial"],
        "path": path,
    }
    return told | ({"details": _details(document)} if details else {})


def _details(document: Mapping[str, Json]) -> list[Json]:
    """The findings that changed and are still there, gravest kinds first."""
    found = {one["id"]: one for one in document["findings"]}
    named = [(kind, found[id_]) for kind in KINDS for id_ in document["changes"].get(kind, ()) if id_ in found]
    return [
        {
            "change": kind,
            "rule": one["rule"],
            "title": _title(document, one["rule"]),
            "severity": one["severity"],
            "target": one["target"]["name"],
        }
        for kind, one in named[:MOST_DETAILS]
    ]


def _title(document: Mapping[str, Json], rule: str) -> Json:
    framework = document["framework"]
    said = document["rules"].get(rule) or framework["measures"].get(rule.removeprefix(f"{framework['id']}/"))
    return said["title"] if said else {"fr": rule}


def subject(told: Mapping[str, Json]) -> str:
    """``2 nouveaux écarts, 1 corrigé (Ville)``: the change, not the state. One line."""
    return say(f"nis2check : {counts(told)}") + f" ({_name(told)})"


def counts(told: Mapping[str, Json]) -> str:
    """The kinds of change that there are."""
    changes = told["changes"]
    words = {
        "new": plural("{n} nouvel écart", "{n} nouveaux écarts", changes["new"]),
        "worse": plural("{n} aggravé", "{n} aggravés", changes["worse"]),
        "fixed": plural("{n} corrigé", "{n} corrigés", changes["fixed"]),
        "better": plural("{n} amélioré", "{n} améliorés", changes["better"]),
        "not_retested": plural("{n} non retesté", "{n} non retestés", changes["not_retested"]),
    }
    return ", ".join(words[kind] for kind in KINDS if changes[kind])


def text(told: Mapping[str, Json], lang: str) -> str:
    """The message as plain text, a few lines; with its details when it has some."""
    since = short_date(told["since"])
    lines = [
        _name(told),
        "",
        say(_("Depuis le {day} : {counts}.").format(day=since, counts=counts(told))),
        say(plural("{n} écart ouvert en tout.", "{n} écarts ouverts en tout.", told["gaps"])),
    ]
    if told["changes"]["not_retested"]:
        lines.append(say(_("« Non retesté » ne veut pas dire corrigé : la cible a disparu, ou n'a pas répondu.")))
    if not told["run"]["complete"]:
        lines.append(say(_("Cette analyse a été interrompue.")))
    lines += [_line(one, lang) for one in told.get("details", ())]
    lines += ["", say(_("Le détail : {path}")).format(path=_clean(told["path"], 500))]
    return "\n".join(lines) + "\n"


def _line(one: Mapping[str, Json], lang: str) -> str:
    title, target = _clean(pick(one["title"], lang), 200), _clean(one["target"], 200)
    return f"- {_words()[one['change']]} : {title} ({target})"


def _words() -> dict[str, str]:
    return {
        "new": _("nouveau"),
        "worse": _("aggravé"),
        "fixed": _("corrigé"),
        "better": _("amélioré"),
        "not_retested": _("non retesté"),
    }


def _name(told: Mapping[str, Json]) -> str:
    body = told["body"]
    return _clean(body["name"] or body["siren"] or "?", LONGEST_NAME)


def _clean(value: object, longest: int) -> str:
    return clean(value, Medium.LOG, longest=longest)
