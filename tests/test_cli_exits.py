# SPDX-License-Identifier: EUPL-1.2
"""Exit codes of the real command (DESIGN 5): one table, its precedence, and click's own 1 never leaking."""

from __future__ import annotations

import itertools
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nis2check.cli.exits import MEANINGS, PRECEDENCE, Exit, first

ROOT = Path(__file__).parent.parent
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NIS2CHECK_LANG": "fr"}


def test_every_code_has_a_meaning_and_a_rank() -> None:
    assert set(MEANINGS) == set(PRECEDENCE) == set(Exit)


def test_the_first_of_the_precedence_wins_whatever_the_order() -> None:
    order = [130, 143, 74, 70, 2, 1, 4, 3, 0]
    for one, other in itertools.combinations(order, 2):
        assert first([Exit(other), Exit(one)]) == first([Exit(one), Exit(other)]) == one

    assert first([]) == 0


def one_line(result: subprocess.CompletedProcess[bytes]) -> str:
    """The error, which is one line, without a traceback."""
    text = result.stderr.decode()
    assert "Traceback" not in text
    assert text.startswith("nis2check: ") and text.count("\n") == 1, text
    return text


@pytest.mark.parametrize(
    "arguments",
    [["no-such-command"], ["scan", "--no-such-option"], ["scope"], ["probe", "tls"], ["demo", "--output", "html"]],
    ids=" ".join,
)
def test_a_usage_fault_is_2_and_one_line(nis2check: Command, arguments: list[str]) -> None:
    result = nis2check(*arguments)

    assert result.returncode == 2
    assert result.stdout == b""
    one_line(result)


def test_no_command_shows_the_help_on_stderr_and_is_2(nis2check: Command) -> None:
    result = nis2check()

    assert (result.returncode, result.stdout) == (2, b"")
    assert b"Utilisation" in result.stderr


def test_a_near_command_is_proposed(nis2check: Command) -> None:
    assert "« scan »" in one_line(nis2check("scann")).replace("\u202f", " ")


def test_help_and_version_are_0(nis2check: Command) -> None:
    assert (
        nis2check("--version").returncode == nis2check("--help").returncode == nis2check("scan", "-h").returncode == 0
    )


@pytest.mark.parametrize(
    "arguments", [["schema", "body"], ["scope", "01004"], ["--help"], ["rules", "list"], ["--version"]], ids=" ".join
)
def test_a_broken_pipe_is_74_and_silent(arguments: list[str]) -> None:
    """The reader is gone before we write: our result is lost, and no traceback says so twice."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "nis2check", *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        check=False,
    )
    os.close(writer)

    assert done.returncode == 74
    assert b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("arguments", [["schema", "body"], ["--help"], ["--version"], ["rules", "list"]], ids=" ".join)
def test_a_full_disk_on_stdout_is_74(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nis2check", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            check=False,
        )

    assert done.returncode == 74
    assert b"Traceback" not in done.stderr


def test_a_closed_stdout_is_74() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m nis2check schema body >&-', sys.executable],
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        check=False,
    )

    assert done.returncode == 74
    assert b"Traceback" not in done.stderr


def test_an_internal_error_is_70_and_names_no_machine_path(tmp_path: Path) -> None:
    """A real failure inside the real command: a shipped file that is not there."""
    broken = tmp_path / "sitecustomize.py"
    broken.write_text("import nis2check.files as f\ndef gone(name): raise RuntimeError('x')\nf.shipped = gone\n")
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "nis2check", "schema"], capture_output=True, env=environment, cwd=tmp_path, check=False
    )

    assert done.returncode == 70
    assert b"RuntimeError" in done.stderr and str(tmp_path).encode() not in done.stderr
    assert done.stderr.count(b"\n") == 1


def answer_on_a_terminal(keys: bytes, *arguments: str, cwd: Path) -> tuple[int, str]:
    """Run the command on a pseudo-terminal, type keys once it asks, and return its code and all it printed."""
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - the child becomes the command
        os.chdir(cwd)
        os.execvpe(sys.executable, [sys.executable, "-m", "nis2check", *arguments], ENVIRONMENT)
    seen = b""
    typed = False
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
        if not typed and b"SIREN" in seen:
            time.sleep(0.3)  # as a person: readline misses a signal that comes between its check and its select
            os.write(terminal, keys)
            typed = True
    _pid, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), seen.decode(errors="replace")


def test_ctrl_c_at_a_question_is_130(tmp_path: Path) -> None:
    code, seen = answer_on_a_terminal(b"\x03", "init", cwd=tmp_path)

    assert code == 130
    assert "Traceback" not in seen


def test_the_end_of_input_at_a_question_is_2(tmp_path: Path) -> None:
    code, seen = answer_on_a_terminal(b"\x04", "init", cwd=tmp_path)

    assert code == 2
    assert "--no-input" in seen and "Traceback" not in seen


def test_a_closed_stdin_is_2_not_1() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m nis2check init <&-', sys.executable],
        capture_output=True,
        env=ENVIRONMENT,
        check=False,
    )

    assert done.returncode == 2
    assert b"--siren" in done.stderr and b"Traceback" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_a_scan_keeps_the_partial_result(tmp_path: Path, number: int, code: int) -> None:
    """A target that never answers, interrupted: the result is written, says that it is not complete, and the code is 130/143."""
    import json
    import socket

    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    (tmp_path / "nis2check.yaml").write_text(
        'body: {nature: CC, population: 31420, name: Essai}\ntargets:\n  tls: ["silent.test:443"]\n'
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "nis2check",
            "scan",
            "--json",
            "--internal",
            "--connect-to",
            f"silent.test:443:127.0.0.1:{port}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=tmp_path,
    )
    silent.settimeout(30)
    connection, _address = silent.accept()
    time.sleep(0.3)
    process.send_signal(number)
    out, error = process.communicate(timeout=20)
    connection.close()
    silent.close()

    assert process.returncode == code, error.decode()
    assert json.loads(out)["complete"] is False
    assert b"Traceback" not in error
