# SPDX-License-Identifier: EUPL-1.2
"""Reads Helm charts as far as they can be read without rendering: the values and the dependencies, as they are written.

A template is rendered by Helm alone, with values that may come from elsewhere: each is a gap of its own name, ``helm.template``.
"""

from __future__ import annotations

import re

from nis2check.evidence.observe import Unread, Unseen
from nis2check.evidence.port_numbers import class_of
from nis2check.evidence.repo.kubernetes import is_rendered
from nis2check.evidence.repo.kubernetes.delivery import RETIRED_REPOSITORIES
from nis2check.evidence.repo.kubernetes.pods import WEAK_SETTINGS
from nis2check.evidence.repo.listing import Found, Listing
from nis2check.evidence.repo.secret_words import is_default, is_sample, is_written_out, names_password, names_secret
from nis2check.evidence.repo.yaml_tree import Node, documents, is_templated, walk
from nis2check.model import FactSpec, Why

NAME = "helm"
FACTS = (
    FactSpec(
        "helm.dependencies_unpinned",
        "array",
        "",
        "Dependencies of a chart without version, or with one that takes any.",
    ),
    FactSpec("helm.dependencies_plain", "array", "", "Dependencies fetched over http."),
    FactSpec("helm.dependencies_retired", "array", "", "Dependencies that their publishers have retired."),
    FactSpec("helm.images_unpinned", "array", "", "Images of values whose tag moves (latest)."),
    FactSpec("helm.image_releases", "array", "", "Releases of official products in images of values."),
    FactSpec("helm.default_credentials", "array", "", "Values that hold a password everybody tries first."),
    FactSpec("helm.secrets_in_clear", "array", "", "Values that hold a secret written out, never its value."),
    FactSpec(
        "helm.weak_contexts", "array", "", "Security contexts of values that grant more than the default; setting."
    ),
    FactSpec("helm.tls_verification_off", "array", "", "Values that accept any certificate."),
    FactSpec("helm.exposed_ports", "array", "", "Services of values opened outside the cluster: class of the port."),
)

_VALUES = re.compile(r"(?:^|/)(?:[^/]*[._-])?values(?:[._-][^/]*)?\.ya?ml(?:\.gotmpl)?\Z", re.IGNORECASE)
_CHART = re.compile(r"(?:^|/)(?:Chart|requirements)\.ya?ml\Z")
_TEMPLATE = re.compile(r"(?:^|/)templates/(?:[^\n]*/)?[^/]+\.(?:ya?ml|tpl|json)\Z")
_PARTIAL = re.compile(r"(?:^|/)_[^/]*\Z")  # rendered only where another template includes it
_SCHEMA = re.compile(r"values\.schema\.", re.IGNORECASE)
_ANY = re.compile(r"\s*\Z|[*xX]\Z|>=?\s*\d[^<]*\Z|latest\Z")
_UNVERIFIED = {"insecureskipverify", "insecureskiptlsverify", "insecure_skip_verify", "tlsskipverify"}
_LABEL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+\Z")  # my-app-secret: the name of a Secret, not one


def matches(path: str, head: bytes) -> bool:
    """Chart.yaml, values files, and the templates of a chart that have template actions."""
    if _TEMPLATE.search(path) is not None:
        return _PARTIAL.search(path) is None and (not head or b"{{" in head)
    return (_VALUES.search(path) is not None and _SCHEMA.search(path) is None) or _CHART.search(path) is not None


def read(path: str, text: str) -> Found:
    """Facts of one file, or the gap of a template."""
    if _TEMPLATE.search(path) is not None:
        if is_rendered(path, text):
            yield Unread("helm.template", Why.TEMPLATED, "rendered by Helm: check the output of helm template instead")
        return
    try:
        roots = documents(text)
    except Unseen as error:
        yield Unread("helm.template" if error.why is Why.TEMPLATED else "helm.*", error.why, error.detail)
        return
    out = Listing()
    for root in roots:
        if root.get("apiVersion") is not None and root.get("kind") is not None:
            continue  # a manifest called values
        if _CHART.search(path) is not None:
            _chart(root, out)
        else:
            _values(root, out)
    if is_sample(path):
        out.forget("helm.default_credentials", "helm.secrets_in_clear")
    yield from out.found()


