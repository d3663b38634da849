"""Rules on the form of a draft: empty, cut off, repeating, marked up, thinking aloud."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from appliance.domain.verdict import Finding
from appliance.guard.case import Case, hold, review
from appliance.guard.fold import folded, han, sentences

_GREETING: Final = re.compile(
    r"^\s*(?:dear|hello|hi|hey|good (?:morning|afternoon|evening)|guten (?:tag|morgen|abend)"
    r"|hallo|moin|"
    r"liebe[rs]?|sehr geehrte[rs]?|bonjour|madame|monsieur|ch(?:er|ère)|hola|estimad[oa]s?"
    r"|buen[oa]s)\b[^\n.!?]{0,60}[,:!]?\s*$"
    r"|^\s*[^\n。]{0,20}(?:您好|你好)[!！,，:。~]*\s*$"
)
_CLOSING: Final = re.compile(
    r"^\s*(?:(?:kind|best|warm|many)?\s?(?:regards|wishes|thanks)|yours \w+|sincerely|mit "
    r"freundlichen grüßen|"
    r"(?:viele|beste|liebe) grüße|cordialement|bien à vous|un (?:cordial )?saludo|saludos(?: "
    r"cordiales)?|"
    r"此致|敬上|敬礼|顺祝.{0,6}|祝好|谢谢)[,!.。！]?\s*$"
)
_ENOUGH_WORDS: Final = 3
_ENOUGH_HAN: Final = 5
_WORDS: Final = re.compile(r"[^\W\d_]+|\d+")

_END: Final = re.compile(r"[.!?。！？…」』”\"')）\]~:：;；]$|(?:regards|wishes|thanks)\W*$")

_MARKDOWN: Final = re.compile(
    r"^[ \t]{0,3}#{1,6}[ \t]+\S.*$"
    r"|\*\*[^*\n]{1,200}\*\*|__[^_\n]{1,200}__(?!\w)"
    r"|`{3}[^\n]*|`[^`\n]{1,100}`"
    r"|!?\[[^\]\n]{1,100}\]\([^)\n]{1,200}\)"
    r"|^[ \t]{0,3}\|.*\|[ \t]*$|^[ \t]{0,3}(?:-{3,}|\*{3,}|_{3,})[ \t]*$"
    r"|^[ \t]{0,3}[*+][ \t]+\S.*$|^[ \t]{0,3}>[ \t]+\S.*$"
    r"|(?<![\w*])\*[^\s*][^*\n]{0,80}[^\s*]\*(?![\w*])",
    re.MULTILINE,
)
_PLACEHOLDER: Final = re.compile(
    r"\{\{[^{}\n]{0,60}\}\}|\$\{[^{}\n]{1,60}\}|(?<![\w$])\{[a-z_][\w ]{0,40}\}"
    r"|<(?!/?(?:think|s)\b)[A-Za-z\u4e00-\u9fff][\w \u4e00-\u9fff]{1,40}>"
    r"|[\[［【](?!\d)[^\]］】\n]{1,60}[\]］】]"
    r"|(?<![A-Za-z0-9])[Xx×]{3,}(?![A-Za-z])|某某|(?<![\w_])_{3,}(?!\w)|\bTODO\b|\bTBD\b"
    r"|\bN\.N\.|[□○]{2,}"
    r"|\b(?:insert|your|customer|agent|company|recipient)_?\s?(?:name|date|amount|number"
    r"|address) here\b",
    re.IGNORECASE,
)
_THINK: Final = re.compile(
    r"<\s*/?\s*(?:think|thinking|thought|reasoning|reflection|scratchpad)\s*>"
    r"|[\[【]/?(?:think|思考)[\]】]"
    r"|^(?:思考过程|thinking process|chain of thought|okay, so the user|嗯，用户"
    r"|好的，用户(?:问|想|的))",
    re.IGNORECASE | re.MULTILINE,
)
_TOKEN: Final = re.compile(
    r"[<＜][|｜][^<>＜＞\n]{0,40}[|｜][>＞]|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
    r"|<\|?(?:im_start|im_end|endoftext|eot_id)\|?>"
    r"|</?(?:bos|eos|pad|unk|tool_call|tool_response)>|[<＜][|｜]|[|｜][>＞]|\ufffd{2,}",
    re.IGNORECASE,
)
_LONG: Final = 6
_TIMES: Final = 3


def empty(case: Case) -> Iterator[Finding]:
    """Nothing but a greeting, a closing or the office's name."""
    names = {folded(case.office.name), folded(case.office.signature)}
    lines = [line for line in case.plain.split("\n") if line.strip()]
    body = [
        line
        for line in lines
        if not (_GREETING.match(line) or _CLOSING.match(line) or _is_name(line, names))
    ]
    text = " ".join(body)
    if han(text) < _ENOUGH_HAN and len(_WORDS.findall(text)) < _ENOUGH_WORDS:
        yield hold("empty", "The draft says nothing.")


