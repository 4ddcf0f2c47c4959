# SPDX-License-Identifier: EUPL-1.2
"""Names of public bodies made comparable: accents, ligatures, St/Saint, digits, and the words that say a nature.

Two keys serve a search. The *plain* key keeps every word; the *core* key drops the words of nature at the head and the
articles, so that "CA du Grand Périgueux" and "CA Le Grand Périgueux" meet. Equality of keys decides; nearness never does.
"""

from __future__ import annotations

import re
import unicodedata

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "Œ": "oe", "Æ": "ae", "&": " et "})
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_WORDS = {"st": "saint", "ste": "sainte", "sts": "saints", "stes": "saintes"} | {
    str(digit): word
    for digit, word in enumerate(
        ("zero", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix")
    )
}
_ARTICLES = frozenset({"le", "la", "les", "l", "de", "du", "des", "d"})

_GROUPINGS = frozenset({"CC", "CA", "CU", "METRO", "MET69", "EPT"})
# Words at the head of a name that say its nature, longest first; the natures that they allow.
HEADS: tuple[tuple[str, frozenset[str]], ...] = (
    ("communaute d agglomeration", frozenset({"CA"})),
    ("communaute agglomeration", frozenset({"CA"})),
    ("communaute de communes", frozenset({"CC"})),
    ("communaute des communes", frozenset({"CC"})),
    ("communaute urbaine", frozenset({"CU"})),
    ("collectivite territoriale", frozenset({"CTU", "DEPREG"})),
    ("collectivite europeenne", frozenset({"CEA"})),
    ("etablissement public territorial", frozenset({"EPT"})),
    ("conseil departemental", frozenset({"DEP", "DEPREG", "CEA", "MET69", "CTU"})),
    ("conseil regional", frozenset({"REG", "CTU", "DEPREG"})),
    ("collectivite", frozenset({"CTU", "DEPREG", "CEA"})),
    ("departement", frozenset({"DEP", "DEPREG", "CEA", "CTU"})),
    ("agglomeration", frozenset({"CA"})),
    ("communaute", _GROUPINGS),
    ("commune", frozenset({"COMMUNE", "COM"})),
    ("mairie", frozenset({"COMMUNE", "COM"})),
    ("region", frozenset({"REG", "CTU", "DEPREG"})),
    ("comcom", frozenset({"CC"})),
    ("ville", frozenset({"COMMUNE", "COM"})),
    ("agglo", frozenset({"CA"})),
    ("ept", frozenset({"EPT"})),
    ("ca", frozenset({"CA"})),
    ("cc", frozenset({"CC"})),
    ("cu", frozenset({"CU"})),
)


def plain(name: str) -> str:
    """``"Saint-Étienne"`` and ``"ST ETIENNE"`` → ``"saint etienne"``."""
    text = unicodedata.normalize("NFKD", name.translate(_LIGATURES)).lower()
    text = "".join(character for character in text if not unicodedata.combining(character))
    return " ".join(_WORDS.get(word, word) for word in _NOT_WORD.sub(" ", text).split())


def core(name: str) -> tuple[str, frozenset[str] | None]:
    """The key without its head of nature and its articles, and the natures that the head allows (None: any)."""
    text = plain(name)
    natures: frozenset[str] | None = None
    for head, allowed in HEADS:
        if text.startswith(head + " "):
            text, natures = text[len(head) + 1 :], allowed
            break
    if natures is None and "metropole" in text.split():
        # "Métropole de Metz" and "Metz Métropole" are one: the word goes to the front, and stays.
        others = [word for word in text.split() if word != "metropole"]
        text = " ".join(["metropole", *others])
    words = [word for word in text.split() if word not in _ARTICLES]
    return " ".join(words or text.split()), natures


def written(name: str) -> tuple[str, ...]:
    """The ways in which an official name is written: itself, and its parts around a parenthesis
    (``CA Porte de l'Isère (CAPI)`` is also known without it)."""
    outside = re.sub(r"\s*\([^)]*\)", "", name).strip()
    return (name, outside) if outside and outside != name else (name,)


def trigrams(key: str) -> frozenset[str]:
    """The three-letter pieces of a key, its ends marked: two keys are near when they share many."""
    marked = f"  {key} "
    return frozenset(marked[at : at + 3] for at in range(len(marked) - 2))


def nearness(one: frozenset[str], other: frozenset[str]) -> float:
    """Dice's coefficient of two sets of trigrams: 0 nothing in common, 1 the same."""
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0
