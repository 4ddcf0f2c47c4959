# SPDX-License-Identifier: EUPL-1.2
"""``nis2check init``: write a commented nis2check.yaml, from options or from one question a line on a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from nis2check.errors import InputError, Place
from nis2check.language import _, say

_SCHEMA = ".nis2check/body.schema.json"

_TEXT = """\
# yaml-language-server: $schema=./{schema}
# {about}
schema: nis2check.body/1

# {who}
body:
{body}
# {what}
targets:
  # {domains_help}
  domains:{domains}
  # {mail_help}
  mail:{mail}
  # {web_help}
  web:{web}
  # {tls_help}
  tls:{tls}
  # {ports_help}
  ports:{ports}
  # {repositories_help}
  repositories:{repositories}

# {authorisation_help}
{authorisation}
# {attestations_help}
# attestations: attestations.yaml
# {waivers_help}
# waivers: derogations.yaml

# {plan_help}
plan: {{days_per_month: {days}}}
"""


@click.command("init", help=say(_("Écrire le fichier nis2check.yaml d'une collectivité, commenté et prêt à relire.")))
@click.option("--siren", help=_("SIREN (neuf chiffres) de la collectivité."))
@click.option("--nature", help=_("Nature juridique, pour un organisme hors du registre (SYNDICAT, SDIS, EPA…)."))
@click.option("--population-figure", "population", type=click.IntRange(0), help=_("Population, hors du registre."))
@click.option("--name", help=_("Nom, hors du registre."))
@click.option("--domain", "domains", multiple=True, help=_("Nom de domaine (répétable)."))
@click.option("--mail", "mails", multiple=True, help=_("Domaine de messagerie, s'il diffère (répétable)."))
@click.option("--web", "sites", multiple=True, metavar="URL", help=_("Site web (répétable)."))
@click.option("--tls", "endpoints", multiple=True, metavar="HOST:PORT", help=_("Autre service TLS (répétable)."))
@click.option(
    "--ports", "hosts", multiple=True, metavar="HOST", help=_("Adresse dont essayer les ports, avec --authorised-by.")
)
@click.option("--authorised-by", help=_("Qui autorise les essais de ports."))
@click.option("--authorised-ground", help=_("Sur quel fondement (ordre de mission, délibération…)."))
@click.option("--authorised-until", metavar="DATE", help=_("Jusqu'à quand (AAAA-MM-JJ)."))
@click.option("--repository", "repositories", multiple=True, help=_("Dossier d'infrastructure (répétable)."))
@click.option("--contact", help=_("Adresse de contact que les sondes annoncent."))
@click.option("--days-per-month", "days", type=click.IntRange(1, 200), help=_("Jours par mois pour les actions."))
@click.option("--output", "path", default="nis2check.yaml", help=_("Fichier à écrire (- : sortie standard)."))
@click.option("--force", is_flag=True, help=_("Remplacer un fichier existant."))
@click.option("--no-input", is_flag=True, help=_("Ne jamais poser de question."))
@click.option("--dry-run", is_flag=True, help=_("Montrer le fichier sans l'écrire."))
def command(path: str, force: bool, no_input: bool, dry_run: bool, **answers: Any) -> int:
    to_stdout = dry_run or path == "-"
    if not to_stdout and Path(path).exists() and not force:
        raise InputError(
            _("Le fichier existe déjà."), place=Place(path), advice=_("Ajouter --force pour le remplacer.")
        )
    asks = not no_input and sys.stdin is not None and sys.stdin.isatty()
    if asks:
        _ask(answers)
    identity, presumed = _identify(answers)
    if not answers["domains"] and not answers["sites"] and not answers["endpoints"]:
        raise InputError(_("Il manque --domain (ou --web, ou --tls)."), advice=_("Exemple : --domain agglo.example"))
    text = _write_text(identity, answers)
    _verify(text, path)
    if to_stdout:
        click.echo(text, nl=False)
        return 0
    from nis2check.files import shipped, write_aside

    write_aside(path, text.encode())
    schema = Path(path).parent / _SCHEMA
    schema.parent.mkdir(exist_ok=True)
    write_aside(schema, (shipped("schemas") / "body.schema.json").read_bytes())
    for line in (presumed, _("Écrit : {path}. À relire, puis : nis2check scan").format(path=path)):
        click.echo(say(line), err=True)
    return 0


def _ask(answers: dict[str, Any]) -> None:
    """One question a line, for what no option answered. An empty answer keeps the proposal in brackets."""

    def question(text: str, default: str = "") -> str:
        answer: str = click.prompt(say(text), default=default, show_default=bool(default), err=True)
        return answer.strip()

    if not answers["siren"] and not answers["nature"]:
        answers["siren"] = question(_("SIREN de la collectivité (neuf chiffres)"))
    _identify(answers)  # a wrong SIREN is said at once, before the other questions
    if not answers["domains"]:
        answers["domains"] = tuple(question(_("Noms de domaine, séparés par des espaces")).split())
    if not answers["sites"]:
        proposed = " ".join(f"https://www.{domain}/" for domain in answers["domains"])
        answers["sites"] = tuple(question(_("Sites web, séparés par des espaces"), proposed).split())
    if not answers["mails"]:
        answers["mails"] = tuple(question(_("Domaines de messagerie"), " ".join(answers["domains"])).split())
    if not answers["contact"]:
        proposed = f"dsi@{answers['domains'][0]}" if answers["domains"] else ""
        answers["contact"] = question(_("Adresse de contact annoncée par les sondes"), proposed)
    if not answers["days"]:
        days = question(_("Jours par mois disponibles pour les actions"), "4")
        answers["days"] = int(days) if days.isdigit() and 0 < int(days) <= 200 else 4


def _identify(answers: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The ``body:`` part and one sentence on the presumed status. Raises InputError: missing, bad key, unknown."""
    import datetime

    from nis2check.cli.identity import presume, presumed_sentence

    if answers["siren"]:
        identity: dict[str, Any] = {"siren": answers["siren"].replace(" ", "")}
        if answers["nature"]:
            identity |= {
                "nature": answers["nature"].upper(),
                "name": answers["name"],
                "population": answers["population"],
            }
    elif answers["nature"]:
        identity = {"nature": answers["nature"].upper(), "name": answers["name"], "population": answers["population"]}
    else:
        raise InputError(
            _("Il manque --siren."), advice=_("Exemple : nis2check init --siren 200072460 --domain agglo.example")
        )
    identity = {key: value for key, value in identity.items() if value is not None}
    scope = presume(identity, on=datetime.date.today())
    if scope.body.name:
        identity.setdefault("name", scope.body.name)
    return identity, presumed_sentence(scope)


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


