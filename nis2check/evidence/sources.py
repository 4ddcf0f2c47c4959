# SPDX-License-Identifier: EUPL-1.2
"""The two families of sources, each an explicit tuple: the commands, the docs and the tests derive from them."""

from __future__ import annotations

from nis2check.evidence.net import dns, http, mail, ports, tls
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
    openssh,
    postfix,
    secrets,
    systemd,
    terraform,
    traefik,
    zone,
)
from nis2check.model import FactSpec

PROBES: tuple[Probe, ...] = (dns, mail, tls, http, ports)
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
    systemd,
    journald,
    logrotate,
    ansible,
    terraform,
)


def fact_specs() -> dict[str, FactSpec]:
    """Every fact that some source makes, by name. A rule that names another is refused."""
    specs: dict[str, FactSpec] = {}
    sources: tuple[Probe | Reader, ...] = (*PROBES, *READERS)
    for source in sources:
        for spec in source.FACTS:
            specs.setdefault(spec.name, spec)
    return specs
