# SPDX-License-Identifier: EUPL-1.2
"""Runs kept for good: what comes back, what is forgotten, what survives kill -9, two writers and every damage."""

from __future__ import annotations

import datetime
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nis2check.errors import InputError
from nis2check.history.schema import APPLICATION, VERSION
from nis2check.history.store import History
from tests.runs import at

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden" / "result.json"

# Saves runs one second apart, a line for each that is on disk; what it is given: file, first second, how many.
SAVER = """
import json, sys
from pathlib import Path
from nis2check.history.store import History
document = json.loads(Path(sys.argv[1]).read_bytes())
for second in range(int(sys.argv[3]), int(sys.argv[3]) + int(sys.argv[4])):
    document["run"]["started"] = f"2026-11-22T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}+00:00"
    number, _changed = History(Path(sys.argv[2])).save(document)
    print(number, document["run"]["started"], flush=True)
"""


def saver(path: Path, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SAVER, str(GOLDEN), str(path), str(first), str(count)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


# ------------------------------------------------------------------------------------------------------ keep, compare


def test_a_run_comes_back_as_it_was_delivered(tmp_path: Path, document: dict[str, Any]) -> None:
    history = History(tmp_path / "h.sqlite")
    number, delivered = history.save(document)

    assert number == 1
    assert history.document(1) == delivered
    (run,) = history.runs()
    assert (run.body, run.name) == ("200000008", document["body"]["name"])
    assert run.counts == {key: document["coverage"][key] for key in run.counts}
    assert run.moment < run.started  # 14:05 in Paris is 13:05 in UTC
    assert (tmp_path / "h.sqlite").stat().st_mode & 0o077 == 0


def test_the_file_says_whose_it_is(tmp_path: Path, document: dict[str, Any]) -> None:
    History(tmp_path / "h.sqlite").save(document)
    with closing(sqlite3.connect(tmp_path / "h.sqlite")) as connection:
        said = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]

    assert (said, mode) == ([0x4E495332, 1], "wal")


def test_changes_and_since_come_from_earlier_runs(tmp_path: Path, document: dict[str, Any]) -> None:
    history = History(tmp_path / "h.sqlite")
    history.save(at(document, "2026-11-01T00:00:00+00:00", f1="fail", f5="pass"))
    history.save(at(document, "2026-11-08T00:00:00+00:00", f1="unknown", f5="fail"))
    _number, third = history.save(at(document, "2026-11-15T00:00:00+00:00", f1="fail", f5="pass"))

    one, five = f"{1:016x}", f"{5:016x}"
    assert history.document(2)["changes"]["new"] == [five]
    assert one in history.document(2)["changes"]["not_retested"]
    assert third["changes"] == {
        "since": "2026-11-08T00:00:00+00:00",
        "new": [],
        "fixed": [five],
        "worse": [],
        "better": [],
        "not_retested": [],
    }
    since = {finding["id"]: finding["since"] for finding in third["findings"]}
    assert since[one] == "2026-11-01T00:00:00+00:00"
    assert since[five] == "2026-11-15T00:00:00+00:00"


def test_only_earlier_runs_of_the_same_body_count(tmp_path: Path, document: dict[str, Any]) -> None:
    history = History(tmp_path / "h.sqlite")
    history.save(at(document, "2026-11-08T00:00:00+00:00"))
    other = at(document, "2026-11-09T00:00:00+00:00")
    other["body"]["siren"] = "200000016"
    _number, first_of_other = history.save(other)
    _number, older = history.save(at(document, "2026-11-01T00:00:00+01:00"))  # a stored look judged again

    assert first_of_other["changes"] == document["changes"]  # as it came: nothing to compare with
    assert older["changes"] == document["changes"]
    assert [run.number for run in history.runs()] == [2, 1, 3]
    assert [run.number for run in history.runs("200000016")] == [2]


def test_names_that_no_database_can_hold(tmp_path: Path, document: dict[str, Any]) -> None:
    document["findings"][0]["target"]["name"] = "a\udcff\0'; DROP TABLE run; --"
    document["body"]["name"] = "Ville\0\udc80"
    history = History(tmp_path / "h.sqlite")
    _number, delivered = history.save(document)

    assert history.document(1) == delivered
    assert history.runs()[0].name == "Ville\\x00\\udc80"


