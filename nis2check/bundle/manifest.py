# SPDX-License-Identifier: EUPL-1.2
"""What is in a bundle: the manifest with the hash and size of each file, and ``SHA256SUMS`` for those who have no more.

The signature covers the manifest, the manifest covers ``SHA256SUMS`` and every other file; so a verifier needs only
``ssh-keygen`` and ``sha256sum``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from nis2check.errors import InputError, Place
from nis2check.files import canonical, parse_json
from nis2check.language import _
from nis2check.model import Json

SCHEMA = "nis2check.bundle/1"
MANIFEST, SUMS, READ_ME = "manifest.json", "SHA256SUMS", "VERIFIER.txt"
SIGNATURE, TOKEN = "manifest.json.sig", "manifest.json.tsr"
UNLISTED = frozenset({MANIFEST, SIGNATURE, TOKEN})  # the manifest cannot hold its own hash, nor what covers it


def build(parts: Mapping[str, bytes], result: Mapping[str, Json], absent: Mapping[str, str]) -> dict[str, bytes]:
    """The parts with ``SHA256SUMS`` and the manifest. ``absent``: what a bundle may hold and this one does not → why.

    Everything comes from the result: the time is that of its run, so that the same input gives the same bytes.
    """
    listed = {**parts, SUMS: sums(parts)}
    body = result["body"]
    document = {
        "schema": SCHEMA,
        "tool": result["tool"],
        "run": result["run"],
        "regime": result["regime"],
        "body": {"siren": body["siren"], "name": body["name"]} if body else None,
        "files": {name: _entry(data) for name, data in listed.items()},
        "absent": dict(absent),
    }
    return {**listed, MANIFEST: canonical(document)}


def sums(parts: Mapping[str, bytes]) -> bytes:
    """Lines that ``sha256sum -c`` reads."""
    return "".join(f"{_hash(parts[name])}  {name}\n" for name in sorted(parts)).encode()


def read(data: bytes) -> Mapping[str, Json]:
    """A manifest, which is hostile as long as nothing vouches for it. Raises InputError: not one.

    Its schema (schemas/bundle.schema.json) is for readers; what `faults` compares needs no more than this.
    """
    found = parse_json(data, MANIFEST).data
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or not isinstance(found.get("files"), dict):
        what = _("Ce n'est pas un manifeste de nis2check ({schema}).").format(schema=SCHEMA)
        raise InputError(what, place=Place(MANIFEST))
    return found


def faults(parts: Mapping[str, bytes]) -> Iterator[str]:
    """Every file that was changed, taken away or added since the manifest was written, as French sentences."""
    if MANIFEST not in parts:
        yield _("{name} manque.").format(name=MANIFEST)
        return
    try:
        listed = read(parts[MANIFEST])["files"]
    except InputError as fault:
        yield f"{fault.place}: {fault.what}"
        return
    for name in sorted(listed.keys() - parts.keys()):
        yield _("Fichier absent : {name}.").format(name=name)
    for name in sorted(parts.keys() - listed.keys() - UNLISTED):
        yield _("Fichier ajouté : {name}.").format(name=name)
    for name in sorted(listed.keys() & parts.keys()):
        if listed[name] != _entry(parts[name]):
            yield _("Fichier modifié : {name}.").format(name=name)
    covered = {name: data for name, data in parts.items() if name not in UNLISTED | {SUMS}}
    if SUMS in parts and parts[SUMS] != sums(covered):
        yield _("{name} ne correspond pas aux fichiers.").format(name=SUMS)


def _entry(data: bytes) -> dict[str, Json]:
    return {"sha256": _hash(data), "size": len(data)}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
