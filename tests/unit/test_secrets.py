"""Secrets show themselves to nobody and are read anew each time."""

import errno
import os
import stat
from pathlib import Path

import pytest

from appliance.config.secrets import Secret, Secrets
from appliance.domain.errors import ConfigError, DiskFull

CANARY = "canary-secret-27"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


@pytest.fixture
def secrets(directory: Path) -> Secrets:
    return Secrets(directory, environment={})


def problem(secrets: Secrets, name: str = "desk") -> str:
    with pytest.raises(ConfigError) as caught:
        secrets.get(name)
    (sentence,) = caught.value.problems
    assert CANARY not in sentence
    return sentence


def test_a_secret_shows_itself_only_when_asked_to() -> None:
    secret = Secret(CANARY)

    assert secret.reveal() == CANARY
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}", f"{secret!r:>3}"):
        assert CANARY not in shown
    assert not hasattr(secret, "__dict__")


def test_secrets_are_equal_by_their_value_alone() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_what_is_put_is_read_and_only_its_owner_can(secrets: Secrets, directory: Path) -> None:
    path = secrets.put("desk", Secret(CANARY))

    assert path == directory / "desk"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert secrets.get("desk") == Secret(CANARY)


def test_a_changed_secret_counts_at_once(secrets: Secrets) -> None:
    secrets.put("desk", Secret("old"))
    secrets.put("desk", Secret("new"))

    assert secrets.get("desk") == Secret("new")


def test_the_line_ending_of_an_editor_is_no_part_of_a_secret(
    secrets: Secrets, directory: Path
) -> None:
    path = secrets.put("desk", Secret(""))
    for text in (f"{CANARY}\n", f"{CANARY}\r\n", CANARY):
        path.write_text(text)
        assert secrets.get("desk") == Secret(CANARY)
    path.write_text(f" {CANARY} \n")
    assert secrets.get("desk") == Secret(f" {CANARY} ")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o610])
def test_a_secret_that_others_can_reach_is_refused(
    mode: int, secrets: Secrets, directory: Path
) -> None:
    secrets.put("desk", Secret(CANARY)).chmod(mode)

    path = directory / "desk"
    assert problem(secrets) == f"{path}: others can read this secret; run `chmod 600 {path}`."


def test_a_missing_secret_is_told_with_the_file_it_belongs_into(
    secrets: Secrets, directory: Path
) -> None:
    assert problem(secrets) == (
        f"The secret desk is missing: write it into {directory / 'desk'} (mode 600, owned by the "
        "service's user) or hand it over as a systemd credential."
    )


@pytest.mark.parametrize("content", ["", "\n", "\r\n"])
def test_an_empty_secret_is_none(content: str, secrets: Secrets, directory: Path) -> None:
    secrets.put("desk", Secret(content))

    assert problem(secrets) == f"{directory / 'desk'}: the secret is empty."


@pytest.mark.parametrize("name", ["../desk", "a/b", "", ".", "a b", "desk\n", "ä", "x" * 65])
def test_a_name_leads_nowhere_else(name: str, secrets: Secrets) -> None:
    assert "is no name of a secret." in problem(secrets, name)


def test_a_directory_in_its_place_is_told(secrets: Secrets, directory: Path) -> None:
    (directory / "desk").mkdir(parents=True)

    assert problem(secrets) == f"{directory / 'desk'}: it cannot be read: Is a directory."


def test_a_systemd_credential_goes_first(tmp_path: Path, directory: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    secrets = Secrets(directory, environment={"CREDENTIALS_DIRECTORY": str(credentials)})
    secrets.put("desk", Secret("from the file"))
    assert secrets.get("desk") == Secret("from the file")

    # systemd answers for who can read it: mode 0440 there is no mistake.
    (credentials / "desk").write_text(f"{CANARY}\n")
    (credentials / "desk").chmod(0o440)
    assert secrets.get("desk") == Secret(CANARY)


def test_the_secrets_of_a_configuration_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "desk").write_text(CANARY)
    (tmp_path / "secrets" / "desk").chmod(0o600)

    assert Secrets.beside(tmp_path / "appliance.toml").get("desk") == Secret(CANARY)


def test_a_place_that_cannot_hold_secrets_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("a file")

    with pytest.raises(ConfigError, match="secrets"):
        Secrets(tmp_path / "secrets" / "deeper", environment={}).put("desk", Secret(CANARY))


def test_a_full_disk_leaves_the_old_secret(
    secrets: Secrets, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets.put("desk", Secret("old"))

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(DiskFull):
        secrets.put("desk", Secret(CANARY))

    assert secrets.get("desk") == Secret("old")
    assert [path.name for path in directory.iterdir()] == ["desk"]
