# SPDX-License-Identifier: EUPL-1.2
"""``nis2check verify B.zip``: whether a byte of a bundle was changed, taken away or added, who signed it, when it was
stamped, and whether its evidence judged again gives the same findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from nis2check import files
from nis2check.cli.exits import Exit
from nis2check.cli.replay import Replayed, State, replay
from nis2check.errors import InputError
from nis2check.language import _, plural, say
from nis2check.model import Json
from nis2check.printing import Medium, clean

SCHEMA = "nis2check.verify/1"


@dataclass(frozen=True, slots=True)
class Seal:
    """A signature or a time stamp: its state (schemas/verify.schema.json), what identifies it, and a French sentence."""

    state: str
    told: str
    fingerprint: str = ""
    signer: str = ""
    time: str = ""


@click.command(
    "verify", help=say(_("Vérifier une archive de nis2check : octets, signature, horodatage, rejeu des preuves."))
)
@click.argument("bundle", metavar="B.zip", type=click.Path(path_type=Path))
@click.option("--require-signature", is_flag=True, help=_("Refuser une archive non signée."))
@click.option(
    "--allowed-signers",
    type=click.Path(path_type=Path),
    help=_("Qui peut signer (fichier allowed_signers d'OpenSSH) : refuser tout autre signataire."),
)
@click.option(
    "--json", "as_json", is_flag=True, help=_("Écrire le constat (nis2check.verify/1) sur la sortie standard.")
)
def command(bundle: Path, require_signature: bool, allowed_signers: Path | None, as_json: bool) -> int:
    from nis2check.bundle import archive, manifest

    unpacked = archive.unpack(files.read_bytes(bundle, archive.LARGEST))
    parts = unpacked.parts
    faults = [*unpacked.faults, *(manifest.faults(parts) if parts or not unpacked.faults else ())]
    signature = _signature(parts, allowed_signers)
    if signature.state == "invalid" or (signature.state == "absent" and (require_signature or allowed_signers)):
        faults.append(signature.told)
    stamp = _stamp(parts)
    if stamp.state == "invalid":
        faults.append(stamp.told)
    again = (
        _replayed(parts) if not faults else Replayed(State.NOT_POSSIBLE, _("Rejeu : non tenté, l'archive est altérée."))
    )
    if again.state is State.DIFFERENT:
        faults.append(again.reason)
    if as_json:
        files.write_stdout(files.canonical(_document(len(parts), faults, signature, stamp, again)))
    else:
        _show(len(parts), faults, signature, stamp, again)
    return Exit.GAPS if faults else Exit.OK


def _signature(parts: Mapping[str, bytes], allowed: Path | None) -> Seal:
    """Who signed the manifest. Raises InputError when the file of signers cannot be read."""
    from nis2check.bundle import manifest, signers, sshsig

    known = signers.allowed(allowed) if allowed is not None else ()
    if manifest.SIGNATURE not in parts or manifest.MANIFEST not in parts:
        return Seal("absent", _("Signature : absente."))
    try:
        signed = sshsig.verify(parts[manifest.MANIFEST], parts[manifest.SIGNATURE])
    except sshsig.Refused as fault:
        return Seal("invalid", _("Signature : {problem}").format(problem=fault))
    name = next((signer.name for signer in known if signer.key == signed.key), "")
    if name:
        text = _("Signature : {name}, clé {fingerprint}.").format(name=name, fingerprint=signed.fingerprint)
        return Seal("known", text, signed.fingerprint, name)
    if allowed is not None:
        text = _("Signature : la clé {fingerprint} n'est pas dans la liste des signataires.")
        return Seal("invalid", text.format(fingerprint=signed.fingerprint), signed.fingerprint)
    text = _("Signature : valable, clé {fingerprint}. À qui est cette clé n'est pas vérifié : --allowed-signers.")
    return Seal("unknown_key", text.format(fingerprint=signed.fingerprint), signed.fingerprint)


def _stamp(parts: Mapping[str, bytes]) -> Seal:
    from nis2check.bundle import manifest, timestamp

    if manifest.TOKEN not in parts or manifest.MANIFEST not in parts:
        return Seal("absent", _("Horodatage : absent."))
    try:
        time = timestamp.read(parts[manifest.MANIFEST], parts[manifest.TOKEN]).time
    except timestamp.Refused as fault:
        return Seal("invalid", _("Horodatage : {problem}").format(problem=fault))
    text = _("Horodatage : jeton de ce manifeste, daté {time} ; le cachet de l'autorité se vérifie par openssl ts.")
    return Seal("of_this_manifest", text.format(time=time), time=time)


def _replayed(parts: Mapping[str, bytes]) -> Replayed:
    from nis2check.cli.contents import EVIDENCE, RESULT

    if RESULT not in parts:
        return Replayed(State.NOT_POSSIBLE, _("Rejeu impossible : l'archive n'a pas de résultat."))
    if EVIDENCE not in parts:
        return Replayed(State.NOT_POSSIBLE, _("Rejeu impossible : l'archive n'a pas de preuves."))
    try:
        return replay(files.parse_json(parts[RESULT], RESULT).data, files.parse_json(parts[EVIDENCE], EVIDENCE).data)
    except InputError as fault:
        return Replayed(State.NOT_POSSIBLE, _("Rejeu impossible : {problem}").format(problem=fault.what))


def _document(count: int, faults: list[str], signature: Seal, stamp: Seal, again: Replayed) -> dict[str, Json]:
    return {
        "schema": SCHEMA,
        "intact": not faults,
        "files": count,
        "faults": faults,
        "signature": {"state": signature.state, "fingerprint": signature.fingerprint, "signer": signature.signer},
        "timestamp": {"state": stamp.state, "time": stamp.time},
        "replay": {"state": again.state.value, "reason": again.reason},
    }


def _show(count: int, faults: list[str], signature: Seal, stamp: Seal, again: Replayed) -> None:
    from nis2check.cli.outputs import print_text

    lines = list(_lines(count, faults, signature, stamp, again))
    print_text("".join(f"{say(clean(line, Medium.TERMINAL, longest=1000))}\n" for line in lines))


def _lines(count: int, faults: list[str], signature: Seal, stamp: Seal, again: Replayed) -> Iterator[str]:
    """What is wrong first; then each thing once, whatever its state."""
    yield from faults
    yield from (one for one in (signature.told, stamp.told, again.reason) if one not in faults)
    if faults:
        yield _("ARCHIVE ALTÉRÉE OU REFUSÉE.")
    else:
        yield plural("{n} fichier, aucun octet changé.", "{n} fichiers, aucun octet changé.", count)
