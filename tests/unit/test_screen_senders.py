"""Ticket systems, newsletters and advertisements without the marks of RFC 3834."""

import pytest

from appliance.domain.mail import Attachment, MessageId, Thread
from appliance.domain.verdict import Disposition
from tests.screen_cases import CUSTOMER, applies, case, found, mail, person, route

STOP, HOLD, REVIEW = Disposition.STOP, Disposition.HOLD, Disposition.REVIEW


@pytest.mark.parametrize(
    ("sender", "subject", "text"),
    [
        ("a@shop.example", "Re: parcel", "## Please type your reply above this line ##\nThanks."),
        ("a@shop.example", "回复", "——请在此行以上回复——\n感谢您的来信"),
        ("a@shop.example", "AW", "Bitte antworten Sie oberhalb dieser Linie\nDanke"),
        ("support@shop.example", "[#48213] Parcel", "We have received your request."),
        ("desk@shop.example", "Ticket 5512", "Your enquiry has been logged by our team."),
        ("kefu@gongsi.example", "工单已创建", "您的工单（编号 20261101）已受理，请耐心等待。"),
        ("info@gongsi.example", "[工单 88231] 已收到", "我们已收到您的邮件，会尽快处理。"),
        ("service@firma.example", "[Ticket#2026111] Paket", "Ihre Anfrage ist eingegangen."),
        ("a@tienda.example", "[Caso 99120]", "Hemos recibido su solicitud."),
        ("a@magasin.example", "[Ticket 4410]", "Votre demande a bien été enregistrée."),
    ],
)
def test_an_acknowledgement_of_a_ticket_system_is_never_answered(
    sender: str, subject: str, text: str
) -> None:
    judged = case(mail(text, sender=person(sender), subject=subject))
    assert found(judged)["ticket_acknowledgement"] is STOP


def test_an_acknowledgement_that_passed_for_a_quote_is_known_by_its_top() -> None:
    text = "Please type your reply above this line\n\nYour request has been received."
    assert applies("ticket_acknowledgement", case(mail(text, question="", quoted=text)))


@pytest.mark.parametrize(
    ("sender", "subject", "text"),
    [
        (CUSTOMER, "Invoice NG-204418", "Can the name on the invoice still be changed?"),
        (CUSTOMER, "Re: [#48213] your reply", "Thanks. And do you open on Sunday?"),
        ("support@shop.example", "[#551] lights", "We need six lights. Do you give a discount?"),
        (CUSTOMER, "", "We have received your quotation, thank you. How long is it valid?"),
        (CUSTOMER, "发票", "您的来信收到了，请问专票什么时候寄？需要资料吗？"),
    ],
)
def test_people_with_numbers_are_no_ticket_system(sender: str, subject: str, text: str) -> None:
    seen = mail(text, sender=person(sender), subject=subject)
    assert not applies("ticket_acknowledgement", case(seen))


@pytest.mark.parametrize(
    "footer",
    [
        "You are receiving this e-mail because you signed up on our website.",
        "Click here to unsubscribe.",
        "退订请回复TD",
        "您收到此邮件是因为您订阅了我们的资讯",
        "Sie erhalten diese E-Mail, weil Sie sich angemeldet haben.",
        "Vom Newsletter abmelden",
        "Vous recevez ce message car vous êtes inscrit. Se désinscrire",
        "Para darse de baja pulse aquí",
    ],
)
def test_a_newsletter_is_known_by_its_footer(footer: str) -> None:
    text = f"Chain prices rise in January. Five things we saw at the show.\n\n{footer}"
    assert found(case(mail(text)))["newsletter"] is STOP
    signed = mail(text, question="Chain prices rise.", quoted="> x", signature=footer)
    assert found(case(signed))["newsletter"] is STOP


@pytest.mark.parametrize(
    "text",
    [
        "How do I unsubscribe from your newsletter?",
        "怎么退订你们的短信通知？",
        "Wie kann ich mich vom Newsletter abmelden?",
        "Comment me désinscrire de la newsletter ?",
    ],
)
def test_a_question_about_newsletters_is_no_newsletter(text: str) -> None:
    assert route(case(mail(text))) == "answer"


def test_a_customer_who_quotes_an_advertisement_asks_about_it() -> None:
    quoted = "We offer SEO. Click here to unsubscribe. Shall I send you our price list?"
    question = "Is this from you?"
    seen = mail(f"{question}\n{quoted}", question=question, quoted=quoted)
    assert route(case(seen)) == "answer"


def test_an_answer_in_a_thread_is_no_advertisement() -> None:
    text = "We can offer you best price on our latest catalogue. Shall I send you samples?"
    assert "advertisement" in found(case(mail(text)))
    assert "advertisement" not in found(case(mail(text, in_reply_to=MessageId("x@y.example"))))


