# SPDX-License-Identifier: EUPL-1.2
"""Tell people that something changed: mail, webhook, Matrix room. Counts and a path, never a host unless asked."""
