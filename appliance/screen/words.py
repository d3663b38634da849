"""Making words comparable: one spelling for case, width, accents, look-alikes and hidden marks."""

import re
import unicodedata
from typing import Final

from appliance.screen.hanzi import TO_SIMPLIFIED

_LOOKALIKES: Final = str.maketrans(
    "авеѕіјкмнорԛгстухԝһԁɡıαβεικνορτυχøłđħ’‘ʼ＇`´“”„«»–—‐‑−",
    "abesijkmhopqrctyxwhdgiabeiknoptyxoldh''''''\"\"\"\"\"-----",
)
"""Letters of other scripts that are drawn like Latin ones, and the many quotes and dashes."""

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
_BLANKS: Final = re.compile(r"[^\S\n]+")
_LINE_END: Final = re.compile(r" ?(?<!\n)\n(?!\n) ?")
_PARAGRAPH: Final = re.compile(r" ?\n[\n ]*")
_HAN: Final = r"[\u3400-\u4dbf\u4e00-\u9fff。、,!?;:]"
_SPACE_IN_CHINESE: Final = re.compile(f"(?<={_HAN})[ \n](?=[\u3400-\u4dbf\u4e00-\u9fff])(?!\n)")
_NOT_A_LETTER: Final = re.compile(r"[^\w。]|_")


def fold(text: str) -> str:
    """``text`` with one spelling for what reads the same.

    Compatibility forms (full width), accents, case, invisible marks, letters of other scripts that
    look Latin, traditional Chinese characters, kinds of quotes and dashes are unified; lines of one
    paragraph are joined, paragraphs are parted by one line break. Offsets are not kept.
    """
    text = unicodedata.normalize("NFKD", _INVISIBLE.sub("", text))
    text = "".join(character for character in text if not unicodedata.combining(character))
    text = text.casefold().translate(_LOOKALIKES).translate(TO_SIMPLIFIED)
    text = _BLANKS.sub(" ", text)
    text = _PARAGRAPH.sub("\n", _LINE_END.sub(" ", text))
    return _SPACE_IN_CHINESE.sub("", text).strip()


def letters(folded: str) -> str:
    """Letters and digits alone: what stays when somebody spaces or punctuates a word apart.

    The Chinese full stop stays, since nothing else parts Chinese sentences.
    """
    return _NOT_A_LETTER.sub("", folded)


class Phrases:
    """Several wordings of one thing, for text that ``fold`` made.

    Args:
        wordings: regular expressions in natural spelling; they are folded like the text, ``…``
            stands for at most 40 characters within a sentence, ``~`` for at most 12.
        lists: words that take the place of ``<name>`` in the wordings.
    """

    __slots__ = ("_pattern",)

    def __init__(self, *wordings: str, **lists: str) -> None:
        for name, words in lists.items():
            wordings = tuple(wording.replace(f"<{name}>", words) for wording in wordings)
        spelled = (_spelled(wording) for wording in wordings)
        self._pattern = re.compile("|".join(f"(?:{wording})" for wording in spelled))

    def found(self, folded: str) -> bool:
        """Whether one of the wordings occurs in ``folded``."""
        return self._pattern.search(folded) is not None

    def count(self, folded: str) -> int:
        """How many different wordings occur in ``folded``."""
        return len({match.group() for match in self._pattern.finditer(folded)})


def _spelled(wording: str) -> str:
    gaps = wording.replace("…", r"[^.?!。\n]{0,40}").replace("~", r"[^.,?!。\n]{0,12}")
    spelled = unicodedata.normalize("NFD", gaps)
    spelled = "".join(character for character in spelled if not unicodedata.combining(character))
    return spelled.replace("ß", "ss").replace("ø", "o").translate(TO_SIMPLIFIED)
