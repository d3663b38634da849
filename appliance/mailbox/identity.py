"""Who this box is, and how it signs in to the account of a mailbox."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from appliance.config.files import replace_file
from appliance.config.secrets import Secrets
from appliance.config.settings import MailboxSettings
from appliance.domain.ports import Clock
from appliance.mailbox.signin import PasswordSignIn, SignInMethod

BOX_FILE: Final = "box-id"


def sign_in_method(
    settings: MailboxSettings, *, secrets: Secrets, state: Path, clock: Clock
) -> SignInMethod:
    """Where the password or the token of a mailbox comes from."""
    sign_in = settings.sign_in
    if sign_in.method == "password":
        return PasswordSignIn(user=sign_in.user, read=lambda: secrets.get(sign_in.secret))
    from appliance.mailbox.oauth import open_method
    from appliance.mailbox.scopes import service_of

    return open_method(
        sign_in,
        service=service_of(settings.kind),
        secrets=secrets,
        cache=token_cache(settings.name, state),
        clock=clock,
    )


def token_cache(mailbox: str, state: Path) -> Path:
    """The file with the tokens of a mailbox, readable by the service alone."""
    return state / f"tokens-{quote(mailbox, safe='')}.json"


def box_id(state: Path) -> str:
    """What tells this box from every other; made once and kept with the state."""
    path = state / BOX_FILE
    with suppress(FileNotFoundError):
        kept = path.read_text("ascii", "replace").strip()
        # A damaged disk may have left anything there, and without a name nobody can claim.
        if re.fullmatch(r"[0-9a-f]{16}", kept):
            return kept
    made = os.urandom(8).hex()
    replace_file(path, made.encode())
    return made
