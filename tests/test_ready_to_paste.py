# SPDX-License-Identifier: EUPL-1.2
"""What CI pastes, tried as far as it runs here: the action's own script, both pre-commit hooks, schemas and linters."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from nis2check import __version__

ROOT = Path(__file__).parent.parent
BAD = "services:\n  a:\n    image: x:1\n    ports: ['3306:3306']\n"
GOOD = "services:\n  a:\n    image: x:1\n    ports: ['8080:80']\n"


def action() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def runner(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """The last step of the action as a runner would start it, nis2check being that of this environment."""
    step = action()["runs"]["steps"][-1]
    home = tmp_path / "temp" / "nis2check" / "bin"
    home.mkdir(parents=True)
    (home / "nis2check").write_text(f'#!/bin/sh\nexec {sys.executable} -m nis2check "$@"\n')
    (home / "nis2check").chmod(0o755)
    (tmp_path / "repo").mkdir()

    def run(**inputs: str) -> tuple[int, str]:
        given = {name: one.get("default", "") for name, one in action()["inputs"].items()} | inputs
        environment = {
            name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda one: given[one[1]], text)
            for name, text in step["env"].items()
        }
        environment |= {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "RUNNER_TEMP": str(tmp_path / "temp"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=tmp_path / "repo",
            env=environment,
            capture_output=True,
            timeout=60,
        )
        assert (tmp_path / "output").read_text().strip().endswith(f"exit-code={done.returncode}"), done.stderr
        return done.returncode, done.stdout.decode()

    return run


def test_the_action_annotates_summarises_and_fails(runner: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / "repo" / "compose.yaml").write_text(BAD)
    code, said = runner(sarif="out.sarif", json="out.json")
    assert code == 1
    assert said.startswith("::error file=compose.yaml,line=4,")
    assert "compose/database-ports" in (tmp_path / "summary.md").read_text()
    assert json.loads((tmp_path / "repo" / "out.sarif").read_bytes())["version"] == "2.1.0"
    assert json.loads((tmp_path / "repo" / "out.json").read_bytes())["schema"] == "nis2check.result/1"


def test_the_action_passes_every_input(runner: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / "repo" / "compose.yaml").write_text(BAD)
    (tmp_path / "repo" / "t.sarif").write_text('{"version": "2.1.0", "runs": []}')
    subprocess.run(
        [sys.executable, "-m", "nis2check", "check", ".", "--write-baseline", "b.json"],
        cwd=tmp_path / "repo",
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        check=True,
        capture_output=True,
    )
    assert runner(baseline="b.json")[0] == 0
    assert runner(**{"fail-on": "critical"})[0] == 0
    assert runner(**{"import": "sarif=t.sarif\n", "annotations": "false", "summary": "false"})[0] == 1
    assert runner(**{"import": "sarif=none.sarif"})[0] == 2
    assert runner(diff="HEAD")[0] == 2  # no git here
    assert runner(config="none.yaml")[0] == 2
    assert runner(path="--help")[0] == 2  # a folder, whatever it is called


def test_an_input_is_never_run(runner: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / "repo" / "compose.yaml").write_text(GOOD)
    evil = f'$(touch {tmp_path}/ran) `touch {tmp_path}/ran`; touch {tmp_path}/ran "'
    runner(**dict.fromkeys(set(action()["inputs"]) - {"lang", "summary", "annotations"}, evil))
    runner(sarif=evil, json=evil)
    assert not (tmp_path / "ran").exists()
    assert all("${{" not in step.get("run", "") for step in action()["runs"]["steps"])


def test_actions_are_pinned_by_commit() -> None:
    uses = [step["uses"] for step in action()["runs"]["steps"] if "uses" in step]
    assert uses and all(re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}", one) for one in uses)


def test_the_version_that_gitlab_installs_is_this_one() -> None:
    spec, _job = yaml.safe_load_all((ROOT / "templates" / "check.yml").read_text(encoding="utf-8"))
    assert spec["spec"]["inputs"]["package"]["default"] == f"nis2check=={__version__}"


def filled(values: dict[str, str]) -> str:
    """The job of the GitLab component with its inputs filled in, as GitLab does before it reads it."""
    spec, job = (ROOT / "templates" / "check.yml").read_text(encoding="utf-8").split("\n---\n")
    inputs = yaml.safe_load(spec)["spec"]["inputs"]
    known = {name: one["default"] for name, one in inputs.items()} | values
    return re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda one: known[one[1]], job)


def test_the_gitlab_job_writes_the_reports_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(BAD)
    job = yaml.safe_load(filled({"options": "--quiet"}))["nis2check"]
    script = job["script"][-1].replace("nis2check check", f"{sys.executable} -m nis2check check", 1)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **job["variables"]}
    done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 1, done.stderr
    for name in (*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()):
        assert (tmp_path / name).stat().st_size > 0
    assert json.loads((tmp_path / job["artifacts"]["reports"]["codequality"]).read_bytes())[0]["severity"] == "critical"


@pytest.mark.parametrize(
    ("schema", "name"), [("vendor.github-actions", "action.yml"), ("vendor.gitlab-ci", "templates/check.yml")]
)
def test_platforms_would_accept_them(tool: Callable[..., str], tmp_path: Path, schema: str, name: str) -> None:
    """SchemaStore's schemas, as check-jsonschema carries them."""
    path = tmp_path / Path(name).name
    path.write_text(filled({}) if name.startswith("templates") else (ROOT / name).read_text(encoding="utf-8"))
    done = subprocess.run(
        [tool("check-jsonschema"), "--builtin-schema", schema, "--data-transform", "gitlab-ci", str(path)]
        if "gitlab" in schema
        else [tool("check-jsonschema"), "--builtin-schema", schema, str(path)],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("hook", ["nis2check", "nis2check-diff"])
def test_both_hooks_run_under_pre_commit(tool: Callable[..., str], tmp_path: Path, hook: str) -> None:
    """The hooks as published, but for their language: installing them from a clone is a step of .ci/run."""
    program, git = tool("pre-commit"), tool("git")
    subprocess.run(
        [program, "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")], check=True, capture_output=True
    )
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    local = next(one for one in hooks if one["id"] == hook) | {"language": "system"}
    local["entry"] = local["entry"].replace("nis2check", f"{sys.executable} -m nis2check", 1)
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [{"repo": "local", "hooks": [local]}]}))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(ROOT),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "t@t.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, timeout=120)

    (tmp_path / "compose.yaml").write_text(GOOD)
    run(git, "init", "-q")
    run(git, "add", "-A")
    run(git, "commit", "-qm", "first")
    (tmp_path / "docker-compose.yml").write_text(GOOD)
    run(git, "add", "-A")
    assert run(program, "run").returncode == 0
    (tmp_path / "docker-compose.yml").write_text(BAD)
    run(git, "add", "-A")
    done = run(program, "run")
    assert done.returncode == 1
    assert b"compose/database-ports" in done.stdout


def test_the_container_recipe_is_clean(tool: Callable[..., str]) -> None:
    done = subprocess.run([tool("hadolint"), str(ROOT / "Containerfile")], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout
