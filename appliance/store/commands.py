"""Answers to commands that were given already, so that a repeated UUID does nothing twice."""

import sqlite3
from datetime import datetime, timedelta
from typing import Final

from appliance.store.encode import moment

KEPT: Final = timedelta(days=7)
"""A client that repeats a command later than this is told anew."""


def answered(connection: sqlite3.Connection, uuid: str) -> str | None:
    """The answer this UUID was given, or None."""
    row = connection.execute("SELECT answer FROM command WHERE uuid = ?", (uuid,)).fetchone()
    return None if row is None else str(row[0])


def remember(connection: sqlite3.Connection, uuid: str, answer: str, now: datetime) -> None:
    """Keep the first answer to a UUID, and forget the old ones."""
    connection.execute("DELETE FROM command WHERE at < ?", (moment(now - KEPT),))
    connection.execute(
        "INSERT INTO command (uuid, at, answer) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (uuid, moment(now), answer),
    )
