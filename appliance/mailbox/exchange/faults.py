"""What an Exchange server refuses, by its response code (MS-OXWSCDATA §2.2.5.24), as our errors.

Every error here is one of the domain's, so that what nobody catches is translated already.
"""

from typing import Final

from appliance.domain.errors import (
    ApplianceError,
    ConfigError,
    CredentialsRefused,
    MailboxUnreachable,
    ReplyRefused,
)
from appliance.mailbox.mailstore import StateLost


class Fault(MailboxUnreachable):
    """The server refused a request, with this code or (empty) without any."""

    def __init__(self, code: str) -> None:
        said = code or "an answer without a response code"
        super().__init__(f"The Exchange server did not do what it was asked: {said}.")
        self.code = code


class Gone(Fault):
    """What was asked for is not there (any more)."""


class FolderGone(Fault):
    """A folder is not there (any more)."""


class Stale(Fault):
    """Somebody changed the mail between our reading and our writing it."""


class Busy(Fault):
    """The server did nothing, and said so, because it is busy."""


class NotSent(MailboxUnreachable):
    """The request certainly never reached the server."""


class SignInRefused(CredentialsRefused):
    """HTTP 401: the server did nothing; it does not take the password or the token."""


class NoRight(CredentialsRefused):
    """The server knows us, and lets us do no such thing; ``code``: in EWS's words, or empty."""

    code = ""


BUSY: Final = "ErrorServerBusy"

_GONE: Final = frozenset({"ErrorItemNotFound", "ErrorInvalidIdMalformed"})
_FOLDER_GONE: Final = frozenset(
    """
    ErrorFolderNotFound ErrorToFolderNotFound ErrorParentFolderNotFound ErrorSyncFolderNotFound
    ErrorSavedItemFolderNotFound
    """.split()
)
_STALE: Final = frozenset(
    """
    ErrorIrresolvableConflict ErrorChangeKeyRequired ErrorChangeKeyRequiredForWriteOperations
    ErrorInvalidChangeKey ErrorStaleObject
    """.split()
)
_STATE_LOST: Final = frozenset({"ErrorInvalidSyncStateData"})
_RECIPIENTS: Final = frozenset(
    """
    ErrorInvalidRecipients ErrorMissingRecipients ErrorMailRecipientNotFound ErrorInvalidSmtpAddress
    ErrorInvalidMailbox ErrorMissingInformationEmailAddress
    """.split()
)
_SERVER_TOO_OLD: Final = frozenset(
    """
    ErrorInvalidServerVersion ErrorIncorrectSchemaVersion ErrorWrongServerVersion
    ErrorInvalidSchemaVersionForMailboxVersion
    """.split()
)
_FULL_ACCESS: Final = (
    "has no right to this mailbox. It needs full access to it; docs/exchange.md has the command."
)
_IMPERSONATION: Final = (
    "may not act as this mailbox. It needs the role ApplicationImpersonation; docs/exchange.md has "
    "the command."
)
_UNKNOWN_MAILBOX: Final = (
    "is told that there is no such mailbox. Check mailbox.exchange.mailbox and the right of full "
    "access; docs/exchange.md has the command."
)
_SEND_AS: Final = (
    "may not send as the address of the mailbox. It needs the right Send As; docs/exchange.md has "
    "the command."
)
_RIGHTS: Final = {
    **dict.fromkeys(
        """
        ErrorAccessDenied ErrorCreateItemAccessDenied ErrorCreateSubfolderAccessDenied
        ErrorMailboxLogonFailed ErrorSubscriptionAccessDenied
        """.split(),
        _FULL_ACCESS,
    ),
    **dict.fromkeys(
        """
        ErrorImpersonateUserDenied ErrorImpersonationDenied ErrorImpersonationFailed
        ErrorInvalidExchangeImpersonationHeaderData
        """.split(),
        _IMPERSONATION,
    ),
    **dict.fromkeys(
        ("ErrorNonExistentMailbox", "ErrorNonPrimarySmtpAddress", "ErrorMissingEmailAddress"),
        _UNKNOWN_MAILBOX,
    ),
    "ErrorSendAsDenied": _SEND_AS,
}


def fault(code: str) -> ApplianceError:
    """The error for a response code; its text quotes the code and nothing else of the answer."""
    if code in _RIGHTS:
        refused = NoRight(f"Whoever signs in at the Exchange server {_RIGHTS[code]} ({code})")
        refused.code = code
        return refused
    if code in _STATE_LOST:
        return StateLost("The Exchange server does not know how far we had read any more.")
    if code in _SERVER_TOO_OLD:
        return ConfigError(
            (f"mailbox.exchange.server: Exchange 2013 SP1 or later is needed ({code}).",)
        )
    return _kind(code)(code)


def _kind(code: str) -> type[Fault]:
    if code == BUSY:
        return Busy
    if code in _GONE:
        return Gone
    if code in _FOLDER_GONE:
        return FolderGone
    return Stale if code in _STALE else Fault


def refusal(error: ApplianceError) -> ReplyRefused | None:
    """What a server's refusal says about the reply itself: it can never leave like this."""
    if isinstance(error, Fault) and error.code in _RECIPIENTS:
        return ReplyRefused(f"The Exchange server refuses the recipient's address ({error.code}).")
    if isinstance(error, Fault) and error.code == "ErrorMessageSizeExceeded":
        return ReplyRefused(f"The reply is larger than the Exchange server takes ({error.code}).")
    if isinstance(error, NoRight) and error.code:
        return ReplyRefused(str(error))
    return None
