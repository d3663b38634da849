import argparse
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cli.knowledge import add_verbs
from appliance.domain.errors import ConfigError
from appliance.domain.ports import Knowledge
from appliance.knowledge.index import FolderKnowledge

ROOT = Path(__file__).parents[1] / "evaluation"
READABLE = (".md", ".txt", ".csv")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "保修.md").write_text(
        "# 保修政策\n\n## 空调\n\n整机6年。\n\n## 冰箱\n\n整机3年。\n"
    )
    (tmp_path / "rental.md").write_text(
        "# Rental\n\n## Deposit\n\nThe deposit is £1,150.\n\n## Größen\n\nHelme\n"
    )
    return tmp_path


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_verbs(parser.add_subparsers())
    chosen = parser.parse_args(["knowledge", *arguments])
    status: int = chosen.run(chosen)
    return status


@pytest.fixture(scope="module")
def office() -> FolderKnowledge:
    return FolderKnowledge(ROOT / "northgate" / "knowledge")


def found(knowledge: Knowledge, question: str) -> list[str]:
    return [passage.source for passage in knowledge.search(question, 3)]


def test_the_fittest_passage_comes_first_with_the_highest_score(folder: Path) -> None:
    passages = FolderKnowledge(folder).search("空调保修多久？", 5)

    assert [passage.source for passage in passages] == ["保修.md#空调", "保修.md#冰箱"]
    assert passages[0].score > passages[1].score > 0
    assert passages[0].text == "保修政策 › 空调\n整机6年。"


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("請問空調要保固多久", "保修.md#空调"),
        ("How many deposits?", "rental.md#Deposit"),
        ("DEPOSIT", "rental.md#Deposit"),
        ("Is 1150 right?", "rental.md#Deposit"),
        ("Welche Groessen oder Größen", "rental.md#Größen"),
        ("grossen", "rental.md#Größen"),
    ],
)
def test_spelling_does_not_stand_in_the_way(folder: Path, question: str, source: str) -> None:
    assert found(FolderKnowledge(folder), question)[0] == source


def test_no_more_than_the_limit_and_nothing_for_nothing(folder: Path) -> None:
    knowledge = FolderKnowledge(folder)

    assert len(knowledge.search("整机", 1)) == 1
    assert knowledge.search("整机", 0) == ()
    assert knowledge.search("", 3) == ()
    assert knowledge.search("Could you?", 3) == ()
    assert knowledge.search("xylophone", 3) == ()


@pytest.mark.parametrize(
    "question",
    [
        '"',
        "deposit AND",
        "place:deposit",
        "deposit* NEAR(",
        "{place body}: deposit",
        "'); DROP",
        "^a",
    ],
)
def test_query_syntax_in_a_mail_is_words(folder: Path, question: str) -> None:
    sources = found(FolderKnowledge(folder), question)

    assert sources == (["rental.md#Deposit"] if "deposit" in question else [])


@given(st.text())
def test_any_question_is_answered(office: FolderKnowledge, question: str) -> None:
    assert len(office.search(question, 3)) <= 3


def test_only_the_beginning_of_an_endless_mail_is_looked_at(folder: Path) -> None:
    knowledge = FolderKnowledge(folder)

    assert found(knowledge, "deposit " + "filler " * 100_000) == ["rental.md#Deposit"]
    assert found(knowledge, "filler " * 1000 + "deposit") == []


def test_a_changed_file_is_found_after_refresh(folder: Path) -> None:
    knowledge = FolderKnowledge(folder)
    before = knowledge.version
    (folder / "付款.md").write_text("# 付款\n\n支持支付宝。\n")

    assert found(knowledge, "支付宝") == []
    assert knowledge.refresh()
    assert found(knowledge, "支付宝") == ["付款.md#付款"]
    assert knowledge.version != before
    assert not knowledge.refresh()


def test_a_file_that_was_only_touched_changes_nothing(folder: Path) -> None:
    knowledge = FolderKnowledge(folder)
    (folder / "rental.md").touch()

    assert not knowledge.refresh()
    assert not knowledge.refresh()


def test_an_unreadable_file_is_a_problem_that_is_kept(folder: Path) -> None:
    knowledge = FolderKnowledge(folder)
    (folder / "new.pdf").write_bytes(b"%PDF")

    assert knowledge.refresh()
    assert [problem.split(" ")[0] for problem in knowledge.problems] == ["new.pdf"]
    assert len(knowledge.passages) == 4


