# SPDX-License-Identifier: EUPL-1.2
"""Versions that their publishers no longer maintain, where a file names them. Dates: publishers' pages, November 2026."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.repo.terraform.ledger import Ledger
from nis2check.evidence.repo.terraform.settings import word
from nis2check.evidence.repo.terraform.values import Block, Configuration, Value

# The oldest maintained version of each database, by its publisher: PostgreSQL 13 ended in November 2025 and 14 in November 2026
# (kept: a managed service lags by weeks), MySQL 5.7 in October 2023 and 8.0 in April 2026 (8.4 is the next), MariaDB 10.5 in
# June 2025 and 10.6 in July 2026, MongoDB 6 in July 2025.
_OLDEST: dict[str, tuple[int, ...]] = {
    "postgresql": (14,),
    "mysql": (8, 0),
    "mariadb": (10, 6),
    "mongodb": (7, 0),
}
_NAMES = {"postgres": "postgresql", "aurora-postgresql": "postgresql", "aurora-mysql": ""}
_VERSION = re.compile(r"(\d+)(?:[._](\d+))?")

# Ended: Node.js 18 in April 2025, Python 3.9 in October 2025, PHP 8.1 in December 2025, .NET 6 in November 2024, Ruby 3.2 in
# March 2026, Go of Lambda (go1.x) in 2023, Java 8 on Amazon Linux 1 in 2024.
_ENDED_RUNTIMES = re.compile(
    r"(?:nodejs|node)(?:[468]|1[0-8])(?:\.x|\.1[05]|\.[0-9]+)?\Z|nodejs\Z|python(?:2\.?7|3\.?[6-9]|2|37|38|39)\Z|ruby(?:2\.?\d|3\.?[0-2]|27|30|32)\Z"
    r"|dotnetcore\d\.\d\Z|dotnet(?:5(?:\.0)?|6|3)\Z|go1\.x\Z|go1(?:1[0-9]|2[0-2])\Z|java8\Z|php(?:7\d|8[01])\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource names a version; ``engine`` is a path, or the engine itself after ``=``."""

    engine: str
    version: str


_DATABASES: dict[str, Place] = {
    "aws_db_instance": Place("engine", "engine_version"),
    "aws_rds_cluster": Place("engine", "engine_version"),
    "azurerm_postgresql_flexible_server": Place("=postgresql", "version"),
    "azurerm_postgresql_server": Place("=postgresql", "version"),
    "azurerm_mysql_flexible_server": Place("=mysql", "version"),
    "azurerm_mysql_server": Place("=mysql", "version"),
    "azurerm_mariadb_server": Place("=mariadb", "version"),
    "google_sql_database_instance": Place("", "database_version"),
    "scaleway_rdb_instance": Place("", "engine"),
    "scaleway_mongodb_instance": Place("=mongodb", "version"),
    "ovh_cloud_project_database": Place("engine", "version"),
    "openstack_db_instance_v1": Place("datastore.type", "datastore.version"),
}
_RUNTIMES = {
    "aws_lambda_function": ("runtime",),
    "aws_lambda_layer_version": ("compatible_runtimes",),
    "google_cloudfunctions_function": ("runtime",),
    "google_cloudfunctions2_function": ("build_config.runtime",),
    "scaleway_function": ("runtime",),
}
TYPES = frozenset({*_DATABASES, *_RUNTIMES})


def note(configuration: Configuration, ledger: Ledger) -> None:
    """Databases and runtimes past the end of their maintenance."""
    for block in configuration.of_kind("resource"):
        if block.type in _DATABASES:
            _database(block, _DATABASES[block.type], ledger)
        for path in _RUNTIMES.get(block.type, ()):
            for value in block.body.each(path):
                _runtime(block, path, value, ledger)


def _database(block: Block, place: Place, ledger: Ledger) -> None:
    version = block.body.one(place.version)
    if version is None:
        return
    unknown = next((value for value in _parts(block, place) if value.unknown), None)
    if unknown is not None:
        ledger.untold("database_unsupported", block, place.version, unknown)
        return
    engine, text = _named(block, place, word(version.scalar))
    oldest, found = _OLDEST.get(engine), _VERSION.match(text)
    if oldest is None or found is None:
        return
    number = (int(found[1]), int(found[2])) if found[2] and len(oldest) > 1 else (int(found[1]),)
    if number < oldest[: len(number)]:
        ledger.setting_offends("database_unsupported", block, place.version, version)
    else:
        ledger.fits("database_unsupported")


def _parts(block: Block, place: Place) -> Iterator[Value]:
    for path in (place.version, place.engine):
        if path and not path.startswith("="):
            yield from block.body.find(path)


def _named(block: Block, place: Place, version: str) -> tuple[str, str]:
    """The engine and its version: two settings, or one as ``POSTGRES_13`` and ``MySQL-8``."""
    if place.engine.startswith("="):
        return place.engine[1:], version
    if place.engine:
        engine = block.body.text(place.engine).lower()
        return _NAMES.get(engine, engine), version
    engine, _mark, number = version.replace("_", "-", 1).partition("-")
    return _NAMES.get(engine.lower(), engine.lower()), number


def _runtime(block: Block, path: str, value: Value, ledger: Ledger) -> None:
    if value.unknown:
        ledger.untold("runtime_unsupported", block, path, value)
    elif _ENDED_RUNTIMES.match(word(value.scalar)[:60]):
        ledger.setting_offends("runtime_unsupported", block, path, value)
    else:
        ledger.fits("runtime_unsupported")
