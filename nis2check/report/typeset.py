# SPDX-License-Identifier: EUPL-1.2
"""The one door to Typst, which makes the PDF documents: tagged (PDF/UA-1) and archivable (PDF/A-2a), the same bytes for the
same input.

Rules for this file: data goes in as JSON, never as code; only the fonts of the Typst wheel, so that every machine draws the
same page; a character that they lack is shown as its escape, since both standards refuse a glyph that is not there.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nis2check import emblem
from nis2check.errors import InputError
from nis2check.language import _, written
from nis2check.printing import Medium, clean
from nis2check.report.pages import TEMPLATES

if TYPE_CHECKING:
    from typst import Compiler

LONGEST = 2_000  # characters of one text

# What Libertinus Serif and DejaVu Sans Mono hold together: Latin, Greek, Cyrillic, punctuation, currencies, arrows, drawing.
_DRAWN = re.compile(
    "[\u00a0-\u02af\u0370-\u045f\u1e00-\u1eff\u2010-\u2027\u202f-\u2040\u20a0-\u20bf\u2190-\u22ff\u2500-\u25ff\u2713\u2717]"
)
_BEYOND_ASCII = re.compile("[^\n -~]")


class Verbatim(str):
    """Text that is printed as it is: a name that someone will copy gets no typography."""

    __slots__ = ()


def pdf(template: str, data: Mapping[str, Any], lang: str, moment: str) -> bytes:
    """A document from a template of this room. ``moment`` (RFC 3339) is its date. Raises InputError: no Typst."""
    try:
        import typst  # an extra of 84 MB
    except ImportError:
        advice = _("L'installer : pip install 'nis2check[pdf]'. En attendant : --output html=CHEMIN.")
        raise InputError(_("Le format pdf demande l'extra « pdf »."), advice=advice) from None
    compiler = typst.Compiler(str(TEMPLATES / template), root=str(TEMPLATES), ignore_system_fonts=True)
    try:
        return _compiled(compiler, data, lang, moment)
    except typst.TypstError:
        if not data.get("logo"):
            raise
        return _compiled(
            compiler, {**data, "logo": None}, lang, moment
        )  # a picture that cannot be read costs itself alone


def _compiled(compiler: Compiler, data: Mapping[str, Any], lang: str, moment: str) -> bytes:
    inputs = {"data": json.dumps(_safe({**data, "lang": lang}, lang), ensure_ascii=False)}
    made = compiler.compile(format="pdf", sys_inputs=inputs, pdf_standards=["ua-1", "a-2a"], timestamp=_seconds(moment))
    assert isinstance(made, bytes)  # one output was asked
    return made


def _safe(value: Any, lang: str) -> Any:
    """Every text cleaned, dressed in the typography of its language (but `Verbatim`), in characters that can be drawn."""
    if isinstance(value, str):
        said = value if isinstance(value, Verbatim) else dressed(value, lang)
        return drawn(clean(said, Medium.HTML, longest=LONGEST))
    if isinstance(value, Mapping):
        return {key: _safe(one, lang) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(one, lang) for one in value]
    return value


def logo(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The logo of a body as the templates draw it, with the words for who does not see it."""
    from base64 import b64decode

    found = emblem.shown(document)
    if found is None:
        return None
    return {"bytes": list(b64decode(found["data"])), "alt": _("Logo de {name}").format(name=document["body"]["name"])}


def dressed(text: str, lang: str) -> str:
    """The typography of a document, as `pages` has it."""
    return written(text, lang)


def drawn(text: str) -> str:
    """The same text, a character that no font of ours has as ``\\u4e2d``."""
    return _BEYOND_ASCII.sub(_glyph, unicodedata.normalize("NFC", text))


def _glyph(found: re.Match[str]) -> str:
    one = found.group()
    has_glyph = _DRAWN.match(one) and unicodedata.category(one)[0] != "C"  # unassigned, private and format characters
    return one if has_glyph else one.encode("ascii", "backslashreplace").decode()


def _seconds(moment: str) -> int:
    import datetime

    try:
        return int(datetime.datetime.fromisoformat(moment).timestamp())
    except ValueError:
        return 0
