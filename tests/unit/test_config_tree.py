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
        "a.toml, line 2: mailbox[1].path is missing: the directory of the Maildir.",
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


ACCOUNT = """[[mailbox]]
name = "a"
office = "o"
kind = "imap"
[mailbox.sign_in]
user = "a@b.example"
secret = "desk"
[mailbox.imap]
host = "mail.b.example"
[mailbox.smtp]
host = "mail.b.example"
"""


def without(*lines: str) -> str:
    kept = [line for line in ACCOUNT.splitlines() if line not in lines]
    assert len(kept) == len(ACCOUNT.splitlines()) - len(lines)
    return "\n".join(kept) + "\n"


def with_lines(after: str, lines: str, text: str = ACCOUNT) -> str:
    assert f"{after}\n" in text
    return text.replace(f"{after}\n", f"{after}\n{lines}\n", 1)


def test_an_account_needs_servers_a_user_and_a_secret() -> None:
    settings = settings_from(ACCOUNT, "a.toml")
    assert settings.mailbox[0].imap.security == settings.mailbox[0].smtp.security == "tls"
    assert settings.mailbox[0].path is None

    bare = '[[mailbox]]\nname = "a"\noffice = "o"\nkind = "imap"\n'
    assert problems_of_settings(bare) == (
        "a.toml, line 1: mailbox[1].imap.host is missing.",
        "a.toml, line 1: mailbox[1].smtp.host is missing.",
        "a.toml, line 1: mailbox[1].sign_in.user is missing.",
        "a.toml, line 1: mailbox[1].sign_in.secret is missing; password needs it.",
    )


@pytest.mark.parametrize(
    ("sign_in", "missing"),
    [
        ('method = "google"', ["client_id", "client_secret", "secret"]),
        ('method = "microsoft"', ["client_id"]),
        ('method = "microsoft"\nflow = "secret"', ["client_id", "secret"]),
        ('method = "microsoft"\nflow = "certificate"', ["client_id", "secret", "thumbprint"]),
        ('method = "password"', ["secret"]),
        ('method = "microsoft"\nclient_id = "1"', []),
        ('method = "google"\nclient_id = "1"\nclient_secret = "c"\nsecret = "s"', []),
    ],
)
def test_each_method_of_signing_in_names_what_it_needs(sign_in: str, missing: list[str]) -> None:
    text = with_lines('user = "a@b.example"', sign_in, without('secret = "desk"'))
    method = sign_in.split('"')[1]

    if not missing:
        assert settings_from(text, "a.toml").mailbox[0].sign_in.method == method
        return
    assert sorted(problems_of_settings(text)) == sorted(
        f"a.toml, line 5: mailbox[1].sign_in.{name} is missing; {method} needs it."
        for name in missing
    )


@pytest.mark.parametrize("server", ["imap", "smtp"])
@pytest.mark.parametrize(
    "host",
    ["mail.b.example", "192.168.1.2", "127.evil.example", "127", "::2", "localhost.b.example"],
)
def test_no_password_leaves_this_machine_in_the_clear(server: str, host: str) -> None:
    text = ACCOUNT.replace(
        f'[mailbox.{server}]\nhost = "mail.b.example"\n',
        f'[mailbox.{server}]\nhost = "{host}"\nsecurity = "none"\n',
    )
    (problem,) = problems_of_settings(text)

    assert problem.endswith(
        f"mailbox[1].{server}.security must not be none: the password would be readable."
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "LOCALHOST"])
def test_a_server_on_this_very_machine_may_do_without_encryption(host: str) -> None:
    text = ACCOUNT.replace('"mail.b.example"', f'"{host}"\nsecurity = "none"')

    assert settings_from(text, "a.toml").mailbox[0].smtp.security == "none"


@pytest.mark.parametrize("value", ["abcd efgh ijkl mnop", "hunter2!", "pass/word", "密码", "a.b"])
@pytest.mark.parametrize("name", ["secret", "client_secret"])
def test_a_password_where_the_name_of_a_secret_belongs_is_refused_and_not_repeated(
    name: str, value: str
) -> None:
    text = without('secret = "desk"')
    rest = "" if name == "secret" else '\nsecret = "desk"'
    text = with_lines('user = "a@b.example"', f'{name} = "{value}"{rest}', text)
    (problem,) = problems_of_settings(text)

    assert problem == (
        f"a.toml, line 7: mailbox[1].sign_in.{name} must be the name of a secret (letters, digits, "
        "- and _), never the secret itself."
    )
    assert value not in problem


def test_two_mailboxes_are_not_the_same_account() -> None:
    second = ACCOUNT.replace('name = "a"', 'name = "b"').replace("mail.b", "MAIL.B")
    second = second.replace('user = "a@b.example"', 'user = "A@b.example"')

    (problem,) = problems_of_settings(ACCOUNT + second)
    assert problem == (
        "a.toml, line 17: mailbox[2].sign_in.user is used at this server by another mailbox "
        "already: both would answer its mail."
    )


@pytest.mark.parametrize(("old", "new"), [("a@b.example", "c@b.example"), ("mail.b", "mail.c")])
def test_other_users_and_other_servers_are_other_accounts(old: str, new: str) -> None:
    second = ACCOUNT.replace('name = "a"', 'name = "b"').replace(old, new)

    assert len(settings_from(ACCOUNT + second, "a.toml").mailbox) == 2


def test_a_folder_needs_its_directory_whatever_else_it_names() -> None:
    text = ACCOUNT.replace('kind = "imap"', 'kind = "folder"')

    assert problems_of_settings(text) == (
        "a.toml, line 1: mailbox[1].path is missing: the directory of the Maildir.",
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("port = 65536", "port must be from 0 to 65535, not 65536."),
        ('security = "ssl"', 'security must be one of tls, starttls, none, not "ssl".'),
        ("backlog_days = -1", "backlog_days must be from 0 to 36500, not -1."),
        ("largest_mb = 0", "largest_mb must be from 1 to 200, not 0."),
        ('hots = "x"', "hots is not a setting. Did you mean host?"),
    ],
)
def test_a_wrong_setting_of_a_server_is_named_with_its_table(line: str, sentence: str) -> None:
    text = with_lines("[mailbox.imap]", line)

    assert problems_of_settings(text) == (f"a.toml, line 9: mailbox[1].imap.{sentence}",)
