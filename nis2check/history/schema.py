# SPDX-License-Identifier: EUPL-1.2
"""The tables of a history, in the SQL that SQLite and PostgreSQL both speak; the words that differ are filled by its door.

Columns hold what is asked of many runs at once; the whole result stands compressed beside them, as it was delivered.
No foreign key from `state` to `finding`: forgetting a finding would look through every state for each one, and both are
written in one transaction.
"""

from __future__ import annotations

APPLICATION = 0x4E495332  # "NIS2" in SQLite's application_id: another program's file is refused
VERSION = 1  # of these tables; a later one is refused, never guessed

TABLES = (
    # `moment` is `started` in UTC, so that it sorts; `body` is the SIREN, or the name of a body that has none; `verdicts` is
    # the text of `history.verdicts`.
    """CREATE TABLE run (
  number INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  name TEXT NOT NULL,
  moment TEXT NOT NULL,
  started TEXT NOT NULL,
  finished TEXT NOT NULL,
  complete INTEGER NOT NULL,
  regime TEXT NOT NULL,
  version TEXT NOT NULL,
  rules TEXT NOT NULL,
  verdicts TEXT NOT NULL,
  applicable INTEGER NOT NULL,
  passed INTEGER NOT NULL,
  partial INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  to_attest INTEGER NOT NULL,
  unknown INTEGER NOT NULL,
  appeared INTEGER NOT NULL,
  fixed INTEGER NOT NULL,
  worse INTEGER NOT NULL,
  better INTEGER NOT NULL,
  not_retested INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  document {bytes} NOT NULL
)""",
    "CREATE INDEX run_of_body ON run (body, moment, number)",
    "CREATE INDEX run_of_name ON run (name, moment)",
    """CREATE TABLE finding (
  id TEXT PRIMARY KEY,
  rule TEXT NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL
){clustered}""",
    """CREATE TABLE state (
  run INTEGER NOT NULL REFERENCES run (number) ON DELETE CASCADE,
  finding TEXT NOT NULL,
  verdict TEXT NOT NULL,
  severity TEXT NOT NULL,
  proof TEXT NOT NULL,
  since TEXT NOT NULL,
  PRIMARY KEY (run, finding)
){clustered}""",
    # The last number given, so that a run that was forgotten never lends its number to another.
    "CREATE TABLE last_number (run INTEGER NOT NULL)",
    "INSERT INTO last_number (run) VALUES (0)",
)


def statements(*, blob: str, clustered: str) -> tuple[str, ...]:
    """The statements that make the tables, in the words of one engine."""
    return tuple(text.format(bytes=blob, clustered=clustered) for text in TABLES)
