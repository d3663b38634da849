"""Where a writer's text ends: delimiters, closings, contact blocks, footers and legal notices."""

import re
from collections.abc import Sequence
from typing import Final

_TAIL: Final = 30
_BLOCK_LINES: Final = 12

_DASHES: Final = re.compile(r"[-_—─–=*~·.]{3,80}$|[-—─–]{2}$")
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
    r"|(?:mit )?(?:\w+ )?(?:\w+ )?(?:grüßen?|gruß|gruss|grüsse|gruessen)(?: aus [\w ]{2,30}| \w{2,20})?"
    r"|mfg|lg|vg|beste grüße|danke(?: und gruß| \w+){0,3}|vielen dank(?: \w+){0,3}|hochachtungsvoll"
    r"|(?:bien )?cordialement|(?:très )?cordialement|bien à vous|salutations(?: \w+){0,3}"
    r"|merci(?: [\w']+){0,6}|sincères salutations|meilleures salutations"
    r"|(?:un )?(?:cordial |atento )?saludos?(?: \w+){0,2}|atentamente|gracias(?: \w+){0,4}"
    r"|此致|敬礼|此致敬礼|祝好|祝商祺|顺颂商祺|谢谢您?|感谢|多谢|敬上|敬启|順頌商祺|謝謝您?|感謝|祝您?[\w]{1,8})"
    r"\s{0,2}[,，.。!！;~～]{0,3}$",
    re.IGNORECASE,
)
_DEVICE: Final = (
    r"iphone|ipad|ios|mac|android|galaxy|samsung|huawei|xiaomi|oppo|vivo|honor|redmi|pixel|oneplus"
    r"|nokia|motorola|blackberry|outlook|gmail|mail|e-?mail|yahoo|proton|thunderbird|windows|tablet"
    r"|phone|smartphone|handy|mobilgerät|mobiltelefon|mobile?|móvil|gerät|device|app\b|gmx|web\.de"
    r"|t-online|aol|apple"
)
_MOBILE: Final = re.compile(
    rf"(?:sent (?:from|via|using|with|by)|get|download|try) .{{0,60}}(?:{_DEVICE})"
    rf"|(?:von meinem|von unterwegs|gesendet (?:von|mit|über|aus)|verfasst mit|versendet mit"
    rf"|diese (?:nachricht|e-?mail|mail) wurde).{{0,80}}(?:{_DEVICE}|gesendet|verschickt|geschickt)"
    rf"|(?:hol(?:en sie sich|e dir| dir)|laden sie) .{{0,40}}(?:{_DEVICE})"
    rf"|envoyé (?:de(?:puis)?|à partir d|via|avec).{{0,60}}(?:{_DEVICE}|téléphone|portable)"
    rf"|(?:obtenez|obtenir|téléchargez|télécharger) .{{0,40}}(?:{_DEVICE})"
    rf"|enviado (?:desde|de|do|con|por|a través).{{0,60}}(?:{_DEVICE}|teléfono|celular)"
    rf"|(?:obtener|obtén|descarga) .{{0,40}}(?:{_DEVICE})"
    rf"|(?:inviato da|verstuurd vanaf|skickat från|wysłane z).{{0,60}}$"
    rf"|(?:此?邮件)?(?:发自|發自|来自|來自|发送自|發送自)(?:我的?|于)?.{{0,30}}$"
    rf"|(?:从|從|由|通过|透過|使用|用).{{1,30}}(?:发送|傳送|發送|寄出|发出)。?$"
    rf"|.{{0,60}}(?:签名由|由).{{0,20}}(?:定制|发送)$|获取.{{1,30}}版$|下载.{{1,30}}(?:邮箱|app|大师)$",
    re.IGNORECASE,
)
_LEGAL: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"confidential|vertraulich|confidentiel|confidencial|保密|机密|機密|privileged",
        r"intended (?:solely|only|for|recipient)|intended recipient|addressee|(?:richtige|vorgesehene)r?"
        r" (?:adressat|empfänger)|destinataire|destinatario|误收|誤收|收件人|指定的?接收者",
        r"(?:this|the) (?:e-?mail|message)|diese (?:e-?mail|nachricht|mail)|ce (?:message|courriel)"
        r"|este (?:mensaje|correo)|本邮件|此邮件|本郵件|此郵件|本电子邮件",
        r"delete|destroy|vernichten|löschen|supprimer|détruire|elimin|borr|删除|刪除|销毁",
        r"liability|virus|unauthori[sz]ed|nicht gestattet|unerlaubt|interdit|prohib|不得|严禁|禁止",
        r"notify|informieren|informer|avise|notifi|通知发件人|告知发件人|通知寄件",
    )
)
_FOOTER: Final = re.compile(
    r"(?:please )?(?:consider|think of|think about) the environment|think before you print"
    r"|bitte (?:prüfen|denken|überlegen) sie.{0,60}(?:umwelt|drucken|ausdrucken)"
    r"|pensez à l.environnement|n.imprimez|antes de imprimir|piense en el medio ambiente"
    r"|请考虑环境|请保护环境|打印此邮件前|列印此郵件前|保护环境"
    r"|(?:to )?unsubscribe|manage your (?:preferences|subscription)|view (?:this|it) in your browser"
    r"|(?:newsletter )?abbestellen|se désabonner|darse de baja|退订|退訂|取消订阅"
    r"|virus-free|virenfrei|sans virus|libre de virus|(?:checked|scanned) (?:by|for|with)"
    r"|registered (?:in|office|address)|registered company|company (?:number|registration)"
    r"|sitz der gesellschaft|handelsregister|amtsgericht",
    re.IGNORECASE,
)
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
    below = [below.strip() for below in lines[at + 1 :] if below.strip()]
    if len(text) == 2 and text == "--":
        return len(below) <= _BLOCK_LINES
    return (
        0 < len(below) <= _BLOCK_LINES
        and not any(_ASKS.search(line) for line in below)
        and (contact_lines(below) > 0 or all(len(line) <= 40 for line in below[:4]))
    )


