# SPDX-License-Identifier: EUPL-1.2
"""The formats of a result: one tuple that the CLI's choices, the README's table and the tests are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from nis2check.model import Json
from nis2check.report import (
    ciso_assistant,
    csv,
    github,
    gitlab,
    html,
    ics,
    json,
    junit,
    markdown,
    mon_service_securise,
    ocsf,
    ods,
    oscal,
    pdf,
    sarif,
    xlsx,
)


class Format(Protocol):
    """A plain module: ``NAME`` of ``--output NAME=PATH``, usual ``SUFFIX``, ``MEDIA`` type, and ``render``.

    ``render`` is a function of the result document and a language: no clock, no disk but its own templates, no console.
    """

    NAME: str
    SUFFIX: str
    MEDIA: str

    def render(self, document: Mapping[str, Json], lang: str) -> bytes: ...


FORMATS: tuple[Format, ...] = (
    html,
    pdf,
    markdown,
    csv,
    xlsx,
    ods,
    json,
    sarif,
    junit,
    gitlab,
    github,
    ocsf,
    oscal,
    ics,
    ciso_assistant,
    mon_service_securise,
)
BY_NAME: Mapping[str, Format] = {one.NAME: one for one in FORMATS}

# Formats that fill a folder when PATH ends in "/": what makes its files, by their names.
FOLDERS: Mapping[str, Callable[[Mapping[str, Json], str], Mapping[str, bytes]]] = {
    html.NAME: html.documents,
    oscal.NAME: oscal.documents,
}


class Extra(NamedTuple):
    """What must be installed for a format: ``pip install nis2check[name]`` brings the module."""

    name: str
    module: str


EXTRAS: Mapping[str, Extra] = {
    pdf.NAME: Extra("pdf", "typst"),
    xlsx.NAME: Extra("xlsx", "xlsxwriter"),
    mon_service_securise.NAME: Extra("xlsx", "xlsxwriter"),
}
