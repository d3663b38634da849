"""Lines that programs and lawyers put into a mail: device footers, notices, gateway banners."""

import re
from typing import Final

_FOOTER_LENGTH: Final = 110
_NOTE_LENGTH: Final = 400
_LEGAL_LENGTH: Final = 4_000
_LEGAL_SIGNS: Final = 3
_SECRET: Final = 0
_THIS_MAIL: Final = 2

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
    rf"|von .{{0,30}}(?:{_DEVICE}).{{0,20}} gesendet"
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


def is_mobile_footer(line: str) -> bool:
    """Whether a mail program put the line there ("Sent from my iPhone", 发自我的iPhone)."""
    text = line.strip(" \t\u3000*_|<>[]()-—")
    return len(text) <= _FOOTER_LENGTH and _MOBILE.match(text) is not None


def is_notice(paragraph: str) -> bool:
    """Whether a paragraph is a legal notice or a footer, not something the writer says."""
    if len(paragraph) > _LEGAL_LENGTH:
        return False
    signs = [pattern.search(paragraph) is not None for pattern in _LEGAL]
    if sum(signs) >= _LEGAL_SIGNS or (signs[_SECRET] and signs[_THIS_MAIL]):
        return True
    return len(paragraph) <= _NOTE_LENGTH and _FOOTER.search(paragraph) is not None


def is_banner(line: str) -> bool:
    """Whether a gateway put the line on top ("[EXTERNAL] This mail came from outside")."""
    return len(line) <= _NOTE_LENGTH and bool(_BANNER_TALK.search(line) and _BANNER.match(line))
