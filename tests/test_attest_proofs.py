# SPDX-License-Identifier: EUPL-1.2
"""The folder of proofs: what is deposited stays, what changes is told."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nis2check import files
from nis2check.attest import proofs

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def town(inside: Command, tmp_path: Path) -> Path:
    """A body with two proofs deposited."""
    (tmp_path / "nis2check.yaml").write_text("body: {siren: 200072460}\n")
    for measure, name in (("13.2", "pv.pdf"), ("4.1", "charte.pdf")):
        (tmp_path / name).write_bytes(f"contenu de {name}".encode())
        done = inside("attest", "--measure", measure, "--answer", "yes", "--by", "DGS", "--proof", name)
        assert done.returncode == 0, done.stderr.decode()
    return tmp_path


def log(folder: Path) -> Path:
    return folder / ".nis2check" / "proofs" / "log.jsonl"


def verified(inside: Command, code: int) -> dict[str, Any]:
    done = inside("attest", "--verify", "--json")
    assert done.returncode == code, done.stderr.decode()
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(document, dict(files.schema("attest-verify")))
    return document


def kinds(inside: Command) -> set[str]:
    return {one["kind"] for one in verified(inside, 2)["problems"]}


def test_files_are_kept_under_their_hash_and_the_log_is_a_chain(inside: Command, town: Path) -> None:
    digest = sha256(b"contenu de pv.pdf").hexdigest()
    lines = log(town).read_bytes().splitlines()
    records = [json.loads(line) for line in lines]

    assert (town / ".nis2check" / "proofs" / digest[:2] / digest).read_bytes() == b"contenu de pv.pdf"
    assert records[0]["previous"] == "0" * 64
    assert records[1]["previous"] == sha256(lines[0]).hexdigest()
    assert verified(inside, 0) == {
        "schema": "nis2check.attest-verify/1",
        "entries": 2,
        "head": sha256(lines[1]).hexdigest(),
        "problems": [],
        "not_deposited": 0,
    }


def test_a_proof_that_was_never_deposited_is_counted(inside: Command, town: Path) -> None:
    text = (town / "attestations.yaml").read_text(encoding="utf-8")
    text += "  - {measure: 14.2, answer: yes, by: DGS, on: 2026-10-01, proof: [pv.pdf, {reference: PV}]}\n"
    (town / "attestations.yaml").write_text(text, encoding="utf-8")

    assert verified(inside, 0)["not_deposited"] == 1


def test_the_real_command_verifies(nis2check: Command, town: Path) -> None:
    assert nis2check("attest", "--verify").returncode == 0
    (town / "pv.pdf").write_bytes(b"retouche")
    done = nis2check("attest", "--verify")
    assert done.returncode == 2 and "pv.pdf" in done.stderr.decode()


def test_the_same_proof_again_adds_no_line(inside: Command, town: Path) -> None:
    before = log(town).read_bytes()
    done = inside("attest", "--measure", "13.2", "--answer", "yes", "--by", "DSI", "--proof", "pv.pdf")

    assert done.returncode == 0
    assert log(town).read_bytes() == before


def test_a_changed_proof_is_told_and_never_hashed_again_in_silence(inside: Command, town: Path) -> None:
    (town / "pv.pdf").write_bytes(b"retouche")
    before = (town / "attestations.yaml").read_bytes(), log(town).read_bytes()

    assert kinds(inside) == {"altered_file"}
    again = inside("attest", "--measure", "13.2", "--answer", "yes", "--by", "DSI", "--proof", "pv.pdf")
    assert again.returncode == 2 and b"--replace" in again.stderr
    assert ((town / "attestations.yaml").read_bytes(), log(town).read_bytes()) == before

    known = inside("attest", "--measure", "13.2", "--answer", "yes", "--by", "DSI", "--proof", "pv.pdf", "--replace")
    assert known.returncode == 0, known.stderr.decode()
    assert verified(inside, 0)["entries"] == 3  # both versions are in the log


def test_every_way_to_tamper_is_told(inside: Command, town: Path) -> None:
    digest = sha256(b"contenu de pv.pdf").hexdigest()
    copy = proofs.copy_of(town, digest)
    copy.chmod(0o644)
    copy.write_bytes(b"autre")
    assert kinds(inside) == {"altered_copy"}
    copy.unlink()
    assert kinds(inside) == {"missing_copy"}
    copy.write_bytes(b"contenu de pv.pdf")
    (copy.parent / ("0" * 64)).write_bytes(b"glisse")
    assert kinds(inside) == {"foreign_file"}
    (copy.parent / ("0" * 64)).unlink()
    attested = (town / "attestations.yaml").read_text(encoding="utf-8")
    (town / "attestations.yaml").write_text(attested.replace(digest, "e" * 64), encoding="utf-8")
    assert kinds(inside) == {"not_logged", "altered_file"}


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[1:],  # the first line taken away
        lambda lines: [lines[0].replace(b'"DGS"', b'"DSI"'), lines[1]],
        lambda lines: [lines[1], lines[0]],
        lambda lines: [lines[0], lines[1][:-20]],  # torn
        lambda lines: [lines[0], b'{"seq": 2}'],
        lambda lines: [lines[0], b"[" * 100_000],
    ],
)
def test_a_log_that_was_touched_is_told_and_takes_no_more(
    inside: Command, town: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    log(town).write_bytes(b"\n".join(change(log(town).read_bytes().splitlines())) + b"\n")
    (town / "autre.pdf").write_bytes(b"autre")

    assert "chain" in kinds(inside)
    done = inside("attest", "--measure", "1.1", "--answer", "yes", "--by", "DSI", "--proof", "autre.pdf")
    assert done.returncode == 2 and b"--verify" in done.stderr and b"Traceback" not in done.stderr


def test_a_log_cut_at_its_end_is_told_by_the_attestations(inside: Command, town: Path) -> None:
    """The chain alone cannot see it; the proof that is no longer logged can."""
    log(town).write_bytes(log(town).read_bytes().splitlines(keepends=True)[0])

    assert kinds(inside) == {"not_logged", "foreign_file"}


def test_a_file_from_outside_is_named_by_its_copy(
    inside: Command, town: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("ailleurs") / "facture.pdf"
    outside.write_bytes(b"facture")
    done = inside("attest", "--measure", "1.1", "--answer", "yes", "--by", "DSI", "--proof", str(outside))
    outside.unlink()
    text = (town / "attestations.yaml").read_text(encoding="utf-8")

    assert done.returncode == 0, done.stderr.decode()
    assert 'name: "facture.pdf"' in text and str(outside.parent) not in text
    assert json.loads(log(town).read_bytes().splitlines()[-1])["file"] == "facture.pdf"
    assert verified(inside, 0)["entries"] == 3


def test_two_deposits_at_once_keep_the_chain(town: Path) -> None:
    pytest.importorskip("fcntl")
    children = []
    for number in range(6):
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            file = town / f"{number}.txt"
            file.write_text(str(number))
            proofs.deposit(town, file, measure="1.1", by="DSI", at="2026-11-22T00:00:00+00:00")
            os._exit(0)
        children.append(child)

    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    state = proofs.verify(town)
    assert (state.entries, state.problems) == (8, ())
