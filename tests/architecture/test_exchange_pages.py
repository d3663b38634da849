"""The pages about Exchange and Microsoft 365: the same in both languages, their examples right."""

import re
from typing import Final, Literal

import pytest

from appliance.cli.app import parser
from appliance.cli.probed import named_probe
from appliance.cli.words import Words
from appliance.config.accounts import ExchangeSettings, GraphSettings
from appliance.config.secrets import Secret
from appliance.config.toml import settings_from
from appliance.mailbox.exchange.line import limit_seconds
from appliance.mailbox.graph import PEEK_SECONDS
from appliance.mailbox.scopes import person_scopes
from appliance.mailbox.signin import PasswordSignIn, SignIn
from appliance.mailbox.store_claim import BEAT_SECONDS, LEASE_SECONDS
from tests.architecture.test_pages import ROOT, SENDING, blocks, shape, text
from tests.fakes import FakeClock

ENGLISH: Final = "docs/exchange.md"
CHINESE: Final = "docs/exchange.zh-CN.md"
PAGES: Final = (ENGLISH, CHINESE)
DATES: Final = ("2026-10-01", "2027-04-01")
PROBES: Final = "server sign_in mailbox other folders draft claim send round_trip marking".split()


def spans(name: str) -> set[str]:
    outside = re.sub(r"```.*?```", "", text(name), flags=re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", outside))


def test_both_languages_have_the_same_shape_and_name_the_same_things() -> None:
    assert shape(text(ENGLISH)) == shape(text(CHINESE))
    assert spans(ENGLISH) == spans(CHINESE)


def test_both_languages_show_the_same_blocks() -> None:
    for language in ("toml", "powershell", ""):
        assert blocks(text(ENGLISH), language) == blocks(text(CHINESE), language)


def test_each_example_is_a_configuration() -> None:
    kinds = []
    for block in blocks(text(ENGLISH), "toml"):
        (mailbox,) = settings_from(block, "appliance.toml").mailbox
        kinds.append(mailbox.kind)
    assert kinds == ["graph", "exchange"]


def waited(auth: Literal["ntlm", "basic"]) -> float:
    """Seconds for which nothing is known of a reply that was just being sent."""
    method = PasswordSignIn(user="svc-appliance", read=lambda: Secret("unread"))
    return limit_seconds(ExchangeSettings(auth=auth), SignIn(method, FakeClock()))


@pytest.mark.parametrize("name", PAGES)
def test_every_command_parses(name: str) -> None:
    shown = [line for block in blocks(text(name)) for line in block.splitlines()]
    found = [line for line in [*shown, *spans(name)] if line.startswith("appliance ")]
    assert len(found) >= 5
    for command in found:
        parser().parse_args(command.split()[1:])


@pytest.mark.parametrize(("name", "language"), [(ENGLISH, "en"), (CHINESE, "zh-Hans")])
def test_every_probe_is_explained_under_its_name(
    name: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", "")
    words = Words()
    words.choose(language)
    explained = re.findall(r"^\| ([^|`]+) \| [^|]+ \|$", text(name), re.MULTILINE)
    for probe in PROBES:
        assert words(named_probe(probe)) in explained, probe


@pytest.mark.parametrize("name", PAGES)
def test_figures_names_and_dates_are_those_of_the_code(name: str) -> None:
    page = text(name)
    for date in DATES:
        assert date in page
    for scope in person_scopes("graph", ""):
        assert f"`{scope.rpartition('/')[2]}`" in page
    for settings in (ExchangeSettings(), GraphSettings()):
        for folder in (settings.handled, settings.held, settings.skipped, settings.claim):
            assert f"`{folder}`" in page
    assert f"`timeout_seconds = {ExchangeSettings().timeout_seconds:g}`" in page
    for seconds in (waited("basic"), waited("ntlm")):
        assert f" {seconds:g} " in page
    assert (PEEK_SECONDS, BEAT_SECONDS, LEASE_SECONDS) == (10, 120, 300)


def test_the_promise_about_sending_is_the_one_of_the_readme() -> None:
    promise = SENDING.partition(";")[0]
    assert promise in " ".join(text(ENGLISH).split())


@pytest.mark.parametrize("name", PAGES)
def test_every_page_it_points_to_is_there(name: str) -> None:
    for target in re.findall(r"\]\(([\w.-]+\.md)\)", text(name)):
        assert (ROOT / "docs" / target).exists(), target


@pytest.mark.parametrize(("name", "title"), [(ENGLISH, "Never tried"), (CHINESE, "从未试过")])
def test_the_list_of_what_was_never_tried_is_where_the_page_points(name: str, title: str) -> None:
    anchor = title.lower().replace(" ", "-")
    assert f"](#{anchor})" in text(name)
    assert f"\n## {title}\n" in text(name)
    rows = re.findall(
        r"^\| [^|]+ \| [^|]+ \|$", text(name).partition(f"\n## {title}\n")[2], re.MULTILINE
    )
    assert len(rows) > 30
