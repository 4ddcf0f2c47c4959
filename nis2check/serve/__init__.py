# SPDX-License-Identifier: EUPL-1.2
"""A dashboard over the history, for the person at this machine: read only, on the loopback, behind a random token."""
