# SPDX-License-Identifier: EUPL-1.2
"""An answer to one measure, whoever gives it: options, the terminal, a spreadsheet. Checked and written one way."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nis2check.attest import declare, list_file
from nis2check.errors import InputError
from nis2check.files import check, parse_yaml, write_aside
from nis2check.frameworks import Framework
from nis2check.language import LANGUAGES, _, pick
from nis2check.model import Json, Text

KEY = "attestations"

WORDS: Mapping[str, Text] = {
    "yes": {"fr": "oui", "en": "yes"},
    "partial": {"fr": "en partie", "en": "partly"},
    "no": {"fr": "non", "en": "no"},
    "unknown": {"fr": "ne sait pas", "en": "don't know"},
    "not_applicable": {"fr": "sans objet", "en": "not applicable"},
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it is written. Dates are ISO; a proof is ``{"reference"}``, ``{"file", "sha256"}`` or a bare ``{"file"}``."""

    measure: str
    answer: str
    on: str
    by: str = ""
    role: str = ""
    until: str = ""
    proof: tuple[Mapping[str, str], ...] = field(default=())
    reason: str = ""

    def values(self) -> dict[str, Json]:
        """The values of its entry, in the order of the file; what is empty is not written."""
        said = {"measure": self.measure, "answer": self.answer, "by": self.by, "role": self.role, "on": self.on}
        proofs = [one if "reference" in one or "sha256" in one else one["file"] for one in self.proof]
        rest = {"until": self.until, "proof": [dict(one) if isinstance(one, Mapping) else one for one in proofs]}
        return {key: value for key, value in {**said, **rest, "reason": self.reason}.items() if value}


def of_item(item: Mapping[str, Json]) -> Answer:
    """The answer that an entry of the file holds."""
    proofs = tuple({"file": one} if isinstance(one, str) else one for one in item.get("proof") or ())
    texts = {key: item.get(key) or "" for key in ("by", "role", "until", "reason")}
    return Answer(item["measure"], item["answer"], item["on"], proof=proofs, **texts)


def word_of(text: str) -> str | None:
    """``yes`` for oui, Oui, yes…; None when it is no answer."""
    plain = " ".join(text.lower().replace("’", "'").split())
    for word, shown in WORDS.items():
        if plain == word or plain in {shown[lang] for lang in LANGUAGES}:
            return word
    return None


def shown(proof: Mapping[str, Json]) -> str:
    """A proof as people write it: a file, or ``réf. : …`` for a document held elsewhere."""
    if "reference" in proof:
        return _("réf. : {reference}").format(reference=proof["reference"])
    digest = str(proof.get("sha256") or "")
    return f"{proof['name']} ({digest[:12]})" if "name" in proof else str(proof["file"])


def fault(answer: Answer, *, proven: bool = False) -> str:
    """What keeps an answer from being taken, as a sentence; empty when nothing does. ``proven``: proofs are to be added."""
    if answer.answer == "not_applicable" and not answer.reason:
        return _("« Sans objet » demande une raison.")
    if answer.answer == "yes" and not (answer.proof or answer.by or proven):
        return _("« Oui » demande une preuve ou un nom.")
    for day in filter(None, (answer.on, answer.until)):
        try:
            datetime.date.fromisoformat(day)
        except ValueError:
            return _("Date impossible : {value}.").format(value=day)
        if len(day) != 10:
            return _("Date impossible : {value}.").format(value=day)
    if answer.until and answer.until < answer.on:
        return _("La fin de validité ({until}) précède la réponse ({on}).").format(until=answer.until, on=answer.on)
    return ""


def stored(path: Path, framework: Framework) -> dict[str, Answer]:
    """The answers of a file, by measure; none when it is not there. Raises InputError at the faulty line."""
    from nis2check.attest.attestations import read

    if not path.exists():
        return {}
    read(path, framework, "")  # every check of the reader, proofs within the folder included
    document = parse_yaml(declare.read_text(path, KEY, ""), path.name)
    return {item["measure"]: of_item(item) for item in document.data[KEY]}


def _head() -> str:
    return _("""\
# Ce que la collectivité atteste elle-même, mesure par mesure. Écrit par « nis2check attest » ; se relit et se corrige à la main.
# answer : yes, partial, no, unknown (ne sait pas) ou not_applicable (sans objet, avec sa raison).
# proof : {reference: …}, ou un fichier et son empreinte lors du dépôt, dont une copie est gardée dans .nis2check/proofs/.
""")


def write(path: Path, answers: Iterable[Answer], framework: Framework) -> None:
    """Put answers in the file, each in the place of the former one; the rest stays as it is. All or none.

    Raises InputError when the file's layout cannot be kept or an answer breaks its schema, WriteError for the disk.
    """
    text = declare.read_text(path, KEY, _head())
    entries = {
        one.measure: list_file.Entry(one.values(), pick(framework.measures[one.measure].title, "fr")) for one in answers
    }
    if not entries:
        return
    new = list_file.changed(
        text,
        path.name,
        KEY,
        entries,
        name_of=lambda item: str(item["measure"]),
        rank=lambda measure: framework.measures[measure].position,
    )
    check(parse_yaml(new, path.name), KEY)
    try:
        data = new.encode()
    except UnicodeEncodeError:
        raise InputError(_("Texte illisible : ce n'est pas de l'UTF-8.")) from None
    write_aside(path, data)
