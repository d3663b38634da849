"""What can go wrong, sorted by who must act: a person, time, or nobody at all."""


class ApplianceError(Exception):
    """Root of every error the appliance raises on purpose; its text is a sentence for a person."""


class OperatorError(ApplianceError):
    """A person must change something before this can work."""


class ConfigError(OperatorError):
    """The configuration is wrong; carries every problem at once.

    Args:
        problems: one sentence per problem, each naming its place (``file: table.key``).
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CredentialsRefused(OperatorError):
    """The mail server refused the user name, password or token."""


class ModelUnusable(OperatorError):
    """The model file is missing, damaged, of an unknown kind, or does not fit in memory."""


class NotAllowed(OperatorError):
    """The caller has no right to do this."""


class NotFound(OperatorError):
    """What the caller named does not exist."""


class Conflict(OperatorError):
    """What the caller saw is no longer there: a stale version, a state that does not allow it."""


class AlreadyRunning(OperatorError):
    """Another daemon owns the state directory, or answers the mailbox."""


class TransientError(ApplianceError):
    """Time may heal this: try again later."""


class MailboxUnreachable(TransientError):
    """The mailbox did not answer, or answered that it is busy."""


class ReplyDeferred(TransientError):
    """The mail server put the reply off (a 4xx): it certainly did not leave, later it may."""


class EnginePaused(TransientError):
    """The engine takes no work now (heat, a person's pause, shutdown)."""


class SendingStopped(TransientError):
    """A person stopped all sending; nothing leaves until a person allows it again."""


class DiskFull(TransientError):
    """There is no room to write; nothing was changed."""


class DaemonUnreachable(TransientError):
    """No daemon answers on the socket."""


class JobError(ApplianceError):
    """This job never succeeds; it is parked for a person."""


class MessageUnreadable(JobError):
    """The bytes of the mail cannot be made into a message."""


class ThreadTooLong(JobError):
    """The mail alone does not fit into the engine's context."""


class ReplyRefused(JobError):
    """The mail server refused the reply for good (a definite 5xx)."""


class GenerationFailed(ApplianceError):
    """The engine broke off at this prompt: worth a few counted tries, then a person looks."""


class IllegalTransition(ApplianceError):
    """A job was moved to a state its table does not allow: a bug."""
