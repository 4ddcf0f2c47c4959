# SPDX-License-Identifier: EUPL-1.2
"""Why a finding has its verdict, said to a person: ``timeout: no answer`` and ``days = 3 (minimum: 15)`` as sentences."""

from __future__ import annotations

import json
import re

from nis2check.language import _, _n
from nis2check.model import Json
from nis2check.report import words

# What the judge writes of a fact that its JSON Schema refuses: name = value (keyword: what it wants).
_REFUSED = re.compile(
    r"(?P<name>[a-z0-9_.]+(?:\[\d+\])?) = (?P<seen>.+) \((?P<keyword>[a-zA-Z]+): (?P<wanted>.+)\)", re.DOTALL
)

# What the judge of answers writes, in French: a result is made in one language and read in another.
_OF_ANSWERS = (
    _n("Mesure demandée aux seules entités essentielles."),
    _n("Aucune réponse ; statut à confirmer, mesure retenue comme pour une entité importante."),
    _n("Aucune réponse."),
    _n("Réponse datée du {day}, après le jour examiné."),
    _n("Répondu « non »."),
    _n("À clarifier : répondu « ne sait pas »."),
    _n("Preuve modifiée depuis son dépôt : {files}."),
    _n("Attestation expirée le {day}."),
    _n("Preuve introuvable : {files}."),
    _n("Répondu « en partie »."),
    _n("Répondu « oui », mais aucune preuve n'est jointe."),
)
_PARTS = tuple((message, *re.split(r"(\{\w+\}|$)", message, maxsplit=1)) for message in _OF_ANSWERS)


def told(reason: str) -> tuple[str, str]:
    """A reason as (our sentence, detail in English). Both hold foreign text: clean both. A plain sentence is a detail."""
    word, colon, detail = reason.partition(":")
    known = words.why(word)
    if known != word and (colon or not detail):
        return known[:1].upper() + known[1:], detail.strip()
    refused = _REFUSED.fullmatch(reason)
    return (_expected(refused), "") if refused else ("", answered(reason))


def answered(reason: str) -> str:
    """A sentence about an answer, in the language being spoken; the words of a person come back as they are."""
    for message, before, field, after in _PARTS:
        if not field:
            if reason == message:
                return _(message)
        elif reason.startswith(before) and reason.endswith(after) and (told := reason[len(before) : -len(after)]):
            return _(message).format(**{field[1:-1]: told})
    return reason


def _expected(refused: re.Match[str]) -> str:
    keyword, wanted = refused["keyword"], _value(refused["wanted"])
    if keyword == "not" and isinstance(wanted, dict) and list(wanted) == ["enum"]:
        keyword, wanted = "none of", wanted["enum"]
    expected = {
        "const": _("attendu : {wanted}"),
        "enum": _("attendu : {wanted}"),
        "none of": _("attendu : rien de {wanted}"),
        "minimum": _("attendu : au moins {wanted}"),
        "exclusiveMinimum": _("attendu : plus de {wanted}"),
        "maximum": _("attendu : au plus {wanted}"),
        "exclusiveMaximum": _("attendu : moins de {wanted}"),
        "minItems": _("attendu : au moins {wanted} valeurs"),
        "maxItems": _("attendu : au plus {wanted} valeurs"),
        "minLength": _("attendu : une valeur"),
    }.get(keyword, "")  # the title of the rule says the rest
    if not expected or isinstance(wanted, dict):
        return _("{name} : {seen}").format(name=refused["name"], seen=words.value(_value(refused["seen"])))
    return _("{name} : {seen} ; {expected}").format(
        name=refused["name"],
        seen=words.value(_value(refused["seen"])),
        expected=expected.format(wanted=words.value(wanted)),
    )


def _value(text: str) -> Json:
    """A JSON value; one that the judge cut short stays as its text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
