"""A key and a certificate of one's own, by which an application signs in to Microsoft 365."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.config.secrets import Secret

LASTS: Final = timedelta(days=730)
"""So long a certificate is good; Microsoft takes none that is over."""

_BITS: Final = 3072
_EARLY: Final = timedelta(days=1)
_NAME: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What belongs together.

    Attributes:
        key: the private key (PEM, PKCS #8, no passphrase).
        public: the certificate (PEM), which may be shown to anybody.
        thumbprint: its SHA-256 thumbprint, 64 hexadecimal digits in capitals.
        ends: when it is over.
    """

    key: Secret
    public: str
    thumbprint: str
    ends: datetime


def new_certificate(name: str, now: datetime) -> Certificate:
    """A new RSA key and a certificate that is signed by itself (RFC 5280).

    Args:
        name: of what it is for, as a person may read it; the common name has at most 64 signs.
        now: from when it is good; a day earlier counts too, where clocks differ.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65_537, key_size=_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_NAME])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + LASTS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        key=Secret(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode("ascii")
        ),
        public=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        thumbprint=certificate.fingerprint(hashes.SHA256()).hex().upper(),
        ends=now + LASTS,
    )
