# SPDX-License-Identifier: EUPL-1.2
"""Why an action stands where it stands, in both languages at once: the result file holds both."""

from __future__ import annotations

from collections.abc import Iterable

from nis2check.model import Text
from nis2check.plan.actions import MEASURE, Action, how_sure

_HOW = {
    "observed": ("Constaté par une sonde", "Seen by a probe"),
    "declared_files": ("Lu dans les fichiers d'infrastructure", "Read in the infrastructure files"),
    "attested_no": ("Répondu « non »", "Answered “no”"),
    "attested_partial": ("Répondu « en partie »", "Answered “partly”"),
    "to_attest": ("Sans réponse valable à ce jour", "No valid answer so far"),
}
_SEVERITY = {
    "critical": ("critique", "critical"),
    "high": ("élevée", "high"),
    "medium": ("moyenne", "medium"),
    "low": ("faible", "low"),
    "info": ("pour information", "information"),
}
_NAMES = (
    ("severity", "gravité", "severity"),
    ("likelihood", "certitude", "likelihood"),
    ("breadth", "étendue", "breadth"),
    ("legal", "poids légal", "legal weight"),
    ("first", "premières actions de l'ANSSI", "ANSSI's first actions"),
    ("foundation", "socle de gouvernance", "foundation of governance"),
)


def because(action: Action, unlocks: tuple[float, str] | None, reserved: bool) -> Text:
    """A few sentences with every factor that is not neutral. ``unlocks``: what it makes possible, as in ``order``;
    ``reserved``: it takes the place kept for governance."""
    french, english = list(_french(action, unlocks)), list(_english(action, unlocks))
    if reserved:
        french.insert(1, "Place gardée à la gouvernance parmi les premières mesures.")
        english.insert(1, "Place kept for governance among the first measures.")
    return {"fr": " ".join(french), "en": " ".join(english)}


def _french(action: Action, unlocks: tuple[float, str] | None) -> Iterable[str]:
    targets = f" sur {action.targets} cibles" if action.targets > 1 else ""
    severity = _SEVERITY[action.worst.severity][0]
    yield f"{_HOW[how_sure(action.worst)][0]}{targets}, gravité {severity} : {_sum(action, 1)}."
    if unlocks:
        yield f"Rend possible {_name(unlocks[1])} : priorité portée à {_number(unlocks[0], 1)}."
    if how_sure(action.worst) == "to_attest":
        yield "Si c'est déjà fait, répondre et joindre la preuve suffit."


def _english(action: Action, unlocks: tuple[float, str] | None) -> Iterable[str]:
    targets = f" on {action.targets} targets" if action.targets > 1 else ""
    severity = _SEVERITY[action.worst.severity][1]
    yield f"{_HOW[how_sure(action.worst)][1]}{targets}, severity {severity}: {_sum(action, 2)}."
    if unlocks:
        yield f"Makes {_name(unlocks[1])} possible: priority raised to {_number(unlocks[0], 2)}."
    if how_sure(action.worst) == "to_attest":
        yield "If it is already done, answering with the proof is enough."


def _sum(action: Action, language: int) -> str:
    """``gravité 6 × certitude 1 × poids légal 1,25 ÷ effort 2 = 3,75``; factors of 1 are left out but for the first two."""
    factors = action.factors
    shown = [
        f"{names[language]} {_number(getattr(factors, names[0]), language)}"
        for names in _NAMES
        if names[0] in {"severity", "likelihood"} or getattr(factors, names[0]) != 1
    ]
    return f"{' × '.join(shown)} ÷ effort {_number(factors.effort, language)} = {_number(factors.score, language)}"


def _number(value: float, language: int) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if language == 1 else text


def _name(key: str) -> str:
    return key.removeprefix(MEASURE)
