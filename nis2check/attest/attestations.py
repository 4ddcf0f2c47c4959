# SPDX-License-Identifier: EUPL-1.2
"""The file of attestations → facts. What a body says of itself is a fact like any other, with its author and its proofs.

Nothing is judged here: dates stay in the value, so that the same facts can be judged on another day.
"""

from __future__ import annotations

import difflib
from pathlib import Path, PurePosixPath

from nis2check.attest.dates import day_of
from nis2check.attest.proofs import copy_of, digest_of
from nis2check.errors import InputError, Path_
from nis2check.files import Document, check, load_yaml
from nis2check.frameworks import Framework
from nis2check.language import _
from nis2check.model import Fact, Json, Source

PREFIX = "attestation."


def read(path: Path, framework: Framework, subject: str, *, name: str | None = None) -> tuple[Fact, ...]:
    """The attestations of a body (``subject``: its SIREN or name) as facts ``attestation.13.2``.

    Each value holds ``answer, by, role, on, until, proof, reason``; a proof is ``{"file", "sha256"}`` (sha256 as it is now,
    null when the file is not there), with ``deposited`` (sha256 when it was deposited) and ``kept`` (that of the kept copy, as
    it is now) when it was; or ``{"reference"}``. ``name`` is the file name to report. Raises InputError at the faulty line:
    unknown measure, measure answered twice, impossible date, end before start, proof outside the folder of the file.
    """
    document = load_yaml(path, name=name or path.name)
    check(document, "attestations")
    seen: dict[str, int] = {}
    facts: list[Fact] = []
    for index, item in enumerate(document.data["attestations"]):
        at: Path_ = ("attestations", index)
        _check_measure(document, at, item["measure"], framework, seen)
        _check_dates(document, at, item)
        facts.append(_fact(document, at, item, subject, path.parent))
    return tuple(facts)


def _check_measure(document: Document, at: Path_, measure: str, framework: Framework, seen: dict[str, int]) -> None:
    place = document.place((*at, "measure"))
    if measure not in framework.measures:
        near = difflib.get_close_matches(measure, framework.measures, 1)
        advice = _("Vouliez-vous dire « {near} » ?").format(near=near[0]) if near else ""
        raise InputError(_("Mesure inconnue : {measure}.").format(measure=measure), place=place, advice=advice)
    if measure in seen:
        what = _("Mesure {measure} déjà attestée à la ligne {line}.").format(measure=measure, line=seen[measure])
        raise InputError(what, place=place)
    seen[measure] = place.line or 0


def _check_dates(document: Document, at: Path_, item: Json) -> None:
    start = day_of(document, (*at, "on"), item["on"])
    if "until" in item and day_of(document, (*at, "until"), item["until"]) < start:
        what = _("La fin de validité ({until}) précède la réponse ({on}).").format(until=item["until"], on=item["on"])
        raise InputError(what, place=document.place((*at, "until")))


def _fact(document: Document, at: Path_, item: Json, subject: str, folder: Path) -> Fact:
    proof = [_proof(document, (*at, "proof", index), one, folder) for index, one in enumerate(item.get("proof") or ())]
    value = {key: item.get(key) for key in ("answer", "by", "role", "on", "until", "reason")} | {"proof": proof}
    return Fact(
        name=PREFIX + item["measure"],
        subject=subject,
        value=value,
        source=Source.DECLARED,
        where=f"{document.file}:{document.line((*at, 'measure'))}",
        seen_at=f"{item['on']}T00:00:00+00:00",  # a day is all that is known
    )


def _proof(document: Document, at: Path_, one: Json, folder: Path) -> dict[str, Json]:
    if isinstance(one, dict) and "reference" in one:
        return {"reference": one["reference"]}
    entry: dict[str, Json] = one if isinstance(one, dict) else {"file": one}
    inside = PurePosixPath(entry["file"])
    if inside.is_absolute() or ".." in inside.parts or "\\" in entry["file"]:
        what = _("Une preuve se trouve dans le dossier de ce fichier : {file}.").format(file=entry["file"])
        raise InputError(what, place=document.place(at))
    proof: dict[str, Json] = {"file": inside.as_posix(), "sha256": digest_of(folder / inside)}
    if "name" in entry:
        proof["name"] = entry["name"]
    if digest := entry.get("sha256"):
        proof |= {"deposited": digest, "kept": digest_of(copy_of(folder, digest))}
    return proof
