# SPDX-License-Identifier: EUPL-1.2
"""The zip file and the XML under both formats, read as hostile: capped, no DTD, no macro, nothing unpacked to disk."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from nis2check.errors import InputError, Place
from nis2check.files import read_bytes
from nis2check.language import _

LARGEST_FILE = 20 << 20  # bytes of the workbook
LARGEST_PART = 32 << 20  # bytes of one member, unpacked: a zip bomb ends here
MOST_PARTS = 1_000
MOST_ELEMENTS = 400_000  # 5 000 rows of 64 cells
DEEPEST = 64

_OLE = b"\xd0\xcf\x11\xe0"  # the container of .xls, and of an encrypted .xlsx
_MACROS = ("vbaproject.bin", "basic/", "scripts/", "macrosheets/", "activex/")


class Package:
    """A workbook open for reading. ``shown`` is the name that faults give."""

    def __init__(self, path: Path) -> None:
        import io

        self.shown = str(path)
        data = read_bytes(path, LARGEST_FILE)
        if data.startswith(_OLE):
            raise self.fault(_("Classeur protégé par un mot de passe, ou d'un ancien format : l'enregistrer sans."))
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError):
            raise self.fault(_("Ce n'est pas un classeur, ou il est tronqué.")) from None
        self._parts = {info.filename: info for info in self._zip.infolist()[: MOST_PARTS + 1]}
        if len(self._zip.infolist()) > MOST_PARTS:
            raise self.fault(_("Classeur refusé : plus de {n} parties.").format(n=MOST_PARTS))
        self._refuse_macros()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def fault(self, what: str, where: str = "") -> InputError:
        """A fault of this file; ``where`` names a sheet and a cell: ``Attestations!F12``."""
        return InputError(what, place=Place(self.shown, None, where))

    def _refuse_macros(self) -> None:
        for name in self._parts:
            if (
                any(mark in "/" + name.lower() for mark in ("/" + each for each in _MACROS))
                or "vbaproject" in name.lower()
            ):
                raise self.fault(_("Classeur à macros refusé : l'enregistrer sans macros."))

    def has(self, name: str) -> bool:
        return name in self._parts

    def part(self, name: str) -> bytes:
        """One member, unpacked. Raises InputError: absent, encrypted, broken, too large."""
        info = self._parts.get(name)
        if info is None:
            raise self.fault(_("Ce n'est pas un classeur : {part} manque.").format(part=name))
        if info.flag_bits & 1:
            raise self.fault(_("Classeur protégé par un mot de passe : l'enregistrer sans."))
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise self.fault(_("Classeur refusé : compression inattendue."))
        try:
            with self._zip.open(info) as stream:
                data = stream.read(LARGEST_PART + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError):
            raise self.fault(_("Classeur abîmé : {part} ne se lit pas.").format(part=name)) from None
        if len(data) > LARGEST_PART:
            size = f"{LARGEST_PART >> 20} Mio"
            raise self.fault(_("Classeur refusé : {part} dépasse {size} une fois ouvert.").format(part=name, size=size))
        return data

    def tree(self, name: str) -> Element:
        """The XML of one member. Raises InputError: malformed, DTD or entities, too many or too deep elements."""
        return _Tree(self, name).parse(self.part(name))


class _Tree:
    """Tags lose their namespace (transitional and strict Excel differ by it alone); attributes keep theirs as ``ns}name``,
    since OpenDocument gives one name in two of them."""

    def __init__(self, package: Package, part: str) -> None:
        self._package, self._part = package, part
        self._builder = TreeBuilder()
        self._count = self._depth = 0

    def parse(self, data: bytes) -> Element:
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._builder.data
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, ValueError, LookupError):  # ValueError: an encoding that does not exist
            raise self._package.fault(_("Classeur abîmé : {part} n'est pas du XML.").format(part=self._part)) from None
        return self._builder.close()

    def _doctype(self, *_names: object) -> None:
        raise self._package.fault(_("Classeur refusé : {part} porte une DTD.").format(part=self._part))

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        self._depth += 1
        if self._count > MOST_ELEMENTS or self._depth > DEEPEST:
            raise self._package.fault(_("Classeur refusé : {part} a trop d'éléments.").format(part=self._part))
        self._builder.start(tag.rpartition("}")[2], dict(attributes))

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self._builder.end(tag.rpartition("}")[2])
