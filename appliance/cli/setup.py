"""``appliance setup``: asks, tries, explains what failed, and writes the configuration."""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from appliance.cli import ask
from appliance.cli.app import CONFIG
from appliance.cli.check import print_probe, probes
from appliance.cli.signin import Account, ask_account
from appliance.cli.words import words as _
from appliance.config.files import replace_file
from appliance.config.secrets import Secrets
from appliance.config.settings import EngineSettings, MailboxSettings, Office, Settings
from appliance.config.toml import OFFICE_FILE, load_office, load_settings
from appliance.config.written import changed, toml_text
from appliance.domain.errors import ConfigError, OperatorError
from appliance.domain.mail import Address
from appliance.flow.stages import RULES

_LANGUAGES: Final = (
    ("en", "English"),
    ("zh-Hans", "简体中文"),
    ("zh-Hant", "繁體中文"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
)
_NAME: Final = 32


def add_verbs(verbs: Any) -> None:
    """Add ``setup``."""
    setup = verbs.add_parser(
        "setup", help=_("connect a mailbox: asks, tries it out, writes the configuration")
    )
    setup.set_defaults(run=_setup)


def _setup(chosen: argparse.Namespace) -> int:
    if not sys.stdin.isatty():
        raise OperatorError(_("`appliance setup` asks questions; run it in a terminal."))
    config: Path = chosen.config
    before = load_settings(config) if config.exists() else None
    print(_("This connects a mailbox. Enter takes what stands in brackets; Ctrl-C ends without"))
    print(_("having written anything.") + "\n")
    settings = before or _box(config)
    office = _office()
    name = _free_name(office, settings if before else None)
    place = config.parent / "offices" / name if before else config.parent / "office"
    with tempfile.TemporaryDirectory(prefix="appliance-setup-") as directory:
        account = _tried_out(office, name, place, settings, Path(directory))
        office = replace(office, authserv_id=account.learned.get("authserv_id", ""))
        if not office.authserv_id:
            print(_("No Authentication-Results header was seen: until `authserv_id` is set, every"))
            print(_("draft waits for a person."))
        if not ask.yes(_("Write the configuration now?"), default=True):
            return 1
        _write(config, before, settings, office, account, place)
    print("\n" + _("Written: {config}").format(config=config))
    print(
        _("Put what customers should be told into {folder} (.md, .txt, .csv).").format(
            folder=place / "knowledge"
        )
    )
    print(_("Then start the service: appliance --config {config} serve").format(config=config))
    return 0


def _box(config: Path) -> Settings:
    """Where a new configuration keeps its things."""
    usual = Settings(mailbox=())
    if config != CONFIG:
        usual = replace(usual, state=config.parent / "state", socket=config.parent / "control.sock")
    state = Path(ask.text(_("Directory for everything the appliance keeps"), str(usual.state)))
    model = Path(ask.text(_("Model file (GGUF)"), str(EngineSettings().model)))
    if not model.is_file():
        print("  " + _("It is not there yet; mail is held until it is."))
    return replace(usual, state=state, engine=EngineSettings(model=model))


def _office() -> Office:
    name = ask.text(_("Name of the office, as customers know it"))
    address = ask.text(_("Mail address of the mailbox"), right=_wrong_address)
    return Office(
        name=name,
        addresses=(Address(address.lower()),),
        language=ask.choice(_("Language of the office"), _LANGUAGES, _.language),
        signature=ask.optional(_("Signature under every reply (one line)"), name),
    )


def _wrong_address(answer: str) -> str:
    local, _at, domain = answer.rpartition("@")
    if local and "." in domain and " " not in answer:
        return ""
    return _("This is no mail address, such as service@example.com.")


def _free_name(office: Office, before: Settings | None) -> str:
    """A short name for the mailbox that no other has."""
    local = office.addresses[0].partition("@")[0]
    wanted = "".join(c if c.isascii() and c.isalnum() else "-" for c in local)[:_NAME]
    wanted = wanted.strip("-") or "mailbox"
    taken = {one.name for one in before.mailbox} if before is not None else set()
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _tried_out(
    office: Office, name: str, place: Path, settings: Settings, directory: Path
) -> Account:
    """Asks until the probes are well, or until the person wants to keep what is not."""
    account: Account | None = None
    trial = replace(settings, state=directory)
    secrets = Secrets(directory / "secrets")
    while True:
        account = ask_account(office, name, secrets, directory, account)
        mailbox = _mailbox(name, place, account)
        print("\n" + _("Trying it out (the mail to itself may take a minute):"))
        failed = False
        for probe in probes(mailbox, office, trial, secrets, send=True):
            print_probe(probe)
            failed = failed or probe.state == "failed"
            account.learned.update(dict(probe.learned))
        print()
        if not failed:
            return account
        if ask.yes(_("Not everything works. Change the answers and try again?"), default=True):
            continue
        if ask.yes(_("Keep these answers all the same?"), default=False):
            return account
        raise OperatorError(_("Nothing was written."))


def _mailbox(name: str, place: Path, account: Account) -> MailboxSettings:
    smtp = account.smtp
    if account.learned.get("sent_copy") == "server":
        smtp = replace(smtp, sent_copy="server")
    elif "sent_copy" in account.learned:
        smtp = replace(smtp, sent_copy="append")
    return MailboxSettings(
        name=name,
        office=place,
        kind="imap",
        sign_in=account.sign_in,
        imap=account.imap,
        smtp=smtp,
    )


def _write(
    config: Path,
    before: Settings | None,
    settings: Settings,
    office: Office,
    account: Account,
    place: Path,
) -> None:
    """Secrets first and the configuration last: what it names is there when it is there."""
    mailbox = _mailbox(account.name, place, account)
    if (place / OFFICE_FILE).exists():
        raise ConfigError((f"{place / OFFICE_FILE} exists already; move it away first.",))
    (place / "knowledge").mkdir(parents=True, exist_ok=True)
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    secrets = Secrets.beside(config)
    for name, secret in account.secrets.items():
        secrets.put(name, secret)
    if account.tokens is not None and account.tokens.exists():
        replace_file(settings.state / account.tokens.name, account.tokens.read_bytes())
    replace_file(place / OFFICE_FILE, toml_text(changed(office)).encode())
    (place / OFFICE_FILE).chmod(0o644)
    block = toml_text({"mailbox": [changed(mailbox)]})
    if before is None:
        text = toml_text(changed(replace(settings, mailbox=()))) + "\n" + block
    else:
        text = config.read_text("utf-8").rstrip("\n") + "\n\n" + block
    replace_file(config, text.encode())
    config.chmod(0o644)
    load_office(load_settings(config).mailbox[-1].office, RULES)
