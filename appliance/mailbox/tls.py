"""Encrypted connections to mail servers, and what failed about one in a sentence."""

import socket
import ssl
from pathlib import Path

from appliance.domain.errors import ConfigError, MailboxUnreachable, OperatorError


def context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that checks certificate and host name (RFC 8314 §4), at least TLS 1.2.

    Args:
        ca_file: authorities (PEM) to trust instead of the system's.

    Raises:
        ConfigError: the file cannot be read or holds no certificate.
    """
    try:
        made = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError((f"{ca_file}: it cannot be read as certificates (PEM).",)) from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def trusted(ca_file: Path | None) -> str | bool:
    """The authorities as requests takes them (``verify``); it has a collection of its own else.

    Raises:
        ConfigError: as ``context``.
    """
    if ca_file is not None:
        context(ca_file)
    system = ssl.get_default_verify_paths()
    return str(ca_file or system.cafile or system.capath or "") or True


def kind(error: BaseException) -> type[MailboxUnreachable] | type[OperatorError]:
    """Who must act: a person where a certificate is not trusted, else time."""
    refused = isinstance(error, ssl.SSLCertVerificationError)
    return OperatorError if refused else MailboxUnreachable


def failure(error: BaseException, host: str, port: int) -> str:
    """What went wrong on the way to a server, in a sentence that says what to do."""
    match error:
        case ssl.SSLCertVerificationError():
            said = (
                f"the certificate is not trusted ({error.verify_message}). Check the host name, or "
                "name your own authority with ca_file."
            )
        case ssl.SSLError():
            said = f"no encrypted connection ({error.reason}). Check port and security."
        case socket.gaierror():
            said = "the name cannot be resolved. Check the host name and the network."
        case TimeoutError():
            said = "no answer in time."
        case ConnectionRefusedError():
            said = "nothing listens there. Check host and port."
        case OSError(strerror=str() as reason):
            said = f"{reason}."
        case _:
            said = "the connection broke off."
    return f"{host}:{port}: {said}"
