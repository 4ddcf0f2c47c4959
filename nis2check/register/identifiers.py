# SPDX-License-Identifier: EUPL-1.2
"""SIREN, SIRET and Insee codes: recognised by their shape, checked by their key.

The key of a SIREN is Luhn's (ISO/IEC 7812-1) over its nine digits. La Poste's exception concerns the SIRET key alone, which
is not checked here: a SIRET only serves to reach its SIREN.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from nis2check.errors import InputError
from nis2check.language import _

# Written with spaces, dots or no-break spaces: 243 400 819, 243.400.819.
_SEPARATORS = re.compile(r"[\s.\u00a0\u202f-]+")
_INSEE = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{3}\Z")


class Shape(StrEnum):
    SIREN = "siren"
    INSEE = "insee"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Identifier:
    """What a person typed, and how to look it up: ``value`` is nine digits, five characters, or the text as typed."""

    shape: Shape
    value: str


def recognise(text: str) -> Identifier:
    """SIREN (or SIRET, reduced to it), Insee code of a commune, or a name. Raises InputError for a number that is neither."""
    typed = unicodedata.normalize("NFKC", text).strip()
    packed = _SEPARATORS.sub("", typed).upper()
    if _INSEE.match(packed):
        return Identifier(Shape.INSEE, packed)
    if not packed.isascii() or not packed.isdigit():
        if not typed:
            raise InputError(_("Identifiant vide."), advice=_ask())
        return Identifier(Shape.NAME, typed)
    return Identifier(Shape.SIREN, siren(packed))


def siren(digits: str) -> str:
    """The nine digits of a SIREN or SIRET. Raises InputError: which rule fails, length or key."""
    if len(digits) not in {9, 14}:
        what = _("« {digits} » : {n} chiffres ; un SIREN en compte 9, un SIRET 14, un code Insee de commune 5.")
        advice = _("Un code Insee garde ses zéros : 01004.") if len(digits) == 4 else ""
        raise InputError(what.format(digits=digits, n=len(digits)), advice=advice)
    first = digits[:9]
    if luhn_sum(first) % 10:
        right = first[:8] + str(next(key for key in range(10) if luhn_sum(first[:8] + str(key)) % 10 == 0))
        what = _("SIREN {siren} : clé de contrôle fausse (somme de Luhn {total}, qui n'est pas un multiple de 10).")
        advice = _("Un chiffre est mal recopié ; si c'était le dernier, ce serait {right}.").format(right=right)
        raise InputError(what.format(siren=first, total=luhn_sum(first)), advice=advice)
    return first


def luhn_sum(digits: str) -> int:
    """Luhn's sum: every second digit from the right is doubled, nines cast out. A right number gives a multiple of 10."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = int(character) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total


def _ask() -> str:
    return _("Donner un SIREN, un code Insee de commune ou un nom.")
