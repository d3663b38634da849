"""The pages for people: the same in both languages, and their examples are right."""

import re
from pathlib import Path

import pytest

from appliance.cli.app import parser
from appliance.config.settings import Settings
from appliance.config.toml import office_from, settings_from
from appliance.domain.job import State

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ("README.md", "README.zh-CN.md"),
    ("docs/operating.md", "docs/operating.zh-CN.md"),
    ("docs/mailbox.md", "docs/mailbox.zh-CN.md"),
]
SENDING = (
    "Exchange and Graph: once, as far as the mailbox store tells; SMTP: at most once, and what "
    "cannot be known is shown to a person"
)


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(page: str, language: str = "") -> list[str]:
    """The code blocks of a page in one language."""
    return [
        code
        for kind, code in re.findall(r"```(\w*)\n(.*?)```", page, re.DOTALL)
        if kind == language
    ]


def shape(page: str) -> list[str]:
    """Headings, blocks and rows of tables in order, without their words."""
    outside = re.sub(r"```.*?```", "```", page, flags=re.DOTALL)
    marks = (re.match(r"#+ |```|\||- ", line) for line in outside.splitlines())
    return [mark.group() for mark in marks if mark]


def anchors(page: str) -> set[str]:
    """What links into a page name its headings: small letters, no signs but ``-``."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize(("english", "chinese"), PAGES)
def test_a_page_has_the_same_shape_in_both_languages(english: str, chinese: str) -> None:
    assert shape(text(english)) == shape(text(chinese))


@pytest.mark.parametrize(("english", "chinese"), PAGES)
def test_a_page_names_the_same_settings_verbs_and_files_in_both_languages(
    english: str, chinese: str
) -> None:
    def spans(name: str) -> set[str]:
        outside = re.sub(r"```.*?```", "", text(name), flags=re.DOTALL)
        bare = (re.sub(r'"[^"]*"', '""', span) for span in re.findall(r"`([^`\n]+)`", outside))
        return {span for span in bare if not span.startswith("docs/operating")}

    assert spans(english) == spans(chinese)


@pytest.mark.parametrize("name", ["docs/operating.md", "docs/operating.zh-CN.md"])
def test_the_example_configuration_is_right(name: str) -> None:
    main, office = blocks(text(name), "toml")
    settings = settings_from(main, "appliance.toml")
    assert [mailbox.name for mailbox in settings.mailbox] == ["service"]
    assert office_from(office, "office.toml").authserv_id


@pytest.mark.parametrize(
    "name",
    [*(name for pair in PAGES for name in pair), "docs/exchange.md", "docs/exchange.zh-CN.md"],
)
def test_every_link_of_a_page_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text(name))
    assert links
    for path, anchor in links:
        target = (ROOT / name).parent / path if path else ROOT / name
        assert path.startswith("http") or target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), anchor


@pytest.mark.parametrize("name", ["docs/operating.md", "docs/operating.zh-CN.md"])
def test_every_state_is_explained(name: str) -> None:
    explained = re.findall(r"^\| ([a-z]+)[^|]* \| [^|]+ \| [^|]+ \|$", text(name), re.MULTILINE)
    assert set(State) <= set(explained)


@pytest.mark.parametrize("name", ["docs/operating.md", "docs/operating.zh-CN.md"])
def test_the_places_of_files_are_the_defaults(name: str) -> None:
    fields = Settings.__dataclass_fields__
    for setting in ("state", "socket"):
        assert f"`{fields[setting].default}" in text(name)


@pytest.mark.parametrize("name", [name for pair in PAGES for name in pair])
def test_every_whole_command_of_a_page_parses(name: str) -> None:
    lines = [line for block in blocks(text(name)) for line in block.splitlines()]
    commands = [
        *lines,
        *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text(name), flags=re.DOTALL)),
    ]
    asked = [command.removeprefix("$ ").removeprefix("sudo ") for command in commands]
    found = [command for command in asked if command.startswith("appliance ")]
    assert len(found) >= 6
    for command in found:
        words = re.findall(r'"[^"]*"|\S+', command.removeprefix("appliance "))
        parser().parse_args([word.strip('"') for word in words])


def test_the_promise_about_sending_is_made_in_the_agreed_words() -> None:
    assert SENDING in " ".join(text("README.md").split())


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_readme_can_be_read_in_one_sitting(name: str) -> None:
    assert len(text(name).splitlines()) <= 150
