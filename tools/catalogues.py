# SPDX-License-Identifier: EUPL-1.2
"""Keep the catalogues in step with the source: ``extract`` adds new messages to the English one and drops those that are
gone, ``compile`` writes the .mo files, ``missing`` prints what English does not say yet.

A test compares what this makes with what is committed. No date or line number is written, so that the
same source gives the same bytes.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGE = Path(__file__).parent.parent / "nis2check"
LOCALE = PACKAGE / "locale"
ENGLISH = LOCALE / "en" / "LC_MESSAGES" / "nis2check.po"
HEADER = r"""# SPDX-License-Identifier: EUPL-1.2
# Written by tools/catalogues.py from the source, whose language is French; only the msgstr are written by hand.
msgid ""
msgstr ""
"Language: en\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

"""
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)

Id = str | tuple[str, str]


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _of_node(node: ast.AST) -> Id | None:
    """The message of ``_("…")``, ``_n("…")``, ``plural("…", "…", n)``, or of a pair of texts that both count with
    ``{n}``, wherever it stands: it is kept in a table for ``plural(*pair, n)``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        texts = [_text(one) for one in node.args[:2]]
        if node.func.id in {"_", "_n"} and texts and texts[0]:
            return texts[0]
        if node.func.id == "plural" and len(texts) == 2 and texts[0] and texts[1]:
            return texts[0], texts[1]
    if isinstance(node, ast.Tuple) and len(node.elts) == 2:
        one, many = (_text(part) for part in node.elts)
        if one and many and "{n}" in one and "{n}" in many:
            return one, many
    return None


def _of_python() -> Iterator[Id]:
    """Read by ``ast`` and not by Babel: before Python 3.12 Babel does not look inside an f-string."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found = _of_node(node)
            if found is not None:
                yield found


def _of_templates() -> Iterator[Id]:
    keywords = {"_": None, "plural": (1, 2)}
    for _file, _line, message, _comments, _context in extract_from_dir(
        str(PACKAGE), [("**.j2", "jinja2")], keywords=keywords
    ):
        yield message if isinstance(message, str) else (message[0], message[1])


def messages() -> Catalog:
    """Every message of the source, French as written."""
    found = Catalog(domain="nis2check")
    for message in (*_of_python(), *_of_templates()):
        found.add(message)
    return found


def read(path: Path) -> Catalog:
    """The catalogue of a .po; its language is the folder's."""
    with path.open("rb") as stream:
        catalogue = read_po(stream, locale=path.parent.parent.name, domain=path.stem)
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    return catalogue


def compiled(path: Path) -> bytes:
    """The bytes of the .mo of a .po."""
    out = io.BytesIO()
    write_mo(out, read(path))
    return out.getvalue()


def merged() -> Catalog:
    """The English catalogue with exactly the messages of the source; a new one has an empty text."""
    known = {one.id: one.string for one in read(ENGLISH) if one.id} if ENGLISH.exists() else {}
    catalogue = Catalog(locale="en", domain="nis2check")
    for message in messages():
        if message.id:
            catalogue.add(message.id, known.get(message.id))
    return catalogue


def extracted() -> bytes:
    """The bytes of the English catalogue, in the order of its messages."""
    out = io.BytesIO()
    write_po(out, merged(), sort_output=True, width=120, omit_header=True, no_location=True)
    return HEADER.encode() + out.getvalue()


def extract() -> None:
    ENGLISH.parent.mkdir(parents=True, exist_ok=True)
    ENGLISH.write_bytes(extracted())


def _said(string: str | tuple[str, ...] | list[str] | None) -> bool:
    return all([string] if isinstance(string, str) else string or [""])


def missing() -> None:
    """Print the messages that have no English text; exit 1 when there is one."""
    left = [one.id for one in merged() if one.id and not _said(one.string)]
    print("\n".join(map(repr, left)) or "nothing is missing")
    sys.exit(1 if left else 0)


def compile_all() -> None:
    for path in LOCALE.rglob("*.po"):
        path.with_suffix(".mo").write_bytes(compiled(path))


if __name__ == "__main__":
    {"extract": extract, "compile": compile_all, "missing": missing}[sys.argv[1]]()
