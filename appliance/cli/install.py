"""Writes what ``appliance setup`` was told: secrets, an office, the configuration."""

import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.cli.account import Account
from appliance.cli.microsoft import certificate_name
from appliance.cli.words import words as _
from appliance.config.accounts import ExchangeSettings, SmtpSettings
from appliance.config.files import replace_file
from appliance.config.secrets import Secrets
from appliance.config.settings import MailboxSettings, Office, Settings
from appliance.config.toml import OFFICE_FILE, file_text, office_from, settings_from
from appliance.config.written import changed, toml_text
from appliance.domain.errors import OperatorError
from appliance.flow.stages import RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the configuration goes; ``before`` is the one that is there already."""

    config: Path
    before: Settings | None
    settings: Settings
    directory: Path


def require_writable(config: Path) -> None:
    """Better before twenty questions than after.

    Raises:
        OperatorError: the file cannot be written by who asks.
    """
    there = next(each for each in config.parents if each.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise OperatorError(
            _(
                "{config} cannot be written by you. Run `sudo appliance setup`, or name another "
                "file: `appliance --config FILE setup`."
            ).format(config=config)
        )


def mailbox_of(account: Account, office: Path) -> MailboxSettings:
    """The answers, and what trying them out taught, as settings."""
    usual = MailboxSettings(
        name=account.name, office=office, kind=account.kind, sign_in=account.sign_in
    )
    match account.kind:
        case "exchange":
            return replace(usual, exchange=_taught(account.exchange, account.learned))
        case "graph":
            return replace(usual, graph=account.graph)
        case "imap":
            return replace(usual, imap=account.imap, smtp=_smtp(account.smtp, account.learned))


def _taught(exchange: ExchangeSettings, learned: Mapping[str, str]) -> ExchangeSettings:
    match learned.get("send"):
        case "send_item" | "update_item" as way:
            return replace(exchange, send=way)
        case _:
            return exchange


def _smtp(smtp: SmtpSettings, learned: Mapping[str, str]) -> SmtpSettings:
    match learned.get("sent_copy"):
        case "append" | "server" as kept:
            return replace(smtp, sent_copy=kept)
        case _:
            return smtp


def write(place: Place, office: Office, account: Account) -> Path:
    """Secrets first and the configuration last: what it names is there when it is there.

    Returns:
        The directory of the office.

    Raises:
        ConfigError: the answers make no configuration; nothing was written. Or a file cannot be.
        DiskFull: there is no room; the configuration is what it was.
    """
    config, settings = place.config, place.settings
    folder = _free_folder(place, account.name)
    text = _text(place, mailbox_of(account, folder))
    office_text = toml_text(changed(office))
    # A mistake is told while nothing is written yet.
    settings_from(text, str(config))
    office_from(office_text, str(folder / OFFICE_FILE), RULES)
    for directory in (folder, folder / "knowledge"):
        _make_readable(directory)
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = _write_secrets(config, account)
    if account.tokens is not None and account.tokens.exists():
        private.append(keep_tokens(account.tokens, settings.state))
    hand_over(private, settings.state)
    if account.certificate:
        public = config.parent / certificate_name(account.name)
        replace_file(public, account.certificate.encode("ascii"))
        public.chmod(0o644)
    replace_file(folder / OFFICE_FILE, office_text.encode())
    (folder / OFFICE_FILE).chmod(0o644)
    mode = config.stat().st_mode & 0o777 if place.before is not None else 0o644
    replace_file(config, text.encode())
    config.chmod(mode)
    return folder


def keep_tokens(cache: Path, state: Path) -> Path:
    """Put a person's sign-in where the service reads it; returns the file.

    Raises:
        ConfigError, DiskFull: it cannot be written; an older one is untouched.
    """
    kept = state / cache.name
    replace_file(kept, cache.read_bytes())
    return kept


def _text(place: Place, mailbox: MailboxSettings) -> str:
    """The whole ``appliance.toml``; what is there already stays, comments included."""
    block = toml_text({"mailbox": [changed(mailbox)]})
    if place.before is None:
        usual = {
            name: value for name, value in changed(place.settings).items() if name != "mailbox"
        }
        return (toml_text(usual) + "\n" + block).lstrip("\n")
    return file_text(place.config).rstrip("\n") + "\n\n" + block


def _free_folder(place: Place, name: str) -> Path:
    """A directory for the office in which there is none yet."""
    offices = place.config.parent / "offices"
    tries = [offices / name, *(offices / f"{name}-{number}" for number in range(2, 1000))]
    if place.before is None:
        tries.insert(0, place.config.parent / "office")
    return next(each for each in tries if not (each / OFFICE_FILE).exists())


def _make_readable(directory: Path) -> None:
    """The service's user and who writes the knowledge need to look in, whatever the umask is."""
    for each in (*reversed(directory.parents), directory):
        if not each.exists():
            each.mkdir()
            each.chmod(0o755)


def _write_secrets(config: Path, account: Account) -> list[Path]:
    """Those that the sign-in names; returns their directory and files."""
    secrets = Secrets.beside(config)
    sign_in = account.sign_in
    names = [name for name in (sign_in.secret, sign_in.client_secret) if name in account.secrets]
    written = [secrets.put(name, account.secrets[name]) for name in names]
    return [*dict.fromkeys(path.parent for path in written), *written]


def hand_over(private: Sequence[Path], state: Path) -> None:
    """What root wrote for the service alone belongs to whom the state directory belongs to."""
    if os.geteuid() != 0:
        return
    owner = state.stat()
    for path in private:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    if owner.st_uid == 0:
        print(_("The files belong to root; the service has to run as root to read them."))
        return
    try:
        user = pwd.getpwuid(owner.st_uid).pw_name
    except KeyError:
        user = str(owner.st_uid)
    print(
        _("Passwords and tokens belong to the user {user}, as {state} does.").format(
            user=user, state=state
        )
    )
