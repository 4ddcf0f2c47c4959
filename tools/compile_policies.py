# SPDX-License-Identifier: EUPL-1.2
"""Build hook of the wheel: policies/**.yaml parsed once, as nis2check/policies/compiled.json. The YAML files ship too."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompilePolicies(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # reads policies/ as it lies
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from nis2check.files import COMPILED, load_yaml

        folder = root / "policies"
        parsed = {path.relative_to(folder).as_posix(): load_yaml(path).data for path in sorted(folder.rglob("*.yaml"))}
        self.folder = tempfile.TemporaryDirectory(prefix="nis2check-build-")
        out = Path(self.folder.name) / COMPILED
        out.write_text(json.dumps(parsed, ensure_ascii=False, sort_keys=True, separators=(",", ":")), encoding="utf-8")
        build_data["force_include"][str(out)] = f"nis2check/policies/{COMPILED}"
