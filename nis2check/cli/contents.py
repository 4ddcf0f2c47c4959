# SPDX-License-Identifier: EUPL-1.2
"""What goes into a bundle, and under which name: one table that `bundle`, `verify` and the tests share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nis2check import files
from nis2check.bundle import archive
from nis2check.errors import InputError, Place
from nis2check.language import _
from nis2check.model import Json

RESULT, EVIDENCE, PROOFS = "resultat.json", "preuves.json", "pieces/"

# Format → file, or folder when it ends in "/".
RENDERED: Mapping[str, str] = {
    "html": "rapport.html",
    "csv": "constats.csv",
    "ods": "constats.ods",
    "xlsx": "constats.xlsx",
    "oscal": "oscal/",
}
LARGEST_PROOF = 64 << 20  # bytes of one file


class Contents(NamedTuple):
    """The files of a bundle by name, and what it does not hold: name → why."""

    parts: Mapping[str, bytes]
    absent: Mapping[str, str]


def gather(document: Mapping[str, Json], evidence: Path | None, proofs: Sequence[Path], lang: str) -> Contents:
    """Everything but the manifest. Raises InputError: evidence that is none, a proof that cannot be read or named."""
    parts: dict[str, bytes] = {RESULT: files.canonical(document)}
    absent: dict[str, str] = {}
    if evidence is None:
        absent[EVIDENCE] = "not given: the judgement cannot be replayed"
    else:
        from nis2check.evidence.document import load

        parts[EVIDENCE] = files.canonical(load(evidence))
    for name, path in RENDERED.items():
        _render(document, name, path, lang, parts, absent)
    found = _proofs(proofs)
    parts |= found
    if sum(len(data) for data in parts.values()) > archive.LARGEST // 2:
        size = f"{archive.LARGEST >> 21} Mio"
        raise InputError(_("Archive trop grande : plus de {size} de pièces et d'exports.").format(size=size))
    if not found:
        absent[PROOFS] = "not given: no file that an attestation names"
    return Contents(parts, absent)


def _render(
    document: Mapping[str, Json], name: str, path: str, lang: str, parts: dict[str, bytes], absent: dict[str, str]
) -> None:
    from nis2check.cli.outputs import missing_extra, rendered

    extra = missing_extra(name)
    if extra:
        absent[path] = f"not installed: nis2check[{extra}]"
        return
    for file, data in rendered(document, name, path, lang).items():
        parts[path + file] = data


def _proofs(tops: Sequence[Path]) -> dict[str, bytes]:
    """Two of one name, capitals apart, would become one file on some machines: refused, or a proof would be lost."""
    out: dict[str, bytes] = {}
    names: set[str] = set()
    for top in (each.resolve() for each in tops):
        for file in _files(top):
            name, data = _proof(file, top)
            if name.casefold() in names:
                what = _("Deux pièces du même nom dans l'archive : {name} ; en renommer une, ou donner leurs dossiers.")
                raise InputError(what.format(name=name), place=Place(str(file)))
            names.add(name.casefold())
            out[name] = data
    return out


def _files(top: Path) -> list[Path]:
    """A proof, or those of a folder in a fixed order; links are not followed."""
    if not top.is_dir():
        return [top]
    found = sorted(path for path in top.rglob("*") if path.is_file() and not path.is_symlink())
    if len(found) > archive.MOST // 2:
        raise InputError(_("Dossier refusé : plus de {n} fichiers.").format(n=archive.MOST // 2), place=Place(str(top)))
    return found


def _proof(file: Path, top: Path) -> tuple[str, bytes]:
    """Under the name of its folder, so that two folders may hold files of one name."""
    inside = file.relative_to(top.parent) if top.is_dir() else Path(file.name)
    name = PROOFS + inside.as_posix()
    if not archive.possible(name):
        what = _("Nom de fichier refusé dans un dossier de preuve ; le renommer.")
        raise InputError(what, place=Place(str(file)))
    return name, files.read_bytes(file, LARGEST_PROOF)
