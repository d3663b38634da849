import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.knowledge.passages import (
    LONGEST,
    csv_passages,
    markdown_passages,
    text_passages,
)


def sources(found: tuple[object, ...]) -> list[str]:
    return [getattr(passage, "source", "") for passage in found]


def test_each_heading_with_text_is_a_passage_that_keeps_the_headings_around_it() -> None:
    text = "# 退换货政策\n\n更新日期：8月\n\n## 退货\n\n### 运费\n\n运费80元。\n\n## 换货 ##\n\n5天。\n"

    found = markdown_passages("退换货政策.md", text)

    assert [(passage.source, passage.text) for passage in found] == [
        ("退换货政策.md#退换货政策", "退换货政策\n更新日期：8月"),
        ("退换货政策.md#运费", "退换货政策 › 退货 › 运费\n运费80元。"),
        ("退换货政策.md#换货", "退换货政策 › 换货\n5天。"),
    ]


def test_text_before_any_heading_belongs_to_the_file_alone() -> None:
    (passage,) = markdown_passages("notes/a.md", "Just text.\n")

    assert (passage.source, passage.text) == ("notes/a.md", "Just text.")


def test_a_number_sign_in_a_code_block_a_list_or_a_quote_is_no_heading() -> None:
    text = "# A\n\n```\n# no\n```\n\n- # no\n\n> # no\n\n#no\n"

    assert sources(markdown_passages("a.md", text)) == ["a.md#A"]


def test_underlined_headings_are_headings_and_front_matter_is_not() -> None:
    text = "---\ntitle: x\n---\nOpening\n=======\n\nfrom nine\n\nSunday\n---\n\nclosed\n"

    found = markdown_passages("a.md", text)

    assert sources(found) == ["a.md#Opening", "a.md#Sunday"]
    assert "title" not in found[0].text


def test_a_heading_with_nothing_under_it_is_no_passage() -> None:
    assert markdown_passages("a.md", "# A\n\n## B\n\n \n") == ()


def test_a_table_stays_whole_while_it_is_short() -> None:
    table = "| Bike | Price |\n|---|---|\n| City | £22 |\n| Road | £42 |"

    (passage,) = markdown_passages("a.md", f"# Rental\n\n{table}\n\nPer day.\n")

    assert passage.text == f"Rental\n{table}\n\nPer day."


def test_a_long_table_is_cut_between_rows_and_keeps_its_head() -> None:
    rows = [f"| Part {number} | £{number} | {'x' * 40} |" for number in range(100)]
    head = "| Part | Price | Note |\n|---|---|---|"

    found = markdown_passages("a.md", "\n".join(["# Parts", "", head, *rows, "", "Ask us."]))

    assert len(found) > 2
    assert set(sources(found)) == {"a.md#Parts"}
    assert all(passage.text.startswith(f"Parts\n{head}\n| Part ") for passage in found)
    assert all(sum(row in passage.text for passage in found) == 1 for row in rows)
    assert all(len(passage.text) <= LONGEST + 100 for passage in found)
    assert found[-1].text.endswith("Ask us.")


def test_a_long_text_is_cut_even_inside_a_line() -> None:
    found = markdown_passages("a.md", "# A\n\n" + "一" * (2 * LONGEST + 1) + "\n\nEnd.\n")

    assert sum(passage.text.count("一") for passage in found) == 2 * LONGEST + 1
    assert len(found) == 3


def test_a_text_file_is_cut_by_its_titles() -> None:
    text = "话术整理\n\n【空调不制冷】\n先看遥控器。\n\n【洗衣机显示E3】 排水超时。\n见【说明】。\n【空】\n"

    found = text_passages("自查.txt", text)

    assert [(passage.source, passage.text) for passage in found] == [
        ("自查.txt", "话术整理"),
        ("自查.txt#空调不制冷", "空调不制冷\n先看遥控器。"),
        ("自查.txt#洗衣机显示E3", "洗衣机显示E3\n排水超时。\n见【说明】。"),
    ]


def test_a_text_file_without_titles_is_the_file_alone() -> None:
    assert sources(text_passages("rides.txt", "GROUP RIDES\n\nSaturday\n")) == ["rides.txt"]


def test_a_csv_row_is_named_by_its_first_cell_and_tells_its_columns() -> None:
    text = '编号,品名,单价,备注\nQH-F03,滤芯,"1,399",\n,赠品,0,\n\nQH-F04,"两\n行",1,x,多\n'

    found = csv_passages("价格.csv", text)

    assert [(passage.source, passage.text) for passage in found] == [
        ("价格.csv#QH-F03", "编号: QH-F03\n品名: 滤芯\n单价: 1,399"),
        ("价格.csv", "品名: 赠品\n单价: 0"),
        ("价格.csv#QH-F04", "编号: QH-F04\n品名: 两\n行\n单价: 1\n备注: x\n多"),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_usual_separators_are_told_apart(separator: str) -> None:
    text = f"sku{separator}price\nA1{separator}2\n"

    assert csv_passages("a.csv", text)[0].text == "sku: A1\nprice: 2"


def test_a_quote_that_never_ends_is_no_csv() -> None:
    with pytest.raises(csv.Error):
        csv_passages("a.csv", 'a,b\n1,"x\n')


@given(st.lists(st.text(alphabet="退a1 |,", min_size=1, max_size=400), max_size=40))
def test_no_line_of_a_section_is_lost(lines: list[str]) -> None:
    found = markdown_passages("a.md", "\n".join(["# T", "", "x", *lines]))

    kept = "".join(passage.text.removeprefix("T\n") for passage in found)
    assert "".join(kept.split()) == "x" + "".join("".join(lines).split())