def test_forgetting(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "h.sqlite"
    history = History(path)
    for day in range(1, 7):
        history.save(at(document, f"2026-11-{day:02}T00:30:00+01:00"))  # the day before, in UTC
    marked = at(document, "2026-10-01T00:00:00+00:00")
    marked["findings"][0]["target"]["name"] = "UNFORGETTABLE.exemple.test:443"
    marked["findings"][0]["id"] = "f" * 16
    history.save(marked)
    assert b"UNFORGETTABLE" in path.read_bytes()

    would = history.prune(before=datetime.date(2026, 11, 2), dry_run=True)
    assert [run.number for run in would] == [2, 1, 7] and len(history.runs()) == 7
    assert history.prune(before=datetime.date(2026, 11, 2)) == would
    assert b"UNFORGETTABLE" not in path.read_bytes()
    assert [run.number for run in history.prune(keep=2)] == [4, 3]
    assert [run.number for run in history.runs()] == [6, 5]
    with pytest.raises(InputError, match="n° 4"):
        history.document(4)
    history.prune(before=datetime.date(2027, 1, 1))
    number, _changed = history.save(document)
    assert number == 8  # a number is never given twice
    assert integrity(path) == "ok"


# ---------------------------------------------------------------------------------------------------- kill and rivals


def test_kill_9_at_any_moment_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "h.sqlite"
    moments = random.Random(2026)
    told: list[str] = []
    for round_ in range(12):
        process = saver(path, round_ * 1000, 1000)
        assert process.stdout is not None
        wanted = round_ % 3  # from before the first is on disk, to after the second
        told += [process.stdout.readline() for _line in range(wanted)]
        time.sleep(moments.uniform(0, 0.12) + (0.25 if not wanted else 0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        told += process.stdout.readlines()
        process.stdout.close()
        if path.exists():
            History(path).runs()
            assert integrity(path) == "ok"

    kept = {f"{run.number} {run.started}" for run in History(path).runs()}
    finished = {line.strip() for line in told if line.endswith("\n")}
    assert len(finished) >= 12
    assert finished <= kept
    assert len(kept) <= len(finished) + 12  # at most one a round was on disk before it could be told
    for run in History(path).runs()[:3]:
        History(path).document(run.number)


KILLED_WHILE_MAKING = """
import os, signal, sys
from pathlib import Path
from nis2check.history import sqlite

def half():
    yield from made[:2]
    os.kill(os.getpid(), signal.SIGKILL)

made, sqlite._SCHEMA = sqlite._SCHEMA, half()
with sqlite.writing(Path(sys.argv[1]), 30):
    pass
"""


def test_kill_9_while_the_file_is_made_leaves_no_half_made_one(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "h.sqlite"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    for _round in range(2):  # the second finds what the first left
        done = subprocess.run([sys.executable, "-c", KILLED_WHILE_MAKING, str(path)], env=environment, check=False)
        assert done.returncode == -signal.SIGKILL
        assert not path.exists()

    assert History(path).save(document)[0] == 1
    assert [entry.name for entry in tmp_path.iterdir() if not entry.name.startswith("h.sqlite")] == []


def test_two_writers_at_once_and_neither_loses(tmp_path: Path) -> None:
    path = tmp_path / ".nis2check" / "h.sqlite"
    writers = [saver(path, first, 10) for first in (0, 5000)]
    told = [line.strip() for writer in writers for line in writer.communicate(timeout=60)[0].splitlines()]

    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(int(line.split()[0]) for line in told) == list(range(1, 21))
    assert {f"{run.number} {run.started}" for run in History(path).runs()} == set(told)
    assert sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith("h.sqlite-")) == [
        ".gitignore",
        "h.sqlite",
    ]


def test_a_writer_that_holds_on_is_waited_for_then_named(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "h.sqlite"
    History(path).save(document)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(InputError, match="occupé"):
            History(path, patience=0.2).save(document)
        assert len(History(path, patience=0.2).runs()) == 1  # readers do not wait
        holder.execute("ROLLBACK")
    assert History(path, patience=0.2).save(document)[0] == 2


# -------------------------------------------------------------------------------------------------------------- faults


def zero(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("Ceci n'est pas un historique.\n" * 100)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_in_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(5000, len(data), 997):
        data[place] ^= 0xFF
    path.write_bytes(data)


def bad_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[16:18] = b"\x03\xe7"  # a page size that is no power of two
    path.write_bytes(data)


def edited(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def later(path: Path) -> None:
    edited(path, f"PRAGMA user_version = {VERSION + 1}")


def foreign(path: Path) -> None:
    path.unlink()
    edited(path, "CREATE TABLE photo (name TEXT)", "INSERT INTO photo VALUES ('mer.jpg')")


def foreign_in_our_name(path: Path) -> None:
    path.unlink()
    edited(
        path, "CREATE TABLE run (number)", f"PRAGMA application_id = {APPLICATION}", f"PRAGMA user_version = {VERSION}"
    )


def trigger(path: Path) -> None:
    edited(path, "CREATE TRIGGER pwned AFTER INSERT ON run BEGIN DELETE FROM run; END")


def view(path: Path) -> None:
    edited(path, "ALTER TABLE finding RENAME TO hidden", "CREATE VIEW finding AS SELECT * FROM hidden")


def journal(path: Path) -> None:
    Path(f"{path}-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\0" * 600)


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def hard_link(path: Path) -> None:
    path.with_name("elsewhere").hardlink_to(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def linked_log(path: Path) -> None:
    path.with_name("log").write_bytes(b"")
    Path(f"{path}-wal").symlink_to("log")


FAULTS: dict[Callable[[Path], None], str] = {
    zero: "fichier vide",
    text: "pas un fichier SQLite",
    truncated: "endommagé",
    cut_in_the_header: "pas un fichier SQLite",
    flipped: "endommagé",
    bad_header: "endommagé",
    later: "plus récent",
    foreign: "pas un historique",
    foreign_in_our_name: "tables",
    trigger: "tables",
    view: "tables",
    journal: "journal étranger",
    link: "est un lien",
    hard_link: "est un lien",
    folder: "fichier ordinaire",
    fifo: "fichier ordinaire",
    linked_log: "fichier ordinaire",
}


@pytest.mark.parametrize(("damage", "said"), FAULTS.items(), ids=[damage.__name__ for damage in FAULTS])
def test_a_damaged_history_is_said_in_one_line_and_never_touched(
    tmp_path: Path, document: dict[str, Any], damage: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "h.sqlite"
    History(path).save(document)
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    history = History(path, patience=0.2)

    for use in (
        history.runs,
        lambda: history.save(document),
        lambda: history.prune(keep=1),
        lambda: history.document(1),
    ):
        with pytest.raises(InputError) as fault:
            use()
        assert said in fault.value.what
        assert "\n" not in f"{fault.value.place}{fault.value.what}{fault.value.advice}"
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_log_of_another_history_is_not_copied_into_a_file_that_it_breaks(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    """A -wal with good sums is played back by SQLite whatever file it came from: only the check before writing sees it."""
    path, other = tmp_path / "h.sqlite", tmp_path / "other.sqlite"
    for history in (path, other):
        History(history).save(document)
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("DROP TABLE state")
        Path(f"{path}-wal").write_bytes(Path(f"{other}-wal").read_bytes())
    before = path.read_bytes()

    with pytest.raises(InputError, match="endommagé"):
        History(path).save(document)
    assert path.read_bytes() == before


def test_hostile_rows_are_refused_or_escaped(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "h.sqlite"
    History(path).save(document)
    edited(path, "UPDATE state SET verdict = 'superb' WHERE verdict = 'fail'")
    with pytest.raises(InputError, match="verdict inconnu"):
        History(path).save(document)
    edited(path, "UPDATE run SET name = x'ff00'")
    with pytest.raises(InputError, match="type inattendu"):
        History(path).runs()


@pytest.mark.parametrize("change", ["CAST(substr(document, 2) AS BLOB)", "zeroblob(100)", "12", "'text'"])
def test_a_changed_document_is_seen(tmp_path: Path, document: dict[str, Any], change: str) -> None:
    path = tmp_path / "h.sqlite"
    History(path).save(document)
    edited(path, f"UPDATE run SET document = {change}")

    with pytest.raises(InputError, match="n° 1 illisible"):
        History(path).document(1)


def test_a_fault_never_quotes_what_the_file_holds(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "h.sqlite"
    History(path).save(document)
    edited(path, "UPDATE run SET name = CAST(x'ff53454352455400' AS TEXT)")

    with pytest.raises(InputError, match="contenu illisible") as fault:
        History(path).runs()
    assert "SECRET" not in fault.value.what


def test_a_document_with_a_good_sum_must_still_be_a_result(tmp_path: Path, document: dict[str, Any]) -> None:
    import hashlib
    import zlib

    path = tmp_path / "h.sqlite"
    History(path).save(document)
    data = b'{"schema": "nis2check.result/1"}'
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        values = (hashlib.sha256(data).hexdigest(), zlib.compress(data))
        connection.execute("UPDATE run SET sha256 = ?, document = ?", values)

    with pytest.raises(InputError, match="Il manque la clé"):
        History(path).document(1)
