# SPDX-License-Identifier: EUPL-1.2
"""What a gap means for the services of a body, in the words of elected officials: no system, product or acronym.

Rule for this file: sentences of 25 words at most, true whatever measure of the objective is missing.
"""

from __future__ import annotations

from typing import NamedTuple

from nis2check.language import _


class Meaning(NamedTuple):
    """A service, and what could happen to it."""

    service: str
    sentence: str


def of_rule(family: str) -> str:
    """The service that the rules of a family (the first part of their id) watch over."""
    services = {
        "certificate": _("Échanges en ligne avec les usagers"),
        "tls": _("Échanges en ligne avec les usagers"),
        "http": _("Site internet et démarches en ligne"),
        "mail": _("Messagerie"),
        "dns": _("Adresse du site et de la messagerie"),
        "ports": _("Accès ouverts depuis Internet"),
        "secrets": _("Mots de passe des services"),
    }
    return services.get(family, _("Services hébergés"))


def held_back(service: str) -> Meaning:
    """What is said of a gap whose own words would give too much away."""
    return Meaning(
        service, _("Une faiblesse y a été constatée. Son détail n'est pas publié : la direction peut le présenter.")
    )


def of_objective(objective: str) -> Meaning | None:
    """What the absence of a measure of a ReCyF objective means; None for an objective that is not known."""
    return _objectives().get(objective)


def _objectives() -> dict[str, Meaning]:
    return {
        "1": Meaning(
            _("Connaissance de nos services"),
            _("Sans liste à jour de ce qui fait tourner nos services, une attaque prendrait plus de temps à comprendre."),
        ),
        "2": Meaning(
            _("Responsabilités"),
            _("Tant que les responsabilités ne sont pas écrites, personne n'est sûr de qui décide le jour d'une attaque."),
        ),
        "3": Meaning(
            _("Prestataires"),
            _("Un prestataire mal protégé peut ouvrir notre porte à un intrus. Nos contrats doivent dire ce que nous attendons."),
        ),
        "4": Meaning(
            _("Agents et élus"),
            _("Un courriel piégé, ouvert par une personne non préparée, suffit à arrêter la paie ou l'accueil."),
        ),
        "5": Meaning(
            _("Équipements"),
            _("Un équipement oublié ou non mis à jour sert souvent d'entrée aux rançongiciels."),
        ),
        "6": Meaning(
            _("Locaux"),
            _("Une personne entrée dans nos locaux pourrait atteindre nos équipements et nos données."),
        ),
        "7": Meaning(
            _("Réseau interne"),
            _("Un intrus entré par un poste pourrait passer d'un service à l'autre, de l'accueil à la paie."),
        ),
        "8": Meaning(
            _("Accès à distance"),
            _("Par un accès à distance mal protégé, un intrus pourrait arrêter la paie, les crèches ou la collecte."),
        ),
        "9": Meaning(
            _("Postes de travail"),
            _("Un logiciel malveillant pourrait se propager avant d'être vu, et bloquer les postes des agents."),
        ),
        "10": Meaning(
            _("Comptes des agents"),
            _("Un compte volé, ou resté ouvert après un départ, donne accès aux dossiers des usagers."),
        ),
        "11": Meaning(
            _("Comptes des administrateurs"),
            _("Qui prend la main sur un compte d'administrateur tient tous nos services à la fois."),
        ),
        "12": Meaning(
            _("Alerte et réaction"),
            _("Une attaque pourrait durer des jours sans que personne ne la voie ni ne sache comment y répondre."),
        ),
        "13": Meaning(
            _("Sauvegardes et reprise"),
            _("Après une attaque, état civil, paie et factures d'eau pourraient manquer longtemps : rien n'assure la reprise."),
        ),
        "14": Meaning(
            _("Gestion de crise"),
            _("Le jour d'une attaque, il faudrait décider sans procédure : qui prévenir, quoi couper, comment servir."),
        ),
        "15": Meaning(
            _("Entraînement"),
            _("Une organisation de crise qui n'a jamais été essayée tient rarement le jour venu."),
        ),
        "16": Meaning(
            _("Choix des priorités"),
            _("Sans étude des risques, l'argent et le temps peuvent aller au mauvais endroit."),
        ),
        "17": Meaning(
            _("Contrôle"),
            _("Sans contrôle régulier, des faiblesses peuvent rester inconnues de tous."),
        ),
        "18": Meaning(
            _("Réglages des équipements"),
            _("Des réglages laissés d'origine facilitent la tâche d'un attaquant."),
        ),
        "19": Meaning(
            _("Administration des systèmes"),
            _("Administrer nos systèmes depuis un poste ordinaire expose toutes nos clés d'un coup."),
        ),
        "20": Meaning(
            _("Surveillance"),
            _("Sans surveillance, une intrusion la nuit ou le week-end se verrait trop tard."),
        ),
    }  # fmt: skip


def owner(code: str) -> str:
    """Who carries an action, without initials; a name that the body gave as it is."""
    owners = {
        "dgs": _("la direction générale"),
        "dsi": _("le service informatique"),
        "outsourcer": _("le prestataire informatique"),
        "hr": _("les ressources humaines"),
    }
    return owners.get(code, code)


def decision(measure: str) -> str:
    """What elected officials decide for a ReCyF measure; empty when its own title says it."""
    decisions = {
        "2.A.1": _("Dire par écrit quel élu ou dirigeant répond de la sécurité numérique"),
        "2.A.3": _("Désigner un élu référent et un responsable de la sécurité, avec leurs suppléants"),
        "2.B.1": _("Adopter une politique de sécurité et la faire appliquer"),
        "2.B.3": _("Approuver la politique de sécurité"),
        "4.1": _("Adopter une charte d'usage du numérique"),
        "13.1": _("Financer des sauvegardes que l'on sait restaurer"),
        "13.2": _("Demander cette année un essai complet de restauration, avec son compte rendu"),
        "13.3": _("Financer une copie de sauvegarde hors ligne"),
        "14.1": _("Adopter une procédure de gestion de crise"),
    }
    return decisions.get(measure, "")
