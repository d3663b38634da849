"""Rules about mails whose question is not in their words."""

import re
from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.rule import rule
from appliance.screen.words import Phrases

_PICTURE: Final = Phrases(
    r"(?:见|如|看|附|下)(?:下|上|附)?(?:图|照片|截图|视频)",
    r"(?:图片|照片|截图|视频)(?:里|中|上|在|见|已|发)",
    r"(?:拍|发)(?:了|给)?(?:你们?|您)?(?:一?张|几张|个)?(?:照片|图|视频)",
    (
        r"\b(?:see|attached|attaching|enclosed|here(?:'s| is| are)|in|from|look at|per|this|these|"
        r"the|my|a|some|with)~ ?(?:photo|picture|pic|image|screenshot|snap|video|attachment)s?\b"
    ),
    (
        r"\b(?:auf|siehe|anbei|im|angehängt\w*|beigefügt\w*|das|die|dem|den|ein)~ ?(?:foto|bild|"
        r"bilder|bildern|fotos|screenshot|anhang|video)\b"
    ),
    r"\b(?:photo|image|pièce jointe|ci-joint|foto|imagen|adjunt[oa])s?\b",
    r"(?:图|照片|截图|视频)[^。?\n]{0,3}(?:发|传|附)(?:给)?(?:你|您|了|上)",
    r"(?:photo|picture|pic|image|screenshot)s? (?:is |are )?(?:attached|enclosed|below|included)",
    r"[(\[【](?:图片|图|照片|视频|image|photo)[)\]】]",
)
_SEE_PICTURE: Final = Phrases(
    r"(?:见|如|看|附|下)(?:下|上|附)?(?:图|照片|截图|视频)",
    r"(?:图片|照片|截图|视频)(?:里|中|上|见|已发)",
    (
        r"(?:see|look at|attached|here(?:'s| is)|in) (?:the |this |my |attached )*(?:photo|"
        r"picture|pic|image|screenshot|video)s?\b"
    ),
    (
        r"(?:siehe|anbei|auf dem|im angehängten|beigefügt\w*)~ ?(?:foto|bild|screenshot|anhang|"
        r"video)"
    ),
    r"(?:voir|ci-joint\w*|sur) (?:la |une )?photo|(?:ver|adjunto) (?:la )?(?:foto|imagen)",
    r"(?:图|照片|截图|视频)[^。?\n]{0,3}(?:发|传|附)(?:给)?(?:你|您|了|上)",
    r"(?:photo|picture|pic|image|screenshot)s? (?:is |are )?(?:attached|enclosed|below|included)",
    r"[(\[【](?:图片|图|照片|视频|image|photo)[)\]】]",
    r"(?:看|见|附)(?:一下)?附件(?:的|里)?(?:图|照片|截图|视频)",
)
_WHAT_IS_THIS: Final = Phrases(
    (
        r"(?:这|那)(?:个|种|是|东西|玩意|样|里|属于)?(?:是|算|属于)?[^。?\n]{0,6}(?:什么|啥|咋|"
        r"怎么|哪|正常|坏|能修|型号|情况|毛病|问题)"
    ),
    r"(?:图|照片)(?:里|中|上)[^。?\n]{0,12}(?:什么|啥|哪|怎么|多少|型号)|认(?:识|得)",
    r"帮(?:我)?看(?:一?下|看)",
    r"\bwhat(?:'s| is| are|s) (?:this|that|these|wrong|going on|it)\b",
    r"(?:is|are|does|do|can|could|would|will) (?:this|that|these|those|it|the one)\b",
    r"which (?:one|part|model|size)|(?:this|the) (?:one|thing|part|bit)|any idea|can you tell",
    r"you can see|as (?:shown|pictured)|identify",
    r"was (?:ist|sind) (?:das|dies)|(?:ist|sind|passt|kann man|geht) (?:das|dies|so)|um welch",
    r"welches (?:teil|modell)|wie (?:man )?sieht|erkennen|c'est quoi|qu'est-ce",
    r"qué es (?:esto|eso)|(?:es|está) (?:esto|eso|normal)",
)
_HELLO: Final = (
    r"(?:hi|hello|hey|hiya|dear|good (?:morning|afternoon|evening|day)|morning|evening|hallo|"
    r"guten (?:tag|morgen|abend)|moin|servus|bonjour|bonsoir|hola|buenos dias|buenas(?: tardes)?)\b"
)
_GREETING: Final = re.compile(
    rf"^(?:{_HELLO}(?: [^\s,.!?:]{{1,20}}){{0,4}}[,.!:\n]+|{_HELLO}"
    r"|(?:您好|你好|老师好|大家好|在吗|在么|亲)(?:[^,。!?:\n]{0,6}[,。!?:\n]+)?) ?"
)
_EARLIER_TALK: Final = Phrases(
    (
        r"上(?:次|回)(?:我|我们|你们|咱们)?(?:看|说|聊|谈|提|讲|问|看中|看上)(?:好|过|到|"
        r"中)?(?:的|了)?(?:那|这|的)"
    ),
    r"(?:那|之前|上次|昨天|前几天)(?:说|谈|聊|讲|看)(?:好|过)?的(?:那|事|价|这)",
    r"还是(?:那个|原来的?|上次)(?:的)?价|老(?:样子|价钱)|(?:按|照)(?:上次|之前|老)",
    (
        r"\b(?:thing|stuff|matter|issue|deal|topic) (?:that )?(?:we|i|you) (?:talked|spoke|"
        r"chatted|discussed|mentioned|agreed)"
    ),
    r"\b(?:one|price|bike|quote) (?:that )?we (?:talked|spoke|chatted|discussed|agreed)",
    r"\b(?:what|like|as) we (?:discussed|talked about|agreed|spoke about|said)",
    r"(?:same|usual) (?:as (?:last time|before|usual)|thing as)|last time's",
    r"you know (?:which one|the one|what i mean)",
    (
        r"(?:wie|was wir) (?:neulich |letztens |zuletzt |am telefon |kürzlich )?(?:besprochen|"
        r"vereinbart|ausgemacht)"
    ),
    r"die sache (?:von|mit)|das (?:gleiche|selbe|ding) wie (?:letzte|neulich|immer)",
    r"wie (?:beim )?letzte[ns]? mal|das,? (?:was|worüber) wir",
    r"das von (?:neulich|letztens|gestern)",
    r"comme (?:convenu|la dernière fois|discuté)|como (?:hablamos|acordamos|la última vez)",
    r"lo (?:que|de) (?:hablamos|la otra vez)",
    (
        r"(?:你们|您|你)?(?:上回|上次|之前|那天)(?:说|提|讲|答应)(?:的|过的)(?:那)?(?:件|"
        r"个)?(?:事|东西|货|价)"
    ),
    r"(?:之前|上次|昨天|那天)[^。,?\n]{0,6}(?:讲|说|聊|谈|提)(?:好|过)?的(?:那|方案|价|事)",
    r"same (?:one|thing|bike|size) as (?:before|last time|always)|\bas usual\b",
    r"(?:按|照)(?:咱们|我们|你们|之前)?(?:说好|讲好|谈好|商量好)的|说好的那(?:个|款|台|样)",
    r"^(?:yes|no|ok|yeah|right)\b[, ]…\b(?:that|this|the (?:first|second|other)) one",
)
_POINTING: Final = Phrases(
    (
        r"^(?:请问)?(?:那个|这个|它)?(?:还)?(?:有吗|有货吗|在吗|多少钱|什么价|怎么卖|怎么弄|"
        r"怎么办|可以吗|行吗|能修吗|好了吗|呢)[?。!]*$"
    ),
    r"^(?:怎么样了?|什么情况|行不行|可不可以|好了没|弄好了吗|能不能弄|到底行不行)[?。!]*$",
    (
        r"^(?:how much(?: is (?:it|that|this))?(?: for .{1,15})?|is (?:it|that|"
        r"this) (?:still )?(?:available|ok|okay|possible)|what about (?:it|that)|and\?|any news|"
        r"still (?:there|available)|price|help|question|please call(?: me)?)[?.!]*$"
    ),
    (
        r"^(?:(?:so|and|ok|okay|well)[, ]+)?(?:can|could|will|would|do|did) you (?:\w+ )?(?:do|"
        r"fix|send|confirm|check|sort|get|manage|have) (?:it|that|this|them|one)(?: (?:or not|"
        r"please|today|now|for me|then))*[?.!]*$"
    ),
    (
        r"^(?:(?:so|and|ok|well)[, ]+)?(?:does|is|was|did|will) (?:that|it|this) (?:work|ok|okay|"
        r"fine|alright|happening|done|go ahead|still on)(?: .{1,12})?[?.!]*$"
    ),
    (
        r"^(?:(?:und|also|na)[, ]+)?(?:klappt|geht|passt|funktioniert|stimmt) (?:das|es|"
        r"dies)(?: (?:jetzt|so|noch|nun|denn))*[?.!]*$"
    ),
    (
        r"^(?:wie ?viel (?:kostet (?:das|es)|ist das)|was kostet (?:das|es)|geht das|noch da|"
        r"preis|frage|bitte (?:um )?rückruf)[?.!]*$"
    ),
)
_FEW_LETTERS: Final = 60
_VERY_FEW_LETTERS: Final = 6
_INCOMPLETE: Final = frozenset({"truncated", "undecodable", "malformed"})
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_NO_LETTER: Final = re.compile(r"[\W\d_]")


