# SPDX-License-Identifier: EUPL-1.2
"""The main job through the real command: demo, scan, stored evidence, replay, outputs and exit codes."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nis2check import files
from nis2check.demo.town import Town

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
BODY = "body: {nature: CC, population: 31420, name: Communauté d'essai}\n"


@dataclass(frozen=True)
class Demo:
    """One run of the demo: what the user gets."""

    folder: Path
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "demo.json").read_bytes())
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    import sys

    folder = tmp_path_factory.mktemp("demo")
    root = Path(__file__).parent.parent
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), "NIS2CHECK_LANG": "fr", "PYTHONUTF8": "1"}
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "nis2check", "demo", "--output", "json=demo.json", "--output", "html=demo.html"],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Demo(folder, done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - start)


def verdicts(result: dict[str, Any], rule: str) -> dict[str, str]:
    return {f["target"]["name"]: f["verdict"] for f in result["findings"] if f["rule"] == rule}


def test_the_demo_finds_the_gaps_of_the_town_and_is_1(demo: Demo) -> None:
    assert demo.code == 1, demo.stderr
    assert "BILAN" in demo.stdout and "Traceback" not in demo.stderr
    assert demo.result["complete"] is True
    assert demo.seconds < 60  # 20 s on a quiet machine: measured by the benchmark command


def test_the_demo_s_result_is_valid(demo: Demo) -> None:
    files.check(files.load_json(demo.folder / "demo.json"), "result")


@pytest.mark.parametrize(
    ("rule", "target", "verdict"),
    [
        ("tls/versions", "agents.saint-exemple.test:443", "fail"),
        ("tls/versions", "www.saint-exemple.test:443", "pass"),
        ("certificate/self-signed", "agents.saint-exemple.test:443", "fail"),
        ("certificate/trusted", "www.saint-exemple.test:443", "pass"),
        ("certificate/expires-soon", "agents.saint-exemple.test:443", "fail"),
        ("http/redirect", "agents.saint-exemple.test:443", "fail"),
        ("http/redirect", "www.saint-exemple.test:443", "pass"),
        ("ports/database", "www.saint-exemple.test:3306", "fail"),
        ("ports/database", "www.saint-exemple.test:5432", "pass"),
        ("dns/name-servers", "saint-exemple.test", "fail"),
        ("mail/dmarc", "saint-exemple.test", "fail"),
        ("recyf/2.A.3", "Ville de Saint-Exemple (démonstration)", "fail"),
        ("recyf/9.6", "Ville de Saint-Exemple (démonstration)", "pass"),
        ("recyf/13.2", "Ville de Saint-Exemple (démonstration)", "to_attest"),
    ],
)
def test_each_fault_of_the_town_is_told_from_its_health(demo: Demo, rule: str, target: str, verdict: str) -> None:
    assert verdicts(demo.result, rule).get(target) == verdict


def test_a_drift_between_repository_and_reality_is_a_finding_of_its_own(demo: Demo) -> None:
    """nginx.conf allows TLS 1.0 where the live server refuses it."""
    rows = [row for row in demo.result["drift"] if row["name"] == "tls.versions"]

    assert [row["subject"] for row in rows] == ["www.saint-exemple.test:443"]
    assert "TLSv1" in rows[0]["declared"] and "TLSv1" not in rows[0]["observed"]
    assert rows[0]["location"]["file"] == "infra/nginx.conf"


def test_no_total_hides_how_it_was_shown(demo: Demo) -> None:
    coverage = demo.result["coverage"]
    for word in ("applicable", "pass", "partial", "fail", "to_attest", "unknown"):
        assert coverage[word] == sum(
            coverage["by_proof"][proof][word] for proof in ("observed", "declared_files", "attested")
        )
    assert coverage["applicable"] == sum(coverage[word] for word in ("pass", "partial", "fail", "to_attest", "unknown"))


def test_the_plan_has_six_measures_and_a_roadmap(demo: Demo) -> None:
    plan = demo.result["plan"]

    assert [measure["rank"] for measure in plan["measures"]] == [1, 2, 3, 4, 5, 6]
    assert plan["roadmap"]
    assert all(measure["because"]["fr"] and measure["month"] for measure in plan["measures"])


def test_nothing_of_this_machine_is_in_the_result(demo: Demo) -> None:
    for name in ("demo.json", "demo.html"):
        text = (demo.folder / name).read_text(encoding="utf-8")
        assert str(demo.folder) not in text and f"{Path.home()}/" not in text and "/tmp/" not in text


# ------------------------------------------------------------------------------------------------------------- evidence


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with Town() as running:
        yield running


@pytest.fixture
def scanned(town: Town, nis2check: Command, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Scan one web site of the town: few connections, all kinds of facts."""
    (tmp_path / "nis2check.yaml").write_text(BODY + "targets: {web: ['https://www.saint-exemple.test/']}\n")
    (tmp_path / "ca.pem").write_bytes(town.authority.pem)
    arguments = [
        "scan",
        "--internal",
        "--pace",
        "lab",
        "--resolver",
        f"127.0.0.1:{town.dns_port}",
        "--ca-file",
        "ca.pem",
    ]
    for redirect in town.connect_to:
        arguments += ["--connect-to", redirect]
    return lambda *more: nis2check(*arguments, *more)


