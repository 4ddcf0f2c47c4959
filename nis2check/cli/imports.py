# SPDX-License-Identifier: EUPL-1.2
"""``--import FORMAT=PATH`` of ``check`` and ``scan``: results of other tools, beside ours."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nis2check.errors import InputError, Place
from nis2check.language import _

if TYPE_CHECKING:
    from nis2check.imports.foreign import Foreign
    from nis2check.model import Json

NAMES = ("sarif", "ocsf")


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read, and the folder that its paths are relative to."""

    found: tuple[Foreign, ...]
    root: str


@dataclass(frozen=True, slots=True)
class Imports:
    """The files to take in, as given."""

    files: tuple[tuple[str, Path], ...] = ()

    def read(self, root: Path | None = None) -> Taken | None:
        """The results of every file; None when no file was given. Raises InputError at the first that is not as it says."""
        if not self.files:
            return None
        found = [one for name, path in self.files for one in _results(name, path)]
        return Taken(tuple(found), root.resolve().as_posix() if root else "")


def import_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--import``; the command gets it as one ``imports`` argument."""
    option = click.option(
        "--import",
        "imports",
        multiple=True,
        metavar="FORMAT=PATH",
        help=_("Prendre en compte les résultats d'un autre outil : sarif ou ocsf (répétable)."),
    )

    @functools.wraps(command)
    def wrapped(imports: tuple[str, ...], **values: Any) -> Any:
        return command(imports=parse(imports), **values)

    return option(wrapped)


def parse(values: tuple[str, ...]) -> Imports:
    """``("sarif=trivy.sarif",)`` as pairs. Raises InputError: no ``=``, unknown format, one file given twice."""
    files: list[tuple[str, Path]] = []
    for value in values:
        name, equals, path = value.partition("=")
        if not equals or not path:
            what = _("Import mal formé : « {value} » ; attendu : FORMAT=CHEMIN.").format(value=value)
            raise InputError(what, advice=_("Par exemple : --import sarif=trivy.sarif"))
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, 1)
            advice = _("Vouliez-vous dire « {near} » ?").format(near=near[0]) if near else ""
            what = _("Format d'import inconnu : « {name} ». Formats : {known}.")
            raise InputError(what.format(name=name, known=", ".join(NAMES)), advice=advice)
        if any(Path(path) == other for _name, other in files):
            raise InputError(_("Fichier importé deux fois : « {path} ».").format(path=path))
        files.append((name, Path(path)))
    return Imports(tuple(files))


def _results(name: str, path: Path) -> list[Foreign]:
    from nis2check.files import parse_json, read_bytes
    from nis2check.imports import ocsf, sarif
    from nis2check.imports.foreign import LARGEST, Reading

    data = read_bytes(path, LARGEST)
    document = parse_json(_joined(data) if name == ocsf.NAME else data, str(path))
    if not isinstance(document.data, dict | list):
        raise InputError(_("Ce n'est pas un fichier {name}.").format(name=name.upper()), place=Place(str(path)))
    reading = Reading(document.data, str(path))
    return list(sarif.results(reading) if name == sarif.NAME else ocsf.results(reading))


def _joined(data: bytes) -> bytes:
    """OCSF as one event a line, made one list; anything else as it is."""
    lines = [line for line in data.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
        return b"[" + b",\n".join(lines) + b"]"
    return data


def with_imported(document: Mapping[str, Json], taken: Taken | None) -> dict[str, Json]:
    """The result with the rows of other tools; as it is when none was asked."""
    if taken is None:
        return dict(document)
    from nis2check.imports.rows import rows
    from nis2check.imports.table import load

    return {**document, "imported": rows(taken.found, document, load(), taken.root)}
