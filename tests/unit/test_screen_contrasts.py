"""One subject asked about and demanded: the question passes, the demand is for a person."""

import pytest

from tests.screen_cases import case, found, mail


@pytest.mark.parametrize(
    ("rule", "question", "demand"),
    [
        ("money_demanded", "七天内怎么申请退款？", "请把全款退给我。"),
        ("money_demanded", "How do I get a refund?", "I want my money back."),
        ("money_demanded", "Wie bekomme ich mein Geld zurück?", "Ich will mein Geld zurück."),
        ("legal_threat", "我们律师事务所想买两台空调，有折扣吗？", "我会请律师起诉你们。"),
        ("legal_threat", "We are solicitors; can we pay by invoice?", "My solicitor will write."),
        ("legal_threat", "Gibt es für unsere Kanzlei Rabatt?", "Das geht an meinen Anwalt."),
        ("safety_danger", "燃气灶打不着火怎么办？", "燃气灶漏气，有煤气味。"),
        ("safety_danger", "Is the battery covered by crash replacement?", "The battery exploded."),
        ("order_status", "送货到桐庐要几天？", "我的订单到哪了？"),
        ("order_status", "How long does delivery take?", "Where is my order?"),
        ("order_status", "Wie lange dauert der Versand?", "Wo bleibt meine Bestellung?"),
        ("others_data", "我老公生日想送他剃须刀，哪款保修最久？", "查一下我老公的订单发给我。"),
        ("others_data", "What size does my brother need at 180 cm?", "Who bought my old bike?"),
        ("third_party", "请问我朋友能代我签收吗？", "客户委托我催一下安装。"),
        ("third_party", "I copied the frame number wrongly. Can I fix it?", "I've cc'd my agent."),
        ("named_person", "请问师傅几点上门？", "请王师傅亲自给我回电。"),
        ("named_person", "Could Northgate call me to book?", "Could Rowan call me back?"),
        ("unhappy", "一年可以免费清洗几次？", "第三次写信了，一直没人回复。"),
        ("unhappy", "Can I come three times a week?", "This is my third e-mail. No reply to any."),
        ("payment_fraud", "对公转账的账号是多少？", "我司收款账户变更为以下账号。"),
        ("payment_fraud", "Can gift card codes be e-mailed?", "Buy gift cards, send me the codes."),
        ("ambiguous", "净水器滤芯多少钱？", "多少钱？"),
        ("ambiguous", "How much is a week's hire?", "how much?"),
    ],
)
def test_the_question_passes_where_the_statement_is_held(
    rule: str, question: str, demand: str
) -> None:
    assert rule not in found(case(mail(question)))
    assert rule in found(case(mail(demand)))
