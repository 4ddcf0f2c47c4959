# SPDX-License-Identifier: EUPL-1.2
"""GitHub workflow commands: ``::error file=…,line=…,title=…::message``, which a job prints to annotate lines.

Use ``--output github=-`` in a step. GitHub shows ten of each level a step; the rest stays in the log.
"""

from __future__ import annotations

from collections.abc import Mapping

from nis2check.language import _, plural, say, speaking
from nis2check.model import Json
from nis2check.printing import Medium, clean
from nis2check.report.alerts import Alert, alerts, remedy, waived

NAME = "github"
SUFFIX = ".github.txt"
MEDIA = "text/plain; charset=utf-8"

MOST = 1000  # commands; a log is no report
_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """One command a gap, worst first, then a notice of what is unknown or was left out. Never empty."""
    with speaking(lang):
        found = alerts(document, Medium.GITHUB, lang)
        lines = [_command(alert, lang) for alert in found[:MOST]]
        lines += [f"::notice::{clean(say(text, lang), Medium.GITHUB)}" for text in _notices(document, len(found))]
        return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def _command(alert: Alert, lang: str) -> str:
    waiver = waived(alert, Medium.GITHUB)
    level = "notice" if waiver or alert.is_known else _LEVELS[alert.level]
    lines = [alert.message, clean(say(remedy(alert, lang), lang), Medium.GITHUB)]
    lines += [say(_("Dérogation {waiver}"), lang).format(waiver=waiver)] if waiver else []
    lines += [clean(say(_("Déjà connu (référence)."), lang), Medium.GITHUB)] if alert.is_known else []
    place = f"file={_property(alert.file)},line={alert.line},title={_property(alert.title, cleaned=True)}"
    return f"::{level} {place}::{'%0A'.join(line for line in lines if line)}"


def _property(text: str, *, cleaned: bool = False) -> str:
    """A value of a command: a colon or comma in it would end it (actions/toolkit, command.ts)."""
    one = text if cleaned else clean(text, Medium.GITHUB)
    return one.replace(":", "%3A").replace(",", "%2C")


def _notices(document: Mapping[str, Json], count: int) -> list[str]:
    out = [] if count else [_("nis2check : aucun écart constaté.")]
    if count > MOST:
        out.append(plural("{n} autre écart n'est pas annoté.", "{n} autres écarts ne sont pas annotés.", count - MOST))
    unknown = document["coverage"]["unknown"]
    if unknown:
        out.append(
            plural(
                "{n} point indéterminé : ni conforme, ni en écart.",
                "{n} points indéterminés : ni conformes, ni en écart.",
                unknown,
            )
        )
    if not document["complete"]:
        out.append(_("Analyse interrompue : le résultat est partiel."))
    return out
