# SPDX-License-Identifier: EUPL-1.2
"""nis2check: NIS 2 gaps of French local authorities. Only the version lives here."""

__version__ = "0.1.0"
