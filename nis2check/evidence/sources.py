# SPDX-License-Identifier: EUPL-1.2
"""The family of readers, and the facts of both families: explicit tuples that commands, docs and tests derive from."""

from __future__ import annotations

from nis2check.evidence.observe import Probe, Reader
from nis2check.evidence.repo import (
    ansible,
    apache,
    caddy,
    comments,
    compose,
    dockerfile,
    dovecot,
    github_actions,
    gitlab_ci,
    haproxy,
    helm,
    journald,
    kubernetes,
    kustomize,
    logrotate,
    named,
    nginx,
    nsd,
    openssh,
    postfix,
    secrets,
    systemd,
    terraform,
    traefik,
    zone,
)
from nis2check.model import FactSpec

READERS: tuple[Reader, ...] = (
    nginx,
    apache,
    haproxy,
    caddy,
    traefik,
    zone,
    compose,
    kubernetes,
    helm,
    kustomize,
    dockerfile,
    github_actions,
    gitlab_ci,
    secrets,
    comments,
    postfix,
    dovecot,
    openssh,
    named,
    nsd,
    systemd,
    journald,
    logrotate,
    ansible,
    terraform,
)


def fact_specs() -> dict[str, FactSpec]:
    """Every fact that some source makes, by name. A rule that names another is refused."""
    from nis2check.evidence.probes import PROBES

    specs: dict[str, FactSpec] = {}
    sources: tuple[Probe | Reader, ...] = (*PROBES, *READERS)
    for source in sources:
        for spec in source.FACTS:
            specs.setdefault(spec.name, spec)
    return specs