def test_when_the_folder_vanishes_what_was_known_stays(folder: Path) -> None:
    knowledge = FolderKnowledge(folder)
    moved = folder.parent / "moved"
    folder.rename(moved)

    with pytest.raises(ConfigError, match="the knowledge folder cannot be read"):
        knowledge.refresh()
    assert found(knowledge, "deposit") == ["rental.md#Deposit"]

    moved.rename(folder)
    assert not knowledge.refresh()
    knowledge.close()


def test_a_folder_that_was_never_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        FolderKnowledge(tmp_path / "missing")


def test_a_folder_that_vanishes_between_two_looks_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(_: Path) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("appliance.knowledge.index.read_folder", vanish)

    with pytest.raises(ConfigError, match="No such file"):
        FolderKnowledge(folder)


def test_an_empty_folder_finds_nothing(tmp_path: Path) -> None:
    assert FolderKnowledge(tmp_path).search("deposit", 3) == ()


def test_searches_and_refreshes_at_the_same_time_never_mix_two_states(folder: Path) -> None:
    knowledge = FolderKnowledge(folder)
    wrong: list[str] = []
    over = threading.Event()

    def search() -> None:
        while not over.is_set():
            texts = [passage.text for passage in knowledge.search("deposit", 3)]
            wrong.extend(text for text in texts if "deposit" not in text)

    searchers = [threading.Thread(target=search) for _ in range(3)]
    for searcher in searchers:
        searcher.start()
    for turn in range(30):
        (folder / "a.md").write_text("".join(f"# {number}\n\nx\n" for number in range(turn % 7)))
        knowledge.refresh()
    over.set()
    for searcher in searchers:
        searcher.join()

    assert wrong == []


def answerable() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """``(office, language, question, evidence)`` of mails that a passage of the folder answers."""
    for name in ("qinghe", "northgate"):
        for line in (ROOT / name / "dev" / "gold.jsonl").read_text(encoding="utf-8").splitlines():
            gold = json.loads(line)
            evidence = tuple(
                one for one in gold["evidence"] if one.partition("#")[0].endswith(READABLE)
            )
            if gold["route"] == "answer" and evidence:
                yield name, gold["language"], gold["question"], evidence


@pytest.mark.parametrize(
    ("name", "language", "among_three", "first"),
    [("qinghe", "zh-Hans", 14, 10), ("northgate", "en", 9, 7)],
)
def test_the_evidence_of_real_questions_is_found(
    name: str, language: str, among_three: int, first: int
) -> None:
    """The bar: one below what was measured (15 and 12 of 15 in Chinese, 9 and 8 of 10 in English)."""
    knowledge = FolderKnowledge(ROOT / name / "knowledge")
    ranks = [
        [
            any(source == one or source.partition("#")[0] == one for one in evidence)
            for source in found(knowledge, question)
        ]
        for office_name, spoken, question, evidence in answerable()
        if (office_name, spoken) == (name, language)
    ]

    assert sum(any(rank) for rank in ranks) >= among_three
    assert sum(any(rank[:1]) for rank in ranks) >= first


def test_the_verb_prints_one_object_a_line_best_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.pdf").write_bytes(b"%PDF")

    status = run("search", "--folder", str(folder), "--json", "空调保修多久")

    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [line["source"] for line in lines] == ["保修.md#空调", "保修.md#冰箱"]
    assert lines[0]["score"] > lines[1]["score"] > 0
    assert set(lines[0]) == {"source", "text", "score"}
    assert err.startswith("a.pdf was not read")


def test_the_verb_shows_a_person_a_numbered_list(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office = tmp_path / "office"
    office.mkdir()
    (office / "knowledge").symlink_to(folder)

    run("search", "--office", str(office), "--limit", "1", "deposit")
    assert capsys.readouterr().out.startswith("1. rental.md#Deposit  (")

    run("search", "--folder", str(folder), "xylophone")
    assert capsys.readouterr().out.startswith("No passage")


@pytest.mark.parametrize("limit", ["0", "x"])
def test_the_verb_refuses_a_limit_that_is_none(limit: str) -> None:
    with pytest.raises(SystemExit):
        run("search", "--folder", ".", "--limit", limit, "deposit")