def test_stored_evidence_is_judged_again_byte_for_byte(scanned: Command, nis2check: Command, tmp_path: Path) -> None:
    live = scanned("--json", "--save-evidence", "e.json")
    files.check(files.load_json(tmp_path / "e.json"), "evidence")
    first = nis2check("scan", "--evidence", "e.json", "--json")
    second = nis2check("scan", "--evidence", "e.json", "--json")

    assert first.stdout == second.stdout == live.stdout
    assert live.returncode == first.returncode


def test_the_same_evidence_under_another_regime(scanned: Command, nis2check: Command) -> None:
    scanned("--save-evidence", "e.json")
    ours = json.loads(nis2check("scan", "--evidence", "e.json", "--json").stdout)
    other = json.loads(nis2check("scan", "--evidence", "e.json", "--json", "--regime", "what-if/cc-ge-30000").stdout)

    assert (ours["regime"], other["regime"]) == ("senate-2025", "what-if/cc-ge-30000")
    technical = [[f for f in document["findings"] if f["target"]["kind"] != "body"] for document in (ours, other)]
    assert technical[0] == technical[1] != []


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("nis2check.evidence/1", "nis2check.result/1"),
        lambda text: text.replace('"facts"', '"fact"'),
        lambda text: "",
        lambda text: re.sub(r'("name": "tls.accepted",.*?"value": )true', r'\1"yes"', text, count=1, flags=re.DOTALL),
        lambda text: text.replace('"why"', '"why": 1, "why"', 1) if '"why"' in text else "{",
    ],
    ids=["truncated", "other schema", "missing key", "empty", "other type", "duplicate key"],
)
def test_damaged_evidence_is_2_and_one_line(
    scanned: Command, nis2check: Command, tmp_path: Path, damage: Callable[[str], str]
) -> None:
    scanned("--save-evidence", "e.json")
    (tmp_path / "e.json").write_text(damage((tmp_path / "e.json").read_text()))
    done = nis2check("scan", "--evidence", "e.json", "--json")

    assert done.returncode == 2 and done.stdout == b""
    assert b"e.json" in done.stderr.splitlines()[0] and b"Traceback" not in done.stderr


def test_json_is_alone_on_stdout(scanned: Command) -> None:
    done = scanned("--json")

    assert json.loads(done.stdout)["schema"] == "nis2check.result/1"


# ---------------------------------------------------------------------------------------------------------------- exits


def test_quiet_is_the_balance_alone(scanned: Command) -> None:
    lines = scanned("-q").stdout.decode().splitlines()

    assert lines[0].startswith("BILAN") and len(lines) < 10


def test_exit_zero_and_fail_on(scanned: Command) -> None:
    assert scanned("--exit-zero").returncode == 0
    assert scanned("--fail-on", "critical", "--json").returncode in {0, 3}


