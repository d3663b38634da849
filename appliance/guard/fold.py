"""Folds text so that spellings of the same thing meet, without moving a single character."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_TRADITIONAL: Final = (
    "們會將證諾賠償費額還買單訂貨運達師約為給辦經請準務絕對優現領電話業營門間內壓縮機錢員維發貴責擔"
    "負該裝後預復複處關繫係聯絡檢測壞換禮贈點數積與這種條從幾長過沒無實際說顧戶稅價節農曆陽區縣廠"
    "兩週號個鐘萬時開開審歸屬據憑訴訟轉帳賬圓塊鎊歐週獲獎減讓應當須願確認補寄續滿週趕雙餘項類訊"
    "網頁註冊錄狀態離週務產規則範圍試見況壹貳參陸雙總結構傳簡體臺灣書寫讀聽講題問答覆回應動靜樓層"
)
_SIMPLIFIED: Final = (
    "们会将证诺赔偿费额还买单订货运达师约为给办经请准务绝对优现领电话业营门间内压缩机钱员维发贵责担"
    "负该装后预复复处关系系联络检测坏换礼赠点数积与这种条从几长过没无实际说顾户税价节农历阳区县厂"
    "两周号个钟万时开开审归属据凭诉讼转账账元块镑欧周获奖减让应当须愿确认补寄续满周赶双余项类讯"
    "网页注册录状态离周务产规则范围试见况一二三六双总结构传简体台湾书写读听讲题问答复回应动静楼层"
)
_HYPHENS: Final = "‐‑‒–—―−﹣"
_APOSTROPHES: Final = "’‘ʼ＇"

_WIDE: Final = "".join(
    chr(code)
    for first, last in ((0xA0, 0x100), (0x2000, 0x2070), (0xF900, 0xFB00), (0xFF00, 0xFFF0))
    for code in range(first, last)
)


def _table() -> dict[int, str]:
    """Each character that folds to one other."""
    normal = ((character, unicodedata.normalize("NFKC", character).lower()) for character in _WIDE)
    return {
        **{ord(character): other for character, other in normal if len(other) == 1},
        ord("\u3000"): " ",
        **{ord(a): b for a, b in zip(_TRADITIONAL, _SIMPLIFIED, strict=True)},
        **dict.fromkeys(map(ord, _HYPHENS), "-"),
        **dict.fromkeys(map(ord, _APOSTROPHES), "'"),
    }


_TABLE: Final = _table()
_SENTENCE: Final = re.compile(r"(?:[^\n。！？!?；.]|[.](?!\s|$)|(?<=\d)[.](?=\s\w))+[。！？!?；.]*")
_CLAUSE: Final = re.compile(
    r"[^\n。！？!?;；,，、:：]+(?:[,，:：](?=\d)[^\n。！？!?;；,，、:：]+)*"
)
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def folded(text: str) -> str:
    """``text`` in lower case, NFKC, common Traditional characters simplified.

    As long as ``text``: a character whose folding has another length stays, so offsets agree.
    """
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(_lower(character) for character in text)
    return lower.translate(_TABLE)


def _lower(character: str) -> str:
    lower = character.lower()
    return lower if len(lower) == 1 else character


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """The spans of the sentences of ``text``; a line break always ends one."""
    for match in _SENTENCE.finditer(text):
        if match.group().strip():
            yield match.span()


def clauses(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The spans of the clauses within ``text[start:end]``."""
    for match in _CLAUSE.finditer(text, start, end):
        if match.group().strip():
            yield match.span()


def han(text: str) -> int:
    """Number of Chinese characters in ``text``."""
    return len(_HAN.findall(text))