def _list(values: tuple[str, ...], comment: str = "") -> str:
    if not values:
        return " []"
    return "".join(f"\n    - {_quoted(value)}{comment}" for value in values)


def _write_text(identity: dict[str, Any], answers: dict[str, Any]) -> str:
    body = dict(identity) | ({"contact": answers["contact"]} if answers["contact"] else {})
    lines = "".join(f"  {key}: {value if isinstance(value, int) else _quoted(value)}\n" for key, value in body.items())
    sites, comment = answers["sites"], ""
    if not sites:
        sites = tuple(f"https://www.{domain}/" for domain in answers["domains"])
        comment = "  # " + _("proposé d'après le domaine : corriger ou supprimer")
    return _TEXT.format(
        schema=_SCHEMA,
        about=_("Fichier de nis2check : ce qui est déclaré ici, et rien d'autre, sera regardé."),
        who=_("Qui est la collectivité (le SIREN donne nature et population d'après le registre)."),
        body=lines,
        what=_("Ce qui peut être regardé."),
        domains_help=_("Noms de domaine : serveurs de noms, DNSSEC, CAA."),
        domains=_list(answers["domains"]),
        mail_help=_("Domaines de messagerie : MX, SPF, DMARC, STARTTLS."),
        mail=_list(answers["mails"] or answers["domains"]),
        web_help=_("Sites web : TLS, certificat, redirection, en-têtes, security.txt."),
        web=_list(sites, comment),
        tls_help=_("Autres services TLS, hôte:port, ou {endpoint: …, starttls: imap}."),
        tls=_list(answers["endpoints"]),
        ports_help=_("Adresses dont essayer les ports : seulement avec une autorisation qui les couvre."),
        ports=_list(answers["hosts"]),
        repositories_help=_("Dossiers d'infrastructure, relatifs à ce fichier : jugés par les mêmes règles."),
        repositories=_list(answers["repositories"]),
        authorisation_help=_("Qui autorise les essais actifs (ports), sur quel fondement, jusqu'à quand, pour quoi."),
        authorisation=_authorisation(answers),
        attestations_help=_("Ce qu'aucune machine ne voit : réponses et preuves, mesure par mesure."),
        waivers_help=_("Écarts acceptés : raison, auteur, approbateur et date de fin obligatoire."),
        plan_help=_("Capacité pour le plan d'actions."),
        days=answers["days"] or 4,
    )


def _authorisation(answers: dict[str, Any]) -> str:
    if not answers["hosts"]:
        return "# authorisation:\n#   - {who: …, ground: …, until: AAAA-MM-JJ, covers: [192.0.2.0/24]}\n"
    missing = [
        option
        for option, key in (
            ("--authorised-by", "authorised_by"),
            ("--authorised-ground", "authorised_ground"),
            ("--authorised-until", "authorised_until"),
        )
        if not answers[key]
    ]
    if missing:
        raise InputError(
            _("Essayer des ports demande une autorisation : il manque {option}.").format(option=missing[0])
        )
    return (
        "authorisation:\n"
        f"  - who: {_quoted(answers['authorised_by'])}\n"
        f"    ground: {_quoted(answers['authorised_ground'])}\n"
        f"    until: {answers['authorised_until']}\n"
        f"    covers: [{', '.join(_quoted(host) for host in answers['hosts'])}]\n"
    )


def _verify(text: str, path: str) -> None:
    """What we write must be what we read: the answers are checked by the same schema and parser as any file."""
    from nis2check.bodyfile import parse
    from nis2check.files import parse_yaml

    parse(parse_yaml(text, path), Path(path if path != "-" else "nis2check.yaml"))
