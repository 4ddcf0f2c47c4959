# SPDX-License-Identifier: EUPL-1.2
"""``nis2check.yaml`` → values: who the body is, what may be looked at, under whose authority.

Nothing is discovered here: every target stands in the file (or on the command line), with the line that declares it.
"""

from __future__ import annotations

import datetime
import ipaddress
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nis2check.errors import InputError
from nis2check.files import Document, check, load_yaml
from nis2check.language import _
from nis2check.model import Gap, Json, Kind, Location, Target, Why

NAME = "nis2check.yaml"


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Who allows active tests, on what ground, until when (inclusive), for what (names, addresses, networks)."""

    who: str
    ground: str
    until: str
    covers: tuple[str, ...]

    def allows(self, host: str, on: datetime.date) -> bool:
        """True when the host is covered that day: the same name, a name under it, the same address, or one of the network."""
        return datetime.date.fromisoformat(self.until) >= on and any(covers(cover, host) for cover in self.covers)


@dataclass(frozen=True, slots=True)
class BodyFile:
    """One file, checked. ``identity`` is its ``body:`` part as written; folders and files are resolved against it."""

    path: Path
    identity: Mapping[str, Json]
    targets: tuple[Target, ...]
    authorisations: tuple[Authorisation, ...] = ()
    regime: str = ""
    repositories: Mapping[str, Path] = field(default_factory=dict)  # as declared → the folder
    attestations: Path | None = None
    waivers: Path | None = None
    policies: tuple[Path, ...] = ()
    plan: Mapping[str, Json] = field(default_factory=dict)
    notify: tuple[str, ...] = ()  # addresses that scan --save tells of changes
    logo: Path | None = None

    def allowed(self, on: datetime.date) -> tuple[tuple[Target, ...], tuple[Gap, ...]]:
        """The targets that may be looked at on a day, and a gap for each active test that nobody authorises."""
        may: list[Target] = []
        gaps: list[Gap] = []
        for target in self.targets:
            if target.kind is not Kind.PORTS or any(a.allows(target.host, on) for a in self.authorisations):
                may.append(target)
            else:
                detail = "no authorisation covers this target on this day"
                gaps.append(Gap("ports.*", target.name, Why.NOT_ASKED, detail))
        return tuple(may), tuple(gaps)


def covers(cover: str, host: str) -> bool:
    """Whether a name, address or network of an authorisation covers a host: the same name or one under it, an address in it."""
    cover, host = cover.strip().lower(), host.lower()
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(cover, strict=False)
    except ValueError:
        return host == cover or host.endswith("." + cover.lstrip("."))


def load(path: Path) -> BodyFile:
    """Read and check a body's file. Raises InputError with file, line and path."""
    return parse(load_yaml(path, name=_shown(path)), path)


