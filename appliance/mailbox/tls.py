"""Encrypted connections to mail servers, and what failed about one in a sentence."""

import socket
import ssl
from pathlib import Path

from appliance.domain.errors import ConfigError


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


def failure(error: BaseException, host: str, port: int) -> str:
    """What went wrong on the way to a server, in a sentence that says what to do; quotes no mail."""
    where = f"{host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{where}: the certificate is not trusted ({error.verify_message}). Check the host name, "
            "or name your own authority with ca_file."
        )
    if isinstance(error, ssl.SSLError):
        return f"{where}: no encrypted connection ({error.reason}). Check port and security."
    if isinstance(error, socket.gaierror):
        return f"{where}: the name cannot be resolved. Check the host name and the network."
    if isinstance(error, TimeoutError):
        return f"{where}: no answer in time."
    if isinstance(error, ConnectionRefusedError):
        return f"{where}: nothing listens there. Check host and port."
    if isinstance(error, OSError) and error.strerror:
        return f"{where}: {error.strerror}."
    return f"{where}: the connection broke off."
