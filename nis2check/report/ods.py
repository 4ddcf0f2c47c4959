# SPDX-License-Identifier: EUPL-1.2
"""An OpenDocument workbook, the format that public bodies are asked to prefer (RGI 2): one table a sheet."""

from __future__ import annotations

from collections.abc import Mapping

from nis2check.model import Json
from nis2check.report import workbook

NAME = "ods"
SUFFIX = ".ods"
MEDIA = "application/vnd.oasis.opendocument.spreadsheet"


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """Findings, plan, objectives, what could not be seen."""
    return workbook.render(document, lang, "ods")
