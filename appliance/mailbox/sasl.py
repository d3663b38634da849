"""What a client says in the SASL exchanges that mail servers offer; the same for IMAP and SMTP."""


def opening(mechanism: str, user: str, secret: str) -> str:
    """The first answer.

    Args:
        mechanism: PLAIN (RFC 4616), XOAUTH2, or OAUTHBEARER (RFC 7628 §3.1).
        user: the user name.
        secret: the password, or for the last two the access token.
    """
    name = user.replace("=", "=3D").replace(",", "=2C")
    return {
        "PLAIN": f"\0{user}\0{secret}",
        "XOAUTH2": f"user={user}\1auth=Bearer {secret}\1\1",
        "OAUTHBEARER": f"n,a={name},\1auth=Bearer {secret}\1\1",
    }[mechanism]


def closing(mechanism: str) -> str:
    """What is said to the challenge that tells why a token was refused (RFC 7628 §3.2.3)."""
    return "\1" if mechanism == "OAUTHBEARER" else ""
