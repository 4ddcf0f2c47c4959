# SPDX-License-Identifier: EUPL-1.2
"""The family of probes. Apart from the readers: a check of files needs no TLS, DNS or HTTP, and starts in half the time."""

from __future__ import annotations

from nis2check.evidence.net import dns, http, mail, ports, tls
from nis2check.evidence.observe import Probe

PROBES: tuple[Probe, ...] = (dns, mail, tls, http, ports)
