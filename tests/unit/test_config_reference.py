import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from appliance.config.reference import markdown
from appliance.config.settings import Office, Settings

PAGE = Path(__file__).parents[2] / "docs" / "config.md"


def every_setting(kind: Any) -> Iterator[tuple[str, str, str]]:
    for item in fields(kind):
        yield (f"{kind.__name__}.{item.name}", item.metadata["en"], item.metadata["zh"])
        hint = get_type_hints(kind)[item.name]
        for inner in (hint, *get_args(hint)):
            if isinstance(inner, type) and is_dataclass(inner):
                yield from every_setting(inner)


SETTINGS = [*every_setting(Settings), *every_setting(Office)]


@pytest.mark.parametrize(("name", "en", "zh"), SETTINGS, ids=[name for name, _, _ in SETTINGS])
def test_every_setting_has_its_sentence_in_both_languages(name: str, en: str, zh: str) -> None:
    assert re.search(r"[A-Za-z]{2}.*[.)]$", en), name
    assert re.search(r"[\u4e00-\u9fff].*[。）]$", zh), name


def test_the_page_of_settings_is_what_the_tree_says_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "Run scripts/config_reference."


def test_every_setting_stands_on_the_page() -> None:
    page = markdown()

    missing = [name for name, en, _ in SETTINGS if f"`{name.split('.')[1]}`" not in page]
    tables = {
        "Settings.mailbox",
        "MailboxSettings.sign_in",
        "MailboxSettings.imap",
        "MailboxSettings.smtp",
        "MailboxSettings.exchange",
        "MailboxSettings.graph",
        "Settings.engine",
        "Settings.flow",
        "Office.caps",
        "Office.writing",
    }
    # `flow` is the name of a setting of sign_in as well, `mailbox` of exchange and graph.
    assert set(missing) == tables - {"Settings.flow", "Settings.mailbox"}
    for name in tables:
        within = "mailbox." if name.startswith("MailboxSettings") else ""
        assert f"[{within}{name.split('.')[1]}]" in page
