# SPDX-License-Identifier: EUPL-1.2
"""The questionnaire as a spreadsheet for colleagues: measures out, answers back, each fault told by its cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nis2check.attest import answers
from nis2check.attest.answers import Answer
from nis2check.attest.due import Question
from nis2check.errors import InputError, Place
from nis2check.frameworks import ROLES, Framework, Measure
from nis2check.language import LANGUAGES, _, pick
from nis2check.model import Text
from nis2check.sheets.sheet import Column, Grid, Sheet, letters

NAME: Text = {"fr": "Attestations", "en": "Attestations"}

# Column → its title and width. The order is part of the format: a moved column is refused rather than guessed.
_COLUMNS: Mapping[str, tuple[Text, int]] = {
    "measure": ({"fr": "Mesure", "en": "Measure"}, 9),
    "title": ({"fr": "Intitulé", "en": "Title"}, 48),
    "expected": ({"fr": "Ce qui fait preuve", "en": "What counts as proof"}, 36),
    "who": ({"fr": "Qui répond d'habitude", "en": "Who usually answers"}, 16),
    "state": ({"fr": "État", "en": "State"}, 28),
    "answer": ({"fr": "Réponse", "en": "Answer"}, 14),
    "by": ({"fr": "Répondu par", "en": "Answered by"}, 18),
    "role": ({"fr": "Fonction", "en": "Role"}, 18),
    "on": ({"fr": "Répondu le", "en": "Answered on"}, 13),
    "until": ({"fr": "Valable jusqu'au", "en": "Valid until"}, 13),
    "proof": (
        {"fr": "Preuves (un fichier ou « réf. : … » par ligne)", "en": "Proofs (a file or “ref.: …” a line)"},
        36,
    ),
    "reason": ({"fr": "Raison ou ce qui manque", "en": "Reason or what is missing"}, 40),
}
_PLACE = {name: index for index, name in enumerate(_COLUMNS)}
_REFERENCE = ("réf. :", "réf :", "réf.:", "réf:", "ref. :", "ref :", "ref.:", "ref:")


def sheet(measures: Iterable[Measure], due: Iterable[Question], stored: Mapping[str, Answer]) -> Sheet:
    """The questionnaire: an answer that still holds is shown, one to renew is left blank, its state says what it was."""
    states = {question.measure.id: question for question in due}
    words = tuple(pick(word) for word in answers.WORDS.values())
    columns = tuple(
        Column(pick(title), width, words if name == "answer" else ()) for name, (title, width) in _COLUMNS.items()
    )
    rows = tuple(_row(measure, states.get(measure.id), stored.get(measure.id)) for measure in measures)
    return Sheet(pick(NAME), columns, rows)


def _row(measure: Measure, question: Question | None, answer: Answer | None) -> tuple[str, ...]:
    state = question.reason if question else _("À jour.")
    if question and question.answer:
        state += " " + _("Répondu « {answer} ».").format(answer=pick(answers.WORDS[question.answer]))
    head = (measure.id, pick(measure.title), pick(measure.proof), pick(ROLES.get(measure.who, {"fr": ""})), state)
    if answer is None or question is not None:
        return (*head, *[""] * (len(_COLUMNS) - len(head)))
    proofs = "\n".join(answers.shown(proof) for proof in answer.proof)
    said = (answer.by, answer.role, answer.on, answer.until, proofs, answer.reason)
    return (*head, pick(answers.WORDS[answer.answer]), *said)


@dataclass(frozen=True, slots=True)
class Filled:
    """A row that was answered. ``files`` are proofs to deposit, not yet part of ``answer``."""

    answer: Answer
    files: tuple[Path, ...]


def filled(
    book: Mapping[str, Grid], path: Path, framework: Framework, stored: Mapping[str, Answer], folder: Path, on: str
) -> tuple[Filled, ...]:
    """The answered rows of a workbook. ``folder`` is that of the attestations; ``on`` the day of a row without one.

    A file named as proof lies in ``folder`` or beside the workbook; nothing outside of both is ever read. Raises InputError
    with one line per fault, and then nothing is taken: moved columns, unknown measure or answer, a date, a missing file.
    """
    name, grid = _questionnaire(book, path)
    _check_header(grid, name, path)
    rows = _Rows(name, path, framework, stored, (folder, path.parent), on)
    found = [rows.filled(number, row) for number, row in enumerate(grid[1:], 2) if any(row)]
    if rows.faults:
        more = tuple(f"{place}: {what}" for what, place in rows.faults[1:50])
        raise InputError(rows.faults[0][0], place=rows.faults[0][1], more=more)
    return tuple(one for one in found if one is not None)


def _questionnaire(book: Mapping[str, Grid], path: Path) -> tuple[str, Grid]:
    for name in {pick(NAME, lang) for lang in LANGUAGES}:
        if name in book:
            return name, book[name]
    if len(book) == 1:
        return next(iter(book.items()))
    raise InputError(_("Feuille « {name} » introuvable.").format(name=pick(NAME)), place=Place(str(path)))


def _check_header(grid: Grid, name: str, path: Path) -> None:
    read = [" ".join(cell.replace("’", "'").split()) for cell in (grid[0] if grid else ())]
    titles = {lang: [pick(title, lang) for title, _width in _COLUMNS.values()] for lang in LANGUAGES}
    if any(read[: len(_COLUMNS)] == wanted and not any(read[len(_COLUMNS) :]) for wanted in titles.values()):
        return
    nearest = max(titles.values(), key=lambda wanted: sum(a == b for a, b in zip(read, wanted, strict=False)))
    pairs = [
        (nearest[i] if i < len(nearest) else "", read[i] if i < len(read) else "")
        for i in range(max(len(read), len(nearest)))
    ]
    at = next(index for index, (wanted, got) in enumerate(pairs) if wanted != got)
    what = _("Colonnes déplacées : « {wanted} » attendu, « {got} » lu.").format(wanted=pairs[at][0], got=pairs[at][1])
    raise InputError(
        what, place=Place(str(path), None, f"{name}!{letters(at)}1"), advice=_("Repartir de « attest --export ».")
    )


class _Rows:
    """The rows of one workbook, and the faults found so far."""

    def __init__(
        self,
        sheet_name: str,
        path: Path,
        framework: Framework,
        stored: Mapping[str, Answer],
        folders: Sequence[Path],
        on: str,
    ) -> None:
        self._sheet, self._path, self._framework = sheet_name, path, framework
        self._stored, self._folders, self._on = stored, folders, on
        self._seen: dict[str, int] = {}
        self.faults: list[tuple[str, Place]] = []

    def _fault(self, what: str, number: int, column: str) -> None:
        where = f"{self._sheet}!{letters(_PLACE[column])}{number}"
        self.faults.append((what, Place(str(self._path), None, where)))

    def filled(self, number: int, row: tuple[str, ...]) -> Filled | None:
        """The answer of a row; None when it is blank, or has a fault."""
        cells = {name: row[index].strip() if index < len(row) else "" for name, index in _PLACE.items()}
        if not any(cells[name] for name in ("answer", "by", "role", "on", "until", "proof", "reason")):
            return None
        measure = self._measure(cells["measure"], number)
        word = answers.word_of(cells["answer"])
        if word is None:
            known = ", ".join(pick(one) for one in answers.WORDS.values())
            what = _("Réponse « {text} » inconnue ; attendu : {known}.").format(text=cells["answer"], known=known)
            self._fault(what, number, "answer")
        if measure is None or word is None:
            return None
        before = len(self.faults)
        proofs, files = self._proofs(cells["proof"], measure.id, number)
        texts = {name: cells[name] for name in ("by", "role", "reason")}
        answer = Answer(
            measure.id, word, _day(cells["on"]) or self._on, until=_day(cells["until"]), proof=tuple(proofs), **texts
        )
        proven = bool(files) or len(self.faults) > before  # a proof that was refused is told once
        if what := answers.fault(answer, proven=proven):
            self._fault(what, number, "answer")
        return Filled(answer, tuple(files)) if len(self.faults) == before else None

    def _measure(self, name: str, number: int) -> Measure | None:
        measure = self._framework.measures.get(name)
        if measure is None:
            self._fault(_("Mesure inconnue : {measure}.").format(measure=name or "–"), number, "measure")
        elif name in self._seen:
            what = _("Mesure {measure} déjà répondue à la ligne {line}.").format(measure=name, line=self._seen[name])
            self._fault(what, number, "measure")
            return None
        self._seen.setdefault(name, number)
        return measure

    def _proofs(self, text: str, measure: str, number: int) -> tuple[list[Mapping[str, str]], list[Path]]:
        """Proofs that need nothing more (already kept, or references), and files to deposit."""
        stored = self._stored.get(measure)
        known = {answers.shown(proof): proof for proof in stored.proof} if stored else {}
        proofs: list[Mapping[str, str]] = []
        files: list[Path] = []
        for line in filter(None, (one.strip() for one in text.split("\n"))):
            mark = next((mark for mark in _REFERENCE if line.lower().startswith(mark)), "")
            if line in known:
                proofs.append(known[line])
            elif mark:
                proofs.append({"reference": line[len(mark) :].strip() or line})
            elif (file := self._file(line)) is not None:
                files.append(file)
            else:
                what = _("Preuve introuvable : {file} (un document tenu ailleurs s'écrit « réf. : … »).")
                self._fault(what.format(file=line), number, "proof")
        return proofs, files

    def _file(self, name: str) -> Path | None:
        """A workbook comes from others: it may name a file near it, never one elsewhere on this machine."""
        inside = PurePosixPath(name)
        if inside.is_absolute() or ".." in inside.parts or "\\" in name or "\0" in name:
            return None
        for folder in self._folders:
            file = folder / inside
            try:
                if file.is_file() and file.resolve().is_relative_to(folder.resolve()):
                    return file
            except OSError:  # a name that no file can have
                return None
        return None


def _day(text: str) -> str:
    """``22/11/2026`` as people of this country write it, in ISO; anything else as it is, to be refused as a date."""
    parts = text.split("/")
    if len(parts) == 3 and all(part.isdigit() for part in parts) and len(parts[2]) == 4:
        return f"{parts[2]}-{parts[1]:0>2}-{parts[0]:0>2}"
    return text
