# SPDX-License-Identifier: EUPL-1.2
"""The two families of sources, each an explicit tuple: the commands, the docs and the tests derive from them."""

from __future__ import annotations

from nis2check.evidence.net import dns, http, mail, ports, tls
from nis2check.evidence.observe import Probe, Reader
from nis2check.evidence.repo import (
    ansible,
    comments,
    compose,
    dovecot,
    journald,
    logrotate,
    named,
    nginx,
    openssh,
    postfix,
    secrets,
    systemd,
    zone,
)
from nis2check.model import FactSpec

PROBES: tuple[Probe, ...] = (dns, mail, tls, http, ports)
READERS: tuple[Reader, ...] = (
    nginx,
    zone,
    compose,
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
)


def fact_specs() -> dict[str, FactSpec]:
    """Every fact that some source makes, by name. A rule that names another is refused."""
    specs: dict[str, FactSpec] = {}
    sources: tuple[Probe | Reader, ...] = (*PROBES, *READERS)
    for source in sources:
        for spec in source.FACTS:
            specs.setdefault(spec.name, spec)
    return specs
