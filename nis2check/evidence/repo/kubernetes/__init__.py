# SPDX-License-Identifier: EUPL-1.2
"""Reads Kubernetes manifests: pods, services and entrances, rights, secrets, and what Argo CD and Flux bring in.

A Helm template is no manifest before it is rendered: it is a gap of its file (see `helm`), never a guess.
"""

from __future__ import annotations

import re

from nis2check.evidence.observe import Unread, Unseen
from nis2check.evidence.repo.kubernetes import access, delivery, exposure, pods
from nis2check.evidence.repo.kubernetes.objects import pod_of, things
from nis2check.evidence.repo.listing import Found, Listing
from nis2check.evidence.repo.yaml_tree import documents

NAME = "kubernetes"
FACTS = (*pods.FACTS, *exposure.FACTS, *access.FACTS, *delivery.FACTS)

_YAML = re.compile(r"\.ya?ml\Z", re.IGNORECASE)
_OBJECT = re.compile(rb"^[ \t-]{0,40}[\"']?apiVersion[\"']?[ \t]*:", re.MULTILINE)
_ACTION = re.compile(
    r"^[^#\n]{0,4000}?\{\{-?[^}\n]*\b(?:\.Values|\.Release|\.Chart|include|define|template|range|end|if)\b",
    re.MULTILINE,
)


def matches(path: str, head: bytes) -> bool:
    """A YAML file whose first bytes hold an apiVersion: nothing else in a repository does."""
    return _YAML.search(path) is not None and _OBJECT.search(head) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    name = path.rpartition("/")[2].lower()
    if name in {"chart.yaml", "chart.yml", "kustomization.yaml", "kustomization.yml"} or is_helm_template(path, text):
        return
    try:
        roots = documents(text)
    except Unseen as error:
        yield Unread("kubernetes.*", error.why, error.detail)
        return
    out = Listing()
    for thing in things(roots):
        pod = pod_of(thing)
        if pod is not None:
            pods.pod_facts(pod, out)
            delivery.retired(pod, out)
        access.access_facts(thing, out)
        delivery.delivery_facts(thing, out)
        yield from exposure.exposure_facts(thing, out)
    yield from out.found()


def is_helm_template(path: str, text: str) -> bool:
    """Whether Helm must render the file first: it has template actions, or lies in the templates of a chart with any."""
    return "{{" in text and ("/templates/" in f"/{path}" or _ACTION.search(text) is not None)
