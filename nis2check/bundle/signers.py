# SPDX-License-Identifier: EUPL-1.2
"""Who may sign: the file ``allowed_signers`` of OpenSSH (ssh-keygen(1), ALLOWED SIGNERS), and the private key of who signs."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nis2check.bundle.sshsig import NAMESPACE
from nis2check.errors import InputError, Place
from nis2check.files import read_bytes
from nis2check.language import _

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

LARGEST = 1 << 20  # bytes of either file
_KEY_TYPES = ("ssh-", "ecdsa-", "sk-")


class Signer(NamedTuple):
    """A line of the file: who (``dsi@ville.example``), and the key (``ssh-ed25519 AAAA…``)."""

    name: str
    key: str


def allowed(path: Path) -> tuple[Signer, ...]:
    """The signers that may sign a bundle. Raises InputError: unreadable, malformed, or an option that is not read here."""
    text = read_bytes(path, LARGEST).decode("utf-8", "replace")
    return tuple(_signers(path, text))


def _signers(path: Path, text: str) -> Iterator[Signer]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            words = shlex.split(line, posix=True)
        except ValueError:
            words = []
        at = next((index for index, word in enumerate(words) if index and word.startswith(_KEY_TYPES)), 0)
        if not at or at > 2 or len(words) < at + 2:
            what = _("Ligne mal formée ; attendu : NOM [options] TYPE CLÉ.")
            raise InputError(what, place=Place(str(path), number))
        options = words[1] if at == 2 else ""
        if _may_sign(options, path, number):
            yield Signer(words[0], f"{words[at]} {words[at + 1]}")


def _may_sign(options: str, path: Path, number: int) -> bool:
    """Whether the options let this key sign bundles. What is not read here is refused, never guessed."""
    name, _equals, value = options.partition("=")
    if not options:
        return True
    if name.lower() == "namespaces":
        return any(fnmatch.fnmatchcase(NAMESPACE, pattern) for pattern in value.split(","))
    what = _("Option non lue ici : {option}.").format(option=name)
    raise InputError(what, place=Place(str(path), number), advice=_("Employer ssh-keygen -Y verify."))


def private_key(path: Path, passphrase: Callable[[], str]) -> PrivateKeyTypes:
    """The key of who signs; ``passphrase`` is asked only when the key has one. Raises InputError."""
    from cryptography.exceptions import UnsupportedAlgorithm

    data = read_bytes(path, LARGEST)
    try:
        try:
            return _loaded(data, None)
        except TypeError:  # it has a passphrase
            return _loaded(data, passphrase().encode())
    except UnsupportedAlgorithm:
        raise InputError(
            _("Lire une clé SSH protégée par une phrase demande bcrypt : pip install 'nis2check[sign]'."),
            place=Place(str(path)),
            advice=_("Ou signer le manifeste par ssh-keygen -Y sign -n {name}, puis --signature.").format(
                name=NAMESPACE
            ),
        ) from None
    except ValueError:
        raise InputError(_("Clé privée illisible, ou phrase fausse."), place=Place(str(path))) from None


def _loaded(data: bytes, password: bytes | None) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    if b"BEGIN OPENSSH PRIVATE KEY" in data:
        return load_ssh_private_key(data, password)
    return load_pem_private_key(data, password)
