"""``appliance sign-in``: sign in anew to a mailbox that is connected already."""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from appliance.cli import ask
from appliance.cli.check import probes, wished
from appliance.cli.install import hand_over, keep_tokens
from appliance.cli.microsoft import device_sign_in
from appliance.cli.probed import print_probe
from appliance.cli.signin import google_consent
from appliance.cli.words import words as _
from appliance.config.accounts import SignIn
from appliance.config.secrets import DIRECTORY, Secret, Secrets
from appliance.config.settings import MailboxSettings, Settings
from appliance.config.toml import load_office, load_settings
from appliance.domain.errors import OperatorError
from appliance.flow.stages import RULES


def add_verbs(verbs: Any) -> None:
    """Add ``sign-in``."""
    sign_in = verbs.add_parser(
        "sign-in", help=_("sign in anew to a mailbox that is connected already, and try it out")
    )
    sign_in.add_argument(
        "mailbox",
        metavar=_("MAILBOX"),
        nargs="?",
        default="",
        help=_("its name; not needed where there is only one"),
    )
    sign_in.set_defaults(run=_sign_in)


def _sign_in(chosen: argparse.Namespace) -> int:
    if not sys.stdin.isatty():
        raise OperatorError(_("`appliance sign-in` asks questions; run it in a terminal."))
    config = chosen.config.absolute()
    settings = load_settings(config)
    mailbox = _named(settings, chosen.mailbox)
    _require_writable(_place(mailbox.sign_in, config, settings.state))
    print(_("Mailbox {name}:").format(name=mailbox.name))
    with tempfile.TemporaryDirectory(prefix="appliance-sign-in-") as directory:
        try:
            answer = _asked(mailbox, config, Path(directory))
        except KeyboardInterrupt:
            print("\n" + _("Nothing was written."))
            return 130
        if answer is not None:
            _keep(answer, mailbox.sign_in, config, settings.state)
    return _tried_out(mailbox, settings, Secrets.beside(config))


def _named(settings: Settings, name: str) -> MailboxSettings:
    """The mailbox that is meant.

    Raises:
        OperatorError: none, several, or one to which nobody signs in.
    """
    accounts = [one for one in settings.mailbox if one.kind != "folder"]
    meant = [one for one in accounts if name in {"", one.name}]
    if len(meant) == 1:
        return meant[0]
    if not accounts or name in {one.name for one in settings.mailbox}:
        raise OperatorError(_("Nobody signs in to a folder; only other kinds of mailbox need it."))
    names = ", ".join(one.name for one in accounts)
    if not name:
        raise OperatorError(_("Which mailbox? Name one of: {names}.").format(names=names))
    raise OperatorError(
        _("There is no mailbox {name}; there are: {names}.").format(name=name, names=names)
    )


def _place(sign_in: SignIn, config: Path, state: Path) -> Path:
    """The directory that takes what comes of it."""
    return state if _by_code(sign_in) else config.parent / DIRECTORY


def _by_code(sign_in: SignIn) -> bool:
    return sign_in.method == "microsoft" and sign_in.flow == "device"


def _require_writable(directory: Path) -> None:
    """Better before a person signs in than after.

    Raises:
        OperatorError: the directory cannot be written to by who asks.
    """
    # What lies behind a closed door counts as not there.
    there = next(
        each for each in (directory, *directory.absolute().parents) if os.access(each, os.F_OK)
    )
    if not os.access(there, os.W_OK | os.X_OK):
        raise OperatorError(
            _(
                "{directory} cannot be written by you. Run `sudo appliance sign-in`, or run it as "
                "the service's user."
            ).format(directory=directory)
        )


def _asked(mailbox: MailboxSettings, config: Path, directory: Path) -> Path | Secret | None:
    """A token cache in ``directory``, a secret, or None where no person can sign in.

    Raises:
        CredentialsRefused, MailboxUnreachable, ConfigError, DiskFull: nobody signed in.
    """
    from appliance.mailbox.identity import token_cache

    sign_in = mailbox.sign_in
    if _by_code(sign_in):
        cache = token_cache(mailbox.name, directory)
        device_sign_in(sign_in, mailbox.kind, cache)
        return cache
    if sign_in.method == "google":
        return google_consent(sign_in, Secrets.beside(config))
    if sign_in.method == "microsoft" and sign_in.flow == "certificate":
        _say_how_to_change_a_certificate(sign_in, config)
        return None
    question = _("Password") if sign_in.method == "password" else _("Client secret")
    hint = _("not shown while you type")
    return Secret(ask.hidden(f"{question} ({hint})"))


def _say_how_to_change_a_certificate(sign_in: SignIn, config: Path) -> None:
    print(
        _(
            "This mailbox signs in with a certificate; no person signs in. Where the certificate "
            "ended: upload a new one to the application, write its private key (PEM) into {file} "
            "(mode 600, owned by the service's user) and its SHA-256 thumbprint as thumbprint into "
            "{config}, and restart the service."
        ).format(file=config.parent / DIRECTORY / sign_in.secret, config=config)
    )


def _keep(answer: Path | Secret, sign_in: SignIn, config: Path, state: Path) -> None:
    """Write it where the service reads it."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if isinstance(answer, Path):
        kept = [keep_tokens(answer, state)]
    else:
        new = not (config.parent / DIRECTORY / sign_in.secret).exists()
        path = Secrets.beside(config).put(sign_in.secret, answer)
        kept = [path.parent, path]
        if new:
            print(
                _(
                    "{path} was not there before. Where the service is given the secret {name} as "
                    "a systemd credential, that one goes first: change it there."
                ).format(path=path, name=sign_in.secret)
            )
    hand_over(kept, state)
    print(_("Written: {config}").format(config=kept[-1]))


def _tried_out(mailbox: MailboxSettings, settings: Settings, secrets: Secrets) -> int:
    """As ``appliance check --no-send`` does; returns the exit status."""
    print(_("Trying it out, without a mail to itself:"))
    office = load_office(mailbox.office, RULES)
    wish = wished(settings.state, send=False)
    well = True
    for probe in probes(mailbox, office, wish, settings, secrets):
        print_probe(probe)
        well = well and probe.state != "failed"
    if well:
        print(_("A running service uses it within about ten minutes; after a restart at once."))
    return 0 if well else 2
