"""Brings a database forward to the newest schema, one numbered SQL file at a time."""

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.domain.errors import OperatorError

SCHEMA: Final = Path(__file__).with_name("schema")
"""The directory of ``NNNN_name.sql``, numbered from 0001 without a gap."""

_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step forward; ``version`` is what ``PRAGMA user_version`` says after it."""

    version: int
    path: Path


def migrations(schema: Path) -> tuple[Migration, ...]:
    """The steps in ``schema``, in order.

    Raises:
        ValueError: a file is misnamed, or the numbers have a gap or a double (a packaging bug).
    """
    found = []
    for path in sorted(schema.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name} is not named NNNN_name.sql.")
        found.append(Migration(version=int(match[1]), path=path))
    if [step.version for step in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"The files in {schema.name} are not numbered 0001, 0002 … without a gap.")
    return tuple(found)


def migrate(connection: sqlite3.Connection, schema: Path) -> None:
    """Run what the database has not seen yet, each file in a transaction of its own.

    A file that fails, or that leaves a reference pointing nowhere, leaves the database at the
    version before it. Foreign keys are off while it runs, so that a table may be rebuilt
    (sqlite.org/lang_altertable.html §7).

    Raises:
        OperatorError: the database was written by a newer program.
        sqlite3.Error: a file failed.
    """
    steps = migrations(schema)
    (present,) = connection.execute("PRAGMA user_version").fetchone()
    if present > len(steps):
        raise OperatorError(
            f"The database was written by a newer version of the appliance (schema {present}; this "
            f"one knows {len(steps)}). Update the program, or restore an older backup."
        )
    connection.execute("PRAGMA foreign_keys = OFF")
    for step in steps[present:]:
        _run(connection, step)
    connection.execute("PRAGMA foreign_keys = ON")


def _run(connection: sqlite3.Connection, step: Migration) -> None:
    script = step.path.read_text(encoding="utf-8")
    try:
        # executescript commits what is open before it begins, so the script opens its own.
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n")
        _refuse_orphans(connection, step)
        connection.execute(f"PRAGMA user_version = {step.version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refuse_orphans(connection: sqlite3.Connection, step: Migration) -> None:
    orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
    if orphan is not None:
        raise sqlite3.IntegrityError(f"{step.path.name} leaves rows of {orphan[0]} orphaned.")
