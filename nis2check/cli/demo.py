# SPDX-License-Identifier: EUPL-1.2
"""``nis2check demo``: start the small town hall on loopback, scan it through the public command, write the HTML report."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

import click

from nis2check.language import _, say

HTML = "nis2check-demo.html"


@click.command(
    "demo", help=say(_("Analyser pour de vrai une petite mairie de démonstration, sur cette machine, sans réseau."))
)
@click.option(
    "--json", "as_json", is_flag=True, help=_("Écrire le résultat (nis2check.result/1) sur la sortie standard.")
)
@click.option(
    "--output", "outputs", multiple=True, metavar="FORMAT=PATH", help=_("Écrire ce format au lieu du rapport HTML.")
)
@click.option("--all", "everything", is_flag=True, help=_("Tout montrer, même les écarts mineurs."))
def command(as_json: bool, outputs: tuple[str, ...], everything: bool) -> int:
    from nis2check.cli.outputs import parse
    from nis2check.cli.scan import command as scan
    from nis2check.demo.folder import write
    from nis2check.demo.town import Town

    parse(outputs)  # a wrong output is said before anything starts
    with tempfile.TemporaryDirectory(prefix="nis2check-demo-") as folder, Town() as town:
        today = datetime.datetime.now(datetime.UTC).date()
        body = write(Path(folder), today, committed_key=town.committed_key)
        authority = Path(folder) / "authority.pem"
        authority.write_bytes(town.authority.pem)
        arguments = [str(body), "--internal", "--pace", "lab", "--deadline", "15"]
        arguments += ["--resolver", f"127.0.0.1:{town.dns_port}", "--ca-file", str(authority)]
        for redirect in town.connect_to:
            arguments += ["--connect-to", redirect]
        for output in outputs or (f"html={HTML}",):
            arguments += ["--output", output]
        arguments += ["--json"] if as_json else []
        arguments += ["--all"] if everything else []
        text = _("Mairie de démonstration : {n} services sur cette machine, analysés par nis2check scan.")
        click.echo(say(text.format(n=len(town.ports) + 1)), err=True)
        code = scan.main(args=arguments, prog_name="nis2check scan", standalone_mode=False)
    if not outputs:
        click.echo(say(_("Rapport : {path}").format(path=Path(HTML).resolve())), err=True)
    return int(code or 0)