def _is_name(line: str, names: set[str]) -> bool:
    """A line that is the office's name, perhaps with a role behind it."""
    word = line.strip(" ,.-")
    return len(word) < 60 and any(name and (word in name or name in word) for name in names)  # noqa: PLR2004


def cut_off(case: Case) -> Iterator[Finding]:
    """The engine ran into its limit, or the last line of the answer ends in the middle."""
    completion = case.draft.completion
    text = case.draft.text.rstrip()
    if completion is not None and completion.finish == "length":
        reason = "The engine reached its limit; the end is missing."
        yield review("cut_off", reason, (max(0, len(text) - 40), len(text)))
        return
    last = text.rpartition("\n")[2].strip()
    short = han(last) < 16 and len(last.split()) <= 6 and len(last) < 60  # noqa: PLR2004
    if last and not short and not _END.search(last):
        yield review("cut_off", "The last sentence has no end.", (len(text) - len(last), len(text)))


def repetition(case: Case) -> Iterator[Finding]:
    """The same sentence twice, or the same words over and over."""
    seen: dict[str, tuple[int, int]] = {}
    for start, end in sentences(case.plain):
        key = re.sub(r"\W+", "", case.plain[start:end])
        if len(key) < 2 * _LONG:
            continue
        if key in seen:
            yield review("repetition", "The draft says the same twice.", (start, end))
            return
        seen[key] = (start, end)
    yield from _loops(case)


def _loops(case: Case) -> Iterator[Finding]:
    """A run of words (characters in Chinese) that comes three times."""
    units = list(re.finditer(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+|\d+", case.plain))
    size = 10 if han(case.plain) > len(case.plain) // 4 else _LONG
    grams = Counter(
        tuple(unit.group() for unit in units[index : index + size])
        for index in range(len(units) - size + 1)
    )
    for index in range(len(units) - size + 1):
        gram = tuple(unit.group() for unit in units[index : index + size])
        if grams[gram] >= _TIMES:
            span = (units[index].start(), units[index + size - 1].end())
            yield review("repetition", "The draft repeats the same words.", span)
            return


def markdown(case: Case) -> Iterator[Finding]:
    """Headings, bold, code, links, tables, bullets; plain numbered lists and dashes are none."""
    for match in _MARKDOWN.finditer(case.draft.text):
        yield review("markdown", "This is Markdown, which a mail does not show.", match.span())


def placeholder(case: Case) -> Iterator[Finding]:
    """A blank that somebody was to fill in."""
    for match in _PLACEHOLDER.finditer(case.draft.text):
        word = match.group().strip("[]［］【】<> ")
        if folded(match.group()) not in case.known.text and not _quoted_title(case, word):
            yield review("placeholder", "This is a blank to be filled in.", match.span())


def _quoted_title(case: Case, word: str) -> bool:
    """Whether brackets hold what the knowledge itself names."""
    return len(word) > 3 and folded(word) in case.knowledge.text  # noqa: PLR2004


def think(case: Case) -> Iterator[Finding]:
    """The engine's own considerations."""
    for match in _THINK.finditer(case.draft.text):
        reason = "The engine's considerations stand in the draft."
        yield hold("think_tag", reason, match.span())


def template_token(case: Case) -> Iterator[Finding]:
    """A chat-template token of any family."""
    for match in _TOKEN.finditer(case.draft.text):
        yield hold("template_token", "A control token of the engine stands here.", match.span())