def contact_lines(lines: Sequence[str]) -> int:
    """How many of the lines look like a phone number, an address, a firm or a list of titles."""
    return sum(1 for line in lines if _CONTACT.search(line) or _PHONE.search(line))


def is_closing(line: str) -> bool:
    """Whether the line is a complimentary close ("Kind regards", "Mit freundlichen Grüßen", 祝好)."""
    return len(line) <= 60 and _CLOSING.match(line.strip()) is not None


def is_mobile_footer(line: str) -> bool:
    """Whether a mail program put the line there ("Sent from my iPhone", 发自我的iPhone)."""
    text = line.strip(" \t\u3000*_|<>[]()-—")
    return len(text) <= 110 and _MOBILE.match(text) is not None


def is_notice(paragraph: str) -> bool:
    """Whether a paragraph is a legal notice or a footer, not something the writer says."""
    if sum(1 for pattern in _LEGAL if pattern.search(paragraph)) >= 3:
        return True
    return len(paragraph) <= 400 and _FOOTER.search(paragraph) is not None


def is_banner(line: str) -> bool:
    """Whether a gateway put the line on top ("[EXTERNAL] This mail came from outside")."""
    head = line[:400]
    return len(line) <= 400 and bool(_BANNER_TALK.search(head) and _BANNER.match(head))


def end_of_text(lines: Sequence[str]) -> int:
    """The number of leading lines that are the writer's, of a text without delimited signature.

    From the end upwards: program footers and notices go; a block of contacts goes where a closing
    or a name in a paragraph of its own stands above it.
    """
    end = len(lines)
    while True:
        end = _skip_blank(lines, end)
        if end and is_mobile_footer(lines[end - 1]):
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
    if len(block) > _BLOCK_LINES or any(_ASKS.search(line) or len(line) > 120 for line in block):
        return False
    closed = any(is_closing(line) for line in lines[max(0, above - _TAIL) : above])
    return contact_lines(block) > 0 and closed and not any(is_closing(line) for line in block)
