"""Who wrote to whom: own mail, own addresses, alignment."""

from dataclasses import replace

import pytest

from appliance.domain.mail import Address
from appliance.domain.verdict import Disposition, Facts
from appliance.screen.domains import aligned, organisation
from appliance.screen.identity import addresses
from tests.screen_cases import CLEAN, NORTHGATE, OUR_ADDRESS, applies, case, found, mail, person

STOP, HOLD, REVIEW = Disposition.STOP, Disposition.HOLD, Disposition.REVIEW


def test_a_mail_of_our_own_making_is_never_answered() -> None:
    assert found(case(facts=Facts(own=True)))["own_message"] is STOP
    marked = mail(extra=(("x-mail-appliance", "1"),))
    assert found(case(marked))["own_message"] is STOP


@pytest.mark.parametrize("address", [OUR_ADDRESS, "hello+shop@northgate.example.com"])
def test_a_mail_from_our_own_address_would_be_a_loop(address: str) -> None:
    assert found(case(mail(sender=person(address))))["own_address"] is STOP


def test_the_sender_header_counts_as_the_author() -> None:
    marked = mail(extra=(("sender", f"Shop <{OUR_ADDRESS}>"),))
    assert found(case(marked))["own_address"] is STOP


def test_a_mail_without_author_has_nobody_to_answer() -> None:
    assert found(case(mail(sender=person(""))))["no_author"] is HOLD


@pytest.mark.parametrize(
    "name", ["to", "cc", "bcc", "resent-to", "resent-cc", "delivered-to", "x-original-to"]
)
def test_our_address_in_any_recipient_header_is_enough(name: str) -> None:
    seen = mail(to=(), extra=((name, f"Shop <{OUR_ADDRESS.upper()}>"),))
    assert not applies("not_addressed", case(seen))


def test_a_mail_to_others_only_is_for_a_person() -> None:
    seen = mail(to=(person("club@lists.example.org"),))
    assert found(case(seen))["not_addressed"] is HOLD


def test_an_office_without_addresses_knows_no_loops_and_no_strangers() -> None:
    nobody = replace(NORTHGATE, addresses=())
    judged = case(mail(to=(), sender=person(OUR_ADDRESS)), office=nobody)
    assert not {"not_addressed", "own_address"} & set(found(judged))


def test_every_address_of_an_office_is_its_own() -> None:
    two = replace(NORTHGATE, addresses=(OUR_ADDRESS, Address("Workshop@Northgate.example.com")))
    seen = mail(to=(person("workshop@northgate.example.com"),))
    assert "not_addressed" not in found(case(seen, office=two))


def test_a_return_path_of_another_organisation_asks_for_approval() -> None:
    other = mail(headers=(("return-path", "<bounce@mailer.example.net>"), CLEAN[1]))
    assert found(case(other)) == {"return_path_elsewhere": REVIEW}


def test_a_return_path_below_the_authors_domain_is_his_own() -> None:
    below = mail(headers=(("return-path", "<b@news.customer.example.org>"), CLEAN[1]))
    assert found(case(below)) == {}


def test_answers_wanted_elsewhere_ask_for_approval() -> None:
    other = mail(reply_to=(person("finance@freebox.example.net"),))
    assert found(case(other)) == {"reply_to_elsewhere": REVIEW}
    same = mail(reply_to=(person("office@customer.example.org"),))
    assert found(case(same)) == {}


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("customer.org", "customer.org"),
        ("mail.eu.customer.org", "customer.org"),
        ("news.shop.co.uk", "shop.co.uk"),
        ("www.firma.com.cn", "firma.com.cn"),
        ("a.b.hz.zj.cn", "hz.zj.cn"),
        ("x.firma.gv.at", "firma.gv.at"),
        ("localhost", "localhost"),
        ("Mail.Customer.ORG.", "customer.org"),
        ("", ""),
    ],
)
def test_the_organisational_domain_is_found(domain: str, expected: str) -> None:
    assert organisation(domain) == expected


def test_two_shops_below_one_country_suffix_are_two_organisations() -> None:
    assert not aligned("one.co.uk", "two.co.uk")
    assert aligned("mail.one.co.uk", "one.co.uk")


def test_addresses_are_read_from_broken_headers_too() -> None:
    value = '"Doe, Jane" <Jane+x@One.example>, <b@two.example> (note), c@three.example;'
    assert addresses(value) == {"jane@one.example", "b@two.example", "c@three.example"}
