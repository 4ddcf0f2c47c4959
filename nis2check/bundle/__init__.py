# SPDX-License-Identifier: EUPL-1.2
"""A result sealed for an auditor: one archive, its manifest, a signature and a time stamp that stock tools verify."""
