"""Rules about ticket systems that acknowledge a mail without any of the marks of RFC 3834."""

import re
from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.rule import rule
from appliance.screen.words import Phrases

_REPLY_ABOVE: Final = Phrases(
    r"(?:type|write|enter|add) (?:your )?(?:reply|response|answer) above this line",
    r"(?:please )?(?:reply|respond|answer) above (?:this|the) (?:dotted )?line",
    r"请?(?:在|于)(?:此|本|这)(?:行|线|条线|分割线)(?:以上|之上|上方|上面)(?:回复|答复|输入)",
    r"(?:antworten|schreiben) sie (?:bitte )?(?:oberhalb|über) dieser (?:linie|zeile)",
    r"bitte (?:oberhalb|über) dieser (?:linie|zeile) antworten",
    r"répond(?:re|ez)~ au-dessus de cette ligne|responda~ (?:por )?encima de esta línea",
)
_RECEIVED: Final = Phrases(
    (
        r"(?:your|this) (?:request|enquiry|inquiry|ticket|query|case|message|e-?mail|"
        r"support request)…(?:has|have) been (?:received|logged|registered|created|opened|"
        r"assigned|forwarded)"
    ),
    (
        r"we(?:'ve| have)? (?:now )?(?:received|logged|registered|opened|created) (?:your|a) (?:\w"
        r"+ )?(?:request|enquiry|inquiry|ticket|query|case|message|e-?mail)"
    ),
    (
        r"thank(?:s| you) for (?:contacting|getting in touch with|reaching out to|your (?:request|"
        r"enquiry))"
    ),
    (
        r"(?:您|你)的(?:来信|邮件|请求|咨询|问题|反馈|工单|申请|留言)[^。\n]{0,20}(?:已|"
        r"已经)(?:被)?(?:收到|受理|创建|登记|提交|接收|记录|生成)"
    ),
    (
        r"(?:我们|我司|系统|客服)?已(?:经)?(?:收到|受理|登记)(?:了)?(?:您|你|贵司|贵方)的(?:来信|"
        r"邮件|请求|咨询|问题|反馈|工单|申请|留言)"
    ),
    r"(?:工单|服务单|请求|案件)[^。\n]{0,20}(?:已|已经)(?:创建|受理|生成|登记|建立|分配)",
    (
        r"(?:ihre|deine) (?:anfrage|nachricht|e-?mail|meldung)…(?:eingegangen|erhalten|erfasst|"
        r"angelegt)"
    ),
    r"wir haben (?:ihre|deine) (?:anfrage|nachricht|e-?mail|meldung) erhalten",
    r"(?:ein |ihr )?(?:neues )?ticket…(?:erstellt|angelegt|eröffnet)",
    r"votre (?:demande|message|ticket|requête)…(?:reçu|enregistré|créé)",
    r"(?:su|tu) (?:solicitud|consulta|mensaje|ticket|petición)…(?:recibid|registrad|cread)",
    r"hemos recibido (?:su|tu) (?:solicitud|consulta|mensaje|ticket|petición)",
)
_NUMBERED: Final = re.compile(
    r"\[[^\]\n]{0,30}\d{3,}[^\]\n]{0,10}\]|\((?:case|ticket|request|ref)[^)\n]{0,15}\d{3,}\)"
    r"|(?:ticket|case|request|incident|anfrage|vorgang|vorgangsnummer|ticketnummer"
    r"|工单|受理号|受理编号|服务单|案件|demande|solicitud|caso)"
    r" ?(?:id|no\.?|number|nr\.?|nummer|号|编号|n°|numero)? ?[:#(]{0,2} ?[#a-z]{0,5}-?\d{3,}"
    r"|(?:^|\s)#\d{3,}"
)
_DESK: Final = re.compile(
    r"(?:.*[-_.])?(?:support|help|service|helpdesk|servicedesk|service-?desk|tickets?|cases?|kundenservice"
    r"|customer-?(?:service|care|support)|care|desk|kefu|soporte|assistance|noc|it)(?:[-_.+].*|\d*)"
)
_DESK_HEADERS: Final = (
    "x-ticket-id",
    "x-ticket-number",
    "x-zendesk-priority-mail",
    "x-freshdesk-ticket-id",
    "x-otrs-loop",
    "x-rt-loop-prevention",
    "rt-ticket",
    "x-jira-fingerprint",
    "x-servicenow-generated",
    "x-osticket-id",
)


@rule(
    Disposition.STOP,
    "A ticket system acknowledges something; answering it would start a loop (house rule).",
)
def ticket_acknowledgement(case: Case) -> bool:
    """At least two of: its wording, a ticket number, a service-desk sender, its headers.

    "Reply above this line" on top of a mail is enough by itself.
    """
    if _REPLY_ABOVE.found(_top(case)):
        return True
    local = case.message.sender.address.rpartition("@")[0]
    signs = (
        _RECEIVED.found(case.words),
        _NUMBERED.search(case.words[:2_000]) is not None,
        _DESK.fullmatch(local[:64]) is not None,
        any(case.message.header(name) is not None for name in _DESK_HEADERS),
    )
    return sum(signs) >= 2 + (not signs[0])


def _top(case: Case) -> str:
    """The first lines of the newest text, or of the mail where all of it passed for a quote."""
    return case.body[:400] if case.message.question else case.everything[:600]
