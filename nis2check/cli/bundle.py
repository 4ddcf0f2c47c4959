# SPDX-License-Identifier: EUPL-1.2
"""``nis2check bundle RESULT.json --output B.zip``: what exists, sealed for an auditor; what does not exist is said."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from nis2check import files, language
from nis2check.errors import InputError, Place
from nis2check.language import _, plural, say
from nis2check.printing import Medium, clean


@click.command("bundle", help=say(_("Réunir un résultat, ses preuves et ses exports dans une archive vérifiable.")))
@click.argument("result", metavar="RESULT.json")
@click.option("--output", "-o", required=True, metavar="B.zip", help=_("L'archive à écrire."))
@click.option("--evidence", type=click.Path(path_type=Path), help=_("Les preuves gardées par scan --save-evidence."))
@click.option(
    "--proof",
    "proofs",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help=_("Une pièce, ou un dossier de pièces, que des attestations nomment (répétable)."),
)
@click.option(
    "--key", type=click.Path(path_type=Path), help=_("Clé privée SSH pour signer le manifeste (ed25519 de préférence).")
)
@click.option(
    "--signature", type=click.Path(path_type=Path), help=_("Signature du manifeste déjà faite par ssh-keygen -Y sign.")
)
@click.option(
    "--timestamp-token",
    "token",
    type=click.Path(path_type=Path),
    help=_("Réponse d'une autorité d'horodatage (RFC 3161) pour ce manifeste."),
)
def command(
    result: str,
    output: str,
    evidence: Path | None,
    proofs: tuple[Path, ...],
    key: Path | None,
    signature: Path | None,
    token: Path | None,
) -> None:
    from nis2check.bundle import archive, instructions, manifest
    from nis2check.cli.contents import gather

    if key is not None and signature is not None:
        raise InputError(_("--key et --signature : choisir."))
    source = files.load_json(result)
    files.check(source, "result")
    contents = gather(source.data, evidence, proofs, language.chosen())
    parts = manifest.build({**contents.parts, manifest.READ_ME: instructions.text()}, source.data, contents.absent)
    sealed = _sealed(parts[manifest.MANIFEST], key, signature, token)
    data = archive.pack({**parts, **sealed})
    if output == "-":
        files.write_stdout(data)
    else:
        files.write_aside(output, data)
    _tell(len(parts) + len(sealed), contents.absent, sealed)


def _sealed(message: bytes, key: Path | None, signature: Path | None, token: Path | None) -> dict[str, bytes]:
    """The signature and the time stamp that were asked for, both checked against the manifest. Raises InputError."""
    from nis2check.bundle import manifest, signers, sshsig, timestamp

    out: dict[str, bytes] = {}
    try:
        if key is not None:
            out[manifest.SIGNATURE] = sshsig.sign(message, signers.private_key(key, _passphrase))
        if signature is not None:
            out[manifest.SIGNATURE] = files.read_bytes(signature, sshsig.LARGEST)
            sshsig.verify(message, out[manifest.SIGNATURE])
    except sshsig.Refused as fault:
        raise InputError(str(fault), place=Place(str(key or signature))) from None
    if token is not None:
        out[manifest.TOKEN] = files.read_bytes(token, timestamp.LARGEST)
        try:
            timestamp.read(message, out[manifest.TOKEN])
        except timestamp.Refused as fault:
            advice = _("Demander le jeton pour manifest.json tel qu'il est dans l'archive, avec les mêmes options.")
            raise InputError(str(fault), place=Place(str(token)), advice=advice) from None
    return out


def _passphrase() -> str:
    """Asked of a person at a terminal, never read from elsewhere: a secret has no place in a script."""
    if not sys.stdin.isatty():
        what = _(
            "Clé protégée par une phrase, et personne pour la taper : signer par ssh-keygen -Y sign, puis --signature."
        )
        raise InputError(what)
    answer: str = click.prompt(_("Phrase de la clé"), hide_input=True, err=True)
    return answer


def _tell(count: int, absent: Mapping[str, str], sealed: Mapping[str, bytes]) -> None:
    """On stderr: what is in, and what is not."""
    from nis2check.bundle import manifest

    lines = [plural("{n} fichier dans l'archive.", "{n} fichiers dans l'archive.", count)]
    if absent:
        lines.append(_("Absent : {names}.").format(names=", ".join(sorted(absent))))
    if manifest.SIGNATURE not in sealed:
        lines.append(_("Archive non signée : --key CLÉ pour la signer."))
    if manifest.TOKEN not in sealed:
        lines.append(_("Archive non horodatée : VERIFIER.txt dit comment demander un jeton."))
    for line in lines:
        click.echo(f"nis2check: {say(clean(line, Medium.TERMINAL, longest=1000))}", err=True)
