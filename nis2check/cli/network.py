# SPDX-License-Identifier: EUPL-1.2
"""The options of every command that looks at targets: where names lead, how fast, with what trust; in curl's words."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nis2check import __version__
from nis2check.errors import InputError, Place
from nis2check.language import _

if TYPE_CHECKING:
    from nis2check.evidence.iterate import Hints
    from nis2check.evidence.wire import Endpoint, Settings


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the network options; the command gets them as one ``settings`` argument (a function of the contact)."""
    options = (
        click.option(
            "--internal", is_flag=True, help=_("Autoriser les adresses non publiques (réseau interne, maquette).")
        ),
        click.option("--resolve", multiple=True, metavar="HOST:PORT:ADDRESS", help=_("Adresse imposée, comme curl.")),
        click.option(
            "--connect-to", multiple=True, metavar="HOST:PORT:HOST2:PORT2", help=_("Connexion détournée, comme curl.")
        ),
        click.option("--resolver", metavar="ADDRESS:PORT", help=_("Résolveur DNS à interroger.")),
        click.option(
            "--root-hints",
            type=click.Path(path_type=Path),
            help=_("Serveurs racine du DNS (named.root) : questions posées depuis la racine, sans résolveur."),
        ),
        click.option(
            "--trust-anchor", type=click.Path(path_type=Path), help=_("Ancre de confiance DNSSEC (maquette).")
        ),
        click.option(
            "--ca-file", type=click.Path(path_type=Path), metavar="PEM", help=_("Autorités de certification en plus.")
        ),
        click.option(
            "--pace",
            type=click.Choice(["gentle", "normal", "lab"]),
            default="normal",
            help=_("Allure (lab : boucle locale)."),
        ),
        click.option("--full", is_flag=True, help=_("Tout énumérer (davantage de connexions).")),
        click.option(
            "--deadline",
            type=click.FloatRange(1, 3600),
            default=60.0,
            metavar="SECONDS",
            help=_("Temps maximal par cible."),
        ),
    )

    @functools.wraps(command)
    def wrapped(**values: Any) -> Any:
        given = {name: values.pop(name) for name in _NAMES}
        return command(settings=lambda contact="": _settings(given, contact), **values)

    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


_NAMES = (
    "internal",
    "resolve",
    "connect_to",
    "resolver",
    "root_hints",
    "trust_anchor",
    "ca_file",
    "pace",
    "full",
    "deadline",
)


def _settings(given: dict[str, Any], contact: str) -> Settings:
    from nis2check.evidence.wire import PACES, Settings
    from nis2check.files import read_bytes

    for name in ("ca_file", "root_hints", "trust_anchor"):  # a wrong file is a usage fault now, not a gap later
        if given[name] is not None and name == "ca_file" and b"BEGIN CERTIFICATE" not in read_bytes(given[name]):
            raise InputError(_("Ce fichier ne contient aucun certificat PEM."), place=Place(str(given[name])))
        if given[name] is not None:
            read_bytes(given[name])
    return Settings(
        pace=PACES[given["pace"]],
        internal=given["internal"],
        full=given["full"],
        contact=contact,
        version=__version__,
        resolve=_resolve(given["resolve"]),
        connect_to=dict(_connect_to(value) for value in given["connect_to"]),
        resolver=_resolver(given["resolver"]),
        root_hints=_hints(given["root_hints"]),
        trust_anchor=str(given["trust_anchor"] or ""),
        ca_file=str(given["ca_file"] or ""),
        seconds_per_target=given["deadline"],
    )


def _hints(path: Path | None) -> Hints:
    """The root servers of a file in the form of IANA's named.root."""
    if path is None:
        return ()
    from nis2check.evidence.iterate import hints
    from nis2check.files import read_bytes

    try:
        return hints(read_bytes(path).decode("ascii"))
    except ValueError as error:
        what = _("Ce fichier ne donne pas de serveurs racine : {reason}.").format(reason=str(error)[:200])
        raise InputError(what, place=Place(str(path)), advice=_("Attendu : le format de named.root (IANA).")) from None


def _resolve(values: tuple[str, ...]) -> dict[tuple[str, int], tuple[str, ...]]:
    """``HOST:PORT:ADDRESS[,ADDRESS]``; an IPv6 address may stand in brackets."""
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for value in values:
        host, port, addresses = _split(value, 3, "--resolve", "HOST:PORT:ADDRESS")
        literals = []
        for text in addresses.split(","):
            try:
                literals.append(str(ipaddress.ip_address(text.strip("[]"))))
            except ValueError:
                raise InputError(
                    _("Adresse impossible dans --resolve {value}.").format(value=value), advice="HOST:PORT:ADDRESS"
                ) from None
        if host.startswith(("*", "+", "-")):
            raise InputError(_("--resolve {value} : l'hôte est un nom, sans joker ni préfixe.").format(value=value))
        key = (host.lower(), _port(port, value))
        found[key] = found.get(key, ()) + tuple(literals)
    return found


def _connect_to(value: str) -> tuple[tuple[str, int], tuple[str, int]]:
    host, port, rest = _split(value, 3, "--connect-to", "HOST:PORT:HOST2:PORT2")
    host2, _colon, port2 = rest.rpartition(":")
    if not host2:
        raise InputError(
            _("Option mal formée : --connect-to {value}.").format(value=value), advice="HOST:PORT:HOST2:PORT2"
        )
    return (host.lower(), _port(port, value)), (host2.strip("[]"), _port(port2, value))


def _split(value: str, parts: int, option: str, form: str) -> list[str]:
    """Split at colons, an IPv6 literal in brackets kept whole."""
    if value.startswith("["):
        host, _bracket, rest = value[1:].partition("]:")
        pieces = [host, *rest.split(":", parts - 2)]
    else:
        pieces = value.split(":", parts - 1)
    if len(pieces) != parts or not all(pieces):
        raise InputError(_("Option mal formée : {option} {value}.").format(option=option, value=value), advice=form)
    return pieces


def _port(text: str, value: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise InputError(_("Port impossible dans {value}.").format(value=value))
    return int(text)


def _resolver(value: str | None) -> Endpoint | None:
    from nis2check.evidence.wire import Endpoint

    if not value:
        return None
    address, _colon, port = value.rpartition(":")
    if not address or (value.count(":") > 1 and not value.startswith("[")):
        address, port = value, "53"
    try:
        return Endpoint(str(ipaddress.ip_address(address.strip("[]"))), _port(port, value))
    except ValueError:
        raise InputError(_("Résolveur impossible : {value}.").format(value=value), advice="ADDRESS:PORT") from None
