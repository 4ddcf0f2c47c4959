# SPDX-License-Identifier: EUPL-1.2
"""Reads Docker Compose files: what is published to the network, what runs with the rights of the host, what is not pinned."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.port_numbers import class_of
from nis2check.evidence.repo import compose_rights, container_images
from nis2check.evidence.repo.yaml_tree import Node, documents
from nis2check.model import FactSpec, Json, Why

NAME = "compose"
FACTS = (
    FactSpec(
        "compose.published_ports",
        "array",
        "",
        "Ports published beyond loopback: service, port, target, class (of the container's port), address, line.",
    ),
    FactSpec("compose.privileged", "array", "", "Services with privileged: true."),
    FactSpec("compose.host_network", "array", "", "Services in the network of the host."),
    FactSpec("compose.docker_socket", "array", "", "Services that hold the socket of the container engine."),
    FactSpec(
        "compose.images_unpinned", "array", "", "Images without tag or digest, or with a tag that moves (latest)."
    ),
    *compose_rights.FACTS,
)

MOST_SERVICES = 500
_FLASK = 5000  # the console of a NAS on a host, any small web application in a container
_NO_CONSOLE = ("minio", "php", "sonarqube", "sentry")  # what listens on 9000 there is no console of administration
MOST_RANGE = 256  # ports of one range

_BY_NAME = re.compile(r"(?:^|/)(?:docker-)?compose(?:[.-][^/]*)?\.ya?ml\Z", re.IGNORECASE)
_DEFAULT = re.compile(r"\$\{\w+:?-([^}$]*)\}")
_PORT = re.compile(
    r"(?:(?:(?P<address>\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(?P<host>\d{1,5}(?:-\d{1,5})?)?:)?(?P<target>\d{1,5}(?:-\d{1,5})?)(?:/(?P<kind>tcp|udp))?"
)
_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock")

Found = Iterator[Read | Unread]


def matches(path: str, head: bytes) -> bool:
    """compose.yaml, docker-compose.yml and their variants (docker-compose.prod.yml)."""
    return _BY_NAME.search(path) is not None


def read(path: str, text: str) -> Found:
    """Facts of the services of one file."""
    try:
        roots = documents(text)
    except Unseen as error:
        yield Unread("compose.*", error.why, error.detail)
        return
    services = [(name, one) for root in roots for name, one in (root.get("services") or root).pairs() if one.keys]
    if not services or not any(one.get("image") or one.get("build") or one.get("ports") for _name, one in services):
        return
    if len(services) > MOST_SERVICES:
        yield Unread("compose.*", Why.LIMIT, f"more than {MOST_SERVICES} services")
    services = services[:MOST_SERVICES]
    yield from _ports(services)
    yield _listed("compose.privileged", [(name, one.get("privileged")) for name, one in services], "true")
    yield _listed("compose.host_network", [(name, one.get("network_mode")) for name, one in services], "host")
    yield _sockets(services)
    yield from _images(services)
    yield from compose_rights.rights(services)


Services = list[tuple[str, Node]]


def _listed(fact: str, said: list[tuple[str, Node | None]], word: str) -> Read:
    found = [(name, node) for name, node in said if node is not None and (node.text or "").lower() == word]
    return Read(fact, [name for name, _node in found], found[0][1].line if found else 1)


def _sockets(services: Services) -> Read:
    found: dict[str, int] = {}
    for name, service in services:
        for volume in (service.get("volumes") or service).each():
            source = volume.get("source") or volume
            if (source.text or "").partition(":")[0] in _SOCKETS:
                found.setdefault(name, volume.line)
    return Read("compose.docker_socket", list(found), min(found.values(), default=1))


# ------------------------------------------------------------------------------------------------------------- images


def _images(services: Services) -> Found:
    found: list[tuple[str, int]] = []
    for _name, service in services:
        image = service.get("image")
        if image is None or image.text is None or service.get("build"):
            continue  # with build, the image is the name of what is built here
        name = _DEFAULT.sub(r"\1", image.text)
        if "$" in name or "{{" in name:
            yield Unread("compose.images_unpinned", Why.TEMPLATED, "an image comes from a variable", image.line)
        elif not container_images.parse(name).pinned:
            found.append((name[:200], image.line))
    yield Read("compose.images_unpinned", [name for name, _line in found], found[0][1] if found else 1)


# -------------------------------------------------------------------------------------------------------------- ports


def _ports(services: Services) -> Found:
    found: list[dict[str, Json]] = []
    for name, service in services:
        for entry in (service.get("ports") or service).each():
            try:
                found += [{"service": name[:100], **_of(service, one), "line": entry.line} for one in _published(entry)]
            except Unseen as error:
                yield Unread("compose.published_ports", error.why, f"{name[:100]}: {error.detail}", entry.line)
    yield Read("compose.published_ports", found, _first_line(found))


def _first_line(found: list[dict[str, Json]]) -> int:
    """Where a reader of the report should look first: a port that faces nobody's browser."""
    odd = [one["line"] for one in found if one["class"] not in {"web", "other"}]
    lines = odd or [one["line"] for one in found]
    return int(lines[0]) if lines else 1


def _published(entry: Node) -> Iterator[dict[str, Json]]:
    """The published ports of one entry, short or long. Raises Unseen."""
    if entry.keys is not None:
        given = {key: _filled(entry.get(key)) for key in ("target", "published", "host_ip", "protocol")}
        address = f"[{given['host_ip']}]" if ":" in given["host_ip"] else given["host_ip"]
        text = (
            f"{address}:{given['published']}:{given['target']}"
            if address
            else f"{given['published']}:{given['target']}"
        )
        text += f"/{given['protocol']}" if given["protocol"] else ""
    else:
        text = _filled(entry)
    match = _PORT.fullmatch(text)
    if match is None:
        raise Unseen(Why.MALFORMED, f"not a port: {text[:60]!r}")
    address = (match["address"] or "").strip("[]")
    if match["kind"] == "udp" or address == "::1" or address.startswith("127."):
        return
    if not match["host"]:
        yield _one(0, int(match["target"].partition("-")[0]), address)  # a port that the engine chooses
        return
    host, target = _range(match["host"]), _range(match["target"])
    for index, port in enumerate(host):
        yield _one(port, target[index] if index < len(target) else target[-1], address)


def _of(service: Node, published: dict[str, Json]) -> dict[str, Json]:
    image = service.word("image").lower()
    if published["target"] == 9000 and any(name in image for name in _NO_CONSOLE):
        return published | {"class": "other"}
    return published


def _one(port: int, target: int, address: str) -> dict[str, Json]:
    kind = "other" if target == _FLASK else class_of(target)
    return {"port": port, "target": target, "class": kind, "address": address or "0.0.0.0"}  # noqa: S104 - read, not bound


def _range(text: str) -> list[int]:
    first, _dash, last = text.partition("-")
    ports = range(int(first), int(last or first) + 1)
    if len(ports) > MOST_RANGE or not ports or ports[-1] > 65535:
        raise Unseen(Why.LIMIT, f"a range of ports that is none or too wide: {text}")
    return list(ports)


def _filled(node: Node | None) -> str:
    """The text with the defaults of its variables. Raises Unseen(templated) when a variable has none."""
    text = _DEFAULT.sub(r"\1", node.text) if node is not None and node.text is not None else ""
    if "$" in text or "{{" in text:
        raise Unseen(Why.TEMPLATED, f"comes from a variable: {text[:60]}")
    return text
