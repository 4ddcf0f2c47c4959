# SPDX-License-Identifier: EUPL-1.2
"""Which releases of databases and languages a file asks for, in the words of the profile end-of-life.yaml: ``postgres:13``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nis2check.evidence.repo.terraform.ledger import Ledger, Said
from nis2check.evidence.repo.terraform.values import Block, Configuration, Value, word

DATABASES, RUNTIMES = "database_releases", "runtime_releases"

# How providers name an engine → the product whose releases are dated.
_PRODUCTS = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "aurora-postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mariadb",
    "mongodb": "mongo",
    "redis": "redis",
}
_LANGUAGES = {"nodejs": "node", "node": "node", "python": "python", "ruby": "ruby", "php": "php", "go": "golang"}
_RUNTIME = re.compile(r"(nodejs|node|python|ruby|php|go)(\d+)(?:[.](\d+))?(?:\.x)?\Z", re.IGNORECASE)
_VERSION = re.compile(r"v?(\d{1,3})(?:[._](\d{1,3}))?")
_MAJOR_ALONE = {"postgres": 10, "node": 1}  # products whose releases have one number, from which on


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource names a release; ``engine`` is a path, or the product itself after ``=``; "": both are in ``version``."""

    engine: str
    version: str


_DATABASES = {
    "aws_db_instance": Place("engine", "engine_version"),
    "aws_rds_cluster": Place("engine", "engine_version"),
    "azurerm_postgresql_flexible_server": Place("=postgres", "version"),
    "azurerm_postgresql_server": Place("=postgres", "version"),
    "azurerm_mysql_flexible_server": Place("=mysql", "version"),
    "azurerm_mysql_server": Place("=mysql", "version"),
    "azurerm_mariadb_server": Place("=mariadb", "version"),
    "google_sql_database_instance": Place("", "database_version"),
    "scaleway_rdb_instance": Place("", "engine"),
    "scaleway_mongodb_instance": Place("=mongo", "version"),
    "scaleway_redis_cluster": Place("=redis", "version"),
    "ovh_cloud_project_database": Place("engine", "version"),
    "openstack_db_instance_v1": Place("datastore.type", "datastore.version"),
}
_FUNCTIONS = {
    "aws_lambda_function": "runtime",
    "google_cloudfunctions_function": "runtime",
    "google_cloudfunctions2_function": "build_config.runtime",
    "scaleway_function": "runtime",
}
_STACK = "site_config.application_stack"
_APPLICATIONS = ("azurerm_linux_web_app", "azurerm_linux_function_app")
TYPES = frozenset({*_DATABASES, *_FUNCTIONS, *_APPLICATIONS})


def note(configuration: Configuration, ledger: Ledger) -> None:
    """Every release that is written out, right or wrong: a rule knows the dates."""
    for block in configuration.of_kind("resource"):
        if block.type in _DATABASES:
            _database(block, _DATABASES[block.type], ledger)
        elif block.type in _FUNCTIONS:
            for value in block.body.each(_FUNCTIONS[block.type]):
                _runtime(block, value, ledger)
        elif block.type in _APPLICATIONS:
            for product in ("node", "python", "php", "ruby"):
                for value in block.body.each(f"{_STACK}.{product}_version"):
                    _listed(RUNTIMES, block, product, value, ledger)


def _database(block: Block, place: Place, ledger: Ledger) -> None:
    version = block.body.one(place.version)
    engine = block.body.one(place.engine) if place.engine and not place.engine.startswith("=") else None
    if version is None:
        return
    if engine is not None and engine.unknown:
        ledger.untold(DATABASES, block, place.engine, engine)
        return
    if place.engine.startswith("="):
        _listed(DATABASES, block, place.engine[1:], version, ledger)
    elif engine is not None:
        _listed(DATABASES, block, _PRODUCTS.get(word(engine.scalar).lower(), ""), version, ledger)
    elif not place.engine:  # POSTGRES_13, MySQL-8
        name, _mark, number = word(version.scalar).replace("_", "-", 1).partition("-")
        _listed(DATABASES, block, _PRODUCTS.get(name.lower(), ""), version, ledger, number)


def _runtime(block: Block, value: Value, ledger: Ledger) -> None:
    found = _RUNTIME.match(word(value.scalar)[:40])
    if value.unknown:
        ledger.untold(RUNTIMES, block, "runtime", value)
    elif found is not None:
        product, first, second = _LANGUAGES[found[1].lower()], found[2], found[3]
        if second is None and product not in _MAJOR_ALONE and len(first) > 1:
            first, second = first[0], first[1:]  # python310, php82, go122
        _listed(RUNTIMES, block, product, value, ledger, f"{first}.{second}" if second else first)


def _listed(concern: str, block: Block, product: str, value: Value, ledger: Ledger, number: str | None = None) -> None:
    if value.unknown:
        ledger.untold(concern, block, "the version", value)
        return
    found = _VERSION.match(word(value.scalar) if number is None else number)
    if not product or found is None:
        return
    one_number = product in _MAJOR_ALONE and int(found[1]) >= _MAJOR_ALONE[product]
    release = f"{product}:{found[1]}" if one_number or not found[2] else f"{product}:{found[1]}.{found[2]}"
    said = Said.VARIABLE if value.by_default else Said.HERE
    ledger.offends(concern, block, value.line, said, release=release)
