# SPDX-License-Identifier: EUPL-1.2
"""``nis2check probe NAME TARGET``: one probe, its evidence, no verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nis2check.cli.exits import Exit
from nis2check.cli.network import network_options
from nis2check.language import _, say

if TYPE_CHECKING:
    from nis2check.evidence.wire import Wire
    from nis2check.model import Evidence, Target


@click.command("probe", help=say(_("Lancer une seule sonde et montrer ce qu'elle voit, sans verdict.")))
@click.argument("name", metavar="tls|dns|mail|http|ports", type=click.Choice(["tls", "dns", "mail", "http", "ports"]))
@click.argument("target", metavar="TARGET")
@click.option(
    "--json", "as_json", is_flag=True, help=_("Écrire les preuves (nis2check.evidence/1) sur la sortie standard.")
)
@click.option("--output", metavar="PATH", help=_("Écrire les preuves dans un fichier."))
@click.option(
    "--starttls",
    type=click.Choice(["smtp", "imap", "pop3", "ftp", "ldap", "postgresql", "mysql", "rdp"]),
    help=_("Protocole avant TLS."),
)
@click.option("--dkim-selector", multiple=True, metavar="NAME", help=_("Sélecteur DKIM employé (sonde mail)."))
@click.option("--ports", "ports", metavar="N,N…", help=_("Ports à essayer (sonde ports)."))
@click.option("--engine", type=click.Choice(["connect", "nmap"]), help=_("Moteur de la sonde ports."))
@click.option("--dry-run", is_flag=True, help=_("Montrer ce qui serait demandé, sans rien envoyer."))
@click.option("--contact", default="", help=_("Adresse de contact annoncée par les sondes."))
@network_options
def command(name: str, target: str, as_json: bool, output: str | None, dry_run: bool, contact: str, **rest: Any) -> int:
    import asyncio

    from nis2check.evidence.document import to_document
    from nis2check.evidence.probes import PROBES
    from nis2check.evidence.wire import Wire
    from nis2check.files import canonical, write_aside, write_stdout

    probe = next(probe for probe in PROBES if name == probe.NAME)
    goal = _target(name, target, rest)
    if dry_run:
        for line in probe.cost(goal):
            click.echo(line)
        return Exit.OK
    wire = Wire(rest["settings"](contact))
    started = wire.now()
    evidence, interrupted = asyncio.run(_look(goal, wire))
    document = to_document(evidence, started=started, finished=wire.now(), body=None)
    if output:
        write_aside(output, canonical(document))
    if as_json:
        write_stdout(canonical(document))
    else:
        _show(document)
    if interrupted is not None:
        return interrupted
    return Exit.INCOMPLETE if evidence.gaps else Exit.OK


async def _look(goal: Target, wire: Wire) -> tuple[Evidence, Exit | None]:
    from nis2check.cli.interrupt import stop_on_signals
    from nis2check.evidence.collect import collect
    from nis2check.evidence.probes import PROBES

    with stop_on_signals() as stop:
        evidence = await collect([goal], wire, PROBES, stop=stop.event)
    return evidence, stop.code


def _target(name: str, target: str, rest: dict[str, Any]) -> Target:
    """The target of the command line, with the same checks as one of a file."""
    from pathlib import Path

    from nis2check.bodyfile import parse
    from nis2check.errors import InputError
    from nis2check.files import Document
    from nis2check.model import Kind

    section = {"tls": "tls", "dns": "domains", "mail": "mail", "http": "web", "ports": "ports"}[name]
    entry: Any = target
    if name == "tls":
        host = target.rpartition(":")[0] if target.rpartition(":")[2].isdigit() and not target.endswith("]") else ""
        entry = {"endpoint": target if host and (":" not in host or "[" in host) else f"{target}:443"}
        if rest["starttls"]:
            entry["starttls"] = rest["starttls"]
    if name == "mail" and rest["dkim_selector"]:
        entry = {"domain": target, "dkim_selectors": list(rest["dkim_selector"])}
    if name == "ports":
        entry = {"host": target} | ({"engine": rest["engine"]} if rest["engine"] else {})
        if rest["ports"]:
            if not all(port.strip().isdigit() for port in rest["ports"].split(",")):
                raise InputError(
                    _("Liste de ports mal formée : {ports}.").format(ports=rest["ports"]), advice="--ports 22,443"
                )
            entry["ports"] = [int(port) for port in rest["ports"].split(",")]
    data = {"body": {"nature": "COMMUNE"}, "targets": {section: [entry]}}
    targets = parse(Document(data, _("ligne de commande")), Path.cwd() / "-").targets
    return next(goal for goal in targets if goal.kind is Kind(name))


def _show(document: dict[str, Any]) -> None:
    """Facts then gaps, one a line, for a person."""
    import json

    from nis2check.printing import Medium, clean

    for fact in document["facts"]:
        at = f" [{fact['address']}]" if fact["address"] else ""
        value = clean(json.dumps(fact["value"], ensure_ascii=False), Medium.TERMINAL, longest=400)
        click.echo(f"{clean(fact['subject'], Medium.TERMINAL)}{at}  {fact['name']} = {value}")
    for gap in document["gaps"]:
        at = f" [{gap['address']}]" if gap["address"] else ""
        detail = clean(gap["detail"], Medium.TERMINAL)
        text = _("{name} : {text}").format(name=gap["name"], text=f"{gap['why']} ({detail})")
        click.echo(f"! {clean(gap['subject'], Medium.TERMINAL)}{at}  {text}")