def _chart(root: Node, out: Listing) -> None:
    unpinned, plain, retired = (f"helm.dependencies_{one}" for one in ("unpinned", "plain", "retired"))
    for one in root.entries("dependencies"):
        out.holds(unpinned, plain, retired)
        name, version, repository = one.word("name"), one.word("version"), one.word("repository")
        if _ANY.match(version) and not repository.startswith("file:"):
            out.add(unpinned, one.line, name=name, version=version)
        if repository.startswith("http://"):
            out.add(plain, one.line, name=name)
        component = RETIRED_REPOSITORIES.get(repository.rstrip("/"))
        if component:
            out.add(retired, one.line, name=name, component=component)


# -------------------------------------------------------------------------------------------------------------- values


def _values(root: Node, out: Listing) -> None:
    for path, node in walk(root):
        if node.keys is not None:
            _image(path, node, out)
            _service(path, node, out)
        elif path and node.text is not None:
            _scalar(path, node, out)


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path)


def _image(path: tuple[str, ...], node: Node, out: Listing) -> None:
    """``image: {registry, repository, tag}`` of nearly every chart; an empty tag takes the chart's own version."""
    repository, tag = node.get("repository"), node.get("tag")
    is_image = path and "image" in path[-1].lower()
    if not is_image or repository is None or tag is None or not repository.text or node.word("digest"):
        return
    out.holds("helm.images_unpinned")
    if tag.text:
        name = "/".join(part for part in (node.word("registry"), repository.text) if part)
        reference = f"{name}:{tag.text}"
        out.image("helm.images_unpinned", "helm.image_releases", reference, tag.line, value=_dotted(path))


def _service(path: tuple[str, ...], node: Node, out: Listing) -> None:
    kind = node.word("type")
    if not path or "service" not in path[-1].lower() or kind not in {"NodePort", "LoadBalancer", "ClusterIP"}:
        return
    fact = "helm.exposed_ports"
    out.holds(fact)
    named = node.get("ports")
    ports = [node.get("port"), *((named.keys or {}).values() if named is not None else ())]
    for port in ports:
        number = port.text if port is not None else None
        if (
            number
            and number.isascii()
            and number.isdigit()
            and len(number) <= 5
            and kind != "ClusterIP"
            and port is not None
        ):
            out.add(
                fact, port.line, value=_dotted(path), type=kind, port=int(number), **{"class": class_of(int(number))}
            )


def _scalar(path: tuple[str, ...], node: Node, out: Listing) -> None:
    key, text = path[-1], node.text or ""
    if key == "image" and text and not node.says("true", "false") and "/" in text:
        out.image("helm.images_unpinned", "helm.image_releases", text, node.line, value=_dotted(path))
    elif key in WEAK_SETTINGS:
        out.holds("helm.weak_contexts")
        if text.lower() == WEAK_SETTINGS[key]:
            out.add("helm.weak_contexts", node.line, value=_dotted(path), setting=key)
    elif key.lower() in _UNVERIFIED:
        out.holds("helm.tls_verification_off")
        if node.says("true"):
            out.add("helm.tls_verification_off", node.line, value=_dotted(path))
    elif names_secret(key) and not is_templated(text):
        out.holds("helm.default_credentials", "helm.secrets_in_clear")
        if is_default(text) and names_password(key):
            out.add("helm.default_credentials", node.line, value=_dotted(path))
        elif is_written_out(text) and not is_default(text) and not _LABEL.match(text):
            out.add("helm.secrets_in_clear", node.line, value=_dotted(path))
