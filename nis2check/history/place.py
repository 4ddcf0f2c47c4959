# SPDX-License-Identifier: EUPL-1.2
"""Where a history lies: beside the body's file, else in the state folder of the user (XDG Base Directory 0.8)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from nis2check.errors import InputError, Place
from nis2check.language import _

FOLDER = ".nis2check"
NAME = "history.sqlite"


def to_read(body_file: Path, environment: Mapping[str, str]) -> Path:
    """The history of a body's file: the one that exists, beside it first. Raises InputError: there is none."""
    places = [_beside(body_file), _state(environment)]
    for place in places:
        if place is not None and os.path.lexists(place):
            return place
    raise InputError(
        _("Aucun historique ici."),
        advice=_("En commencer un : nis2check scan --save (ou le nommer : --history CHEMIN)."),
    )


def to_write(body_file: Path, environment: Mapping[str, str]) -> Path:
    """Where the runs of a body are kept: beside its file, or in the user's state folder when that cannot be written.

    Raises InputError: neither can be.
    """
    beside, state = _beside(body_file), _state(environment)
    nearest = beside.parent if beside.parent.is_dir() else body_file.parent
    if os.path.lexists(beside) or (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        return beside
    if state is None:
        raise InputError(
            _("Nulle part où garder l'historique : dossier en lecture seule et pas de dossier personnel."),
            advice=_("Le nommer : --history CHEMIN."),
        )
    return state


def _beside(body_file: Path) -> Path:
    folder = body_file.parent / FOLDER
    if folder.is_symlink():
        what = _("Le dossier de l'historique est un lien : refusé.")
        raise InputError(what, place=Place(str(folder)), advice=_("Nommer le fichier lui-même : --history CHEMIN."))
    return folder / NAME


def _state(environment: Mapping[str, str]) -> Path | None:
    """``$XDG_STATE_HOME/nis2check``; a relative value is ignored, as the specification asks."""
    given = environment.get("XDG_STATE_HOME", "")
    if given and Path(given).is_absolute():
        return Path(given) / "nis2check" / NAME
    home = environment.get("HOME", "")
    return Path(home) / ".local" / "state" / "nis2check" / NAME if home and Path(home).is_absolute() else None


def prepare(path: Path) -> None:
    """Make the folder of a history: for its owner only, since it says where a body is weak, and out of git."""
    folder = path.parent
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.name == FOLDER:
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