def _shown(path: Path) -> str:
    """The path as a reader would type it: relative to the current folder when it lies below it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return path.name if path.is_absolute() else path.as_posix()


def parse(document: Document, path: Path) -> BodyFile:
    """A checked document → BodyFile."""
    check(document, "body")
    data = document.data
    folder = path.parent
    authorisations = tuple(
        Authorisation(
            a["who"], a["ground"], _date(document, ("authorisation", i, "until"), a["until"]), tuple(a["covers"])
        )
        for i, a in enumerate(data.get("authorisation", []))
    )
    for section in ("attestations", "waivers"):
        if data.get(section) and not (folder / data[section]).is_file():
            raise InputError(
                _("Fichier introuvable : {file}.").format(file=data[section]), place=document.place((section,))
            )
    repositories: dict[str, Path] = {}
    for index, name in enumerate(data.get("targets", {}).get("repositories", [])):
        repositories[posixpath.normpath(name)] = folder / name
        if not (folder / name).is_dir():
            place = document.place(("targets", "repositories", index))
            raise InputError(_("Dossier introuvable : {folder}.").format(folder=name), place=place)
    return BodyFile(
        path=path,
        identity=data["body"],
        targets=_targets(document),
        authorisations=authorisations,
        regime=data.get("regime", ""),
        repositories=repositories,
        attestations=folder / data["attestations"] if data.get("attestations") else None,
        waivers=folder / data["waivers"] if data.get("waivers") else None,
        policies=tuple(folder / name for name in data.get("policies", [])),
        plan=data.get("plan", {}),
        notify=tuple(data.get("notify", [])),
        logo=folder / data["logo"] if data.get("logo") else None,
    )


def _date(document: Document, path: tuple[str | int, ...], value: str) -> str:
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        raise InputError(_("Date impossible : {value}.").format(value=value), place=document.place(path)) from None
    return value


def _targets(document: Document) -> tuple[Target, ...]:
    """Every declared target, once: a web site is both a site and a TLS service."""
    seen: dict[tuple[Kind, str], Target] = {}
    for target in _declared(document):
        seen.setdefault((target.kind, target.name), target)
    return tuple(seen.values())


def _declared(document: Document) -> Iterator[Target]:
    targets: Mapping[str, list[Any]] = document.data.get("targets", {})
    for section, kind in (("domains", Kind.DNS), ("mail", Kind.MAIL)):
        for index, item in enumerate(targets.get(section, [])):
            path = (section, index)
            entry = {"domain": item} if isinstance(item, str) else item
            options = {key: entry[key] for key in ("dkim_selectors",) if key in entry}
            if kind is Kind.DNS and (allowed := _authorised(document)):
                options["authorised"] = allowed
            yield Target(kind, _name(document, path, entry["domain"]), _location(document, path), options)
    for index, url in enumerate(targets.get("web", [])):
        yield from _site(document, ("web", index), url)
    for index, item in enumerate(targets.get("tls", [])):
        path = ("tls", index)
        endpoint = item if isinstance(item, str) else item["endpoint"]
        host, _colon, port = endpoint.rpartition(":")
        options = {"starttls": item["starttls"]} if isinstance(item, dict) and "starttls" in item else {}
        yield Target(Kind.TLS, _subject(document, path, host, port), _location(document, path), options)
    for index, item in enumerate(targets.get("ports", [])):
        path = ("ports", index)
        entry = {"host": item} if isinstance(item, str) else item
        options = {key: entry[key] for key in ("ports", "engine") if key in entry}
        yield Target(Kind.PORTS, _name(document, path, entry["host"]), _location(document, path), options)


def _authorised(document: Document) -> list[Json]:
    """Until when and for what active tests are allowed: the DNS probe asks name servers more when they are covered."""
    return [{key: one[key] for key in ("until", "covers")} for one in document.data.get("authorisation", [])]


def _site(document: Document, path: tuple[str, int], url: str) -> Iterator[Target]:
    parts = urlsplit(url if "://" in url else f"https://{url}")
    plain = parts.scheme == "http"
    port = "443" if plain or parts.port is None else str(parts.port)
    subject = _subject(document, path, parts.hostname or "", port)
    options: dict[str, Json] = {"path": parts.path or "/"}
    if plain and parts.port:
        options["plain_port"] = parts.port
    location = _location(document, path)
    yield Target(Kind.HTTP, subject, location, options)
    yield Target(Kind.TLS, subject, location)


def _location(document: Document, path: tuple[str, int]) -> Location:
    return Location(document.file, document.line(("targets", *path)))


def _subject(document: Document, path: tuple[str, int], host: str, port: str) -> str:
    if not 0 < int(port) < 65536:
        raise InputError(_("Port impossible : {port}.").format(port=port), place=document.place(("targets", *path)))
    name = _name(document, path, host)
    return f"[{name}]:{int(port)}" if ":" in name else f"{name}:{int(port)}"


def _name(document: Document, path: tuple[str, int], name: str) -> str:
    """A host in the form that goes on the wire: lower case, A-labels, no final dot; or a literal address."""
    bare = name.strip().strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    place = document.place(("targets", *path))
    try:
        ascii_name = bare if bare.isascii() else bare.encode("idna").decode("ascii")
    except UnicodeError:
        raise InputError(_("Nom de domaine impossible : {name}.").format(name=name), place=place) from None
    labels = ascii_name.split(".")
    good = all(label and len(label) <= 63 and not label.startswith("-") and not label.endswith("-") for label in labels)
    plain = all(c.isalnum() or c in "-_." for c in ascii_name)
    numbers = labels[-1].isdigit()  # 0177.0.0.1, 2130706433: an address in disguise
    if not good or not plain or numbers or len(ascii_name) > 253:
        raise InputError(_("Nom de domaine impossible : {name}.").format(name=name), place=place)
    return ascii_name
