import errno
import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from appliance.config.accounts import ImapSettings, SignIn, SmtpSettings
from appliance.config.files import replace_file
from appliance.config.overrides import Override, Overrides, load, save
from appliance.config.settings import MailboxSettings, Office
from appliance.config.toml import load_office, load_settings
from appliance.config.written import changed, toml_text
from appliance.domain.errors import ConfigError, DiskFull
from appliance.domain.mail import Address

NOON = datetime(2026, 11, 3, 12, 30, 1, 250_000, tzinfo=timezone(timedelta(hours=8)))
PAUSE = Override(
    name="pause", value=True, who="李雷", when=NOON, why='盘点 "today"', until=NOON + timedelta(1)
)
STOP = Override(name="stop_sending", value="all", who="root", when=NOON)
ROOT = Path(__file__).parents[2]


def test_settings_and_office_are_read_from_their_files(tmp_path: Path) -> None:
    file = tmp_path / "appliance.toml"
    file.write_text('[[mailbox]]\nname = "a"\noffice = "a"\npath = "m"\n', encoding="utf-8-sig")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "office.toml").write_text(
        'name = "青禾电器"\naddresses = ["A@b.example"]\n', encoding="utf-8"
    )

    settings = load_settings(file)
    office = load_office(settings.mailbox[0].office)

    assert settings.mailbox[0].path == tmp_path / "m"
    assert office.name == "青禾电器"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"office\.toml: it cannot be read: No such file"):
        load_office(tmp_path)


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "office.toml").write_bytes(
        b'language = "zh-Hans"\n' + 'name = "青禾"'.encode("gbk")
    )

    with pytest.raises(ConfigError, match=r"office\.toml, line 2: this is not UTF-8"):
        load_office(tmp_path)


def test_a_huge_file_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "appliance.toml").open("wb") as file:
        file.truncate(10**12)

    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load_settings(tmp_path / "appliance.toml")


def test_overrides_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "overrides.toml"
    overrides = Overrides().with_(PAUSE).with_(STOP)

    save(path, overrides)

    assert load(path) == overrides
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["overrides.toml"]


def test_no_file_means_no_overrides(tmp_path: Path) -> None:
    assert load(tmp_path / "overrides.toml") == Overrides()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[override]\n", "not valid TOML"),
        ('[[override]]\nname = "pause"\n', r"override\[1\]\.value is missing"),
        (
            '[[override]]\nname = "a"\nvalue = [1]\nwho = "b"\nwhen = 2026-01-01T00:00:00Z\n',
            r"line 3: override\[1\]\.value must be true or false, not a list",
        ),
        (
            '[[override]]\nname = "a"\nvalue = 1\nwho = "b"\nwhen = 2026-01-01T00:00:00\n',
            r"line 5: override\[1\]\.when must be a date with time and offset",
        ),
    ],
)
def test_damaged_overrides_are_refused_and_kept(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "overrides.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match=problem) as caught:
        load(path)

    assert "move this file away" in caught.value.problems[-1]
    assert path.read_text(encoding="utf-8") == text


def test_a_directory_that_cannot_be_written_to_is_a_matter_for_a_person(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it cannot be written: No such file"):
        save(tmp_path / "missing" / "overrides.toml", Overrides())


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "overrides.toml"
    save(path, Overrides().with_(PAUSE))

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(DiskFull):
        save(path, Overrides())

    assert load(path).active(NOON.astimezone(UTC)) == (PAUSE,)
    assert [entry.name for entry in tmp_path.iterdir()] == ["overrides.toml"]


def test_the_script_that_writes_the_page_of_settings_is_sound_shell() -> None:
    subprocess.run(["bash", "-n", str(ROOT / "scripts" / "config_reference")], check=True)


def test_settings_that_are_written_are_read_back_the_same(tmp_path: Path) -> None:
    mailbox = MailboxSettings(
        name="desk",
        office=tmp_path / "office",
        kind="imap",
        sign_in=SignIn(user="a@b.example", secret="desk"),
        imap=ImapSettings(host="127.0.0.1", port=1143, ca_file=tmp_path / 'a "b" 青.pem'),
        smtp=SmtpSettings(host="127.0.0.1", security="starttls", sent_copy="server"),
    )
    office = Office(name='青禾 "电器"\n', addresses=(Address("a@b.example"),), signature="")
    file = tmp_path / "appliance.toml"

    replace_file(file, toml_text({"mailbox": [changed(mailbox)]}).encode())
    (tmp_path / "office").mkdir()
    replace_file(tmp_path / "office" / "office.toml", toml_text(changed(office)).encode())

    assert load_settings(file).mailbox == (mailbox,)
    assert load_office(tmp_path / "office") == office
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_as_by_default_is_not_written() -> None:
    mailbox = MailboxSettings(name="a", office=Path("/o"), path=Path("/m"))

    assert changed(mailbox) == {"name": "a", "office": "/o", "path": "/m"}
