"""The demo's office: complete, well-formed mails whose expected route is written down."""

import email
import json
import re
from email import policy
from pathlib import Path

import pytest

from appliance.config.toml import load_office

SAMPLE = Path(__file__).resolve().parents[2] / "appliance" / "cli" / "sample"
MAILS = sorted((SAMPLE / "mails").glob("*.eml"))
EXPECTED = json.loads((SAMPLE / "expected.json").read_text("utf-8"))


def test_every_mail_has_its_expected_route_with_a_reason_in_both_languages() -> None:
    assert [mail.name for mail in MAILS] == sorted(EXPECTED)
    for name, item in EXPECTED.items():
        assert item["route"] in {"answer", "hold", "skip"}, name
        assert item["why"]["en"], name
        assert re.search(r"[\u4e00-\u9fff]", item["why"]["zh"]), name


def test_there_is_enough_of_every_route() -> None:
    routes = [item["route"] for item in EXPECTED.values()]
    assert len(routes) >= 16
    assert routes.count("answer") >= 8
    assert routes.count("hold") >= 3
    assert routes.count("skip") >= 3


@pytest.mark.parametrize("path", MAILS, ids=[mail.name for mail in MAILS])
def test_a_sample_mail_is_a_whole_mail_as_it_travels(path: Path) -> None:
    raw = path.read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    mail = email.message_from_bytes(raw, policy=policy.default)
    assert not [part.defects for part in mail.walk() if part.defects]
    for name in ("return-path", "received", "from", "to", "subject", "date", "message-id"):
        assert mail[name], name


def test_no_sample_mail_has_the_message_id_of_another() -> None:
    found = [email.message_from_bytes(path.read_bytes())["message-id"] for path in MAILS]
    assert len(set(found)) == len(found)


def test_every_address_in_the_sample_is_reserved_for_examples() -> None:
    for path in (*MAILS, SAMPLE / "office.toml", *(SAMPLE / "knowledge").iterdir()):
        text = path.read_bytes().decode("utf-8", "replace")
        for domain in re.findall(r"[\w.+-]+@([A-Za-z0-9-]+\.[A-Za-z0-9.-]+\w)", text):
            assert re.search(r"(?:^|\.)example\.(?:com|org|net)$", domain), path.name


def test_the_office_of_the_sample_can_be_loaded() -> None:
    office = load_office(SAMPLE)
    assert office.addresses
    assert office.authserv_id
    assert not office.automatic
