"""Where a writer's text ends: delimiters, closings, contact blocks, footers and legal notices."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final

_TAIL: Final = 30
_BLOCK_LINES: Final = 12
_NAME_LENGTH: Final = 40
_CLOSING_LENGTH: Final = 60
_FOOTER_LENGTH: Final = 110
_CONTACT_LENGTH: Final = 120
_NOTE_LENGTH: Final = 400
_LEGAL_LENGTH: Final = 4_000
_LEGAL_SIGNS: Final = 3

_DASHES: Final = re.compile(r"[-_—─–=*~·.]{3,80}$|[-—─–]{2}$|\|(?: \|){0,3}$")
_RULE: Final = re.compile(r"\s{0,8}[-_—─–=*]{3,80}\s{0,8}$")
_PHONE: Final = re.compile(
    r"(?:\+|\b0|\()[\d\s()./-]{6,20}\d|\b\d{3,4}[- ]\d{4}[- ]?\d{4}\b|\b1\d{10}\b"
)
_CONTACT: Final = re.compile(
    r"@|https?://|www\.|\b(?:tel|phone|mobile|mob|cell|fax|telefon|telefax|mobil|handy|tél|téléphone"
    r"|teléfono|móvil|e-?mail|web|direct|office)\b\s?[.:：]|^[tmfepw]\s?[:：|]\s?\S"
    r"|电话|手机|传真|邮箱|地址|网址|微信|電話|手機|傳真|郵箱|網址|邮编"
    r"|\b(?:gmbh|ag|kg|ohg|ug|ltd|limited|llc|inc|plc|llp|s\.a\.|s\.l\.|sarl|e\. ?v\.|hrb|hra|vat"
    r"|ust-?id|amtsgericht|geschäftsführer|registered|company no)\b"
    r"|有限公司|股份公司|事务所|事務所|有限责任| \| | · |｜",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(r"[?？!！]")
_CLOSING: Final = re.compile(
    r"(?:(?:with |my |our |kindest |kind |best |warm |warmest |many |very best |all the )?"
    r"(?:regards|wishes|best|thanks|cheers)|yours?(?: \w+)?|sincerely|cheers|thanks(?: \w+){0,4}"
    r"|thank you(?: \w+){0,4}|ta|rgds|br|kr|love"
    r"|(?:mit )?(?:\w+ )?(?:\w+ )?(?:grüßen?|gruß|gruss|grüsse|gruessen)"
    r"(?: aus [\w ]{2,30}| \w{2,20})?"
    r"|mfg|lg|vg|beste grüße|danke(?: und gruß| \w+){0,3}|vielen dank(?: \w+){0,3}|hochachtungsvoll"
    r"|(?:bien )?cordialement|(?:très )?cordialement|bien à vous|salutations(?: \w+){0,3}"
    r"|merci(?: [\w']+){0,6}|sincères salutations|meilleures salutations"
    r"|(?:un )?(?:cordial |atento )?saludos?(?: \w+){0,2}|atentamente|gracias(?: \w+){0,4}"
    r"|此致|敬礼|此致敬礼"
    r"|祝好|祝商祺|顺颂商祺|谢谢您?|感谢|多谢|敬上|敬启|順頌商祺|謝謝您?|感謝|祝您?[\w]{1,8})"
    r"\s{0,2}[,，.。!！;~～]{0,3}$",
    re.IGNORECASE,
)
_DEVICE: Final = (
    r"iphone|ipad|ios|mac|android|galaxy|samsung|huawei|xiaomi|oppo|vivo|honor|redmi|pixel|oneplus"
    r"|nokia|motorola|blackberry|outlook|gmail|mail|e-?mail|correo|yahoo|proton|thunderbird|windows"
    r"|tablet|phone|smartphone|handy|mobilgerät|mobiltelefon|mobile?|móvil|appareil|gerät|device"
    r"|app\b|gmx|web\.de|t-online|aol|apple"
)
_SYSTEM: Final = r"iphone|ipad|ios|android|windows|mac\b|macos|mobile"
_MOBILE: Final = re.compile(
    rf"sent (?:from|via|using|with) .{{0,60}}(?:{_DEVICE})"
    rf"|(?:get|download|try) .{{0,40}}(?:mail|outlook|app) (?:for|on) (?:{_SYSTEM})"
    rf"|(?:von meinem|von unterwegs|gesendet (?:von|mit|über|aus)|verfasst mit|versendet mit"
    rf"|diese (?:nachricht|e-?mail|mail) wurde).{{0,80}}(?:{_DEVICE}|gesendet|verschickt|geschickt)"
    rf"|(?:hol(?:en sie sich|e dir| dir)|laden sie) .{{0,40}} für (?:{_SYSTEM})"
    r"|outlook .{1,30} (?:beziehen|herunterladen)$"
    rf"|envoyé (?:de(?:puis)?|à partir d|via|avec).{{0,60}}(?:{_DEVICE}|téléphone|portable)"
    rf"|(?:obtenez|obtenir|téléchargez|télécharger) .{{0,40}} pour (?:{_SYSTEM})"
    rf"|enviado (?:desde|de|do|con|a través).{{0,60}}(?:{_DEVICE}|teléfono|celular)"
    rf"|(?:obtener|obtén|descarga) .{{0,40}} para (?:{_SYSTEM})"
    rf"|(?:inviato da|verstuurd vanaf|skickat från|wysłane z).{{0,40}}(?:{_DEVICE})"
    r"|(?:此?邮件)?(?:发自|發自|发送自|發送自|来自我的|來自我的)(?!内心|內心|肺腑).{0,30}$"
    r"|(?:从|從|由|通过|透過|使用|用).{0,20}(?:我的|版|客户端|客戶端|大师|大師|app|iphone|手机|手機|mail)"
    r".{0,20}(?:发送|傳送|發送|寄出|发出)。?$"
    r"|.{0,60}签名由.{0,20}定制$|获取.{0,30}(?:版$|outlook)|下载.{1,30}(?:邮箱|app|大师)$",
    re.IGNORECASE,
)
_LEGAL_WORDS: Final = (
    r"confidential|vertraulich|confidentiel|confidencial|保密|机密|機密|privileged",
    (
        r"intended (?:solely|only|for|recipient)|addressee|destinataire|destinatario"
        r"|(?:richtige|vorgesehene)r? (?:adressat|empfänger)"
        r"|误收|誤收|错收|錯收|收件人|指定的?接收者"
    ),
    (
        r"(?:this|the) (?:e-?mail|message)|diese (?:e-?mail|nachricht|mail)"
        r"|ce (?:message|courriel)|este (?:mensaje|correo)"
        r"|本邮件|此邮件|本郵件|此郵件|本电子邮件|本電子郵件"
    ),
    r"delete|destroy|vernichten|löschen|supprimer|détruire|elimin|elimín|borr|删除|刪除|销毁",
    (
        r"liability|virus|unauthori[sz]ed|nicht gestattet|unerlaubt|interdit|prohib"
        r"|不得|严禁|禁止"
    ),
    r"notify|informieren|informer|avis|avert|notifi|notifí|通知发件人|告知发件人|通知寄件",
)
_LEGAL: Final = tuple(re.compile(words, re.IGNORECASE) for words in _LEGAL_WORDS)
_FOOTER: Final = re.compile(
    r"(?:please )?(?:consider|think of|think about) the environment|think before you print"
    r"|bitte (?:prüfen|denken|überlegen) sie.{0,60}(?:umwelt|drucken|ausdrucken)"
    r"|pensez à l.environnement|n.imprimez|antes de imprimir|piense en el medio ambiente"
    r"|请考虑环境|请保护环境|打印此邮件前|列印此郵件前|保护环境"
    r"|to unsubscribe|unsubscribe (?:here|https?:)|manage your (?:preferences|subscription)"
    r"|view (?:this|it) in your browser|如需退订|退订请|如不想再收到"
    r"|virus-free|virenfrei|sans virus|libre de virus"
    r"|(?:checked|scanned) (?:by|for|with) .{0,40}(?:virus|avast|avg|norton|kaspersky|mcafee)"
    r"|registered (?:in (?:england|scotland|wales|ireland)|office)|company (?:no|number)\.?:? ?\d"
    r"|sitz der gesellschaft|\bhr[ab] ?\d",
    re.IGNORECASE,
)
_POSTSCRIPT: Final = re.compile(
    r"p\. ?s\.?|ps\b|n\. ?b\.|nb\b|又及|另外|附[:：]|补充|補充", re.IGNORECASE
)
_MATTER: Final = re.compile(
    r"order|invoice|receipt|serial|model|reference|bestell|auftrag|rechnung|kunden-?nummer|commande"
    r"|facture|pedido|factura|订单|訂單|单号|單號|型号|型號|发票|發票|收据|收據|编号|編號",
    re.IGNORECASE,
)
_PROSE: Final = re.compile(r"(?:\S+ ){6}.*[.…]$|.{14,}[。；]$")
_BANNER: Final = re.compile(
    r"[\[【(*⚠\s]{0,4}(?:caution|warning|external(?: e-?mail| sender)?|achtung|extern|attention"
    r"|外部邮件|外部郵件|外部来信|安全提醒|注意)[\]】):：!！*\s-]{1,5}.{0,300}",
    re.IGNORECASE,
)
_BANNER_TALK: Final = re.compile(
    r"originated (?:from )?outside|outside (?:of )?(?:the|your|our) organi[sz]ation|external sender"
    r"|do not click|don't often get e?-?mail from|außerhalb (?:der|ihrer|unserer)|externen absender"
    r"|provient de l.extérieur|来自(?:公司|组织|单位)?外部|外部发件人|谨慎(?:打开|点击)",
    re.IGNORECASE,
)


def delimiter(lines: Sequence[str], at: int) -> bool:
    """Whether ``lines[at]`` begins a delimited signature that reaches to the end of ``lines``.

    "-- " (RFC 3676 §4.3) always does, "--" above a dozen lines at most, and a longer rule where a
    short block without a question follows that looks like contacts.
    """
    line = lines[at]
    if line == "-- ":
        return True
    text = line.strip()
    if not _DASHES.match(text):
        return False
    filled = (below.strip() for below in lines[at + 1 :] if below.strip())
    below = list(islice(filled, _BLOCK_LINES + 1))
    if text == "--":
        return len(below) <= _BLOCK_LINES
    return (
        0 < len(below) <= _BLOCK_LINES
        and not any(_ASKS.search(line) for line in below)
        and (contact_lines(below) > 0 or all(len(line) <= _NAME_LENGTH for line in below[:4]))
    )


def contact_lines(lines: Sequence[str]) -> int:
    """How many of the lines look like a phone number, an address, a firm or a list of titles."""
    return sum(1 for line in lines if _CONTACT.search(line) or _PHONE.search(line))


def is_closing(line: str) -> bool:
    """Whether the line is a complimentary close ("Kind regards", "Viele Grüße", 祝好)."""
    return len(line) <= _CLOSING_LENGTH and _CLOSING.match(line.strip()) is not None


def is_mobile_footer(line: str) -> bool:
    """Whether a mail program put the line there ("Sent from my iPhone", 发自我的iPhone)."""
    text = line.strip(" \t\u3000*_|<>[]()-—")
    return len(text) <= _FOOTER_LENGTH and _MOBILE.match(text) is not None


def is_notice(paragraph: str) -> bool:
    """Whether a paragraph is a legal notice or a footer, not something the writer says."""
    if len(paragraph) > _LEGAL_LENGTH:
        return False
    if sum(1 for pattern in _LEGAL if pattern.search(paragraph)) >= _LEGAL_SIGNS:
        return True
    return len(paragraph) <= _NOTE_LENGTH and _FOOTER.search(paragraph) is not None


def is_banner(line: str) -> bool:
    """Whether a gateway put the line on top ("[EXTERNAL] This mail came from outside")."""
    return len(line) <= _NOTE_LENGTH and bool(_BANNER_TALK.search(line) and _BANNER.match(line))


def end_of_text(lines: Sequence[str]) -> int:
    """The number of leading lines that are the writer's, of a text without delimited signature.

    From the end upwards: program footers, ruled lines and notices go; a block of contacts goes
    where a closing stands above it.
    """
    end = len(lines)
    while True:
        end = _skip_blank(lines, end)
        if end and (is_mobile_footer(lines[end - 1]) or _RULE.match(lines[end - 1])):
            end -= 1
            continue
        start = _paragraph(lines, end)
        if start < end and _is_trailer(lines, start, end):
            end = start
            continue
        return end


def _skip_blank(lines: Sequence[str], end: int) -> int:
    while end and not lines[end - 1].strip():
        end -= 1
    return end


def _paragraph(lines: Sequence[str], end: int) -> int:
    start = end
    while start and lines[start - 1].strip():
        start -= 1
    return start


def _is_trailer(lines: Sequence[str], start: int, end: int) -> bool:
    """Whether the last paragraph is no part of the text; it never is while it is the only one."""
    block = [line.strip() for line in lines[start:end]]
    above = _skip_blank(lines, start)
    if not above:
        return False
    if is_notice(" ".join(block)) and not any("?" in line or "？" in line for line in block):
        return True
    if len(block) > _BLOCK_LINES or _POSTSCRIPT.match(block[0]) or any(map(_speaks, block)):
        return False
    closed = any(is_closing(line) for line in lines[max(0, above - _TAIL) : above])
    return contact_lines(block) > 0 and closed and not any(is_closing(line) for line in block)


def _speaks(line: str) -> bool:
    """Whether a line below a closing still says something: a question, a sentence, an order."""
    if len(line) > _CONTACT_LENGTH or _ASKS.search(line):
        return True
    return bool(_MATTER.search(line) or _PROSE.match(line))
