# SPDX-License-Identifier: EUPL-1.2
"""What every test may use: real tools (skipped when missing, unless CI says that all are there) and the real command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def tool() -> Callable[..., str]:
    """The path of a system program: ``tool("nginx")``. Missing: the test skips, or fails with NIS2CHECK_ALL_TOOLS=1."""

    def find(name: str) -> str:
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path:
            return path
        if os.environ.get("NIS2CHECK_ALL_TOOLS") == "1":
            pytest.fail(f"{name} is missing, and NIS2CHECK_ALL_TOOLS=1 says that every tool is there")
        pytest.skip(f"{name} is not installed")

    return find


Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def nis2check(tmp_path: Path) -> Command:
    """Run the real command in an empty folder with a clean environment: ``nis2check("scope", "243400819", "--json")``."""

    def run(
        *arguments: str, cwd: Path | None = None, stdin: bytes = b"", timeout: float = 60, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        clean = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
        clean |= {
            "HOME": str(tmp_path),
            "PYTHONUTF8": "1",
            "NIS2CHECK_LANG": "fr",
            "PYTHONPATH": str(ROOT),
        } | environment
        return subprocess.run(
            [sys.executable, "-m", "nis2check", *arguments],
            cwd=cwd or tmp_path,
            env=clean,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )

    return run
