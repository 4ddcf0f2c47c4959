# SPDX-License-Identifier: EUPL-1.2
"""The one line of nis2check.yaml that names the file of attestations or waivers: found, or added without touching the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nis2check.bodyfile import NAME
from nis2check.errors import InputError, Place
from nis2check.files import Document, check, load_yaml, parse_yaml, read_bytes, write_aside
from nis2check.language import _
from nis2check.model import Json

FILES: Mapping[str, str] = {"attestations": "attestations.yaml", "waivers": "derogations.yaml"}


@dataclass(frozen=True, slots=True)
class Declared:
    """What a body's file says of one list. ``path`` may not exist yet; ``named``: the body's file has the line already."""

    body_file: Path
    document: Document  # the whole of nis2check.yaml, schema-checked
    path: Path
    named: bool

    @property
    def identity(self) -> Mapping[str, Json]:
        found: Mapping[str, Json] = self.document.data["body"]
        return found

    @property
    def regime(self) -> str:
        return str(self.document.data.get("regime", ""))


def find(body_file: Path | None, key: str) -> Declared:
    """Where the list ``key`` (attestations or waivers) of a body stands.

    Targets and repositories are not looked at: a colleague who answers questions need not have them on this machine.
    Raises InputError: no such file, or a fault in it.
    """
    path = body_file or Path(NAME)
    if body_file is None and not path.exists():
        raise InputError(
            _("Pas de {name} dans ce dossier.").format(name=NAME),
            advice=_("Le créer : nis2check init --siren … --domain …"),
        )
    document = load_yaml(path)
    check(document, "body")
    name = document.data.get(key)
    return Declared(path, document, path.parent / (name or FILES[key]), bool(name))


def add(declared: Declared, key: str) -> bool:
    """Name the list in nis2check.yaml: the commented line that ``init`` leaves is opened, else one is added at the end.

    False when that cannot be done surely: the file read again must say the same, and this line more. Raises WriteError.
    """
    text = read_bytes(declared.body_file).decode("utf-8-sig")
    line = f"{key}: {declared.path.name}"
    opened, count = re.subn(rf"(?m)^# ?{re.escape(line)}[ \t]*(?=\r?$)", line, text, count=1)
    if not count:
        newline = "\r\n" if "\r\n" in text else "\n"
        opened = text + ("" if text.endswith("\n") else newline) + line + newline
    try:
        after = parse_yaml(opened, str(declared.body_file)).data
    except InputError:
        return False
    if after != {**declared.document.data, key: declared.path.name}:
        return False
    write_aside(declared.body_file, opened.encode())
    return True


def read_text(path: Path, key: str, head: str) -> str:
    """The list as written, or the head of a new one. Raises InputError."""
    if not path.exists():
        return f"{head}schema: nis2check.{key}/1\n{key}: []\n"
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(_("Ce n'est pas de l'UTF-8."), place=Place(str(path))) from None
