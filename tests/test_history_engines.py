# SPDX-License-Identifier: EUPL-1.2
"""One history, two engines: the same runs kept, compared and forgotten in SQLite and in a real PostgreSQL."""

from __future__ import annotations

import copy
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from nis2check.errors import InputError
from nis2check.history import diff, fleet
from nis2check.history.compare import KINDS
from nis2check.history.door import door
from nis2check.history.store import History
from tests.runs import at

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden" / "result.json"
SECRET = "SuperSecretCanaryPassw0rd!"

SAVER = """
import json, sys
from pathlib import Path
from nis2check.history.store import History
document = json.loads(Path(sys.argv[1]).read_bytes())
for second in range(int(sys.argv[3]), int(sys.argv[3]) + 10):
    document["run"]["started"] = f"2026-11-22T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}+00:00"
    number, _changed = History(sys.argv[2]).save(document)
    print(number, document["run"]["started"], flush=True)
"""


class Cluster:
    """A throw-away PostgreSQL on a socket of its own: no port, nothing outside its folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self.folder, self._databases = programs, folder, 0
        # PostgreSQL refuses to run as root.
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        if self._as:
            shutil.chown(folder, "postgres", "postgres")

    def start(self) -> None:
        self._run("initdb", "-D", "data", "-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        rules = "local all guarded scram-sha-256\nlocal all all trust\n"
        (self.folder / "data" / "pg_hba.conf").write_text(rules)
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off"
        self._run("pg_ctl", "-D", "data", "-l", "log", "-o", options, "-w", "-t", "60", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._programs / program), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()

    def database(self, options: str = "") -> str:
        self._databases += 1
        name = f"d{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name} {options}".encode())
        return name

    def url(self, database: str, user: str = "owner") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"


@pytest.fixture(scope="module")
def cluster(tool: Callable[..., str]) -> Iterator[Cluster]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))  # where Debian keeps them, out of PATH
    folder = Path(tempfile.mkdtemp(prefix="nis2check-pg-"))  # a socket's path is at most 107 bytes
    one = Cluster(found[-1].parent if found else Path(tool("initdb")).parent, folder)
    try:
        one.start()
        yield one
        one.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(cluster: Cluster) -> str:
    """The URL of a new database."""
    return cluster.url(cluster.database())


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "h.sqlite")
    url: str = request.getfixturevalue("server")
    return url


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def change(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("SET search_path = nis2check")
        for statement in statements:
            session.execute(statement.encode())


# ------------------------------------------------------------------------------------------------------- both engines


def test_a_run_comes_back_as_it_was_delivered(place: str, document: dict[str, Any]) -> None:
    history = History(place)
    number, delivered = history.save(document)

    assert number == 1
    assert history.document(1) == delivered
    (run,) = history.runs()
    assert (run.body, run.name, run.complete) == ("200000008", document["body"]["name"], document["complete"])
    assert run.counts == {key: document["coverage"][key] for key in run.counts}
    assert history.runs(document["body"]["name"]) == history.runs("200000008") == (run,)
    assert history.runs("200000016") == ()


def test_changes_since_and_curve_come_from_earlier_runs(place: str, document: dict[str, Any]) -> None:
    history = History(place)
    history.save(at(document, "2026-11-01T00:00:00+00:00", f1="fail", f5="pass"))
    history.save(at(document, "2026-11-08T00:00:00+00:00", f1="unknown", f5="fail"))
    _number, third = history.save(at(document, "2026-11-15T00:00:00+00:00", f1="fail", f5="pass"))

    one, five = f"{1:016x}", f"{5:016x}"
    second = history.document(2)["changes"]
    assert second["new"] == [five] and one in second["not_retested"]  # unknown is not fixed
    assert third["changes"] == {
        "since": "2026-11-08T00:00:00+00:00",
        "new": [],
        "fixed": [five],
        "worse": [],
        "better": [],
        "not_retested": [],
    }
    assert {one["id"]: one["since"] for one in third["findings"]}[one] == "2026-11-01T00:00:00+00:00"
    curve = history.trend("200000008")
    assert [point.run for point in curve] == [1, 2, 3]
    assert curve[1].coverage["unknown"] == curve[0].coverage["unknown"] + 1


def test_forgetting(place: str, document: dict[str, Any]) -> None:
    history = History(place)
    for day in range(1, 5):
        history.save(at(document, f"2026-11-{day:02}T10:00:00+00:00"))
    other = at(document, "2026-11-01T00:00:00+00:00")
    other["findings"][0]["id"] = "f" * 16
    history.save(other | {"body": document["body"] | {"siren": "200000016"}})

    assert [run.number for run in history.prune(before=datetime.date(2026, 11, 2), dry_run=True)] == [1, 5]
    assert [run.number for run in history.prune(before=datetime.date(2026, 11, 2))] == [1, 5]
    assert [run.number for run in history.prune(keep=2)] == [2]
    assert [run.number for run in history.runs()] == [4, 3]
    assert history.document(3)["run"]["started"].startswith("2026-11-03")
    with door(place).reading() as connection:
        row = connection.execute("SELECT COUNT(*) FROM finding WHERE id = ?", ("f" * 16,)).fetchone()
    assert row == (0,)
    history.prune(before=datetime.date(2027, 1, 1))
    assert history.save(document)[0] == 6  # a number is never given twice


def test_names_that_no_database_can_hold(place: str, document: dict[str, Any]) -> None:
    document["findings"][0]["target"]["name"] = "a\udcff\0'; DROP TABLE run; -- %s ?"
    document["body"] = {"name": "Ville\0\udc80%s?" + "é" * 5000, "nature": "CC"}
    history = History(place)
    _number, delivered = history.save(document)

    assert history.document(1) == delivered
    assert history.runs()[0].name.startswith("Ville\\x00\\udc80%s?é")
    assert history.runs(document["body"]["name"]) == history.runs()


def test_two_writers_at_once_from_nothing_and_neither_loses(place: str) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", SAVER, str(GOLDEN), place, first], stdout=subprocess.PIPE, text=True, env=environment
        )
        for first in ("0", "5000")
    ]
    told = [line.strip() for writer in writers for line in writer.communicate(timeout=60)[0].splitlines()]

    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(int(line.split()[0]) for line in told) == list(range(1, 21))
    assert {f"{run.number} {run.started}" for run in History(place).runs()} == set(told)


def test_a_fault_while_saving_leaves_nothing(place: str, document: dict[str, Any]) -> None:
    history = History(place)
    history.save(document)
    broken = copy.deepcopy(document)
    del broken["run"]["finished"]
    with pytest.raises(KeyError):
        history.save(broken)

    assert [run.number for run in history.runs()] == [1]
    assert history.save(document)[0] == 2


def test_every_body_at_once_tells_what_each_comparison_tells(place: str, document: dict[str, Any]) -> None:
    history = History(place)
    bodies = ("200000008", "200000016", "200000024", "200000032")

    def save(body: str, day: int, gone: tuple[int, ...] = (), **verdicts: str) -> None:
        one = at(document, f"2026-11-{day:02}T00:00:00+00:00", **verdicts)
        one["findings"] = [finding for finding in one["findings"] if int(finding["id"], 16) not in gone]
        history.save(one | {"body": document["body"] | {"siren": body, "name": f"Ville {body}"}})

    save(bodies[0], 1, f1="pass", f2="unknown", f3="fail", f4="fail", f5="pass")
    save(bodies[0], 8, gone=(5,), f1="fail", f2="fail", f3="pass", f4="unknown")
    save(bodies[1], 1, gone=(7,), f1="partial", f6="fail")
    save(bodies[1], 8, gone=(6,), f1="fail", f7="fail")  # one gone, one new
    save(bodies[2], 1)
    save(bodies[2], 8)
    save(bodies[3], 8)
    found = fleet.changes(door(place))

    assert (found.bodies, found.compared) == (4, 3)
    assert [one.body for one in found.moved] == list(bodies[:2])
    for one in found.moved:
        told = diff.document(history.document(one.before), history.document(one.after))
        assert one.changes == {kind: len(told[kind]) for kind in KINDS}
    assert found.total("new") == 3 and found.total("worse") == 1 and found.total("not_retested") == 3


def test_no_history_yet_is_said(place: str) -> None:
    with pytest.raises(InputError, match="Pas d'historique"):
        History(place).runs()


# --------------------------------------------------------------------------------------------------------- PostgreSQL


def test_a_writer_that_holds_on_is_waited_for_then_named(server: str, document: dict[str, Any]) -> None:
    History(server).save(document)
    with door(server).writing():
        with pytest.raises(InputError, match="occupé"):
            History(server, patience=0.2).save(document)
        assert len(History(server, patience=0.2).runs()) == 1  # readers do not wait
    assert History(server, patience=0.2).save(document)[0] == 2


def test_a_reader_of_the_team_reads_and_writes_nothing(cluster: Cluster, document: dict[str, Any]) -> None:
    base = cluster.database()
    History(cluster.url(base)).save(document)
    change(cluster.url(base), "CREATE ROLE reader LOGIN", "GRANT USAGE ON SCHEMA nis2check TO reader")
    change(cluster.url(base), "GRANT SELECT ON ALL TABLES IN SCHEMA nis2check TO reader")
    read_only = History(cluster.url(base, "reader"))

    assert len(read_only.runs()) == 1
    with pytest.raises(InputError, match="lecture seule"):
        read_only.save(document)


def test_a_schema_made_by_an_administrator_is_filled(server: str, document: dict[str, Any]) -> None:
    change(server, "CREATE SCHEMA nis2check")

    assert History(server).save(document)[0] == 1


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("COMMENT ON SCHEMA nis2check IS 'nis2check history 99'", "plus récent"),
        ("COMMENT ON SCHEMA nis2check IS 'photos'", "tables"),
        ("COMMENT ON SCHEMA nis2check IS NULL", "tables"),
        ("DROP TABLE state", "tables"),
        ("ALTER TABLE run DROP COLUMN moment", "tables"),
    ],
)
def test_a_schema_that_is_not_ours_is_refused(server: str, document: dict[str, Any], statement: str, said: str) -> None:
    History(server).save(document)
    change(server, statement)

    with pytest.raises(InputError, match=said):
        History(server).save(document)


def test_what_somebody_changed_is_seen(server: str, document: dict[str, Any]) -> None:
    History(server).save(document)
    change(server, "UPDATE run SET document = substring(document from 2)")
    with pytest.raises(InputError, match="n° 1 illisible"):
        History(server).document(1)
    change(server, "UPDATE state SET verdict = 'superb' WHERE verdict = 'fail'")
    with pytest.raises(InputError, match="verdict inconnu"):
        History(server).save(document)


def test_a_base_of_another_encoding_is_refused(cluster: Cluster, document: dict[str, Any]) -> None:
    base = cluster.database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")

    with pytest.raises(InputError, match="UTF-8"):
        History(cluster.url(base)).save(document)


@pytest.fixture
def guarded(cluster: Cluster) -> Iterator[str]:
    """A base whose user needs a password."""
    base = cluster.database()
    change(
        cluster.url(base),
        f"CREATE ROLE guarded LOGIN PASSWORD '{SECRET}'",
        f"GRANT CREATE ON DATABASE {base} TO guarded",
    )
    yield base
    change(cluster.url(base), "DROP OWNED BY guarded", "DROP ROLE guarded")


def test_a_password_is_used_and_never_shown(
    guarded: str, cluster: Cluster, nis2check: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    (tmp_path / "evidence.json").write_text(json.dumps(LOOK))
    told = b""
    for secret, code in ((SECRET, 3), (SECRET + "x", 74)):
        url = f"postgresql://guarded:{secret}@/{guarded}?host={cluster.folder}"
        done = nis2check("scan", "--evidence", "evidence.json", "--save", "--json", NIS2CHECK_HISTORY=url)
        assert done.returncode == code, done.stderr.decode()
        told += done.stdout + done.stderr
    listed = nis2check(
        "history", "list", "--json", PGPASSWORD=SECRET, NIS2CHECK_HISTORY=cluster.url(guarded, "guarded")
    )

    assert [run["number"] for run in json.loads(listed.stdout)["runs"]] == [1]
    assert SECRET.encode() not in told + listed.stderr
    assert b"gard\xc3\xa9e dans postgresql://guarded@" in told and b"Analyse non gard" in told


LOOK: dict[str, Any] = {
    "schema": "nis2check.evidence/1",
    "tool": {"name": "nis2check", "version": "0.1.0"},
    "run": {"started": "2026-11-01T10:00:00+00:00", "finished": "2026-11-01T10:00:00+00:00"},
    "body": {"name": "Ville d'essai", "nature": "CC", "population": 31420},
    "complete": True,
    "targets": [{"kind": "tls", "name": "www.exemple.test:443", "location": None, "options": {}}],
    "facts": [],
    "gaps": [
        {"name": "tls.*", "subject": "www.exemple.test:443", "address": "", "why": "timeout", "detail": "", "source": "probe"}
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://owner:{SECRET}@[::1/base", "mal formée"),
        (f"postgresql://owner:{SECRET}@localhost/base?nonsense={SECRET}", "mal formée"),
        (f"postgresql://owner:{SECRET}@127.0.0.1:1/base", "injoignable"),
        (f"postgresql://owner:{SECRET}@/base?host=/absent", "injoignable"),
        (f"mysql://owner:{SECRET}@localhost/base", "mysql:// : inconnu"),
    ],
)
def test_an_address_that_serves_nothing_is_one_line_without_its_password(url: str, said: str) -> None:
    with pytest.raises(InputError) as fault:
        History(url).runs()

    text = f"{fault.value.place}: {fault.value.what} {fault.value.advice} {History(url)!r}"
    assert said in text
    assert SECRET not in text and "\n" not in text


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://base.exemple.fr/nis2", "verify-full"),
        ("postgresql://127.0.0.1,base.exemple.fr/nis2", "verify-full"),
        ("postgresql://base.exemple.fr/nis2?sslmode=require", "require"),
        ("postgresql://[::1]/nis2", None),
        ("postgresql:///nis2?host=/run/postgresql", None),
    ],
)
def test_a_server_elsewhere_must_prove_who_it_is(monkeypatch: pytest.MonkeyPatch, url: str, mode: str | None) -> None:
    from nis2check.history.postgresql import parse

    monkeypatch.delenv("PGSSLMODE", raising=False)
    monkeypatch.delenv("PGHOST", raising=False)

    assert parse(url).get("sslmode") == mode
    assert SECRET not in repr(door(url.replace("//", f"//u:{SECRET}@")))


def test_without_the_extra_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match="« server »"):
        History("postgresql:///nis2").runs()
