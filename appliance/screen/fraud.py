"""Rules about mails that want money or codes to leave the office."""

from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.rule import rule
from appliance.screen.words import Phrases

_PAYMENT: Final = Phrases(
    (
        r"(?:收款|银行|对公|付款|结算|打款|汇款)(?:账户|账号|帐户|帐号|卡号|信息)[^。\n]"
        r"{0,20}(?:变更|更换|更改|更新|停用|调整|改为|修改)"
    ),
    r"(?:变更|更换|更改|更新|启用)[^。\n]{0,8}(?:收款|银行|对公)?(?:账户|账号|帐户|帐号)",
    (
        r"(?:汇入|打入|转入|汇款(?:到|至)|付(?:到|至)|转账(?:到|至)|打款(?:到|至)|支付(?:到|至))"
        r"[^。\n]{0,10}(?:账户|账号|帐户|帐号)"
    ),
    r"(?:尽快|立即|马上|今日|今天|于)[^。\n]{0,15}(?:前)?(?:汇款|打款|转账|付款给|支付货款|汇入)",
    r"(?:购买|买)[^。\n]{0,8}(?:充值卡|礼品卡|点卡|购物卡)[^。\n]{0,20}(?:卡密|密码|发给|拍照)",
    r"卡密",
    (
        r"(?:bank|account|payment|remittance|iban)(?: account)? (?:details?|information|data|"
        r"account|instructions)…(?:changed|updated|new\b|different|amended)"
    ),
    (
        r"(?:new|updated|changed|revised) (?:bank|iban|account details|payment details|remittance|"
        r"beneficiary)"
    ),
    (
        r"(?:gift|voucher|itunes|amazon|steam) ?(?:cards?|codes?)\b[^\n]{0,160}(?:send|e-?mail|"
        r"text|scratch|read)~ (?:me |us |over )?(?:the |those |their )?(?:codes?|numbers|pins?|"
        r"photos?)"
    ),
    r"(?:send|e-?mail|text) (?:me |us )?the (?:gift card )?codes?",
    (
        r"(?:wire|transfer|remit|process (?:a|the|this) payment|make (?:a|the) payment)…(?:today|"
        r"urgent|immediately|asap|before|right away|this morning|this afternoon)"
    ),
    r"(?:urgent|immediate) (?:payment|wire|transfer|bank transfer)",
    r"(?:in|stuck in) (?:a )?(?:meeting|conference)…(?:can't|cannot|unable)",
    (
        r"(?:bankverbindung|kontoverbindung|kontodaten|iban|bankkonto)[^.?!\n]{0,40}(?:geändert|"
        r"neu\b|neue|aktualisiert|gewechselt|umgestellt)"
    ),
    r"(?:neue|geänderte) (?:bankverbindung|kontoverbindung|iban)",
    r"(?:überweisen|zahlen) sie[^.?!\n]{0,50}(?:umgehend|sofort|heute|folgende[sn]? konto)",
    r"(?:gutschein|geschenkkarten)\w{0,8}codes?…(?:senden|schicken|mailen)",
    r"(?:senden|schicken|mailen)…codes\b",
    r"(?:nouveau|nouvelles?|changement de) (?:rib|iban|coordonnées bancaires|compte bancaire)",
    r"(?:nueva|nuevos?|cambio de) (?:cuenta bancaria|iban|datos bancarios)",
    (
        r"(?:verify|confirm|update|validate|reset) your (?:account|password|mailbox|payment|"
        r"billing|login|identity|e-?mail account)"
    ),
    (
        r"(?:account|mailbox|mail box|storage|password) (?:has been |will be |is |"
        r"was )?(?:suspended|limited|locked|deactivated|expir|full|almost full|quota|disabled)"
    ),
    (
        r"(?:邮箱|账户|账号|密码)[^。\n]{0,10}(?:即将|将被?|已被?)[^。\n]{0,6}(?:过期|停用|冻结|"
        r"到期|封停|锁定)"
    ),
    r"(?:点击|登录)[^。\n]{0,10}(?:验证|核实|升级|激活)[^。\n]{0,8}(?:邮箱|账户|账号|身份)",
    (
        r"(?:bestätigen|verifizieren|aktualisieren) sie (?:bitte )?ihr(?:e|en)? (?:konto|passwort|"
        r"zugangsdaten|daten|postfach)"
    ),
)


@rule(
    Disposition.HOLD,
    "It wants a payment redirected, card codes or access data: the manner of payment fraud"
    " (house rule).",
)
def payment_fraud(case: Case) -> bool:
    """New bank details, urgent transfers, gift card codes, accounts to be confirmed."""
    return _PAYMENT.found(case.words)
