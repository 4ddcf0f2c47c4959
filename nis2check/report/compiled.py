# SPDX-License-Identifier: EUPL-1.2
"""Compiled templates kept beside their sources, as Python keeps modules: compiling them costs six times the page.

Rule for this file: a cache that cannot be read or written costs time, never a page. It is trusted as ``.pyc`` files are: who
may write to the package may change the program itself.
"""

from __future__ import annotations

import marshal
import os
import sys
from pathlib import Path

from jinja2 import BytecodeCache, __version__
from jinja2.bccache import Bucket

FOLDER = "__pycache__"


class Beside(BytecodeCache):
    """One file a template, of one version of Python and of Jinja; another source has another checksum, and is compiled."""

    def __init__(self, templates: Path) -> None:
        self._folder = templates / FOLDER
        self._version = f"{sys.implementation.cache_tag}-{__version__}"

    def load_bytecode(self, bucket: Bucket) -> None:
        head = f"{bucket.checksum}\n".encode()
        try:
            data = self._file(bucket).read_bytes()
            bucket.code = marshal.loads(data[len(head) :]) if data.startswith(head) else None  # noqa: S302 - as .pyc files
        except (OSError, ValueError, EOFError, TypeError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        file = self._file(bucket)
        aside = file.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(exist_ok=True)
            aside.write_bytes(f"{bucket.checksum}\n".encode() + marshal.dumps(bucket.code))
            aside.replace(file)
        except OSError:
            pass  # a package that its user may not write to

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{self._version}.jinja"
