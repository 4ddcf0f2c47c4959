# SPDX-License-Identifier: EUPL-1.2
"""One page for elected officials (wireframe: facts ux 5.3): a result → the few sentences that every form of the page prints.

Rules for this file: counts and coverage, never a grade; no cost that nobody gave; unless ``full``, nothing that names a host, an
address, a product or a version (`discreet`). The sentences are plain: each form dresses and cleans them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nis2check import emblem, printing
from nis2check.language import _, plural
from nis2check.model import Json
from nis2check.report import brief_words, discreet, findings, words
from nis2check.report.brief_words import Meaning

Document = Mapping[str, Json]
Item = Mapping[str, Json]

MOST = 3  # risks, and decisions
MOST_NAMES = 4  # targets of a risk in the full form
OF_GOVERNANCE = 2  # decisions of the three that are the body's own to take, when the plan holds as many
LONGEST_AUDIENCE = 120  # characters
_CAN_FAIL = ("fail", "partial")


@dataclass(frozen=True, slots=True)
class Figure:
    """A count and what it counts; ``verdict`` gives its sign and colour."""

    verdict: str
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class Risk:
    service: str
    sentence: str
    where: tuple[str, ...] = ()  # names of targets, in the full form only


@dataclass(frozen=True, slots=True)
class Decision:
    what: str
    how: str  # who, how long, when, at what cost


@dataclass(frozen=True, slots=True)
class Brief:
    """The page, in the language that was spoken when it was made."""

    name: str
    audience: str
    day: str
    note: str  # empty unless the run was cut short
    marking: str
    figures: tuple[Figure, ...]
    standing: tuple[str, ...]
    risks: tuple[Risk, ...]
    decisions: tuple[Decision, ...]
    ahead: str
    law: tuple[str, ...]
    foot: tuple[str, ...]


def build(document: Document, lang: str, *, audience: str = "", full: bool = False) -> Brief:
    """The page of a result/1. Call it inside ``speaking(lang)``."""
    guard = discreet.of(document)
    plan = _planned(document)
    return Brief(
        name=str(document["body"]["name"]) if document["body"] else _("Services sans collectivité déclarée"),
        audience=audience[:LONGEST_AUDIENCE],
        day=printing.date(document["run"]["started"], lang),
        note="" if document["complete"] else _("Analyse interrompue : ce qui suit est exact mais partiel."),
        marking=_("Document interne, à ne pas publier") if full else _("Une page, sans détail exploitable"),
        figures=tuple(_figures(document["coverage"])),
        standing=tuple(_standing(document, lang)),
        risks=tuple(_risks(document, lang, guard, full)),
        decisions=tuple(_decision(one, lang, guard, full) for one in plan),
        ahead=_ahead(document, lang),
        law=tuple(_law(document, lang)),
        foot=tuple(_foot(document, lang)),
    )


# ------------------------------------------------------------------------------------------------------ where we stand


def _figures(coverage: Item) -> Iterator[Figure]:
    said = {
        "pass": plural("point conforme", "points conformes", coverage["pass"]),
        "fail": plural("écart", "écarts", coverage["fail"] + coverage["partial"]),
        "to_attest": plural("réponse attendue de nous", "réponses attendues de nous", coverage["to_attest"]),
        "unknown": plural("point que nous ignorons", "points que nous ignorons", coverage["unknown"]),
    }
    for verdict, text in said.items():
        count = coverage[verdict] + (coverage["partial"] if verdict == "fail" else 0)
        yield Figure(verdict, count, text)


def _standing(document: Document, lang: str) -> Iterator[str]:
    coverage, split = document["coverage"], document["coverage"]["by_proof"]
    yield plural("{n} point a été examiné.", "{n} points ont été examinés.", coverage["applicable"])
    if coverage["pass"]:
        yield _(
            "Comment les {n} points conformes ont été montrés : vus de l'extérieur {seen}, lus dans nos fichiers {read}, "
            "déclarés avec une preuve {told}."
        ).format(
            n=printing.number(coverage["pass"], lang),
            seen=printing.number(split["observed"]["pass"], lang),
            read=printing.number(split["declared_files"]["pass"], lang),
            told=printing.number(split["attested"]["pass"], lang),
        )
    measures = sum(one["measures"] for one in document["objectives"])
    if measures:
        yield _("Sur les {n} mesures du référentiel national (ANSSI), {done} sont attestées conformes.").format(
            n=printing.number(measures, lang),
            done=printing.number(sum(one["pass"] for one in document["objectives"]), lang),
        )
    yield from _before(document, lang)
    yield _("Ce que nous ignorons n'est jamais compté comme conforme.")


def _before(document: Document, lang: str) -> Iterator[str]:
    """The first run of the trend, when there was one before this."""
    trend: Sequence[Item] = document.get("trend") or ()
    if len(trend) > 1:
        first = trend[0]["coverage"]
        yield _("Le {day}, {n} points étaient conformes sur {whole}.").format(
            day=printing.date(trend[0]["started"], lang),
            n=printing.number(first["pass"], lang),
            whole=printing.number(first["applicable"], lang),
        )


# --------------------------------------------------------------------------------------------------------------- risks


def _risks(document: Document, lang: str, guard: discreet.Discretion, full: bool) -> Iterator[Risk]:
    """The gravest gap of each of three services, the gravest first."""
    told: set[str] = set()
    for group in findings.groups(document, _CAN_FAIL):
        meaning = None if all(one["waiver"] for one in group.members) else _meaning(document, group, lang)
        if meaning is None or meaning.service in told:
            continue
        told.add(meaning.service)
        if not full and not guard.allows(meaning.sentence):
            meaning = brief_words.held_back(meaning.service)
        yield Risk(meaning.service, meaning.sentence, tuple(_where(group)) if full else ())
        if len(told) == MOST:
            return


def _meaning(document: Document, group: findings.Group, lang: str) -> Meaning | None:
    measure = document["framework"]["measures"].get(group.rule.partition("/")[2])
    if "attested" in group.proofs and measure:
        return brief_words.of_objective(str(measure["objective"]))
    impact = words.spoken(group.says.get("impact"), lang)
    return Meaning(brief_words.of_rule(group.rule.partition("/")[0]), impact) if impact else None


def _where(group: findings.Group) -> Iterator[str]:
    names = [str(one["target"]["name"]) for one in group.members if one["target"]["kind"] != "body"]
    yield from names[:MOST_NAMES]
    if len(names) > MOST_NAMES:
        yield plural("et {n} autre", "et {n} autres", len(names) - MOST_NAMES)


# ----------------------------------------------------------------------------------------------------------- decisions


def _planned(document: Document) -> list[Item]:
    """The three actions to ask for, by rank: first what only the body can decide, then what it must have done."""
    items = document["plan"]["measures"]
    own = [one for one in items if _is_own(document, one)][:OF_GOVERNANCE]
    others = [one for one in items if one not in own]
    return sorted((own + others)[:MOST], key=lambda one: int(one["rank"]))


def _is_own(document: Document, item: Item) -> bool:
    measures = document["framework"]["measures"]
    families = {measures[name]["family"] for name in item["measures"] if name in measures}
    return item["owner"] == "dgs" or families == {"governance"}


def _decision(item: Item, lang: str, guard: discreet.Discretion, full: bool) -> Decision:
    measure = str(item["measures"][0]) if len(item["measures"]) == 1 else ""
    what = brief_words.decision(measure) or words.spoken(item["title"], lang)
    if not full and not guard.allows(what):
        what = _("Faire mener l'action n° {n} du plan, que la direction présentera").format(n=item["rank"])
    days = _days(float(item["effort"]), lang)
    return Decision(
        what,
        _("Par {owner}, {days}, pour {month}. Dépense : à chiffrer.").format(
            owner=brief_words.owner(str(item["owner"])), days=days, month=printing.month(str(item["month"]), lang)
        ),
    )


def _ahead(document: Document, lang: str) -> str:
    items = document["plan"]["measures"]
    if not items:
        return _("Aucune mesure n'est à planifier : aucun écart n'a été constaté.")
    closed = len({name for one in items for name in one["findings"]})
    return _("Le plan à six mois : {measures}, {days}, {points}.").format(
        measures=plural("{n} mesure", "{n} mesures", len(items)),
        days=_days(sum(float(one["effort"]) for one in items), lang),
        points=plural("{n} point à revoir", "{n} points à revoir", closed),
    )


def _days(effort: float, lang: str) -> str:
    one, many = _("{n} jour de travail"), _("{n} jours de travail")
    few = effort < 2 if lang == "fr" else effort == 1
    return (one if few else many).format(n=printing.number(effort, lang))


# ----------------------------------------------------------------------------------------------------------------- law


def _law(document: Document, lang: str) -> Iterator[str]:
    scope = document["scope"]
    if scope:
        category = str(scope["category"])
        if category == "undecided":
            yield _("Notre statut n'est pas tranché : il manque un élément.")
        else:
            yield _("Statut présumé : {category}.").format(category=words.category(category))
        for clause in [one for one in scope["because"] if one.get("met") is not False][:1]:
            yield _("Raison : {text} ({clause} ; {confidence}).").format(
                text=words.spoken(clause["text"], lang).rstrip("."),
                clause=clause["clause"],
                confidence=words.confidence(clause["confidence"]),
            )
        status = scope["legal_status"]
        sure = words.confidence(status["confidence"]) if status.get("confidence") else ""
        yield words.legal_status(status, lang) + (f" ({sure})." if sure else "")
    if "2.A.1" in document["framework"]["measures"]:
        yield _(
            "Le référentiel national (ANSSI) demande que le dirigeant exécutif réponde de la sécurité numérique (2.A.1)."
        )


def _foot(document: Document, lang: str) -> Iterator[str]:
    from hashlib import sha256

    from nis2check.files import canonical

    digest = sha256(canonical(emblem.as_read(document))).hexdigest()
    yield words.spoken(document["notice"], lang)
    yield _("nis2check {version}, ReCyF {recyf}, analyse du {day}, empreinte du résultat {digest}.").format(
        version=document["tool"]["version"],
        recyf=document["framework"]["version"],
        day=printing.date(document["run"]["started"], lang),
        digest=f"{digest[:4]} {digest[4:8]} {digest[8:12]} {digest[12:16]}",
    )
