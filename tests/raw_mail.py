"""Raw mails for tests, made to pass every rule of the screen."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def raw_mail(number: int, *, text: str | None = None, headers: str = "") -> bytes:
    """A question of customer ``number`` as RFC 5322 bytes; ``headers`` are added as they are."""
    date = (START + timedelta(minutes=number)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    body = text or f"Hello,\n\nwhat are your opening hours on Saturday? I am customer {number}.\n"
    lines = (
        f"Return-Path: <customer{number}@customers.example>\n"
        "Authentication-Results: mx.office.example.com;"
        " dmarc=pass header.from=customers.example\n"
        f"From: Customer {number} <customer{number}@customers.example>\n"
        "To: desk@office.example.com\n"
        f"Subject: Question {number}\n"
        f"Date: {date}\n"
        f"Message-ID: <question-{number}@customers.example>\n"
        f"{headers}"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n"
        "\n"
        f"{body}"
    )
    return lines.replace("\n", "\r\n").encode()