def test_a_forwarded_letter_of_a_third_person_is_for_a_person() -> None:
    quoted = "发件人: 叶知苗 <ye@mail.example.net>\n主题: 空调安装\n\n电话在上面"
    text = f"麻烦看下面的邮件，几点能装？\n\n{quoted}"
    seen = mail("麻烦看下面的邮件，几点能装？", subject="转发: 空调", quoted=quoted)
    assert found(case(seen))["forwarded_letter"] is HOLD
    english = "---------- Forwarded message ---------\nFrom: Joe <joe@mail.example.net>\nSo?"
    assert found(case(mail(f"See below.\n\n{english}", quoted=english)))["forwarded_letter"] is HOLD
    assert not applies("forwarded_letter", case(mail(text)))


def test_forwarding_our_own_mail_is_no_third_person() -> None:
    quoted = "-----Forwarded message-----\nFrom: Shop <hello@northgate.example.com>\nWe open at 9."
    seen = mail("Is this still right?", subject="Fwd: hours", quoted=quoted)
    assert not applies("forwarded_letter", case(seen))


def test_a_foreign_reader_asks_for_approval_and_a_newcomer_for_a_person() -> None:
    friend = person("joe@elsewhere.example.net")
    first = mail("And on Sunday?", cc=(friend,))
    assert found(case(first)) == {"others_copied": REVIEW}
    ours = mail(
        "We open at nine.", id=MessageId("ours@x"), sender=person("hello@northgate.example.com")
    )
    thread = Thread(messages=(mail(), ours, first), ours=frozenset({ours.id}))
    assert found(case(first, thread=thread))["joined_thread"] is HOLD


def test_who_was_there_from_the_start_has_not_joined() -> None:
    friend = person("joe@elsewhere.example.net")
    ours = mail("We open at nine.", id=MessageId("ours@x"), cc=(friend,))
    newest = mail("And on Sunday?", cc=(friend,))
    thread = Thread(messages=(ours, newest), ours=frozenset({ours.id}))
    assert "joined_thread" not in found(case(newest, thread=thread))


def test_colleagues_of_the_sender_and_of_the_office_are_no_third_party() -> None:
    seen = mail(cc=(person("boss@customer.example.org"), person("shop@northgate.example.com")))
    assert found(case(seen)) == {}


def test_three_mails_without_an_answer_are_for_a_person() -> None:
    mails = tuple(mail(id=MessageId(f"{number}@x")) for number in range(3))
    assert found(case(mails[-1], thread=Thread(messages=mails)))["unhappy"] is HOLD
    answered = Thread(messages=mails, ours=frozenset({mails[1].id}))
    assert "unhappy" not in found(case(mails[-1], thread=answered))


LONG_QUESTION = (
    "I enclose a photo of the receipt. How long is the warranty on the frame, does it transfer "
    "to my daughter, and would she have to register the bike again with you or the maker?"
)
PICTURE = (Attachment(name="IMG_1.jpg", media_type="image/jpeg", size=90_000),)


@pytest.mark.parametrize(
    "text", ["", "这是啥情况，见图", "what is this?", "Was ist das?", "Hello,\nplease see picture"]
)
def test_a_picture_with_hardly_a_word_is_for_a_person(text: str) -> None:
    judged = case(mail(text, attachments=PICTURE))
    assert found(judged)["photo_only"] is HOLD


@pytest.mark.parametrize(
    "text",
    [
        "我家冰箱2021年3月在滨江店买的，发票照片在附件里。请问整机和压缩机分别保修几年，从哪天开始算？",
        LONG_QUESTION,
    ],
)
def test_a_question_that_stands_without_its_picture_is_let_through(text: str) -> None:
    assert found(case(mail(text, attachments=PICTURE))) == {}


def test_a_list_that_is_attached_is_no_picture() -> None:
    table = (Attachment(name="清单.xlsx", media_type="application/vnd.ms-excel", size=9_000),)
    assert found(case(mail("清单见附件，满40台有什么折扣？", attachments=table))) == {}


def test_a_mail_of_nothing_is_unclear_and_one_with_a_subject_is_not() -> None:
    assert found(case(mail("")))["ambiguous"] is HOLD
    assert found(case(mail("多少钱？", subject="QB-520冰箱压缩机更换"))) == {}
    assert found(case(mail("", subject="Puncture repair price")))["ambiguous"] is HOLD


def test_a_short_word_in_a_thread_is_understood_by_the_thread() -> None:
    assert found(case(mail("多少钱？", in_reply_to=MessageId("a@b")))) == {}
    assert found(case(mail("", in_reply_to=MessageId("a@b"))))["ambiguous"] is HOLD


@pytest.mark.parametrize("oddity", ["truncated", "undecodable", "malformed"])
def test_a_mail_read_in_part_asks_for_approval(oddity: str) -> None:
    assert found(case(mail(oddities=(oddity,)))) == {"read_in_part": REVIEW}
