# SPDX-License-Identifier: EUPL-1.2
"""From what a person types to one body: by SIREN, by Insee code, by name. Never decides alone on a near name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

from nis2check.errors import InputError
from nis2check.language import _
from nis2check.model import Body, Json, Text
from nis2check.register import names, store
from nis2check.register.identifiers import Shape, recognise

MOST_CANDIDATES = 10
_NEAR_ENOUGH = 0.4  # of Dice's coefficient: below it a candidate is noise


@dataclass(frozen=True, slots=True)
class Named:
    """A line of the index of names: a key, whether it is of the whole name, and whose it is (SIREN, or Insee overseas)."""

    key: str
    whole: bool
    id: str
    nature: str


def find(text: str, on: str) -> Body:
    """The body of a SIREN, SIRET, Insee code or name, as the vintage in force on an ISO date knows it.

    A dissolved SIREN answers with its successor, and a note says so. Raises InputError: no such body; several bodies or
    only near names (``more`` holds the candidates with their SIREN).
    """
    vintage = store.vintage_in_force(on)
    asked = recognise(text)
    if asked.shape is Shape.INSEE:
        return _by_insee(asked.value, vintage)
    if asked.shape is Shape.SIREN:
        return _by_siren(asked.value, vintage)
    return _by_name(asked.value, vintage)


def everybody(on: str) -> Iterator[Body]:
    """Every body with a SIREN, by SIREN in each file: communes first."""
    vintage = store.vintage_in_force(on)
    for name in (store.COMMUNES, store.GROUPINGS):
        for line in store.lines(store.read(name, vintage)):
            if not line.startswith(";"):
                yield store.body(line)


def by_siren(siren: str, on: str) -> Body | None:
    """The body of a right SIREN in a vintage, or None."""
    vintage = store.vintage_in_force(on)
    for name in (store.GROUPINGS, store.COMMUNES):  # the small file first
        line = store.line_of_siren(store.read(name, vintage), siren)
        if line is not None:
            return store.body(line)
    return None


def before(body: Body, on: str) -> tuple[Body, ...]:
    """The same SIREN in the vintages before the one in force, the newest first."""
    earlier = [vintage for vintage in store.VINTAGES if vintage < store.vintage_in_force(on)]
    known = (by_siren(body.siren, f"{vintage}-01-01") for vintage in reversed(earlier) if body.siren)
    return tuple(takewhile(lambda found: found is not None, known))  # type: ignore[arg-type] # the None are left behind


def beginning(typed: str, most: int = 30) -> Iterator[tuple[str, str]]:
    """(SIREN, key of a name) of the bodies whose SIREN or name starts as typed: for the completion of a shell."""
    start = typed if typed.isdigit() else names.plain(typed)
    if len(start) < 2:
        return
    if typed.isdigit():
        line = rb"^[^;\n]*;[fc];" + start.encode() + rb"\d*;.*$"
    else:
        line = rb"^" + re.escape(start.encode()) + rb"[^;\n]*;[fc];.*$"
    seen: set[str] = set()
    for match in re.finditer(line, store.read(store.NAMES), re.MULTILINE):
        named = _read_named(match.group().decode())
        if named.id not in seen and len(seen) < most:
            seen.add(named.id)
            yield named.id, f"{named.key} ({named.nature})"


def described(identity: Mapping[str, Json], on: str) -> Body:
    """The body of the ``body:`` part of a nis2check.yaml: looked up by ``siren`` or ``insee``, its own facts on top; built
    from ``nature`` and figures when the register does not know it. Raises InputError."""
    known = _known(identity, on)
    nature = identity.get("nature")
    if known is not None and nature is not None and nature != known.nature:
        what = _("Faits contradictoires : {name} ({siren}) est de nature {found} au registre, et non {given}.")
        raise InputError(what.format(name=known.name, siren=known.siren, found=known.nature, given=nature))
    body = known or _outside(identity)
    figures = {
        field: dict.fromkeys(("totale", "municipale"), identity[field])
        for field in ("population", "largest_commune")
        if identity.get(field) is not None
    }
    facts = {key: identity[key] for key in _DECLARABLE if identity.get(key) is not None}
    return replace(
        body,
        population=figures.get("population", body.population),
        largest_commune=figures.get("largest_commune", body.largest_commune),
        largest_commune_names={} if "largest_commune" in figures else body.largest_commune_names,
        vintage={} if "population" in figures else body.vintage,
        activities=tuple(identity.get("activities") or ()),
        facts=facts,
        notes=body.notes + ((_DECLARED,) if figures else ()),
    )


# Facts that no register holds and a body may declare of itself.
_DECLARABLE = ("staff", "turnover", "balance_sheet", "designated", "former_ose", "critical_entity", "parent_category")


def _outside(identity: Mapping[str, Json]) -> Body:
    """A body that the register does not hold, of the nature that it declares."""
    number = recognise(str(identity["siren"])) if identity.get("siren") else None
    siren = number.value if number is not None and number.shape is Shape.SIREN else ""
    called = number.value if number is not None and number.shape is Shape.NAME else ""
    name = identity.get("name") or called or _("Organisme hors registre")
    nature = identity.get("nature")
    if nature is None:
        what = _("Dire de qui il s'agit : un SIREN, un code Insee de commune, un nom, ou --nature hors registre.")
        raise InputError(what, advice=_("Exemple : nis2check scope 243400819"))
    return Body(name=name, nature=str(nature), siren=siren)


_DECLARED: Text = {
    "fr": "Population déclarée, sans notion ni millésime : elle vaut pour les deux notions.",
    "en": "Declared population, without notion or vintage: it stands for both notions.",
}


def _known(identity: Mapping[str, Json], on: str) -> Body | None:
    """The body of the register that an identity names; with a nature, a SIREN or name unknown to it is no fault."""
    asked = identity.get("siren", identity.get("insee"))
    if asked is None:
        return None  # an empty one goes on: it is a fault of who asked, told by `recognise`
    if identity.get("nature") is None:
        return find(str(asked), on)
    number = recognise(str(asked))
    if number.shape is Shape.SIREN:
        return by_siren(number.value, on)
    return _by_insee(number.value, store.vintage_in_force(on)) if number.shape is Shape.INSEE else None


def _by_siren(siren: str, vintage: str) -> Body:
    body = by_siren(siren, f"{vintage}-01-01")
    if body is not None:
        return body
    for line in store.lines(store.read(store.SUCCESSORS)):
        dissolved, name, successor, since = line.split(";")
        if siren == dissolved and vintage >= since[:4]:
            after = _by_siren(successor, vintage)
            return replace(after, notes=(_dissolved(name, siren, since, after), *after.notes))
    for other in store.VINTAGES:
        body = by_siren(siren, f"{other}-01-01")
        if body is not None:
            what = _("{name} ({siren}) n'existe pas au millésime {vintage} : il est au registre de {other}.")
            raise InputError(what.format(name=body.name, siren=siren, vintage=vintage, other=other))
    what = _("Aucun organisme de SIREN {siren} au registre (communes, EPCI, départements, régions).").format(
        siren=siren
    )
    advice = _(
        "Hors registre (syndicat, SDIS, CCAS, régie…) : donner --nature, et --population-figure, --activity s'il y a lieu."
    )
    raise InputError(what, advice=advice)


def _dissolved(name: str, siren: str, since: str, after: Body) -> Text:
    return {
        "fr": f"{name} ({siren}) est dissous depuis le {_day(since)} : la réponse est celle de son successeur, "
        f"{after.name} ({after.siren}).",
        "en": f"{name} ({siren}) was dissolved on {since}: the answer is that of its successor, {after.name} ({after.siren}).",
    }


def _day(date: str) -> str:
    year, month, day = date.split("-")
    return f"{day}/{month}/{year}"


def _by_insee(insee: str, vintage: str) -> Body:
    line = store.line_of_insee(store.read(store.COMMUNES, vintage), insee)
    if line is None:
        advice = _("Les communes déléguées et les arrondissements n'ont pas de ligne : donner le code de la commune.")
        raise InputError(_("Aucune commune de code Insee {insee}.").format(insee=insee), advice=advice)
    return store.body(line)


def _by_name(text: str, vintage: str) -> Body:
    whole = [named for named in _with_key(names.plain(text)) if named.whole]
    core = _ids(_same_core(text), vintage)
    ids = _ids(whole, vintage) or core
    if len(ids) == 1:
        body = _body_of(ids[0], vintage)
        others = [other for other in core if other != ids[0]]
        return replace(body, notes=(*body.notes, *(_homonym(_body_of(other, vintage)) for other in others[:3])))
    if ids:
        what = _("« {text} » désigne {n} organismes.").format(text=text, n=len(ids))
        raise InputError(what, advice=_("Donner le SIREN ou le code Insee."), more=_candidates(ids, vintage))
    near = _near(text, vintage)
    if not near:
        advice = _("Donner le SIREN (neuf chiffres) ou le code Insee (cinq caractères).")
        raise InputError(_("Aucun organisme ne s'appelle « {text} ».").format(text=text), advice=advice)
    what = _("Aucun organisme ne s'appelle exactement « {text} » ; les plus proches :").format(text=text)
    raise InputError(what, more=_candidates(near, vintage))


def _homonym(body: Body) -> Text:
    return {
        "fr": f"À ne pas confondre avec {body.name} ({body.nature}, {body.siren}).",
        "en": f"Not to be confused with {body.name} ({body.nature}, {body.siren}).",
    }


def _read_named(line: str) -> Named:
    key, level, identity, nature = line.split(";")
    return Named(key, level == "f", identity, nature)


def _with_key(key: str) -> list[Named]:
    """The lines of one key: they stand together, for the index is sorted."""
    data = store.read(store.NAMES)
    start = data.find(f"\n{key};".encode()) + 1
    found: list[Named] = []
    while start and data.startswith(f"{key};".encode(), start):
        end = data.index(b"\n", start)
        found.append(_read_named(data[start:end].decode()))
        start = end + 1
    return found


def _same_core(text: str) -> list[Named]:
    """Bodies whose whole or core key equals the core of the text, of a nature that its head allows."""
    key, natures = names.core(text)
    return [named for named in _with_key(key) if natures is None or named.nature in natures]


def _ids(found: Iterable[Named], vintage: str) -> list[str]:
    """Whose they are, once each; of another vintage only when there is no one else."""
    ids = list(dict.fromkeys(named.id for named in found))
    of_now = [identity for identity in ids if len(identity) != 9 or by_siren(identity, f"{vintage}-01-01")]
    return of_now or ids


def _near(text: str, vintage: str) -> list[str]:
    """The bodies of the nearest names, best first; those that hold every word of the text before the others."""
    key, natures = names.core(text)
    pieces, words = names.trigrams(key), set(key.split())
    scored: dict[str, float] = {}
    for named in map(_read_named, store.lines(store.read(store.NAMES))):
        if natures is not None and named.nature not in natures:
            continue
        score = names.nearness(pieces, names.trigrams(named.key)) + (words <= set(named.key.split()))
        if score >= _NEAR_ENOUGH and score > scored.get(named.id, 0):
            scored[named.id] = score
    best = sorted(scored, key=lambda identity: (-scored[identity], identity))[: 2 * MOST_CANDIDATES]
    return [identity for identity in best if len(identity) != 9 or by_siren(identity, f"{vintage}-01-01")]


def _body_of(identity: str, vintage: str) -> Body:
    return _by_siren(identity, vintage) if len(identity) == 9 else _by_insee(identity, vintage)


def _candidates(ids: list[str], vintage: str) -> tuple[str, ...]:
    """One line for each: SIREN (or Insee code), nature, name, départements."""
    out: list[str] = []
    for identity in ids[:MOST_CANDIDATES]:
        body = _body_of(identity, vintage)
        line = _("{siren}  {nature}  {name} (département {departments})")
        places = ", ".join(body.departments[:6])
        out.append(line.format(siren=body.siren or body.insee, nature=body.nature, name=body.name, departments=places))
    if len(ids) > MOST_CANDIDATES:
        out.append(_("… et {n} autres").format(n=len(ids) - MOST_CANDIDATES))
    return tuple(out)
