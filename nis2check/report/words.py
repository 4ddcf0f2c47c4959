# SPDX-License-Identifier: EUPL-1.2
"""The words of a result in the language being spoken: one place, so that every format says the same thing.

Rule for this file: a word that is not known (a newer 1.x document) comes back as it is, never as an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from nis2check import printing
from nis2check.frameworks import ROLES
from nis2check.language import _, pick
from nis2check.model import Json


class Mark(NamedTuple):
    """How a verdict is shown: a sign and its ASCII form beside the word, since colour is never the only carrier."""

    sign: str
    ascii: str
    word: str


def verdict(word: str) -> Mark:
    marks = {
        "fail": Mark("✗", "[X]", _("Non conforme")),
        "partial": Mark("◐", "[~]", _("Partielle")),
        "unknown": Mark("!", "[!]", _("Indéterminée")),
        "to_attest": Mark("?", "[?]", _("À attester")),
        "pass": Mark("✓", "[v]", _("Conforme")),
        "not_applicable": Mark("–", "[-]", _("Sans objet")),
    }
    return marks.get(word, Mark("·", "[.]", word))


def severity(word: str) -> str:
    words = {
        "critical": _("Critique"),
        "high": _("Élevée"),
        "medium": _("Moyenne"),
        "low": _("Faible"),
        "info": _("Information"),
    }
    return words.get(word, word)


def effort(level: int) -> str:
    return {1: _("faible"), 2: _("moyen"), 3: _("élevé")}.get(level, str(level))


def proof(word: str) -> str:
    """How it was shown, as a participle: "observé par sonde"."""
    words = {
        "observed": _("observé par sonde"),
        "declared_files": _("lu dans les fichiers"),
        "attested": _("attesté"),
    }
    return words.get(word, word)


def proof_noun(word: str) -> str:
    """After a number: "8 par sonde"."""
    words = {"observed": _("par sonde"), "declared_files": _("par fichiers"), "attested": _("par attestation")}
    return words.get(word, word)


def proof_name(word: str) -> str:
    words = {"observed": _("Sondes"), "declared_files": _("Fichiers déclarés"), "attested": _("Attestations")}
    return words.get(word, word)


def category(word: str) -> str:
    words = {
        "essential": _("entité essentielle (EE)"),
        "important": _("entité importante (EI)"),
        "out_of_scope": _("hors du champ d'application"),
        "undecided": _("indéterminé : il manque un élément"),
    }
    return words.get(word, word)


def missing(fact: str) -> str:
    """A fact of a body that a regime asks for and nobody gave."""
    words = {
        "population": _("la population"),
        "largest_commune": _("la population de la plus grande commune membre"),
        "activities": _("l'activité exercée"),
        "staff": _("l'effectif"),
        "turnover": _("le chiffre d'affaires ou les produits d'exploitation"),
        "balance_sheet": _("le total du bilan"),
        "parent_category": _("la catégorie de la collectivité de rattachement"),
        "nature": _("la nature de l'organisme"),
        "population_notion": _("la notion de population"),
    }
    return words.get(fact, fact)


def family(word: str) -> str:
    words = {
        "governance": _("Gouvernance"),
        "protection": _("Protection"),
        "defence": _("Défense"),
        "resilience": _("Résilience"),
    }
    return words.get(word, word)


def nature(code: str) -> str:
    words = {
        "REG": _("Région"),
        "CTU": _("Collectivité territoriale unique"),
        "DEP": _("Département"),
        "DEPREG": _("Département et région d'outre-mer"),
        "CEA": _("Collectivité européenne d'Alsace"),
        "COMMUNE": _("Commune"),
        "CC": _("Communauté de communes"),
        "CA": _("Communauté d'agglomération"),
        "CU": _("Communauté urbaine"),
        "METRO": _("Métropole"),
        "MET69": _("Métropole de Lyon"),
        "EPT": _("Établissement public territorial"),
        "SYNDICAT": _("Syndicat"),
        "SDIS": _("Service d'incendie et de secours"),
        "CDG": _("Centre de gestion"),
        "EPA": _("Établissement public administratif"),
        "EPIC": _("Établissement public industriel et commercial"),
        "REGIE": _("Régie"),
        "SEM": _("Société d'économie mixte"),
        "SPL": _("Société publique locale"),
        "COM": _("Collectivité d'outre-mer"),
    }
    return words.get(code, code)


def confidence(letter: str) -> str:
    """How sure we are of a legal text: A official, B secondary, C to confirm."""
    words = {
        "A": _("confiance A : lu dans une source officielle"),
        "B": _("confiance B : source secondaire ou déduction"),
        "C": _("confiance C : à confirmer"),
    }
    return words.get(letter, letter)


def why(word: str) -> str:
    """Why a fact could not be had, as the end of a sentence."""
    words = {
        "timeout": _("pas de réponse dans le délai"),
        "deadline": _("temps alloué à la cible épuisé"),
        "refused": _("connexion ou question refusée"),
        "reset": _("connexion coupée par la cible"),
        "closed": _("connexion fermée avant la réponse"),
        "malformed": _("réponse illisible"),
        "not_tls": _("le service ne parle pas TLS"),
        "servfail": _("le serveur DNS a répondu par une erreur"),
        "unresolved": _("le nom n'a pas d'adresse, ou aucun résolveur ne répond"),
        "rate_limited": _("la cible limite le rythme des essais"),
        "blocked": _("un filtre a répondu à la place du site"),
        "limit": _("une limite de prudence de nis2check a été atteinte"),
        "templated": _("valeur calculée par un gabarit, non lisible ici"),
        "unreadable": _("fichier illisible"),
        "out_of_scope": _("hors du périmètre autorisé"),
        "not_asked": _("non demandé lors de cette analyse"),
        "our_bug": _("défaut de nis2check, à nous signaler"),
    }
    return words.get(word, word)


def owner(code: str, lang: str) -> str:
    """Who carries an action: a role of the framework, or the name that the body gave."""
    role = ROLES.get(code)
    return pick(role, lang) if role else code


def period(months: str) -> str:
    words = {
        "1-6": _("Mois 1 à 6, s'il reste du temps"),
        "7-12": _("Mois 7 à 12"),
        "13-24": _("Mois 13 à 24"),
        "25-36": _("Mois 25 à 36"),
    }
    return words.get(months, months)


_SOURCES = {
    "recyf": "ReCyF {clause}",
    "nis2": "NIS 2 art. {clause}",
    "anssi-tls": "ANSSI TLS {clause}",
    "anssi-interco": "ANSSI Interconnexion {clause}",
    "anssi-ssh": "ANSSI SSH {clause}",
    "mon-service-securise": "MonServiceSécurisé {clause}",
    "w3c-csp": "W3C CSP {clause}",
    "w3c-permissions-policy": "W3C Permissions Policy {clause}",
    "w3c-referrer-policy": "W3C Referrer Policy {clause}",
    "whatwg-fetch": "WHATWG Fetch {clause}",
    "w3c-mixed-content": "W3C Mixed Content {clause}",
    "w3c-sri": "W3C SRI {clause}",
    "rcpnt": "RCPNT {clause}",
    "reg-2024-2690": "(UE) 2024/2690 {clause}",
    "anssi-hygiene": "ANSSI Hygiène {clause}",
    "iso-27001": "ISO 27001 {clause}",
    "iso-27002": "ISO 27002 {clause}",
    "ansible-lint": "ansible-lint {clause}",
    "ansible-manual": "Ansible {clause}",
    "bind-manual": "BIND {clause}",
    "caddy-manual": "Caddy {clause}",
    "docker-build-checks": "Docker {clause}",
    "docker-manual": "Docker {clause}",
    "dovecot-manual": "Dovecot {clause}",
    "gitlab-pipeline-security": "GitLab {clause}",
    "hadolint": "hadolint {clause}",
    "haproxy-manual": "HAProxy {clause}",
    "httpd-manual": "Apache httpd {clause}",
    "kubernetes-deprecations": "Kubernetes {clause}",
    "kubernetes-ingress-nginx": "ingress-nginx {clause}",
    "kubernetes-pss": "Kubernetes PSS {clause}",
    "kubernetes-rbac": "Kubernetes RBAC {clause}",
    "logrotate-manual": "logrotate {clause}",
    "nginx-manual": "nginx {clause}",
    "openssh-manual": "OpenSSH {clause}",
    "postfix-manual": "Postfix {clause}",
    "systemd-manual": "systemd {clause}",
    "traefik-manual": "Traefik {clause}",
    "rfc6265bis": "RFC 6265bis {clause}",
    "zizmor": "zizmor {clause}",
}


def reference(one: Mapping[str, Json]) -> str:
    """``ReCyF 8.1``, ``NIS 2 art. 21(2)(h)``, ``RFC 6797 6.1``: proper names, the same in both languages."""
    source, clause = str(one["source"]), str(one["clause"])
    if source in _SOURCES:
        return _SOURCES[source].format(clause=clause)
    rfc = re.fullmatch(r"rfc-?(\d+)", source)
    return f"RFC {rfc[1]} {clause}" if rfc else f"{source} {clause}"


def strength(word: str) -> str:
    words = {"full": _("complète"), "partial": _("partielle"), "indicator": _("indice seulement")}
    return words.get(word, word)


def spoken(value: Json, lang: str) -> str:
    """A ``{fr, en}`` of the policies in the language, or a plain string as it is."""
    return pick(value, lang) if isinstance(value, Mapping) else str(value or "")


def legal_status(status: Mapping[str, Json], lang: str) -> str:
    """What is known of the law itself, as a dated statement."""
    day = printing.date(str(status.get("as_of", "")), lang)
    text = status.get("text")
    if (text.get("en") if isinstance(text, Mapping) else text) == "bill, not promulgated":
        return _(
            "La loi de transposition est un projet, non promulgué au {day} d'après nos sources : elle n'est pas opposable à "
            "cette date. À vérifier depuis."
        ).format(day=day)
    return _("{statement} (au {day}).").format(statement=spoken(text, lang), day=day)


def inhabitants(population: Json) -> int | None:
    """The population that decides: the total one, else the municipal one, else the figure given."""
    if isinstance(population, Mapping):
        found = population.get("totale")
        found = population.get("municipale") if found is None else found
    else:
        found = population
    return found if isinstance(found, int) else None


def value(fact: Json) -> str:
    """A fact's value in a few characters: lists as ``a, b``, true and false as yes and no, the rest as JSON."""
    import json

    if isinstance(fact, bool) or fact is None:
        return {True: _("oui"), False: _("non"), None: _("aucune valeur")}[fact]
    if isinstance(fact, str):
        return fact
    if isinstance(fact, list) and fact and all(isinstance(one, (str, int, dict)) for one in fact):
        return ", ".join(value(one) if isinstance(one, dict) else str(one) for one in fact)
    if isinstance(fact, dict) and fact and all(isinstance(one, (str, int)) for one in fact.values()):
        return ", ".join(f"{key} {one}" for key, one in fact.items())
    return json.dumps(fact, ensure_ascii=False, sort_keys=True)
