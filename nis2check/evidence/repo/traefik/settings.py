# SPDX-License-Identifier: EUPL-1.2
"""Traefik's settings from wherever they stand, in one flat form: ``http.routers.app.rule`` → value and line.

Static and dynamic files in YAML or TOML, and in a Compose file the labels of every service and the arguments and environment
of the one that runs Traefik. Names are without case, as Traefik reads them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field

from nis2check.evidence.observe import Unseen
from nis2check.evidence.repo.yaml_tree import Node, documents
from nis2check.model import Why

MOST_SETTINGS = 20_000
DEEPEST = 20

_TABLE = re.compile(r"\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?\Z")
_KEY = re.compile(r"\s*((?:\"[^\"]*\"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[\w-]+))*)\s*=")
_ARGUMENT = re.compile(r"--([A-Za-z][\w.\[\]-]*)(?:=(.*))?\Z", re.DOTALL)
_STATIC = {"entrypoints", "providers", "api", "accesslog", "certificatesresolvers", "serverstransport", "global"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One value as text; those of a list stand behind one another with commas."""

    value: str
    line: int

    @property
    def on(self) -> bool:
        """As a switch: a name alone turns it on."""
        return self.value.strip().lower() in {"", "true", "1"}

    @property
    def words(self) -> list[str]:
        return [word.strip() for word in self.value.split(",") if word.strip()]

    @property
    def templated(self) -> bool:
        return "{{" in self.value or "${" in self.value


@dataclass(slots=True)
class Settings:
    """``static``: the file holds the static configuration, all of it, as Traefik takes it from one kind of place.
    ``version`` is that of the image of a Compose file, empty when it is not told."""

    entries: dict[str, Entry] = field(default_factory=dict)
    static: bool = False
    version: str = ""
    _below: dict[str, list[str]] = field(default_factory=dict)  # names by their first one, two and three parts

    def get(self, name: str) -> Entry | None:
        return self.entries.get(name)

    def under(self, prefix: str) -> Iterator[tuple[str, Entry]]:
        """The settings below a name, that name taken off; the name itself is the empty one."""
        for name in self._below.get(".".join(prefix.split(".")[:3]), ()):
            if name == prefix or name.startswith(prefix + "."):
                yield name[len(prefix) + 1 :], self.entries[name]

    def named(self, prefix: str) -> dict[str, int]:
        """The names right below a prefix (routers, middlewares…), each with the line of its first setting."""
        found: dict[str, int] = {}
        for name, entry in self.under(prefix):
            first = name.partition(".")[0]
            if first:
                found.setdefault(first, entry.line)
        return found

    def put(self, name: str, value: str, line: int) -> None:
        if len(self.entries) >= MOST_SETTINGS:
            raise Unseen(Why.LIMIT, f"more than {MOST_SETTINGS} settings")
        name = name.lower()
        if name not in self.entries:
            parts = name.split(".", 3)[:3]
            for count in range(1, len(parts) + 1):
                self._below.setdefault(".".join(parts[:count]), []).append(name)
        self.entries[name] = Entry(value, line)


def of_yaml(text: str) -> Settings:
    """A file of Traefik's own, or a Compose file. Raises Unseen."""
    settings = Settings()
    for root in documents(text):
        if root.get("apiVersion") is not None:
            continue  # resources of Kubernetes have a reader of their own
        services = root.get("services")
        if services is not None and root.get("http") is None and root.get("entryPoints") is None:
            for _name, service in services.pairs():
                _service(service, settings)
        else:
            _flatten("", root, settings, 0)
            settings.static = settings.static or any(name.lower() in _STATIC for name, _node in root.pairs())
    return settings


def _flatten(prefix: str, node: Node, settings: Settings, depth: int) -> None:
    if depth > DEEPEST:
        raise Unseen(Why.LIMIT, f"more than {DEEPEST} levels")
    if node.keys is not None:
        if not node.keys and prefix:
            settings.put(prefix, "", node.line)
        for name, child in node.pairs():
            _flatten(f"{prefix}.{name}" if prefix else name, child, settings, depth + 1)
    elif node.items is not None:
        if all(child.text is not None for child in node.items):
            settings.put(prefix, ",".join(child.text or "" for child in node.items), node.line)
        else:
            for index, child in enumerate(node.items):
                _flatten(f"{prefix}[{index}]", child, settings, depth + 1)
    elif prefix:
        settings.put(prefix, "" if node.plain and node.text in {"null", "~"} else node.text or "", node.line)


def _service(service: Node, settings: Settings) -> None:
    for key, value, line in _pairs(service.get("labels")):
        if key.lower().startswith("traefik.") and key.lower() != "traefik.enable":
            settings.put(key[len("traefik.") :], value, line)
    image = service.get("image")
    if image is None or image.text is None or re.search(r"(?:^|/)traefik(?::|@|\Z)", image.text) is None:
        return
    settings.version = image.text.rpartition(":")[2] if ":" in image.text else ""
    for node in _arguments(service.get("command")):
        found = _ARGUMENT.match((node.text or "").strip())
        if found is not None:
            settings.static = True
            settings.put(found[1], (found[2] or "").strip("\"'"), node.line)
    for key, value, line in _pairs(service.get("environment")):
        if key.upper().startswith("TRAEFIK_"):
            settings.static = True
            settings.put(key[len("TRAEFIK_") :].replace("_", "."), value, line)


def _pairs(node: Node | None) -> Iterator[tuple[str, str, int]]:
    """``a: b`` and ``- a=b`` alike."""
    if node is None:
        return
    for name, child in node.pairs():
        yield name, child.text or "", child.line
    for child in node.each():
        name, _sign, value = (child.text or "").partition("=")
        yield name.strip(), value.replace("$$", "$"), child.line


def _arguments(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    yield from node.each()
    for word in (node.text or "").split():
        yield Node(node.line, text=word)


def of_toml(text: str) -> Settings:
    """A file in TOML, with the line where each key stands. Raises Unseen."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        if "{{" in text:
            raise Unseen(Why.TEMPLATED, "a template, not TOML by itself") from None
        raise Unseen(Why.MALFORMED, "not TOML") from None
    settings = Settings(static=any(name.lower() in _STATIC for name in data))
    lines = _toml_lines(text)
    _spread("", data, lines, settings, 0)
    return settings


def _spread(prefix: str, value: object, lines: dict[str, int], settings: Settings, depth: int) -> None:
    if depth > DEEPEST:
        raise Unseen(Why.LIMIT, f"more than {DEEPEST} levels")
    line = lines.get(prefix.lower()) or lines.get(prefix.lower().rpartition(".")[0], 1)
    if isinstance(value, dict):
        if not value and prefix:
            settings.put(prefix, "", line)
        for name, child in value.items():
            _spread(f"{prefix}.{name}" if prefix else str(name), child, lines, settings, depth + 1)
    elif isinstance(value, list) and any(isinstance(child, dict | list) for child in value):
        for index, child in enumerate(value):
            _spread(f"{prefix}[{index}]", child, lines, settings, depth + 1)
    elif isinstance(value, list):
        settings.put(prefix, ",".join(map(str, value)), line)
    else:
        settings.put(prefix, str(value).lower() if isinstance(value, bool) else str(value), line)


def _toml_lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > 4096:
            continue
        if (header := _TABLE.match(line)) is not None:
            table = _bare(header[1])
            found.setdefault(table, number)
        elif (key := _KEY.match(line)) is not None:
            found.setdefault(f"{table}.{_bare(key[1])}" if table else _bare(key[1]), number)
    return found


def _bare(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split(".")).lower()
