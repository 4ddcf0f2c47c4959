# SPDX-License-Identifier: EUPL-1.2
"""The archive: a zip whose bytes follow from its contents alone, so that reading it back can be checked by writing it again.

Nothing is compressed: what a deflater writes depends on its version, and a stored file cannot be a bomb. Then one rule
finds every trick of the format at once (hidden members, bytes before, between or after, headers that disagree,
comments, links): an archive that is not, byte for byte, the one that its contents make is not ours.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nis2check.language import _

LARGEST = 1 << 30  # bytes of an archive
MOST = 20_000  # members
LONGEST_NAME = 200
_DAY = (1980, 1, 1, 0, 0, 0)  # the first that the format can say
_REGULAR = 0o100644 << 16
# A plain path below the archive: no leading slash, no "..", no drive, nothing that a shell or another system would obey.
_NAME = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|\Z))[\w.@+()\[\]=,' -]+(?:/[\w.@+()\[\]=,' -]+)*\Z")
_RESERVED = re.compile(r"(?:^|/)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|/|\Z)", re.IGNORECASE)  # devices of Windows


class Unpacked(NamedTuple):
    """The members by name, and what is wrong with the archive: French sentences."""

    parts: Mapping[str, bytes]
    faults: tuple[str, ...]


def pack(parts: Mapping[str, bytes]) -> bytes:
    """The archive of some members, sorted by name. The same members, the same bytes, on every machine."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(parts):
            info = zipfile.ZipInfo(name, _DAY)
            info.create_system = 3  # Unix, wherever this runs
            info.external_attr = _REGULAR
            archive.writestr(info, parts[name])
    return out.getvalue()


def possible(name: str) -> bool:
    """Whether a member may have this name."""
    return len(name) <= LONGEST_NAME and bool(_NAME.match(name)) and not _RESERVED.search(name)


def unpack(data: bytes) -> Unpacked:
    """The members of an archive that `pack` made. Nothing is written to disk; no fault raises."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _unpacked(data, archive)
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError, NotImplementedError):
        return Unpacked({}, (_("Ce n'est pas une archive, ou elle est tronquée ou abîmée."),))


def _unpacked(data: bytes, archive: zipfile.ZipFile) -> Unpacked:
    infos = archive.infolist()
    if len(infos) > MOST:
        return Unpacked({}, (_("Archive refusée : plus de {n} fichiers.").format(n=MOST),))
    faults = list(_refused(infos, len(data)))
    if faults:
        return Unpacked({}, tuple(faults))
    parts = {info.filename: archive.read(info) for info in infos}
    if pack(parts) != data:
        faults.append(_("L'archive porte des octets ou des en-têtes que nis2check n'a pas écrits."))
    return Unpacked(parts, tuple(faults))


def _refused(infos: list[zipfile.ZipInfo], size: int) -> Iterator[str]:
    """What must not even be read. Stored members that overlap would add up to more than the archive itself."""
    seen: set[str] = set()
    total = 0
    for info in infos:
        folded = info.filename.casefold()
        if not possible(info.filename):
            yield _("Nom de fichier refusé : {name}.").format(name=info.filename)
        elif folded in seen:
            yield _("Deux fichiers du même nom : {name}.").format(name=info.filename)
        elif info.flag_bits & 1 or info.compress_type != zipfile.ZIP_STORED:
            yield _("Fichier chiffré ou compressé, que nis2check n'écrit jamais : {name}.").format(name=info.filename)
        seen.add(folded)
        total += info.file_size
    if total > size:
        yield _("Les tailles annoncées dépassent l'archive elle-même.")
