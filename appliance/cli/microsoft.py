"""The questions about an application in Microsoft 365 that ``appliance setup`` asks."""

import threading
from dataclasses import replace
from pathlib import Path

from appliance.cli import ask
from appliance.cli.account import Account, ask_secret, keep
from appliance.cli.servers import unreadable
from appliance.cli.words import words as _
from appliance.config.accounts import Flow, SignIn
from appliance.config.secrets import Secret, Secrets
from appliance.domain.errors import ApplianceError


def ask_microsoft(account: Account, secrets: Secrets, directory: Path) -> None:
    """Which application signs in, and how.

    Args:
        account: takes the answers.
        secrets: where a secret is kept while it is tried.
        directory: where a token cache or a certificate goes meanwhile.
    """
    sign_in = replace(
        account.sign_in,
        method="microsoft",
        client_id=ask.text(_("Application (client) id"), account.sign_in.client_id),
        tenant=ask.text(_("Tenant id or domain"), account.sign_in.tenant),
        authority=ask.optional(
            _("Address of the sign-in service (Enter: the usual; a national cloud has its own)"),
            account.sign_in.authority,
            right=_wrong_authority,
        ),
        flow=_flow(account.sign_in.flow),
    )
    if sign_in.flow != "certificate":
        account.certificate = ""
    if sign_in.flow == "device":
        _device(account, replace(sign_in, secret=""), directory)
        return
    account.tokens = None
    account.sign_in, before = replace(sign_in, secret=account.name), account.sign_in
    if before.flow != sign_in.flow:
        account.secrets.pop(account.name, None)
    if sign_in.flow == "secret":
        ask_secret(account, secrets, account.name, _("Client secret"))
        return
    _certificate(account, secrets, directory)


def _wrong_authority(answer: str) -> str:
    if answer.startswith("https://") and " " not in answer:
        return ""
    return _("This is no address that begins with https://.")


def _flow(default: Flow) -> Flow:
    choices: tuple[tuple[Flow, str], ...] = (
        ("device", _("a person, once, with a code in any browser")),
        ("secret", _("the application, with a client secret")),
        ("certificate", _("the application, with a certificate")),
    )
    return ask.choice(_("Who signs in?"), choices, default)


def _certificate(account: Account, secrets: Secrets, directory: Path) -> None:
    """One that is made here, or one that is there already."""
    choices = [
        ("new", _("make a key and a certificate now; the key never leaves this box")),
        ("own", _("use a key of your own that lies in a file")),
    ]
    if account.name in account.secrets:
        choices.insert(0, ("kept", _("keep those of the last round")))
    answer = ask.choice(_("Which certificate?"), choices, choices[0][0])
    if answer == "new":
        _make(account, secrets, directory)
    elif answer == "own":
        account.certificate = ""
        thumbprint = ask.text(
            _("SHA-256 thumbprint of the certificate"), account.sign_in.thumbprint
        )
        account.sign_in = replace(account.sign_in, thumbprint=thumbprint)
        path = ask.text(_("File with the private key (PEM)"), right=unreadable)
        key = Path(path).expanduser().read_text("utf-8")
        keep(account, secrets, account.name, Secret(key))


def _make(account: Account, secrets: Secrets, directory: Path) -> None:
    from appliance.daemon import SystemClock
    from appliance.mailbox.certificate import new_certificate

    made = new_certificate(f"Mail appliance {account.name}", SystemClock().now())
    keep(account, secrets, account.name, made.key)
    account.sign_in = replace(account.sign_in, thumbprint=made.thumbprint)
    account.certificate = made.public
    path = directory / certificate_name(account.name)
    path.write_text(made.public, "ascii")
    print(_("Upload this certificate to the application (Microsoft Entra admin center, App"))
    print(_("registrations, your application, Certificates & secrets): copy it into a file .cer."))
    print("\n" + made.public)
    print(_("It lies in {path}, too.").format(path=path))
    print(_("SHA-256 thumbprint: {thumbprint}").format(thumbprint=made.thumbprint))
    print(_("It is good until {day}.").format(day=made.ends.date()))
    ask.optional(_("Press Enter once it is uploaded"))


def certificate_name(name: str) -> str:
    """The file of a certificate that setup made for the mailbox ``name``."""
    return f"{name}.cer"


def _device(account: Account, sign_in: SignIn, directory: Path) -> None:
    """A person's sign-in, now or in the last round."""
    from appliance.mailbox.identity import token_cache

    before, account.sign_in = account.sign_in, sign_in
    account.tokens = token_cache(account.name, directory)
    signed_in = before == account.sign_in and account.tokens.exists()
    if signed_in and ask.yes(_("Keep the sign-in of the last round?"), default=True):
        return
    account.tokens.unlink(missing_ok=True)
    try:
        device_sign_in(account.sign_in, account.kind, account.tokens)
    except ApplianceError as error:
        # The probe that follows says what is missing, and the answers can be changed.
        print(error)


def device_sign_in(sign_in: SignIn, kind: str, cache: Path) -> None:
    """Show a person a code, and wait until that person signed in with it.

    Args:
        sign_in: of method microsoft, flow device.
        kind: of the mailbox (``MailboxSettings.kind``).
        cache: the file that takes the sign-in.

    Raises:
        CredentialsRefused, MailboxUnreachable, ConfigError, DiskFull: as ``DeviceSignIn``.
    """
    from appliance.daemon import SystemClock
    from appliance.mailbox.oauth import DeviceSignIn
    from appliance.mailbox.scopes import service_of

    def show(address: str, code: str) -> None:
        print(
            _("Open {address} in a browser on any machine and type the code {code}.").format(
                address=address, code=code
            )
        )
        print(_("Waiting for the sign-in …"), flush=True)

    signing_in = DeviceSignIn(sign_in, service=service_of(kind), cache=cache)
    who = signing_in.run(show, clock=SystemClock(), stop=threading.Event())
    print(_("Signed in as {who}.").format(who=who))
