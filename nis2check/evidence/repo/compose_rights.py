# SPDX-License-Identifier: EUPL-1.2
"""What a Compose service may do to its machine, what it is let in with, and which releases it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nis2check.evidence.repo import container_images
from nis2check.evidence.repo.listing import Found, Listing
from nis2check.evidence.repo.secret_words import is_default, names_account, names_password
from nis2check.evidence.repo.yaml_tree import Node
from nis2check.model import FactSpec

FACTS = (
    FactSpec(
        "compose.capabilities_added", "array", "", "Capabilities added; class: whole (the machine itself) or other."
    ),
    FactSpec("compose.host_namespaces", "array", "", "Services in the process or IPC namespace of the machine."),
    FactSpec("compose.unconfined", "array", "", "Services with seccomp, AppArmor or SELinux switched off."),
    FactSpec("compose.host_folders", "array", "", "Folders of the system of the machine that a service may write."),
    FactSpec(
        "compose.default_credentials", "array", "", "Passwords that everybody tries first, and access without one."
    ),
    FactSpec(
        "compose.image_releases", "array", "", "Releases of official products and distributions that images tell."
    ),
    FactSpec("compose.logs_dropped", "array", "", "Services whose logs are thrown away."),
)

# Each of these alone is the machine (capabilities(7)).
_WHOLE = frozenset({"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF", "MAC_ADMIN"})
_UNCONFINED = {
    "seccomp:unconfined",
    "seccomp=unconfined",
    "apparmor:unconfined",
    "apparmor=unconfined",
    "label:disable",
    "label=disable",
}
_SYSTEM = frozenset(
    {
        "/",
        "/etc",
        "/root",
        "/home",
        "/boot",
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/var",
        "/proc",
        "/sys",
        "/var/lib/docker",
    }
)
_OPEN = {
    "MYSQL_ALLOW_EMPTY_PASSWORD": {"yes", "true", "1"},
    "MARIADB_ALLOW_EMPTY_PASSWORD": {"yes", "true", "1"},
    "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD": {"yes", "true", "1"},
    "ALLOW_EMPTY_PASSWORD": {"yes", "true", "1"},
    "POSTGRES_HOST_AUTH_METHOD": {"trust"},
}

Services = Sequence[tuple[str, Node]]


def rights(services: Services) -> Found:
    """The facts of all the services of a file."""
    out = Listing()
    out.holds(*(spec.name for spec in FACTS if spec.name != "compose.image_releases"))
    for name, service in services:
        _capabilities(name, service, out)
        for key in ("pid", "ipc", "uts", "userns_mode"):
            node = service.get(key)
            if node is not None and node.says("host"):
                out.add("compose.host_namespaces", node.line, service=name, namespace=key)
        for one in service.entries("security_opt"):
            if (one.text or "").lower() in _UNCONFINED:
                out.add("compose.unconfined", one.line, service=name, option=one.text)
        _folders(name, service, out)
        _credentials(name, service, out)
        _releases(name, service, out)
        driver = service.get("logging", "driver")
        if driver is not None and driver.says("none"):
            out.add("compose.logs_dropped", driver.line, service=name)
    yield from out.found()


def _capabilities(name: str, service: Node, out: Listing) -> None:
    for one in service.entries("cap_add"):
        word = (one.text or "").upper().removeprefix("CAP_")
        if word:
            kind = "whole" if word in _WHOLE else "other"
            out.add("compose.capabilities_added", one.line, service=name, capability=word, **{"class": kind})


def _folders(name: str, service: Node, out: Listing) -> None:
    for one in service.entries("volumes"):
        if one.keys is not None:
            source, read_only = one.word("source"), one.word("read_only").lower() == "true"
        else:
            parts = (one.text or "").split(":")
            source, read_only = parts[0], len(parts) > 2 and "ro" in parts[2].split(",")
        if len(source) > 1:
            source = source.rstrip("/") or "/"
        if source in _SYSTEM and not read_only and (one.keys is not None or ":" in (one.text or "")):
            out.add("compose.host_folders", one.line, service=name, folder=source)


def environment(service: Node) -> Iterator[tuple[str, str, int]]:
    """Name, value and line of each variable, in both forms. ``env_file`` is another file."""
    node = service.get("environment")
    if node is None:
        return
    for name, value in node.pairs():
        if value.text is not None:
            yield name, value.text, value.line
    for one in node.each():
        name, equals, text = (one.text or "").partition("=")
        if equals:
            yield name.strip(), text, one.line


def _credentials(name: str, service: Node, out: Listing) -> None:
    fact = "compose.default_credentials"
    said = list(environment(service))
    accounts = {value.strip().lower() for variable, value, _line in said if names_account(variable)}
    for variable, value, line in said:
        if value.strip().lower() in _OPEN.get(variable, ()):
            out.add(fact, line, service=name, variable=variable, kind="none")
        elif names_password(variable) and is_default(value, accounts):
            out.add(fact, line, service=name, variable=variable, kind="default")


def _releases(name: str, service: Node, out: Listing) -> None:
    image = service.get("image")
    if image is None or not image.text or service.get("build") is not None or container_images.is_templated(image.text):
        return
    for release in container_images.releases(container_images.parse(image.text)):
        out.add("compose.image_releases", image.line, release=release, service=name)