def test_a_result_that_cannot_be_written_is_74_and_costs_no_other(scanned: Command, tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("old")
    done = scanned("--output", "html=no-such-folder/r.html", "--output", "csv=r.csv", "--output", "html=/dev/full")

    assert done.returncode == 74
    assert (tmp_path / "r.csv").stat().st_size > 0
    assert done.stderr.decode().count("Écriture impossible") == 2


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc is Linux's")
def test_a_folder_where_nobody_may_write_is_74(scanned: Command) -> None:
    """/proc refuses new files to everyone, root included."""
    assert scanned("--output", "html=/proc/r.html").returncode == 74


def test_a_closed_port_is_unknown_and_3_never_0(nis2check: Command, tmp_path: Path) -> None:
    """Nothing reachable is 3: a name that refuses TLS connections shows nothing of its TLS."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        (tmp_path / "nis2check.yaml").write_text(BODY + "targets: {tls: ['vpn.essai.test:443']}\n")
        done = nis2check("scan", "--json", "--internal", "--connect-to", f"vpn.essai.test:443:127.0.0.1:{port}")
    result = json.loads(done.stdout)
    found = {f["verdict"] for f in result["findings"] if f["target"]["kind"] == "tls"}

    assert done.returncode == 3
    assert found == {"unknown"}
    assert {gap["why"] for gap in result["gaps"]} == {"refused"}


def test_a_target_that_hangs_is_a_gap_within_its_deadline(nis2check: Command, tmp_path: Path) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    (tmp_path / "nis2check.yaml").write_text(BODY + "targets: {tls: ['vpn.essai.test:443']}\n")
    start = time.monotonic()
    done = nis2check(
        "scan", "--json", "--internal", "--deadline", "3", "--connect-to", f"vpn.essai.test:443:127.0.0.1:{port}"
    )
    silent.close()

    assert done.returncode == 3
    assert time.monotonic() - start < 25
    assert {gap["why"] for gap in json.loads(done.stdout)["gaps"]} <= {"timeout", "deadline"}


class Counter(threading.Thread):
    """A server that counts who comes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.visits = 0
        self.start()

    def run(self) -> None:
        while True:
            try:
                connection, _address = self.socket.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()


@pytest.mark.parametrize("arguments", [["--dry-run"], []], ids=["dry run", "no authorisation"])
def test_nothing_is_sent_without_need_or_right(nis2check: Command, tmp_path: Path, arguments: list[str]) -> None:
    counter = Counter()
    text = BODY + "targets: {ports: [{host: 127.0.0.1, ports: [" + str(counter.port) + "]}]}\n"
    grant = "authorisation: [{who: DGS, ground: mission, until: 2099-01-01, covers: [127.0.0.1]}]\n"
    (tmp_path / "nis2check.yaml").write_text(text + (grant if arguments else ""))
    done = nis2check("scan", "--internal", *arguments)

    assert counter.visits == 0
    assert done.returncode == (0 if arguments else 3)
    counter.socket.close()


def test_an_undeclared_target_is_refused(scanned: Command) -> None:
    done = scanned("--target", "ailleurs.test")

    assert done.returncode == 2 and "www.saint-exemple.test" in done.stderr.decode()


def test_internal_addresses_need_the_option(nis2check: Command, tmp_path: Path) -> None:
    counter = Counter()
    (tmp_path / "nis2check.yaml").write_text(BODY + "targets: {tls: ['vpn.essai.test:443']}\n")
    done = nis2check("scan", "--json", "--connect-to", f"vpn.essai.test:443:127.0.0.1:{counter.port}")

    assert counter.visits == 0
    assert {gap["why"] for gap in json.loads(done.stdout)["gaps"]} == {"out_of_scope"}
    counter.socket.close()


def test_no_file_says_how_to_make_one(nis2check: Command) -> None:
    done = nis2check("scan")

    assert done.returncode == 2 and "nis2check init" in done.stderr.decode()


COMPOSE = "services:\n  a:\n    image: mariadb:10.11\n    privileged: {}\n"


def test_two_repositories_may_hold_files_of_one_name(nis2check: Command, tmp_path: Path) -> None:
    for name, privileged in (("one", "true"), ("two", "false")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "compose.yaml").write_text(COMPOSE.format(privileged))
    (tmp_path / "nis2check.yaml").write_text(BODY + "targets: {repositories: [one, ./two]}\n")
    result = json.loads(nis2check("scan", "--json").stdout)
    found = [f for f in result["findings"] if f["rule"] == "compose/privileged"]

    assert {(f["target"]["name"], f["verdict"], f["location"]["file"]) for f in found} == {
        ("one/compose.yaml", "fail", "one/compose.yaml"),
        ("two/compose.yaml", "pass", "two/compose.yaml"),
    }
    assert len({f["id"] for f in found}) == 2


def test_a_folder_that_holds_nothing_to_judge_is_3_never_0(nis2check: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README.txt").write_text("rien")
    done = nis2check("check", "empty")

    assert done.returncode == 3 and done.stderr.count(b"\n") == 1
    assert nis2check("check", "empty", "--exit-zero").returncode == 0


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (BODY + "targets: {}\n", "targets"),
        (BODY + "body: {}\n", "nis2check.yaml:2"),
        (BODY + "targets:\n\tdomains: []\n", "nis2check.yaml:3"),
        (BODY + "targets: {domains: 12}\n", "targets.domains"),
        ("body: {siren: 200072461}\ntargets: {domains: [x.test]}\n", "200072461"),
        (BODY + "regime: no-such-regime\ntargets: {domains: [x.test]}\n", "no-such-regime"),
    ],
    ids=["no target", "duplicate", "tab", "type", "luhn", "regime"],
)
def test_a_faulty_file_is_2_before_anything_is_sent(nis2check: Command, tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "nis2check.yaml").write_text(text)
    done = nis2check("scan", "--json")

    assert done.returncode == 2 and done.stdout == b""
    assert place in done.stderr.decode() and b"Traceback" not in done.stderr
