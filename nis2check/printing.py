# SPDX-License-Identifier: EUPL-1.2
"""The one gate for text on its way out: foreign bytes are made harmless, French gets its typography.

Rule for this file: `clean` is for every byte that came from a target, a repository or a user's file; `french` is for our
own sentences. HTML escaping itself is left to Jinja's autoescape; `clean(…, HTML)` only removes what escaping keeps.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Medium(StrEnum):
    TERMINAL = "terminal"
    LOG = "log"
    HTML = "html"
    CSV = "csv"
    MARKDOWN = "markdown"
    SARIF = "sarif"  # and every other JSON
    GITHUB = "github"  # workflow commands: ::error file=…


LONGEST = 500  # characters of one foreign value in a sentence; the whole value stays in the evidence

# C0 (but tab and newline, handled apart), DEL, C1, zero-width, line and paragraph separators, bidi controls, BOM,
# interlinear annotation, tag characters and lone surrogates: all can hide, reorder or command (CWE-150).
_HOSTILE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet would run it (Symfony CVE-2021-41270)
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~]|(?<=www)\.|:(?=//))")  # the last two: GitHub links bare addresses


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clean(text: object, medium: Medium, *, longest: int = LONGEST) -> str:
    """Return ``text`` safe to print on ``medium``: controls shown as escapes, newlines flattened, at most ``longest``
    characters. A CSV cell that a spreadsheet would run starts with an apostrophe; Markdown marks are escaped; a GitHub
    command cannot be started or ended."""
    one = str(text)
    if not (one.isascii() and one.isprintable()):
        newline = " " if medium is Medium.HTML else "\\n"
        one = _HOSTILE.sub(_visible, one).replace("\t", " ").replace("\n", newline)
    if len(one) > longest:
        one = one[: longest - 1] + "…"
    if medium is Medium.CSV and one.startswith(_FORMULA):
        return "'" + one
    if medium is Medium.MARKDOWN:
        return _MARKDOWN.sub(r"\\\1", one)
    if medium is Medium.GITHUB:
        return one.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace("::", ":\u200a:")
    if medium is Medium.LOG and one.lstrip().startswith(("::", "##")):
        return "\u200a" + one  # a CI runner would read a command at the start of a line
    return one


_NARROW, _NBSP = "\u202f", "\u00a0"
# "}" stands before a space when a message is dressed before its fields are filled, so that no foreign value is dressed.
_BEFORE_HIGH = re.compile(r"(?<=[\w»)\]}’'%…]) ([;!?])(?=\s|$|[»)])")
_BEFORE_COLON = re.compile(r"(?<=[\w»)\]}’'%…]) :(?=\s|$)")
_UNITS = re.compile(r"(?<=[\d}]) (?=(?:%|€|M€|jours?\b|j\b|habitants?\b|hab\.|h\b|mois\b|ans?\b))")

# The groups of a number as people write it: 30 000, 1 500 000. Not 2026 100, 0 600, 10.0.0.1 200, nor "8080 443".
_GROUPS = re.compile(r"(?<![\w.,:/-])[1-9]\d{0,2}(?: \d{3})+(?![\w:/-]|[.,]\d)")
_APOSTROPHES = re.compile(r"(?<!\w)'[\w-]+'(?!\w)|'")


def french(text: str, *, curly: bool = False) -> str:
    """Put the no-break spaces of French typography into one of our own sentences (facts: ux 6.2).

    ``curly`` also turns the typewriter apostrophe into ``’``: for documents, never for a terminal, an id or code.
    """
    text = _BEFORE_HIGH.sub(_NARROW + r"\1", text)
    text = _BEFORE_COLON.sub(_NBSP + ":", text)
    text = text.replace("« ", "«" + _NARROW).replace(" »", _NARROW + "»")
    text = _GROUPS.sub(lambda groups: groups.group().replace(" ", _NARROW), text)
    text = _UNITS.sub(_NBSP, text)
    return apostrophes(text) if curly else text


def apostrophes(text: str) -> str:
    """Typewriter apostrophes as ``’``; a word that stands in them (``'self'``) is code to copy, and stays."""
    return _APOSTROPHES.sub(lambda found: found.group() if len(found.group()) > 1 else "’", text)


def number(value: float, lang: str) -> str:
    """``31 420`` (narrow no-break space) and ``0,5`` in French, ``31,420`` and ``0.5`` in English."""
    text = f"{value:,.1f}".removesuffix(".0")
    return text.replace(",", _NARROW).replace(".", ",") if lang == "fr" else text


# -------------------------------------------------------------------------------------------------------- calendar

_MONTHS = {
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin")
    + ("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    "en": ("January", "February", "March", "April", "May", "June")
    + ("July", "August", "September", "October", "November", "December"),
}
_SHORT_MONTHS = {
    "fr": ("janv.", "févr.", "mars", "avril", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}


def date(moment: str, lang: str) -> str:
    """``22 novembre 2026``, ``1er janvier 2027`` from an ISO date or an RFC 3339 time. Anything else comes back as it is."""
    match = re.match(r"(\d{4})-(\d{2})-(\d{2})(?:T|$)", moment)
    if not match or not 1 <= int(match[2]) <= 12:
        return moment
    day = int(match[3])
    shown = "1er" if day == 1 and lang == "fr" else str(day)
    return f"{shown}{_NBSP}{_MONTHS[lang][int(match[2]) - 1]}{_NBSP}{match[1]}"


def short_date(moment: str) -> str:
    """``22/11/2026`` for tables and terminals, from an ISO date or time. Anything else comes back as it is."""
    match = re.match(r"(\d{4})-(\d{2})-(\d{2})(?:T|$)", moment)
    return f"{match[3]}/{match[2]}/{match[1]}" if match else moment


def clock(moment: str, lang: str) -> str:
    """``14 h 05`` (French) or ``14:05`` from an RFC 3339 time, in the zone it is written in; empty for a bare date."""
    match = re.match(r"\d{4}-\d{2}-\d{2}T(\d{2}):(\d{2})", moment)
    if not match:
        return ""
    return f"{int(match[1])}{_NBSP}h{_NBSP}{match[2]}" if lang == "fr" else f"{match[1]}:{match[2]}"


def month(year_month: str, lang: str, *, short: bool = False) -> str:
    """``décembre 2026`` (or ``déc. 2026``) from ``2026-12``. Anything else comes back as it is."""
    match = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", year_month)
    if not match:
        return year_month
    return f"{(_SHORT_MONTHS if short else _MONTHS)[lang][int(match[2]) - 1]}{_NBSP}{match[1]}"


# -------------------------------------------------------------------------------------------------------- columns


def columns(text: str) -> int:
    """How many terminal columns a text takes: none for combining marks, two for wide East Asian characters."""
    import unicodedata

    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(one) in "WF" for one in text)
    return len(text) + wide - sum(unicodedata.combining(one) != 0 for one in text)


_FOLDS = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "…": "...", "→": "->", "·": "-", "œ": "oe",
     "Œ": "OE", "æ": "ae", "Æ": "AE", "€": "EUR", "°": "o", "§": "par. ", "█": "#", "░": ".", _NARROW: " ", _NBSP: " "}
)  # fmt: skip


def ascii_only(text: str) -> str:
    """The same text in ASCII: accents dropped, typography folded, what is left of other scripts as ``\\uXXXX``."""
    import unicodedata

    folded = unicodedata.normalize("NFKD", text.translate(_FOLDS))
    bare = "".join(one for one in folded if not unicodedata.combining(one))
    return bare.encode("ascii", "backslashreplace").decode("ascii")
