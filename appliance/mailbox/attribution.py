"""Lines that announce a quoted mail, as mail programs write them in nine languages."""

import re
from collections.abc import Sequence
from typing import Final

_LONGEST: Final = 400
_JOINED: Final = 3
_HEADER_LINES: Final = 8
_ENOUGH_LABELS: Final = 3
_VERB_AT: Final = 80
_VERB_FIRST: Final = 160

_VERBS: Final = re.compile(
    r"wrote|writes|schrieb|写道|寫道|寫到|写到|a écrit|écrit|escribió|escribio|escreveu|ha scritto"
    r"|schreef|napisał|skrev",
    re.IGNORECASE,
)
_ANCHORED: Final = re.compile(r"\d|@|<[^<>]{1,100}>")
_OPENING: Final = re.compile(
    r"[>*\s]{0,4}(?:on|at|am|le|el|il|op|em|den|på|在|于|於)[\s\d]|.{0,80}(?:于|於)\s?\d{4}\s?年",
    re.IGNORECASE,
)

_MARKER_WORDS: Final = (
    r"original\s?message|original|forwarded\s?(?:message|mail)|replied\s?message"
    r"|urspr(?:ü|ue)ngliche\s?(?:nachricht|e-?mail)|originalnachricht|weitergeleitete\s?nachricht"
    r"|message\s?(?:d['’]origine|original|transf[ée]r[ée]|r[ée]exp[ée]di[ée])"
    r"|courriel\s?original|mensaje\s?(?:original|reenviado)"
    r"|mensagem\s?original|messaggio\s?originale|oorspronkelijk\s?bericht"
    r"|原始邮件|原始郵件|原邮件|原郵件|邮件原件|郵件原件|回复的原邮件|回覆的原郵件|转发的邮件|轉寄的郵件"
    r"|转发邮件|轉寄郵件|转发邮件信息|转发的原邮件|原始訊息|原始消息|已转发邮件|已轉寄郵件"
)
_MARKER: Final = re.compile(
    rf"\s{{0,4}}[-_=—─*]{{2,60}}\s{{0,3}}(?:{_MARKER_WORDS})(?:\s{{0,3}}[-_=—─*:：]|\s{{0,3}}$)",
    re.IGNORECASE,
)
_SPOKEN: Final = re.compile(
    r"(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)"
    r"|début du message (?:réexpédié|transféré)|inicio del mensaje reenviado"
    r"|开始转发的邮件|開始轉寄的郵件|開始轉寄郵件|以下是转发的邮件|下面是被转发邮件的内容"
    r"|下面是转发邮件的内容)\s?[:：]\s*$",
    re.IGNORECASE,
)
_REPLY_ABOVE: Final = re.compile(
    r"\W{0,8}(?:please )?(?:type|write|enter|reply)[\w ]{0,30} above this line"
    r"|\W{0,8}请在此行上方回复",
    re.IGNORECASE,
)

_FROM: Final = r"from|von|de|da|van|od|från|发件人|發件人|寄件者|寄件人|发信人|寄信人"
_SENT: Final = (
    r"sent|date|gesendet|datum|envoyé|enviado(?: el)?|fecha|data|inviato|verzonden"
    r"|发送时间|发送日期|日期|时间|時間|傳送時間|寄件日期|寄送日期|发信时间"
)
_LABELS: Final[tuple[str, ...]] = (
    _FROM,
    _SENT,
    r"to|an|à|para|per|a|aan|pour|收件人|收件者|收信人",
    r"cc|kopie|copie à|copia|抄送|副本|副本抄送",
    r"subject|betreff|objet|asunto|assunto|oggetto|onderwerp|主题|主旨|主題|标题",
)
_LABEL: Final = re.compile(
    r"[\s>|*•]{0,6}(?:" + "|".join(f"({label})" for label in _LABELS) + r")\s{0,3}\*{0,2}[:：|]",
    re.IGNORECASE,
)


def attribution_length(lines: Sequence[str], at: int) -> int:
    """How many lines from ``at`` on form "On … X wrote:", wrapped or not; 0 where none does.

    It has to end with a colon behind or around a verb of writing and to name a date or an address.
    """
    joined = ""
    for count, line in enumerate(lines[at : at + _JOINED], 1):
        text = line.strip().lstrip(">").strip()
        if not text or (count > 1 and line.startswith(">")):
            return 0
        joined = f"{joined} {text}".strip()
        if len(joined) > _LONGEST:
            return 0
        if text.endswith((":", "：")):
            return count if _attributes(joined, wrapped=count > 1) else 0
        if count == 1 and not _OPENING.match(joined) and "@" not in joined:
            return 0
    return 0


def announces(line: str) -> bool:
    """Whether everything below ``line`` is a quoted or forwarded mail."""
    # QQ leaves entities in its plain form.
    text = line[:_LONGEST].replace("&nbsp;", " ")
    return bool(_MARKER.match(text) or _SPOKEN.match(text.strip()) or _REPLY_ABOVE.match(text))


def header_block(lines: Sequence[str], at: int) -> bool:
    """Whether a copied header (From, Sent, To, Subject in any order) begins at ``at``.

    Three different labels in a row, or two of them with an address, the author's or the date's
    among them; a blank line between two labels is borne.
    """
    found: set[int] = set()
    address = False
    for line in lines[at : at + _HEADER_LINES]:
        if not line.strip():
            continue
        match = _LABEL.match(line[:_LONGEST])
        if not match:
            if not found or "@" not in line:
                break
            continue
        found.add(match.lastindex or 0)
        address = address or "@" in line
    enough = _ENOUGH_LABELS - 1 if address else _ENOUGH_LABELS
    return bool(found & {1, 2}) and len(found) >= enough


def _attributes(text: str, *, wrapped: bool) -> bool:
    verb = _VERBS.search(text)
    if not verb or not _ANCHORED.search(text):
        return False
    if _OPENING.match(text) or "@" in text:
        return True
    # "X wrote on 13/11/2026 11:25:" and "X schrieb am …:" put the verb first.
    return not wrapped and verb.start() < _VERB_AT and len(text) < _VERB_FIRST
