# SPDX-License-Identifier: EUPL-1.2
"""The folder of the demo town: its nis2check.yaml, its attestations and a small infrastructure repository, with honest faults."""

from __future__ import annotations

import datetime
from pathlib import Path

DOMAIN = "saint-exemple.test"
ADDRESS = "127.0.0.1"

_BODY = """\
# Mairie de démonstration : tout est inventé, tout tourne sur cette machine.
schema: nis2check.body/1
body:
  name: Ville de Saint-Exemple (démonstration)
  nature: COMMUNE
  population: 31420
  contact: dsi@{domain}
targets:
  domains: [{domain}]
  mail: [{domain}]
  web:
    - https://www.{domain}/
    - https://agents.{domain}/
    - https://portail.{domain}/
  tls:
    - {{endpoint: "mail.{domain}:25", starttls: smtp}}
  ports:
    - {{host: www.{domain}, ports: [22, 3306, 3389, 5432]}}
  repositories: [infra]
authorisation:
  - who: Direction générale des services
    ground: Ordre de mission de la démonstration
    until: {until}
    covers: [{domain}]
attestations: attestations.yaml
plan: {{days_per_month: 6}}
"""

_ATTESTATIONS = """\
# Ce que la mairie atteste elle-même, avec ses preuves.
attestations:
  - {{measure: "1.1", answer: partial, by: DSI, on: {recent}, reason: La liste existe mais n'a pas de responsables., proof: []}}
  - {{measure: "2.A.3", answer: "no", by: DGS, on: {recent}, reason: Personne n'est désigné par écrit., proof: []}}
  - {{measure: "4.1", answer: "yes", by: DGS, on: {recent}, proof: [charte-informatique.pdf]}}
  - {{measure: "9.6", answer: "yes", by: DSI, on: {recent}, proof: [export-antivirus.csv]}}
  - {{measure: "13.1", answer: "yes", by: DSI, on: {recent}, proof: [procedure-sauvegarde.pdf]}}
  - {{measure: "13.2", answer: "yes", by: DSI, on: {old}, proof: [pv-restauration.pdf]}}
  - {{measure: "14.2", answer: unknown, by: DGS, on: {recent}}}
"""

# What the attestations name; a real body would put its documents here.
_PROOFS = {
    "charte-informatique.pdf": "Charte adoptée par le conseil municipal (démonstration).\n",
    "export-antivirus.csv": "poste;agent;signatures\nposte-001;oui;à jour\n",
    "procedure-sauvegarde.pdf": "Procédure de sauvegarde et de restauration (démonstration).\n",
    "pv-restauration.pdf": "Procès-verbal du dernier essai de restauration (démonstration).\n",
}

# The live www refuses TLS 1.0, its file in the repository allows it: a drift that only both eyes together see.
_NGINX = """\
# www : frontal web de la ville
server {{
    listen 80;
    server_name www.{domain};
    return 301 https://www.{domain}$request_uri;
}}

server {{
    listen 443 ssl;
    server_name www.{domain};
    ssl_protocols TLSv1 TLSv1.2 TLSv1.3;
    ssl_certificate /etc/ssl/www.pem;
    ssl_certificate_key /etc/ssl/www.key;
    add_header Strict-Transport-Security "max-age=31536000" always;
    server_tokens off;
}}
"""

_COMPOSE = """\
services:
  etat-civil:
    image: registre.example/etat-civil:latest
    ports: ["8080:8080"]
  base:
    image: mariadb:10.11
    ports: ["3306:3306"]
"""

_ZONE = """\
$ORIGIN {domain}.
$TTL 3600
@        IN SOA ns1.{domain}. hostmaster.{domain}. (2026112201 7200 3600 1209600 3600)
@        IN NS  ns1.{domain}.
@        IN MX  10 mail.{domain}.
@        IN TXT "v=spf1 mx ?all"
@        IN A   127.0.0.1
ns1      IN A   127.0.0.1
www      IN A   127.0.0.1
agents   IN A   127.0.0.1
portail  IN A   127.0.0.1
mail     IN A   127.0.0.1
"""


def zone_text() -> str:
    """The zone, as the repository holds it and as the DNS server of the town serves it."""
    return _ZONE.format(domain=DOMAIN)


def write(folder: Path, on: datetime.date, *, committed_key: bytes) -> Path:
    """Write the town's folder; return the path of its nis2check.yaml. ``committed_key`` is a key that nobody should commit."""
    body = folder / "nis2check.yaml"
    body.write_text(_BODY.format(domain=DOMAIN, until=on + datetime.timedelta(days=30)), encoding="utf-8")
    dates = {"recent": on - datetime.timedelta(days=60), "old": on - datetime.timedelta(days=430)}
    (folder / "attestations.yaml").write_text(_ATTESTATIONS.format(**dates), encoding="utf-8")
    for name, text in _PROOFS.items():
        (folder / name).write_text(text, encoding="utf-8")
    repository = folder / "infra"
    (repository / "zones").mkdir(parents=True)
    (repository / "nginx.conf").write_text(_NGINX.format(domain=DOMAIN), encoding="utf-8")
    (repository / "docker-compose.yml").write_text(_COMPOSE, encoding="utf-8")
    (repository / "zones" / f"{DOMAIN}.zone").write_text(zone_text(), encoding="utf-8")
    (repository / "agents.key").write_bytes(committed_key)
    return body
