# SPDX-License-Identifier: EUPL-1.2
"""The formats of a result: one tuple that the CLI's choices, the README's table and the tests are made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from nis2check.model import Json
from nis2check.report import csv, github, gitlab, html, json, junit, markdown, sarif


class Format(Protocol):
    """A plain module: ``NAME`` of ``--output NAME=PATH``, usual ``SUFFIX``, ``MEDIA`` type, and ``render``.

    ``render`` is a function of the result document and a language: no clock, no disk but its own templates, no console.
    """

    NAME: str
    SUFFIX: str
    MEDIA: str

    def render(self, document: Mapping[str, Json], lang: str) -> bytes: ...


FORMATS: tuple[Format, ...] = (html, markdown, csv, json, sarif, junit, gitlab, github)
BY_NAME: Mapping[str, Format] = {one.NAME: one for one in FORMATS}
