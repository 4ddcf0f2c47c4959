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
from nis2check.evidence.repo.secret_words import is_sample
from nis2check.evidence.repo.yaml_tree import documents
from nis2check.model import Why

NAME = "kubernetes"
FACTS = (*pods.FACTS, *exposure.FACTS, *access.FACTS, *delivery.FACTS)

_OF_OTHERS = {"chart.yaml", "chart.yml", "kustomization.yaml", "kustomization.yml"}
_YAML = re.compile(r"\.ya?ml\Z", re.IGNORECASE)
_OBJECT = re.compile(rb"^[ \t-]{0,40}[\"']?apiVersion[\"']?[ \t]*:", re.MULTILINE)


def matches(path: str, head: bytes) -> bool:
    """A YAML file whose first bytes hold an apiVersion: nothing else in a repository does."""
    return _YAML.search(path) is not None and _OBJECT.search(head) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    if path.rpartition("/")[2].lower() in _OF_OTHERS or is_rendered(path, text):
        return  # `helm` and `kustomize` speak of these
    try:
        roots = documents(text)
    except Unseen as error:
        name = "kubernetes.template" if error.why is Why.TEMPLATED else "kubernetes.*"
        yield Unread(name, error.why, error.detail)
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
    if is_sample(path):
        out.forget("kubernetes.literal_secrets", "kubernetes.secrets_in_clear")
    yield from out.found()


def is_rendered(path: str, text: str) -> bool:
    """Whether Helm must render the file first: it lies in the templates of a chart and has template actions."""
    return "{{" in text and "/templates/" in f"/{path}"
