# SPDX-License-Identifier: EUPL-1.2
"""A regime as a plain value to read: its state, its clauses and what follows. One more kind of ``nis2check.explain/1``."""

from __future__ import annotations

from nis2check.law.regime import Comparison, Regime, RegimeClause
from nis2check.law.scope import comparisons
from nis2check.model import Json


def describe(regime: Regime) -> dict[str, Json]:
    """``{schema, kind: "regime", id: "regime:…", title, state, dates, legal_status, clauses[], obligations[]}``."""
    return {
        "schema": "nis2check.explain/1",
        "kind": "regime",
        "id": f"regime:{regime.id}",
        "title": dict(regime.title),
        "state": regime.state,
        "dates": dict(regime.dates),
        "checked_on": regime.checked_on,
        "legal_status": {
            "text": {"fr": regime.legal_status["text_fr"], "en": regime.legal_status["text"]},
            "as_of": regime.legal_status["as_of"],
            "source": regime.legal_status["source"],
        },
        "clauses": [_clause(clause) for clause in regime.clauses],
        "obligations": [
            {
                "id": duty.id,
                "clause": duty.clause,
                "categories": [str(category) for category in duty.categories],
                "natures": list(duty.natures),
                "confidence": duty.confidence,
                "text": dict(duty.text),
            }
            for duty in regime.obligations
        ],
    }


def _clause(clause: RegimeClause) -> dict[str, Json]:
    tested = comparisons(clause.test) if clause.test else ()
    return {
        "id": clause.id,
        "clause": clause.clause,
        "natures": list(clause.natures),
        "category": str(clause.category),
        "confidence": clause.confidence,
        "text": dict(clause.text),
        "note": dict(clause.note) if clause.note else None,
        "thresholds": [_threshold(one) for one in tested if one.unit],
        "references": [dict(reference) for reference in clause.references],
        "since": clause.since,
        "until": clause.until,
    }


def _threshold(one: Comparison) -> dict[str, Json]:
    """A number never travels alone: operator, unit and notion of population go with it."""
    return {"fact": one.fact, "operator": one.operator, "value": one.value, "unit": one.unit, "notion": one.notion}
