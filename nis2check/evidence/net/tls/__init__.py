# SPDX-License-Identifier: EUPL-1.2
"""The TLS probe: half handshakes of our own over the wire, no TLS library in between."""

from __future__ import annotations

from nis2check.evidence.net.tls.probe import FACTS, KIND, NAME, cost, look

__all__ = ["FACTS", "KIND", "NAME", "cost", "look"]
