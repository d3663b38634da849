from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.lines import key_lines, nearest_line
from appliance.config.toml import office_from, settings_from
from appliance.domain.errors import ConfigError

MAILBOX = '[[mailbox]]\nname = "a"\noffice = "offices/a"\npath = "mail/a"\n'
OFFICE = 'name = "青禾"\naddresses = ["Service@Qinghe.Example.com"]\n'


def problems_of_settings(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        settings_from(text, "a.toml")
    return caught.value.problems


def problems_of_office(text: str, rules: frozenset[str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        office_from(text, "o.toml", rules)
    return caught.value.problems


def test_a_short_file_gives_the_defaults() -> None:
    settings = settings_from(MAILBOX, "a.toml")

    assert settings.mailbox[0].name == "a"
    assert settings.mailbox[0].kind == "folder"
    assert settings.engine.slots == 1
    assert settings.state == Path("/var/lib/appliance")


def test_relative_paths_count_from_the_directory_of_the_file() -> None:
    text = f'state = "/srv/state"\n{MAILBOX}'

    settings = settings_from(text, "/etc/appliance/appliance.toml")

    assert settings.state == Path("/srv/state")
    assert settings.mailbox[0].office == Path("/etc/appliance/offices/a")


def test_every_mistake_is_named_at_once_in_the_order_of_the_lines() -> None:
    text = (
        'stat = "x"\nlog_level = "info"\n[engine]\nslots = 99\ncontext = "8k"\n'
        f"threads = true\n{MAILBOX}poll_second = 3\n"
    )

    assert problems_of_settings(text) == (
        "a.toml, line 1: stat is not a setting. Did you mean state?",
        'a.toml, line 2: log_level must be one of DEBUG, INFO, WARNING, ERROR, not "info". Did you mean INFO?',
        "a.toml, line 4: engine.slots must be from 1 to 32, not 99.",
        'a.toml, line 5: engine.context must be a whole number, not "8k".',
        "a.toml, line 6: engine.threads must be a whole number, not true.",
        "a.toml, line 11: mailbox[1].poll_second is not a setting. Did you mean poll_seconds?",
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('engine = "llama"', 'engine must be a table, not "llama".'),
        ("mailbox = 3", "mailbox must be a list in square brackets, not 3."),
        ("log_level = 3", "log_level must be one of DEBUG, INFO, WARNING, ERROR, not 3."),
        ('log_level = "LOUD"', 'log_level must be one of DEBUG, INFO, WARNING, ERROR, not "LOUD".'),
        ('state = ""', 'state must be a path in quotes, not "".'),
        ("state = [1]", "state must be a path in quotes, not a list."),
        ("engine.kind = {a = 1}", "engine.kind must be one of llama, scripted, not a table."),
        ("flow.undo_seconds = nan", "flow.undo_seconds must be a number, not nan."),
        ("flow.undo_seconds = -1", "flow.undo_seconds must be from 0 to 86400, not -1."),
        ("flow.attempts = 2.0", "flow.attempts must be a whole number, not 2.0."),
        ("flow.undo_seconds = false", "flow.undo_seconds must be a number, not false."),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_place(text: str, sentence: str) -> None:
    assert f"a.toml, line 1: {sentence}" in problems_of_settings(f"{text}\n")


def test_whole_numbers_do_where_a_number_is_asked() -> None:
    assert settings_from(f"{MAILBOX}poll_seconds = 5\n", "a.toml").mailbox[0].poll_seconds == 5.0


def test_text_that_is_no_toml_is_refused_with_line_and_column() -> None:
    (problem,) = problems_of_settings('state = "x"\nsocket = = 3\n')

    assert problem.startswith("a.toml: this is not valid TOML")
    assert "line 2" in problem


def test_a_missing_setting_is_named_with_the_line_of_its_table() -> None:
    problems = problems_of_settings('\n[[mailbox]]\nname = "a"\n')

    assert problems == (
        "a.toml, line 2: mailbox[1].office is missing.",
        "a.toml, line 2: mailbox[1].path is missing.",
    )


def test_a_file_without_mailboxes_is_refused() -> None:
    assert problems_of_settings("") == ("a.toml: mailbox is missing.",)
    assert problems_of_settings("mailbox = []") == (
        "a.toml, line 1: mailbox must name at least one mailbox.",
    )


def test_two_mailboxes_share_neither_name_nor_maildir() -> None:
    assert problems_of_settings(MAILBOX + MAILBOX) == (
        "a.toml, line 6: mailbox[2].name is used by another mailbox already.",
        "a.toml, line 8: mailbox[2].path is used by another mailbox already.",
    )


def test_the_longest_wait_is_not_shorter_than_the_first() -> None:
    assert problems_of_settings(f"{MAILBOX}[flow]\nretry_max_seconds = 3\n") == (
        "a.toml, line 6: flow.retry_max_seconds must not be less than retry_seconds (30).",
    )
    both = f"{MAILBOX}[flow]\nretry_seconds = 0\nretry_max_seconds = 3\n"
    assert settings_from(both, "a.toml").flow.retry_max_seconds == 3.0


def test_addresses_are_lower_cased() -> None:
    assert office_from(OFFICE, "o.toml").addresses == ("service@qinghe.example.com",)


@pytest.mark.parametrize("address", ["service", "@b.c", "a@", "a b@c.d", "A <a@b.c>", "a@b@c"])
def test_what_is_no_address_is_refused(address: str) -> None:
    (problem,) = problems_of_office(f'name = "A"\naddresses = ["a@b.c", "{address}"]\n')

    assert problem.startswith("o.toml, line 2: addresses[2] must be a mail address")


def test_an_office_has_a_name_a_language_and_an_address() -> None:
    assert problems_of_office('name = ""\naddresses = []\nlanguage = ""\n') == (
        "o.toml, line 1: name must not be empty.",
        "o.toml, line 2: addresses must name at least one address.",
        "o.toml, line 3: language must not be empty.",
    )
    assert "o.toml, line 1: addresses[1] must be a mail address in quotes, not 3." in (
        problems_of_office("addresses = [3]")
    )


def test_an_office_may_change_the_disclosure_of_one_language_alone() -> None:
    office = office_from(f'{OFFICE}[disclosure]\nen = "A robot wrote this."\n', "o.toml")

    assert office.disclosure["en"] == "A robot wrote this."
    assert office.disclosure["zh-Hans"].startswith("本邮件")


def test_a_table_of_texts_holds_texts() -> None:
    assert problems_of_office(f"{OFFICE}[disclosure]\nen = 3\n") == (
        "o.toml, line 4: disclosure.en must be a text in quotes, not 3.",
    )
    assert problems_of_office(f"{OFFICE}disclosure = 3\n") == (
        "o.toml, line 3: disclosure must be a table, not 3.",
    )


def test_rules_are_known_and_as_strict_as_a_disposition() -> None:
    text = f'{OFFICE}[rules]\nlst_mail = "hold"\nbounce = "stop"\nphoto_only = "review"\n'
    rules = frozenset({"list_mail", "bounce", "photo_only"})

    assert problems_of_office(text, rules) == (
        "o.toml, line 4: rules.lst_mail is not a rule. Did you mean list_mail?",
        'o.toml, line 5: rules.bounce must be one of pass, review, hold, skip, not "stop".',
    )


def test_rule_names_are_free_where_nobody_says_what_is_known() -> None:
    office = office_from(f'{OFFICE}[rules]\nanything = "hold"\n', "o.toml")

    assert office.rules == {"anything": "hold"}


def test_keys_are_found_in_dotted_quoted_nested_and_repeated_tables() -> None:
    text = (
        'a.b = 1\n"c d" = """\nnot = a key\n"""\n[[m]]\nx = 1\n[[m]]\n[m.inner]\ny = 2\n'
        "[[m.list]]\nz = '''one line'''\n"
    )
    lines = key_lines(text)

    assert lines[("a", "b")] == 1
    assert lines[("c d",)] == 2
    assert lines[("m", 0, "x")] == 6
    assert lines[("m", 1)] == 7
    assert lines[("m", 1, "inner", "y")] == 9
    assert lines[("m", 1, "list", 0, "z")] == 11
    assert ("not",) not in lines


def test_a_key_without_a_line_takes_that_of_the_table_around_it() -> None:
    lines = key_lines("[engine]\nslots = 1\n")

    assert nearest_line(lines, ("engine", "context")) == 1
    assert nearest_line(lines, ("flow",)) is None


@given(st.text())
def test_any_text_is_settings_or_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_from(text, "a.toml")
    assert caught.value.problems
