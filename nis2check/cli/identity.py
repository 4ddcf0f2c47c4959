# SPDX-License-Identifier: EUPL-1.2
"""Who a body is, from its file or its options, and what the law presumes of it: the register meets the regime here."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nis2check.language import _, pick

if TYPE_CHECKING:
    from nis2check.model import Json, Scope


def presume(
    identity: Mapping[str, Json],
    *,
    on: datetime.date,
    regime: str = "",
    notion: str = "totale",
    strict: bool = False,
) -> Scope:
    """The scope of a body as declared. Raises InputError: bad key, unknown SIREN, unknown regime."""
    from nis2check.law.regime import DEFAULT, load
    from nis2check.law.scope import decide
    from nis2check.register.lookup import described

    day = on.isoformat()
    return decide(described(identity, day), load(regime or DEFAULT), notion, day, strict)


def presumed_sentence(scope: Scope) -> str:
    """One sentence: what the body is presumed to be, and by which clause."""
    from nis2check.law.scope import words

    text = _("{name} : statut présumé « {category} » ({regime}).")
    return text.format(name=scope.body.name, category=pick(words(scope.category)), regime=scope.regime)
