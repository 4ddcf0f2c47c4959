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
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#|!~])")


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clean(text: object, medium: Medium, *, longest: int = LONGEST) -> str:
    """Return ``text`` safe to print on ``medium``: controls shown as escapes, newlines flattened, at most ``longest``
    characters. A CSV cell that a spreadsheet would run starts with an apostrophe; Markdown marks are escaped; a GitHub
    command cannot be started or ended."""
    one = (
        _HOSTILE.sub(_visible, str(text)).replace("\t", " ").replace("\n", "\\n" if medium is not Medium.HTML else " ")
    )
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
_BEFORE_HIGH = re.compile(r"(?<=[\w»)\]’'%…]) ([;!?])(?=\s|$|[»)])")
_BEFORE_COLON = re.compile(r"(?<=[\w»)\]’'%…]) :(?=\s|$)")
_UNITS = re.compile(r"(?<=\d) (?=(?:%|€|M€|jours?\b|j\b|habitants?\b|hab\.|h\b|mois\b|ans?\b))")


def french(text: str) -> str:
    """Put the no-break spaces of French typography into one of our own sentences (facts: ux 6.2)."""
    text = _BEFORE_HIGH.sub(_NARROW + r"\1", text)
    text = _BEFORE_COLON.sub(_NBSP + ":", text)
    text = text.replace("« ", "«" + _NARROW).replace(" »", _NARROW + "»")
    return _UNITS.sub(_NBSP, text)


def number(value: int, lang: str) -> str:
    """``31 420`` (narrow no-break space) in French, ``31,420`` in English."""
    return f"{value:,}".replace(",", _NARROW if lang == "fr" else ",")