def _content(text: str) -> int:
    """How much is said: Latin letters, a Chinese character counting for three of them."""
    stripped = _NO_LETTER.sub("", _GREETING.sub("", text))
    return len(stripped) + 2 * len(_HAN.findall(stripped))


@rule(
    Disposition.HOLD,
    "The question hangs on a picture, and pictures are not read (house rule).",
)
def photo_only(case: Case) -> bool:
    """A picture with hardly a word, or few words that only point at one."""
    pictured = any(
        attachment.media_type.startswith(("image/", "video/"))
        for attachment in case.message.attachments
    )
    said = _content(case.body)
    if pictured and said <= _FEW_LETTERS:
        return True
    points = (_PICTURE if pictured else _SEE_PICTURE).found(case.body)
    return points and said <= 2 * _FEW_LETTERS and _WHAT_IS_THIS.found(case.body)


@rule(
    Disposition.HOLD,
    "What is asked cannot be told from the words: they are too few, or refer to a talk that is not"
    " in the thread (house rule).",
)
def ambiguous(case: Case) -> bool:
    """Too short, only pointing, or about something agreed elsewhere."""
    body = _GREETING.sub("", case.body).strip()
    if case.message.quoted or len(case.thread.messages) > 1 or case.message.in_reply_to:
        return not body and not case.message.attachments
    if _content(case.subject) >= _FEW_LETTERS // 4:
        return _EARLIER_TALK.found(case.body) or not body
    said = _content(case.body)
    return said < _VERY_FEW_LETTERS or _EARLIER_TALK.found(case.body) or _POINTING.found(body)


@rule(
    Disposition.REVIEW,
    "Parts of the mail could not be read: it is damaged or longer than what is read.",
)
def read_in_part(case: Case) -> bool:
    """Reading noticed that something is missing."""
    return not _INCOMPLETE.isdisjoint(case.message.oddities)
