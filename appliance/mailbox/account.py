"""Builds the IMAP mailbox of one ``[[mailbox]]`` from its settings."""

import socket
from pathlib import Path

from appliance.config.secrets import Secrets
from appliance.config.settings import MailboxSettings
from appliance.domain.ports import Clock
from appliance.mailbox.arrivals import Arrivals
from appliance.mailbox.claim import Claim
from appliance.mailbox.folders import Folders
from appliance.mailbox.identity import box_id, sign_in_method
from appliance.mailbox.imap import ImapMailbox
from appliance.mailbox.line import Line
from appliance.mailbox.rest import Rest
from appliance.mailbox.sentmail import SentMail
from appliance.mailbox.signin import SignIn
from appliance.mailbox.smtp import Submission
from appliance.mailbox.whereabouts import Whereabouts


def open_account(
    settings: MailboxSettings, *, secrets: Secrets, state: Path, clock: Clock
) -> ImapMailbox:
    """The mailbox; nothing is connected before it is used.

    Args:
        settings: of kind imap.
        secrets: where the names in ``sign_in`` lead.
        state: the state directory, for the token cache and this box's identity.
        clock: the time.

    Raises:
        ConfigError, DiskFull: the state directory cannot be written to.
    """
    sign_in = SignIn(sign_in_method(settings, secrets=secrets, state=state, clock=clock), clock)
    folders = Folders(settings.imap)
    whereabouts = Whereabouts(folders)
    rest = Rest(folders=folders, clock=clock)
    return ImapMailbox(
        name=settings.name,
        imap=settings.imap,
        smtp=settings.smtp,
        line=Line(settings.imap, sign_in, clock),
        # Its thread has other mailboxes to look after.
        desk=Line(settings.imap, sign_in, clock, patience=4.0),
        submission=Submission(settings=settings.smtp, sign_in=sign_in),
        arrivals=Arrivals(
            mailbox=settings.name,
            settings=settings.imap,
            folders=folders,
            whereabouts=whereabouts,
            rest=rest,
            clock=clock,
        ),
        rest=rest,
        sent_mail=SentMail(
            mailbox=settings.name, settings=settings.imap, folders=folders, clock=clock
        ),
        whereabouts=whereabouts,
        folders=folders,
        claim=Claim(box=box_id(state), host=socket.gethostname(), folders=folders, clock=clock),
    )
