"""Rules on what must stay inside: the prompt, secrets, orders that a mail gave."""

import re
from collections.abc import Iterator
from typing import Final

from appliance.domain.verdict import Finding
from appliance.guard.case import Case, hold, review
from appliance.guard.fold import folded

_UNIT: Final = re.compile(r"[\u3400-\u9fff]|[a-zß-öø-ÿ]+|\d+")
_PREFIX_RUN: Final = 9
_ECHO_RUN: Final = 14
_MARK: Final = re.compile(r"\bmark-[0-9a-f]{8}\b")
_META: Final = re.compile(
    r"参考资料|系统提示|提示词|系统指令|我被(?:要求|设定|指示)|我的指令|知识库|(?:以上|上述"
    r"|所给|提供的)资料(?:中|里|显示)|根据资料"
    r"|作为(?:一[个名]|您的)?[^，。\n]{0,6}(?:ai|人工智能|语言模型|(?:邮件|智能|虚拟)助手)|维护模式"
    r"|\bsystem ?(?:prompt|message|instructions?)\b|\bas an ai\b|\blanguage model\b|\bmy "
    r"instructions\b"
    r"|\b(?:i (?:was|am|have been) (?:told|instructed|asked) to)\b"
    r"|\b(?:provided|given|supplied|above) (?:context|passages?|evidence|documents?"
    r"|information says)\b|\bthe passages?\b"
    r"|\bknowledge base\b|\bmaintenance mode\b|\bmanager mode\b"
    r"|\bsystem(?:anweisung|prompt|nachricht)\w*|\bmeine anweisung\w*|\bsprachmodell\b"
    r"|\bki-assistent\w*"
    r"|\b(?:bereitgestellt|vorliegend|gegeben)e[nrsm]? (?:kontext|belege|unterlagen"
    r"|passagen)\b|\bdu bist der\b"
    r"|\bcontexte fourni\b|\bmes instructions\b|\bmodèle de langage\b|\bcontexto "
    r"proporcionado\b|\bmis instrucciones\b"
)
_CITATION: Final = re.compile(
    r"(?<![\w\]])\[\d{1,2}\]|\(passage \d{1,2}\)|(?:资料|passage) ?\d{1,2}(?=[ :：,，。.中里)])"
)
_SECRET: Final = re.compile(
    r"(?:passwords?|passwort|passcode|pass phrase|mot de passe|contraseña|api[ -]?key|access "
    r"token|secret key|"
    r"密码|口令|授权码|密钥|验证码)[^\n。.!?]{0,24}?(?:\bis\b|\blautet\b|\bist\b|\best\b|\bes\b"
    r"|:|：|为|是|=)\s{0,3}['\"“「]?[\w@#$%&*!-]{4,}"
)
_ORDER: Final = re.compile(
    r"ignor\w*|disregard|forget (?:all|your)|you are now|new (?:policy|rule|instruction)"
    r"|vergiss|du bist jetzt|"
    r"忽略|无视|从现在起|你现在|请在回复|system\b|im_start"
)


def prompt_leak(case: Case) -> Iterator[Finding]:
    """Words of the instructions, its mark, or talk about instructions and material."""
    for match in _MARK.finditer(case.prefix):
        position = case.plain.find(match.group())
        if position >= 0:
            span = (position, position + len(match.group()))
            yield hold("prompt_leak", "The prompt's own mark stands in the draft.", span)
    office = folded(f"{case.office.name} {case.office.writing.tone}")
    for span in _common(case.plain, folded(case.prefix), _PREFIX_RUN):
        if case.plain[slice(*span)] not in office:
            yield hold("prompt_leak", "The draft repeats the instructions.", span)
    for pattern in (_META, _CITATION):
        for match in pattern.finditer(case.plain):
            if match.group() not in case.known.text:
                reason = "The draft speaks of its instructions or material."
                yield hold("prompt_leak", reason, match.span())


def secret(case: Case) -> Iterator[Finding]:
    """A password, code or key is told."""
    for match in _SECRET.finditer(case.plain):
        if match.group() not in case.knowledge.text:
            yield hold("secret_leak", "The draft tells a password or key.", match.span())


def echo(case: Case) -> Iterator[Finding]:
    """A long stretch of a mail that gives orders comes back word for word."""
    if not _ORDER.search(case.heard.text):
        return
    for span in _common(case.plain, case.heard.text, _ECHO_RUN):
        if case.plain[slice(*span)] not in case.knowledge.text:
            reason = "The draft repeats a long stretch of a mail that gives orders."
            yield review("injection_obeyed", reason, span)


def _common(plain: str, source: str, size: int) -> Iterator[tuple[int, int]]:
    """Spans of ``plain`` that share a run of ``size`` words or characters with ``source``."""
    known = [match.group() for match in _UNIT.finditer(source)]
    grams = {tuple(known[index : index + size]) for index in range(len(known) - size + 1)}
    units = list(_UNIT.finditer(plain))
    start = end = -1
    for index in range(len(units) - size + 1):
        if tuple(unit.group() for unit in units[index : index + size]) not in grams:
            continue
        if index > end and start >= 0:
            yield units[start].start(), units[end].end()
            start = index
        start = index if start < 0 else start
        end = index + size - 1
    if start >= 0:
        yield units[start].start(), units[end].end()
