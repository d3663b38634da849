"""Where a writer's text ends: delimiters, closings, and the contacts below a name."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final

from appliance.mailbox.footers import is_mobile_footer, is_notice

_TAIL: Final = 30
_BLOCK_LINES: Final = 12
_NAME_LENGTH: Final = 40
_CLOSING_LENGTH: Final = 60
_CONTACT_LENGTH: Final = 120

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
_POSTSCRIPT: Final = re.compile(
    r"p\. ?s\.?|ps\b|n\. ?b\.|nb\b|又及|另外|附[:：]|补充|補充", re.IGNORECASE
)
_MATTER: Final = re.compile(
    r"order|invoice|receipt|serial|model|reference|bestell|auftrag|rechnung|kunden-?nummer|commande"
    r"|facture|pedido|factura|订单|訂單|单号|單號|型号|型號|发票|發票|收据|收據|编号|編號",
    re.IGNORECASE,
)
_PROSE: Final = re.compile(r"(?:\S+ ){6}.*[.…]$|.{14,}[。；]$")


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
        and (
            contact_lines(below) > 0
            or is_notice(" ".join(below))
            or all(len(line) <= _NAME_LENGTH for line in below[:4])
        )
    )


def contact_lines(lines: Sequence[str]) -> int:
    """How many of the lines look like a phone number, an address, a firm or a list of titles."""
    return sum(1 for line in lines if _CONTACT.search(line) or _PHONE.search(line))


def is_closing(line: str) -> bool:
    """Whether the line is a complimentary close ("Kind regards", "Viele Grüße", 祝好)."""
    return len(line) <= _CLOSING_LENGTH and _CLOSING.match(line.strip()) is not None


def end_of_text(lines: Sequence[str]) -> int:
    """The number of leading lines that are the writer's, of a text without delimited signature.

    From the end upwards: program footers, ruled lines and notices go; a block of contacts goes
    where a closing and a name stand above it.
    """
    end = len(lines)
    while True:
        end = _skip_blank(lines, end)
        if end and (is_mobile_footer(lines[end - 1]) or _RULE.match(lines[end - 1])):
            end -= 1
            continue
        start = _trailer(lines, _paragraph(lines, end), end)
        if start == end:
            return end
        end = start


def _skip_blank(lines: Sequence[str], end: int) -> int:
    while end and not lines[end - 1].strip():
        end -= 1
    return end


def _paragraph(lines: Sequence[str], end: int) -> int:
    start = end
    while start and lines[start - 1].strip():
        start -= 1
    return start


def _trailer(lines: Sequence[str], start: int, end: int) -> int:
    """Where the trailer begins that the paragraph from ``start`` to ``end`` closes, or ``end``.

    The only paragraph is none, and neither is the name below a closing.
    """
    block = [line.strip() for line in lines[start:end]]
    above = _skip_blank(lines, start)
    if not above:
        return end
    if is_notice(" ".join(block)) and not any("?" in line or "？" in line for line in block):
        return start
    if not _is_contact_block(block):
        return end
    named = _end_of_name(lines, above)
    if named is None or named > start:
        return end
    between = [line.strip() for line in lines[named:above] if line.strip()]
    quiet = len(between) <= _BLOCK_LINES and not any(map(_speaks, between))
    return named if quiet else start


def _is_contact_block(block: Sequence[str]) -> bool:
    if len(block) > _BLOCK_LINES or _POSTSCRIPT.match(block[0]) or any(map(_speaks, block)):
        return False
    return contact_lines(block) > 0 and not any(is_closing(line) for line in block)


def _end_of_name(lines: Sequence[str], above: int) -> int | None:
    """Where the paragraph with the name below the last closing before ``above`` ends, or None."""
    floor = max(0, above - _TAIL)
    closing = next((at for at in range(above - 1, floor - 1, -1) if is_closing(lines[at])), None)
    if closing is None:
        return None
    end = closing + 1
    while end < len(lines) and not lines[end].strip():
        end += 1
    if end < len(lines) and contact_lines(lines[end : end + 1]):
        return closing + 1
    while end < len(lines) and lines[end].strip():
        end += 1
    return end


def _speaks(line: str) -> bool:
    """Whether a line below a closing still says something: a question, a sentence, an order."""
    if len(line) > _CONTACT_LENGTH or _ASKS.search(line):
        return True
    return bool(_MATTER.search(line) or _PROSE.match(line))
