"""Full-text search over the knowledge folder: SQLite FTS5 and BM25, in Chinese and English."""

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

from appliance.domain.draft import Passage
from appliance.domain.errors import ConfigError
from appliance.knowledge.read import Folder, Stamp, read_folder, stamp
from appliance.knowledge.tokens import passage_tokens, question_tokens

_MOST_CHARACTERS: Final = 4000
_MOST_TERMS: Final = 160
_SCHEMA: Final = """
CREATE VIRTUAL TABLE passage USING fts5(
    place, body, content='', tokenize='porter unicode61 remove_diacritics 2'
)
"""
_SEARCH: Final = """
SELECT rowid, -bm25(passage, 2.0, 1.0) AS fitness FROM passage
WHERE passage MATCH ? ORDER BY fitness DESC, rowid LIMIT ?
"""
"""A word in the file's name or the headings counts twice (docs/decisions/0003)."""


class FolderKnowledge:
    """The Knowledge port over one folder; the index is in memory and made anew when a file changes.

    ``search`` and ``refresh`` may be called from different threads.
    """

    def __init__(self, folder: Path) -> None:
        """Read and index ``folder``.

        Raises:
            ConfigError: the folder cannot be listed.
        """
        self._folder = folder
        self._lock = threading.Lock()
        self._stamp: Stamp
        self._read: Folder
        self._stamp, self._read = self._look()
        self._index = _indexed(self._read.passages)

    @property
    def version(self) -> str:
        """A short hash of what the folder says; the same words give the same version."""
        return self._read.version

    @property
    def passages(self) -> tuple[Passage, ...]:
        """Everything there is, in the order of the folder."""
        return self._read.passages

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each file that was not read."""
        return self._read.problems

    def search(self, question: str, limit: int) -> Sequence[Passage]:
        """At most ``limit`` passages that share words with ``question``, fittest first.

        Only the first 4,000 characters of a question and 160 of its words are looked at. ``score``
        is BM25: above 0 and comparable within one search only.
        """
        words = dict.fromkeys(question_tokens(question[:_MOST_CHARACTERS]))
        # Tokens hold letters and digits alone, so a quoted one is never read as query syntax.
        query = " OR ".join(f'"{word}"' for word in islice(words, _MOST_TERMS))
        if not query or limit < 1:
            return ()
        with self._lock:
            rows = self._index.execute(_SEARCH, (query, limit)).fetchall()
            passages = self._read.passages
        return tuple(replace(passages[row], score=fitness) for row, fitness in rows)

    def refresh(self) -> bool:
        """Read the folder again where a file's name, size or time changed.

        Returns:
            True where the passages are other ones than before; then they are in force.

        Raises:
            ConfigError: the folder cannot be listed; what was known stays in force.
        """
        if self._glance() == self._stamp:
            return False
        seen, read = self._look()
        if read.version == self._read.version:
            self._stamp = seen
            return False
        index = _indexed(read.passages)
        with self._lock:
            old, self._index = self._index, index
            self._read, self._stamp = read, seen
        old.close()
        return True

    def close(self) -> None:
        """Free the index; no search may follow."""
        with self._lock:
            self._index.close()

    def _look(self) -> tuple[Stamp, Folder]:
        """The stamp comes first: a file that changes while it is read is read again next time."""
        seen = self._glance()
        try:
            return seen, read_folder(self._folder)
        except OSError as error:
            raise _unlistable(self._folder, error) from error

    def _glance(self) -> Stamp:
        try:
            return stamp(self._folder)
        except OSError as error:
            raise _unlistable(self._folder, error) from error


def _unlistable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError((f"{folder}: the knowledge folder cannot be read: {error.strerror}.",))


def _indexed(passages: Sequence[Passage]) -> sqlite3.Connection:
    """A private database that any one thread at a time may use."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    with database, closing(database.cursor()) as cursor:
        cursor.execute(_SCHEMA)
        cursor.executemany(
            "INSERT INTO passage (rowid, place, body) VALUES (?, ?, ?)",
            (
                (row, _analysed(_place(passage)), _analysed(passage.text))
                for row, passage in enumerate(passages)
            ),
        )
        cursor.execute("INSERT INTO passage (passage) VALUES ('optimize')")
    return database


def _place(passage: Passage) -> str:
    """The file's path without its ending, and the heading."""
    name, _, heading = passage.source.partition("#")
    return f"{PurePosixPath(name).with_suffix('')} {heading}"


def _analysed(text: str) -> str:
    return " ".join(passage_tokens(text))
