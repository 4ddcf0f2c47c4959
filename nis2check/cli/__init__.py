# SPDX-License-Identifier: EUPL-1.2
"""Commands: read arguments, call the spine, print, exit. One module a family, imported when called."""
