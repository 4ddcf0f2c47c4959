# SPDX-License-Identifier: EUPL-1.2
"""French is the language of the source; English is a gettext catalogue. `_` marks and translates at the moment of printing.

The chosen language is the one piece of state of the process: set once by ``cli`` before anything is printed.
"""

from __future__ import annotations

import errno
import gettext
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nis2check.printing import apostrophes, french

if TYPE_CHECKING:
    from nis2check.model import Text

LANGUAGES = ("fr", "en")
_LOCALE = Path(__file__).with_name("locale")
_chosen = "fr"
_catalogue: gettext.NullTranslations = gettext.NullTranslations()


def use(lang: str) -> None:
    """Choose the language of all that follows; click's own messages follow too (it asks the default text domain)."""
    global _chosen, _catalogue
    _chosen = lang if lang in LANGUAGES else "fr"
    _catalogue = gettext.translation("nis2check", _LOCALE, [_chosen], fallback=True)
    os.environ["LANGUAGE"] = _chosen  # where gettext looks for the language of the default domain
    gettext.bindtextdomain("messages", str(_LOCALE))
    gettext.textdomain("messages")


def chosen() -> str:
    return _chosen


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """Speak ``lang`` for the length of a block: a report carries its own language, apart from the terminal's."""
    before = _chosen
    use(lang)
    try:
        yield
    finally:
        use(before)


def _(message: str) -> str:
    """The message in the chosen language. Fields are named and filled by the caller with ``.format(…)`` afterwards."""
    return _catalogue.gettext(message)


def _n(message: str) -> str:
    """Mark a message of a table for the catalogue; it is translated when shown."""
    return message


def plural(one: str, many: str, count: int) -> str:
    """Singular for 0 and 1 in French, for 1 only in English; ``{n}`` is filled with the count."""
    if isinstance(_catalogue, gettext.GNUTranslations):
        text = _catalogue.ngettext(one, many, count)
    else:
        text = one if count < 2 else many
    return text.format(n=count)


def reason(error: OSError | ValueError) -> str:
    """Why the system refused a file, in the chosen language; what is not usual is left in the words of the system."""
    usual = {
        errno.ENOENT: _("introuvable"),
        errno.EACCES: _("accès refusé"),
        errno.EPERM: _("accès refusé"),
        errno.EISDIR: _("c'est un dossier"),
        errno.ENOTDIR: _("un fichier tient la place d'un dossier"),
        errno.EEXIST: _("le nom est déjà pris"),
        errno.ENOSPC: _("disque plein"),
        errno.EDQUOT: _("quota dépassé"),
        errno.EROFS: _("disque en lecture seule"),
        errno.EIO: _("erreur du disque"),
        errno.ENAMETOOLONG: _("nom trop long"),
        errno.ELOOP: _("trop de liens"),
        errno.EMFILE: _("trop de fichiers ouverts"),
        errno.EPIPE: _("plus personne ne lit"),
    }
    number = error.errno if isinstance(error, OSError) else None
    return usual.get(number or 0) or getattr(error, "strerror", None) or str(error)


def pick(text: Text, lang: str | None = None) -> str:
    """One language of a ``{fr: …, en: …}`` of the policies; French when the other is missing."""
    return text.get(lang or _chosen) or text.get("fr", "")


def say(text: str, lang: str | None = None) -> str:
    """Our own sentence with the typography of its language."""
    return french(text) if (lang or _chosen) == "fr" else text


def written(text: str, lang: str | None = None) -> str:
    """Our own sentence as a document has it: `say`, with true apostrophes in both languages."""
    return french(text, curly=True) if (lang or _chosen) == "fr" else apostrophes(text)
