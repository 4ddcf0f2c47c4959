# SPDX-License-Identifier: EUPL-1.2
"""Keep the catalogues in step: ``extract`` adds new messages to the English one, ``compile`` writes the .mo files.

A test compares what this makes with what is committed.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGE = Path(__file__).parent.parent / "nis2check"
LOCALE = PACKAGE / "locale"
ENGLISH = LOCALE / "en" / "LC_MESSAGES" / "nis2check.po"
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "_n": None, "plural": (1, 2)}


def messages() -> Catalog:
    """Every message of the source, French as written."""
    found = Catalog(domain="nis2check")
    methods = [("**.py", "python"), ("**.j2", "jinja2")]
    for _file, _line, message, _comments, _context in extract_from_dir(str(PACKAGE), methods, keywords=KEYWORDS):
        found.add(message)
    return found


def read(path: Path) -> Catalog:
    with path.open("rb") as stream:
        return read_po(stream, locale=path.parent.parent.name, domain=path.stem)


def compiled(path: Path) -> bytes:
    """The bytes of the .mo of a .po."""
    out = io.BytesIO()
    write_mo(out, read(path))
    return out.getvalue()


def extract() -> None:
    """Add the new messages of the source to the English catalogue and drop those that are gone."""
    catalogue = read(ENGLISH) if ENGLISH.exists() else Catalog(locale="en", domain="nis2check", fuzzy=False)
    catalogue.update(messages(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    with ENGLISH.open("wb") as stream:
        write_po(stream, catalogue, sort_output=True, width=120, omit_header=False, no_location=True)


def compile_all() -> None:
    for path in LOCALE.rglob("*.po"):
        path.with_suffix(".mo").write_bytes(compiled(path))


if __name__ == "__main__":
    {"extract": extract, "compile": compile_all}[sys.argv[1]]()
