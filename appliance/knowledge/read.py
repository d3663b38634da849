"""The knowledge folder as passages; what could not be read is named, never left out silently."""

import csv
import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.domain.draft import Passage
from appliance.knowledge.passages import csv_passages, markdown_passages, text_passages

LARGEST_FILE: Final = 2 * 1024 * 1024
MOST_PASSAGES: Final = 20_000

_READERS: Final[dict[str, Callable[[str, str], tuple[Passage, ...]]]] = {
    ".md": markdown_passages,
    ".txt": text_passages,
    ".csv": csv_passages,
}
_HIGH_BYTES: Final = re.compile(rb"[\x80-\xff]+")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What a knowledge folder holds.

    Attributes:
        passages: by file name, then in the order of the file; ``score`` is 0.
        problems: a sentence for each file that was not read, or not whole.
        version: changes whenever anything here changes.
    """

    passages: tuple[Passage, ...]
    problems: tuple[str, ...]
    version: str


Stamp = tuple[tuple[str, int, int, int], ...]
"""``(name, size, modified, changed)`` of each file, times in nanoseconds."""


def read_folder(directory: Path) -> Folder:
    """Every ``.md``, ``.txt`` and ``.csv`` file in ``directory`` and below it.

    Hidden files and folders (a leading dot, or ``~$`` of an open office document) are not part of
    the knowledge; links to folders are not followed.

    Raises:
        OSError: the directory itself cannot be listed.
    """
    passages: list[Passage] = []
    problems: list[str] = []
    digest = hashlib.sha256()
    for name, path in _files(directory):
        try:
            read = _read_file(name, path)
        except _NotRead as refusal:
            problems.append(f"{name} was not read: {refusal}")
            continue
        room = MOST_PASSAGES - len(passages)
        if len(read) > room:
            problems.append(f"{name} was not read whole: the folder has too many passages.")
        passages.extend(read[:room])
    for line in (*(f"{one.source}\0{one.text}" for one in passages), *problems):
        digest.update(line.encode("utf-8", "surrogatepass") + b"\0\0")
    return Folder(
        passages=tuple(passages), problems=tuple(problems), version=digest.hexdigest()[:12]
    )


def stamp(directory: Path) -> Stamp:
    """A cheap look at the folder: where it is the same as before, nothing has changed.

    Raises:
        OSError: the directory itself cannot be listed.
    """
    marks = []
    for name, path in _files(directory):
        try:
            state = path.stat()
        except OSError:
            continue
        marks.append((name, state.st_size, state.st_mtime_ns, state.st_ctime_ns))
    return tuple(marks)


class _NotRead(Exception):
    """Why a file is left out, as the second half of a sentence; never leaves this module."""


def _files(directory: Path) -> Iterator[tuple[str, Path]]:
    """``(name, path)`` sorted by name; the name is relative, with ``/``, in NFC."""

    def refuse(error: OSError) -> None:
        if error.filename is None or Path(error.filename) == directory:
            raise error

    found = []
    for parent, folders, names in os.walk(directory, onerror=refuse):
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        for name in names:
            if not name.startswith((".", "~$")):
                path = Path(parent, name)
                relative = path.relative_to(directory).as_posix()
                found.append((unicodedata.normalize("NFC", relative), path))
    yield from sorted(found)


def _read_file(name: str, path: Path) -> tuple[Passage, ...]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        kind = path.suffix.lower() or "files without an ending"
        raise _NotRead(f"{kind} cannot be read yet; save it as .md, .txt or .csv.")
    try:
        if not path.is_file():
            raise _NotRead("it is no file.")
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise _NotRead(f"{error.strerror}.") from error
    if len(content) > LARGEST_FILE:
        raise _NotRead(f"it is larger than {LARGEST_FILE // 1024 // 1024} MiB.")
    try:
        passages = reader(name, _decoded(content))
    except csv.Error as error:
        raise _NotRead("it is no csv table (a quote that never ends?).") from error
    if not passages:
        raise _NotRead("there is no text in it.")
    return passages


def _decoded(content: bytes) -> str:
    """Text of UTF-8, UTF-16 (marked), GB18030 or Windows-1252; NFC, no control characters."""
    encodings: tuple[str, ...]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ("utf-16",)
    elif _looks_western(content):
        encodings = ("utf-8-sig", "cp1252")
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        return unicodedata.normalize("NFC", _CONTROLS.sub("", lines))
    raise _NotRead("its characters are neither UTF-8 nor GB18030; save it as UTF-8.")


def _looks_western(content: bytes) -> bool:
    """Chinese bytes come in pairs; an umlaut or a pound sign of Windows-1252 stands alone."""
    runs = _HIGH_BYTES.findall(content)
    return sum(len(run) == 1 for run in runs) * 2 > len(runs)
