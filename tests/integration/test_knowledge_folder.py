import os
from pathlib import Path

import pytest

from appliance.knowledge import read
from appliance.knowledge.read import read_folder, stamp

ROOT = Path(__file__).parents[1] / "evaluation"


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def sources(folder: Path) -> list[str]:
    return [passage.source for passage in read_folder(folder).passages]


def test_files_below_are_named_by_their_path_and_read_in_order(tmp_path: Path) -> None:
    write(tmp_path / "b.md", "# B\n\ntext\n")
    write(tmp_path / "价格" / "a.CSV", "sku,price\nA1,2\n")
    write(tmp_path / "a" / "c.txt", "【T】\ntext\n")

    assert sources(tmp_path) == ["a/c.txt#T", "b.md#B", "价格/a.CSV#A1"]


@pytest.mark.parametrize(
    "content",
    [
        "# 保修\r\n\r\n一年\r\n".encode(),
        "# 保修\n\n一年\n".encode("utf-8-sig"),
        "# 保修\n\n一年\n".encode("gb18030"),
        "# 保修\n\n一年\n".encode("utf-16"),
        "# 保修\n\n\x00一\x1b年\n".encode(),
    ],
)
def test_the_usual_encodings_give_the_same_passage(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "a.md", content)

    (passage,) = read_folder(tmp_path).passages

    assert (passage.source, passage.text) == ("a.md#保修", "保修\n一年")


def test_windows_1252_is_not_taken_for_chinese(tmp_path: Path) -> None:
    write(tmp_path / "a.md", "# Öffnungszeiten\n\nFür £5 geöffnet.\n".encode("cp1252"))

    (passage,) = read_folder(tmp_path).passages

    assert passage.text == "Öffnungszeiten\nFür £5 geöffnet."


def test_what_cannot_be_read_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "LARGEST_FILE", 1024 * 1024)
    write(tmp_path / "a.pdf", b"%PDF")
    write(tmp_path / "b", "text")
    write(tmp_path / "c.csv", 'a,b\n1,"x\n')
    write(tmp_path / "d.md", "# only a heading\n")
    write(tmp_path / "e.txt", b"\xe4\xbd\xff\xff\xa0\xff")
    write(tmp_path / "f.txt", b"x" * (1024 * 1024 + 1))
    os.mkfifo(tmp_path / "g.txt")
    (tmp_path / "h.txt").symlink_to(tmp_path / "missing")
    write(tmp_path / "i.txt", "good")

    folder = read_folder(tmp_path)

    assert [passage.source for passage in folder.passages] == ["i.txt"]
    assert folder.problems == (
        "a.pdf was not read: .pdf cannot be read yet; save it as .md, .txt or .csv.",
        "b was not read: files without an ending cannot be read yet; save it as .md, .txt or .csv.",
        "c.csv was not read: it is no csv table (a quote that never ends?).",
        "d.md was not read: there is no text in it.",
        "e.txt was not read: its characters are neither UTF-8 nor GB18030; save it as UTF-8.",
        "f.txt was not read: it is larger than 1 MiB.",
        "g.txt was not read: it is no file.",
        "h.txt was not read: it is no file.",
    )


def test_a_file_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.md", "text")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)

    assert read_folder(tmp_path).problems == ("a.md was not read: Permission denied.",)


def test_hidden_files_are_not_part_of_the_knowledge(tmp_path: Path) -> None:
    write(tmp_path / ".git" / "a.md", "text")
    write(tmp_path / ".a.md.swp", "text")
    write(tmp_path / "~$b.md", "text")

    assert read_folder(tmp_path).passages == ()
    assert read_folder(tmp_path).problems == ()


def test_too_many_passages_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MOST_PASSAGES", 3)
    write(tmp_path / "a.csv", "sku,price\nA1,1\nA2,2\n")
    write(tmp_path / "b.csv", "sku,price\nB1,1\nB2,2\n")

    folder = read_folder(tmp_path)

    assert [passage.source for passage in folder.passages] == ["a.csv#A1", "a.csv#A2", "b.csv#B1"]
    assert folder.problems == ("b.csv was not read whole: the folder has too many passages.",)


def test_the_version_follows_the_content_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "a.md", "# A\n\none\n")
    before = read_folder(tmp_path).version
    os.utime(tmp_path / "a.md", ns=(1, 1))
    touched = read_folder(tmp_path).version
    write(tmp_path / "a.md", "# A\n\ntwo\n")

    assert touched == before
    assert read_folder(tmp_path).version != before


def test_the_stamp_notices_a_change_that_keeps_size_and_time(tmp_path: Path) -> None:
    write(tmp_path / "a.md", "one")
    os.utime(tmp_path / "a.md", ns=(1, 1))
    before = stamp(tmp_path)
    write(tmp_path / "new.md", "two")
    os.utime(tmp_path / "new.md", ns=(1, 1))
    (tmp_path / "new.md").replace(tmp_path / "a.md")

    assert stamp(tmp_path) != before


def test_a_link_to_nothing_does_not_disturb_the_stamp(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to(tmp_path / "missing")

    assert stamp(tmp_path) == ()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_folder(tmp_path / "missing")


def test_a_folder_below_that_vanishes_does_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.md", "text")
    (tmp_path / "gone").mkdir()
    scan = os.scandir

    def vanish(path: str) -> object:
        if str(path).endswith("/gone"):
            Path(path).rmdir()
        return scan(path)

    monkeypatch.setattr(os, "scandir", vanish)

    assert sources(tmp_path) == ["a.md"]


@pytest.mark.parametrize(("office", "unread"), [("qinghe", 0), ("northgate", 2)])
def test_the_sample_offices_are_read_whole_but_for_files_of_other_kinds(
    office: str, unread: int
) -> None:
    folder = read_folder(ROOT / office / "knowledge")

    assert len(folder.passages) > 60
    assert len(folder.problems) == unread
