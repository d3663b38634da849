"""``appliance setup``: asks, tries, explains what failed, and writes the configuration."""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from appliance.cli import ask
from appliance.cli.account import Account, wrong_address
from appliance.cli.app import CONFIG
from appliance.cli.check import probes, wished
from appliance.cli.install import Place, mailbox_of, require_writable, write
from appliance.cli.microsoft import certificate_name
from appliance.cli.probed import print_probe
from appliance.cli.signin import ask_account
from appliance.cli.words import words as _
from appliance.config.mailboxes import account_of
from appliance.config.secrets import Secrets
from appliance.config.settings import EngineSettings, Office, Settings
from appliance.config.toml import load_settings
from appliance.domain.errors import OperatorError
from appliance.domain.mail import Address

_LANGUAGES: Final = (
    ("en", "English"),
    ("zh-Hans", "简体中文"),
    ("zh-Hant", "繁體中文"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
)
_NAME: Final = 32
_DONE_HERE: Final = {"copied": "came_back", "not_copied": "came_back", "sends_otherwise": "sends"}


def add_verbs(verbs: Any) -> None:
    """Add ``setup``."""
    setup = verbs.add_parser(
        "setup", help=_("connect a mailbox: asks, tries it out, writes the configuration")
    )
    setup.set_defaults(run=_setup)


def _setup(chosen: argparse.Namespace) -> int:
    if not sys.stdin.isatty():
        raise OperatorError(_("`appliance setup` asks questions; run it in a terminal."))
    config = chosen.config.absolute()
    before = load_settings(config) if config.exists() else None
    require_writable(config)
    print(_("This connects a mailbox. Enter takes what stands in brackets; Ctrl-C ends without"))
    print(_("having written anything.") + "\n")
    with tempfile.TemporaryDirectory(prefix="appliance-setup-") as directory:
        try:
            answers = _asked(config, before, Path(directory))
        except KeyboardInterrupt:
            print("\n" + _("Nothing was written."))
            return 130
        if answers is None:
            print(_("Nothing was written."))
            return 1
        place, office, account = answers
        written = write(place, office, account)
    _say_what_is_next(place, written)
    if account.certificate:
        path = config.parent / certificate_name(account.name)
        print(_("The certificate lies in {path}; it is no secret.").format(path=path))
    return 0


def _asked(
    config: Path, before: Settings | None, directory: Path
) -> tuple[Place, Office, Account] | None:
    """All answers, tried out; None where they are not to be written."""
    if before is not None:
        names = ", ".join(one.name for one in before.mailbox)
        print(
            _("{config} is kept as it is; a mailbox is added to: {names}.").format(
                config=config, names=names
            )
        )
    place = Place(
        config=config, before=before, settings=before or _box(config), directory=directory
    )
    office, account = _tried_out(_office(), place)
    if not ask.yes(_("Write the configuration now?"), default=True):
        return None
    return place, office, account


def _say_what_is_next(place: Place, written: Path) -> None:
    config = place.config
    print("\n" + _("Written: {config}").format(config=config))
    folder = written / "knowledge"
    print(
        _("Put what customers should be told into {folder} (.md, .txt, .csv).").format(
            folder=folder
        )
    )
    command = "appliance" if config == CONFIG else f"appliance --config {config}"
    if place.before is None:
        print(_("Then start the service: {command} serve").format(command=command))
    else:
        print(_("Then restart the service, so that it looks after the new mailbox, too."))
    print(_("To try the mailboxes out again at any time: {command} check").format(command=command))


def _box(config: Path) -> Settings:
    """Where a new configuration keeps its things."""
    usual = Settings(mailbox=())
    if config != CONFIG:
        usual = replace(usual, state=config.parent / "state", socket=config.parent / "control.sock")
    print(_("The service keeps mails and drafts in a directory of its own."))
    state = ask.text(_("Directory for everything the appliance keeps"), str(usual.state))
    print(_("The language model is one large file (.gguf) that you bring."))
    model = _path(ask.text(_("Model file"), str(EngineSettings().model)))
    if not model.is_file():
        print("  " + _("It is not there yet; mail waits until it is."))
    return replace(usual, state=_path(state), engine=EngineSettings(model=model))


def _path(answer: str) -> Path:
    return Path(answer).expanduser().absolute()


def _office() -> Office:
    """Everything but its address, which is asked with the servers."""
    name = ask.text(_("Name of the office, as customers know it"))
    return Office(
        name=name,
        addresses=(),
        language=ask.choice(_("Language of the office"), _LANGUAGES, _.language),
        signature=ask.optional(_("Signature under every reply, one line (- for none)"), name),
    )


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


def _tried_out(office: Office, place: Place) -> tuple[Office, Account]:
    """Asks until the probes are well, or until the person wants to keep what is not."""
    account: Account | None = None
    secrets = Secrets(place.directory / "secrets", environment={})
    while True:
        last = office.addresses[0] if office.addresses else ""
        answer = ask.text(_("Mail address of the mailbox"), last, right=wrong_address)
        office = replace(office, addresses=(Address(answer.lower()),))
        if office.addresses[0] != last:
            account = None
        name = _free_name(office, place.before)
        account = ask_account(office.addresses[0], name, secrets, place.directory, account)
        if known := _known(account, place.settings):
            print(
                _("The mailbox {name} is this very account; it is connected already.").format(
                    name=known
                )
            )
            continue
        print("\n" + _("Trying it out (the mail to itself may take a minute):"))
        well = _well(office, account, place, secrets)
        office = replace(office, authserv_id=account.learned.get("authserv_id", ""))
        print()
        if well or _kept_anyway():
            return office, account


def _known(account: Account, settings: Settings) -> str:
    """The mailbox that is the same account already."""
    this = account_of(mailbox_of(account, Path()))
    known = (
        one.name for one in settings.mailbox if one.kind != "folder" and account_of(one) == this
    )
    return next(known, "")


def _well(office: Office, account: Account, place: Place, secrets: Secrets) -> bool:
    """Shows every probe; what they teach is kept with the account."""
    trial = replace(place.settings, state=place.directory)
    mailbox = mailbox_of(account, place.directory)
    well = True
    wish = wished(place.settings.state, send=True, other=account.other)
    for probe in probes(mailbox, office, wish, trial, secrets):
        account.learned.update(dict(probe.learned))
        if probe.found in _DONE_HERE:
            # What ``check`` advises is done here.
            print_probe(replace(probe, state="ok", found=_DONE_HERE[probe.found]))
        else:
            print_probe(probe)
        well = well and probe.state != "failed"
    if well:
        _say_what_was_learned(account.learned)
    return well


def _say_what_was_learned(learned: Mapping[str, str]) -> None:
    if learned.get("sent_copy") == "server":
        print(_("The server keeps a copy of sent mail by itself; the appliance adds none."))
    if learned.get("send") == "update_item":
        print(_("The server sends by update_item, as grommunio does; that is written down."))
    if learned.get("authserv_id"):
        print(
            _("The server vouches for senders under the name {name}.").format(
                name=learned["authserv_id"]
            )
        )
        return
    print(_("The mail to itself names nobody who vouches for senders (Authentication-Results)."))
    print(_("Until `authserv_id` is set in office.toml, every draft waits for a person."))


def _kept_anyway() -> bool:
    """Whether answers that do not work are kept.

    Raises:
        OperatorError: they are neither kept nor changed.
    """
    if ask.yes(_("Not everything works. Change the answers and try again?"), default=True):
        return False
    if ask.yes(_("Keep these answers all the same?"), default=False):
        return True
    raise OperatorError(_("Nothing was written."))
