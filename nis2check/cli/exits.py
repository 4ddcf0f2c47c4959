# SPDX-License-Identifier: EUPL-1.2
"""Exit codes: one table, printed in the README and compared with it by a test."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    GAPS = 1
    USAGE = 2
    INCOMPLETE = 3
    EXPIRED = 4
    INTERNAL = 70
    NOT_WRITTEN = 74
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS: dict[Exit, str] = {
    Exit.OK: "rien au niveau de --fail-on ou au-dessus",
    Exit.GAPS: "au moins un écart au niveau de --fail-on ou au-dessus",
    Exit.USAGE: "usage ou configuration : option, fichier ou identifiant refusé, rien n'a été envoyé",
    Exit.INCOMPLETE: "incomplet : quelque chose reste indéterminé, et aucun écart",
    Exit.EXPIRED: "dérogation ou attestation expirée, avec --fail-on-expired",
    Exit.INTERNAL: "erreur interne (un défaut de nis2check)",
    Exit.NOT_WRITTEN: "un résultat n'a pas pu être écrit ; ce qui pouvait l'être l'a été",
    Exit.INTERRUPTED: "interrompu (Ctrl-C) ; le résultat partiel est gardé",
    Exit.TERMINATED: "arrêté (SIGTERM) ; le résultat partiel est gardé",
}

# When several hold, the first of this list is the exit code (DESIGN 5).
PRECEDENCE = (
    Exit.INTERRUPTED,
    Exit.TERMINATED,
    Exit.NOT_WRITTEN,
    Exit.INTERNAL,
    Exit.USAGE,
    Exit.GAPS,
    Exit.EXPIRED,
    Exit.INCOMPLETE,
    Exit.OK,
)


def first(codes: Iterable[Exit]) -> Exit:
    """The exit code when several hold; OK when none does."""
    held = set(codes)
    return next((code for code in PRECEDENCE if code in held), Exit.OK)
