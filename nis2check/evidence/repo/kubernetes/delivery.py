# SPDX-License-Identifier: EUPL-1.2
"""What comes into a cluster and from where: secrets in clear, sources not verified, charts not fixed, parts that have ended."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64

from nis2check.evidence.repo import container_images
from nis2check.evidence.repo.kubernetes.objects import Pod, Thing
from nis2check.evidence.repo.listing import Listing
from nis2check.evidence.repo.secret_words import is_default, is_written_out, names_secret
from nis2check.evidence.repo.yaml_tree import Node, is_templated, walk
from nis2check.model import FactSpec, Why

FACTS = (
    FactSpec("kubernetes.secrets_in_clear", "array", "", "Keys of Secret objects with their value in the file."),
    FactSpec(
        "kubernetes.tls_verification_off", "array", "", "Settings that accept any certificate, or fetch without TLS."
    ),
    FactSpec(
        "kubernetes.charts_unpinned", "array", "", "Helm charts that Argo CD or Flux installs without a fixed version."
    ),
    FactSpec("kubernetes.retired_components", "array", "", "Components that their publishers have retired."),
    FactSpec(
        "kubernetes.removed_apis",
        "array",
        "",
        "Objects of API versions that Kubernetes no longer serves, and since which.",
    ),
)

_UNVERIFIED_WORDS = """
insecureskiptlsverify insecure-skip-tls-verify insecureskipverify insecure_skip_verify skiptlsverify tlsskipverify
insecureskipsecretverify
"""
_UNVERIFIED = frozenset(_UNVERIFIED_WORDS.split())
_FLUX = {"HelmRepository", "GitRepository", "Bucket", "OCIRepository"}
_PLAIN = re.compile(
    r"http://(?!localhost|127\.|[^/:]{1,200}\.svc(?:\.cluster\.local)?(?:[:/]|\Z)|[^./:]{1,60}(?:[:/]|\Z))"
)
_RANGE = re.compile(r"\s*\Z|[*xX]|.*[*]|>=?|latest|HEAD")
_SECRET_TYPES = {
    "kubernetes.io/tls",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/basic-auth",
    "kubernetes.io/ssh-auth",
}
_SECRET_KEYS = {"tls.key", ".dockerconfigjson", ".dockercfg", "password", "ssh-privatekey"}

# Retired by their publishers: https://kubernetes.io/blog/2025/11/11/ingress-nginx-retirement/ (no fix after March 2026).
_RETIRED_IMAGES = {
    "registry.k8s.io/ingress-nginx/controller": "ingress-nginx",
    "k8s.gcr.io/ingress-nginx/controller": "ingress-nginx",
    "quay.io/kubernetes-ingress-controller/nginx-ingress-controller": "ingress-nginx",
}
RETIRED_REPOSITORIES = {"https://kubernetes.github.io/ingress-nginx": "ingress-nginx"}

# https://kubernetes.io/docs/reference/using-api/deprecation-guide/ (checked_on: 2026-11-22): api and kinds, gone since.
_REMOVED = {
    "extensions/v1beta1": "1.16",
    "apps/v1beta1": "1.16",
    "apps/v1beta2": "1.16",
    "networking.k8s.io/v1beta1": "1.22",
    "rbac.authorization.k8s.io/v1beta1": "1.22",
    "apiextensions.k8s.io/v1beta1": "1.22",
    "admissionregistration.k8s.io/v1beta1": "1.22",
    "apiregistration.k8s.io/v1beta1": "1.22",
    "certificates.k8s.io/v1beta1": "1.22",
    "storage.k8s.io/v1beta1": "1.22",
    "batch/v1beta1": "1.25",
    "policy/v1beta1": "1.25",
    "discovery.k8s.io/v1beta1": "1.25",
    "autoscaling/v2beta1": "1.25",
    "autoscaling/v2beta2": "1.26",
}
_REMOVED_KINDS = {
    "networking.k8s.io/v1beta1": {"Ingress", "IngressClass"},
    "storage.k8s.io/v1beta1": {"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"},
    "batch/v1beta1": {"CronJob"},
    "policy/v1beta1": {"PodDisruptionBudget", "PodSecurityPolicy"},
    "certificates.k8s.io/v1beta1": {"CertificateSigningRequest"},
    "admissionregistration.k8s.io/v1beta1": {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"},
}


def delivery_facts(thing: Thing, out: Listing) -> None:
    """The facts of one object."""
    if thing.kind == "Secret" and thing.api == "v1":
        _secret(thing, out)
    _unverified(thing, out)
    _charts(thing, out)
    fact = "kubernetes.removed_apis"
    since = _REMOVED.get(thing.api)
    if since and thing.kind in _REMOVED_KINDS.get(thing.api, {thing.kind}):
        out.add(fact, thing.root.line, name=thing.label, api=thing.api, since=since)
    elif thing.group in {api.rpartition("/")[0] for api in _REMOVED}:
        out.holds(fact)


def retired(pod: Pod, out: Listing) -> None:
    """The retired components among the containers of a pod."""
    for name, container in pod.containers():
        image = container.get("image")
        if image is not None and image.text:
            component = _RETIRED_IMAGES.get(container_images.parse(image.text).name)
            if component:
                out.add(
                    "kubernetes.retired_components", image.line, name=pod.label, container=name, component=component
                )


# ------------------------------------------------------------------------------------------------------------- secrets


def _secret(thing: Thing, out: Listing) -> None:
    fact = "kubernetes.secrets_in_clear"
    out.holds(fact)
    if thing.root.get("sops") is not None:
        return  # encrypted by SOPS
    typed = thing.root.word("type") in _SECRET_TYPES
    for part in ("data", "stringData"):
        node = thing.root.get(part)
        for key, value in node.pairs() if node is not None else ():
            if value.text is None or not (key in _SECRET_KEYS if typed else names_secret(key) or key in _SECRET_KEYS):
                continue
            if is_templated(value.text):
                out.gap(fact, Why.TEMPLATED, f"a value of {thing.label} comes from a template", value.line)
            elif _is_secret(value.text, encoded=part == "data"):
                out.add(fact, value.line, name=thing.label, key=key)


def _is_secret(value: str, *, encoded: bool) -> bool:
    if encoded:
        try:
            value = b64decode(value.strip(), validate=False).decode("utf-8", "replace")
        except (NotBase64, ValueError):
            return False
    value = value.strip()
    return is_default(value) or is_written_out(value.split("\n")[0].replace(" ", "_"))


# ------------------------------------------------------------------------------------------------------------- sources


def _unverified(thing: Thing, out: Listing) -> None:
    fact = "kubernetes.tls_verification_off"
    if thing.kind == "CustomResourceDefinition":
        return  # names the settings of others
    for path, node in walk(thing.root):
        key = path[-1].lower() if path else ""
        if key in _UNVERIFIED and node.text is not None:
            out.holds(fact)
            if out.is_true(fact, node):
                out.add(fact, node.line, name=thing.label, setting=path[-1])
    for node, setting in _places(thing):
        out.holds(fact)
        if setting == "insecure" and node.says("true"):
            out.add(fact, node.line, name=thing.label, setting=setting)
        elif setting == "url" and _PLAIN.match(node.text or ""):
            out.add(fact, node.line, name=thing.label, setting="http://")


def _places(thing: Thing) -> list[tuple[Node, str]]:
    """Where Argo CD and Flux say what they fetch, and whether they check it."""
    spec: list[tuple[Node | None, str]] = []
    if thing.kind in _FLUX and "toolkit.fluxcd.io" in thing.api:
        spec = [(thing.root.get("spec", "insecure"), "insecure"), (thing.root.get("spec", "url"), "url")]
    elif thing.group == "argoproj.io" and thing.kind == "Application":
        spec = [(source.get("repoURL"), "url") for source in _sources(thing)]
    elif thing.root.word("metadata", "labels", "argocd.argoproj.io/secret-type").startswith("repo"):
        spec = [(thing.root.get("stringData", key), key) for key in ("insecure", "url")]
    return [(node, setting) for node, setting in spec if node is not None]


def _sources(thing: Thing) -> list[Node]:
    one = thing.root.get("spec", "source")
    return [*([one] if one is not None else []), *thing.root.entries("spec", "sources")]


def _charts(thing: Thing, out: Listing) -> None:
    if thing.group == "argoproj.io" and thing.kind == "Application":
        for source in _sources(thing):
            if source.get("chart") is not None:
                _chart(thing, source.word("chart"), source.get("targetRevision"), source, out)
                _retired_chart(thing, source.word("repoURL"), source, out)
    elif thing.kind == "HelmRelease" and "helm.toolkit.fluxcd.io" in thing.api:
        chart = thing.root.get("spec", "chart", "spec")
        if chart is not None and chart.word("sourceRef", "kind") in {"", "HelmRepository"}:
            _chart(thing, chart.word("chart"), chart.get("version"), chart, out)
    elif thing.kind == "HelmRepository":
        _retired_chart(thing, thing.root.word("spec", "url"), thing.root, out)


def _chart(thing: Thing, chart: str, version: Node | None, place: Node, out: Listing) -> None:
    fact = "kubernetes.charts_unpinned"
    said = version.text or "" if version is not None else ""
    out.holds(fact)
    if is_templated(said):
        out.gap(fact, Why.TEMPLATED, f"the version of a chart of {thing.label} comes from a template", place.line)
    elif _RANGE.match(said):
        out.add(fact, (version or place).line, name=thing.label, chart=chart, version=said)


def _retired_chart(thing: Thing, repository: str, place: Node, out: Listing) -> None:
    component = RETIRED_REPOSITORIES.get(repository.rstrip("/"))
    if component:
        out.add("kubernetes.retired_components", place.line, name=thing.label, component=component)
