# SPDX-License-Identifier: EUPL-1.2
"""References of container images, as Compose, Kubernetes, Dockerfiles and CI write them: what is fixed, which release."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Tags that mean "whatever is newest" by convention of their publishers.
MOVING = frozenset({"latest", "stable", "edge", "nightly", "main", "master", "dev", "develop", "lts", "current"})

# Ports whose class of a host (a console of a NAS, of a manager) says nothing of a container: most frameworks listen there.
COMMON_IN_CONTAINERS = frozenset({5000, 9000})

_HUB = ("docker.io/library/", "index.docker.io/library/", "registry.hub.docker.com/library/", "library/", "docker.io/")
_ELSEWHERE = {f"docker.elastic.co/{one}/{one}": one for one in ("elasticsearch", "kibana", "logstash")}
_NUMBER = re.compile(r"v?(\d{1,5})(?:\.(\d{1,5}))?(?![a-z])")
# Products whose lines are counted by their first number, and by their first two.
_ONE_NUMBER = {
    "debian", "centos", "fedora", "node", "elasticsearch", "kibana", "logstash", "nextcloud", "openjdk",
    "eclipse-temurin", "solr",
}  # fmt: skip
_TWO_NUMBERS = {
    "ubuntu", "alpine", "python", "php", "ruby", "golang", "mysql", "mariadb", "mongo", "redis", "tomcat", "nginx",
    "traefik", "rabbitmq", "httpd", "haproxy", "postgres",
}  # fmt: skip
_CODENAMES = {
    "wheezy": "debian:7", "jessie": "debian:8", "stretch": "debian:9", "buster": "debian:10", "bullseye": "debian:11",
    "bookworm": "debian:12", "trixie": "debian:13", "trusty": "ubuntu:14.04", "xenial": "ubuntu:16.04",
    "bionic": "ubuntu:18.04", "focal": "ubuntu:20.04", "jammy": "ubuntu:22.04", "noble": "ubuntu:24.04",
}  # fmt: skip
_ALPINE = re.compile(r"alpine-?(\d+\.\d+)")


@dataclass(frozen=True, slots=True)
class Image:
    """``registry/path/name:tag@digest`` in its parts; tag and digest empty when not given."""

    name: str
    tag: str
    digest: str

    @property
    def pinned(self) -> bool:
        """A digest, or a tag that is not one of those that move by convention."""
        return bool(self.digest) or (bool(self.tag) and self.tag.lower() not in MOVING)


def parse(reference: str) -> Image:
    """A reference in its parts; a port of the registry is no tag."""
    name, _at, digest = reference.strip().partition("@")
    path, slash, last = name.rpartition("/")
    last, _colon, tag = last.partition(":")
    return Image(path + slash + last, tag, digest)


def is_templated(reference: str) -> bool:
    """Whether a part of it comes from elsewhere."""
    return "$" in reference or "{{" in reference or "%(" in reference


def releases(image: Image) -> list[str]:
    """The releases that its name and tag tell, as ``debian:10``: of the product, and of the distribution below it.

    Only official images: ``acme/python:3.6`` may be anything. ``python:3.6-buster`` tells two.
    """
    name = image.name.lower()
    if "bitnamilegacy/" in name:
        return ["bitnamilegacy:frozen"]
    for prefix in _HUB:
        name = name.removeprefix(prefix)
    name = _ELSEWHERE.get(name, name)
    if name not in _ONE_NUMBER and name not in _TWO_NUMBERS:
        return []
    tag = image.tag.lower()
    found = [_product(name, tag)] if tag else []
    found += [_CODENAMES[word] for word in re.split(r"[^a-z]+", tag) if word in _CODENAMES]
    found += [f"alpine:{match[1]}" for match in _ALPINE.finditer(tag)]
    return list(dict.fromkeys(release for release in found if release))


def _product(name: str, tag: str) -> str:
    match = _NUMBER.match(tag)
    if match is None:
        return ""
    # The lines of PostgreSQL had two numbers before 10.
    two = int(match[1]) < 10 if name == "postgres" else name in _TWO_NUMBERS
    return f"{name}:{match[1]}.{match[2]}" if two and match[2] else f"{name}:{match[1]}"
