"""Rules on persons: whom the draft addresses, whom it names, whose data it tells."""

import re
from collections.abc import Iterator
from typing import Final

from appliance.domain.verdict import Finding
from appliance.guard.case import Case, review
from appliance.guard.claim import Kind
from appliance.guard.fold import folded

_LATIN_GREETING: Final = re.compile(
    r"^\s*(?:dear|hello|hi|hey|good (?:morning|afternoon|evening)|guten (?:tag|morgen|abend)"
    r"|hallo|moin|liebe[rs]?|"
    r"sehr geehrte[rs]?|bonjour|cher|chère|hola|estimad[oa]|buen[oa]s (?:días|tardes"
    r"|noches))\b,?[ ]{1,2}([^\n,:!.?]{2,50})",
)
_TITLES: Final = re.compile(
    r"\b(?:mr|mrs|ms|miss|mx|dr|prof|professor|sir|madam|frau|herrn?|doktor|monsieur|madame"
    r"|mme|mlle|señora?|señorita|"
    r"sra?|don|doña|liebe[rs]?|sehr geehrte[rs]?|estimad[oa])\b\.?"
)
_GENERIC: Final = re.compile(
    r"\b(?:customers?|kund\w*|damen|herren|team|all|there|together|zusammen|clients?|cliente"
    r"|everyone|again|"
    r"sir or madam|friend|a todos|und|and|or|et|y|de|von|van|der|la|le|el|nochmals?)\b"
)
_HAN_GREETING: Final = re.compile(
    r"^\s*(?:尊敬的|亲爱的)?([\u4e00-\u9fff]{1,4}?)(?:先生|女士|小姐|老师|同学"
    r"|师傅)?\s?(?:/?先生|/?女士)?(?:[,，:：]?\s?您好|[,，]?你好|[:：])"
)
_HAN_TITLED: Final = re.compile(r"^\s*(?:尊敬的|亲爱的)?([\u4e00-\u9fff]{1,3})(?:先生|女士|小姐)")
_HAN_GENERIC: Final = re.compile(r"顾客|客户|用户|会员|先生|女士|朋友|家长|老师|各位|亲|您|你|用户")
_WORD: Final = re.compile(r"[a-zß-öø-ÿ][a-zß-öø-ÿ'-]+")

_LATIN_NAME: Final = re.compile(
    r"(?<![\w@./-])([A-ZÀ-Þ][a-zß-öø-ÿ]+(?:-[A-ZÀ-Þ]?[a-zß-öø-ÿ]+)?)[ "
    r"]([A-ZÀ-Þ][a-zß-öø-ÿ]{2,}(?:-[A-ZÀ-Þ][a-zß-öø-ÿ]+)?)(?![\w@-])"
)
_TITLED_NAME: Final = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Frau|Herrn?|Mme|Madame|Monsieur|Sra?|Señora?)\.?[ ]([A-ZÀ-Þ][\w'-]+)"
)
_HAN_NAMES: Final = (
    re.compile(
        r"(?:经理|主管|主任|专员|客服|师傅|工程师|顾问|负责人|联系人|同事)"
        r"[:： ]?([\u4e00-\u9fff]{2,3})(?=[,，。;；、:：\s(（]|的|为您|会|将|手机|电话|联系)"
    ),
    re.compile(
        r"(?:安排|联系|由|派|找|请)(?:了|到|我们的)?([\u4e00-\u9fff]{2,3}?)"
        r"(?:师傅|经理|主管|工程师|先生|女士|专员)"
    ),
)
_HAN_COMMON: Final = re.compile(
    r"我们|您|专业|上门|维修|安装|售后|客服|门店|相关|本店|当地|一名|一位|工程|技术|服务"
    r"|同事|关系|客户|大客户|商务|检测|送货|配送|后续|有关|部门|负责|联系|电话|了解|处理"
)
_CAPITALISED: Final = frozenset(
    "kind best warm many dear hello good new christmas easter sales boxing bank holiday eve "
    "day year years monday tuesday wednesday "
    "thursday friday saturday sunday january february march april may june july august "
    "september october november december "
    "customer service care team support the our your we you in on at for if please thank "
    "thanks yes no this that there "
    "north south east west street road lane avenue square house credit debit card great "
    "britain united kingdom isle northern "
    "ireland scottish highlands unit e-bike business office manager department sincerely "
    "regards wishes merry happy warmest season greetings yours faithfully see lovely "
    "monsieur madame meilleures salutations atentamente gracias merci bien bonne buenas "
    "buenos".split()
)
_CAPITALISING: Final = frozenset({"de", "lb"})
_PERSONAL: Final = re.compile(
    r"\b\d{1,4}[a-z]? (?:[a-z]+ ){1,2}(?:street|st|road|rd|lane|avenue|row|close|drive"
    r"|gardens|way|terrace|court|place|crescent|hill)\b"
    r"|\b[a-zäöüß-]{1,30}(?:straße|strasse|str\.|weg|gasse|platz|allee) \d{1,4}[a-z]?\b"
    r"|[\u4e00-\u9fff]{2,10}(?:区|县|镇|路|街|巷|小区|公寓|花园"
    r"|苑)[^，。\s]{0,12}?\d{1,4}(?:号|幢|栋|室|单元|弄)\d{0,5}室?"
)
_OWN: Final = re.compile(
    r"\bmy\b|\bme\b|\bmein\w*|\bmon\b|\bma\b|\bmi\b|我的|本人|我(?:手机|电话|住|家|们)|联系我"
    r"|打我|\btel\b|\bmobil\w*:|\bphone:|手机:|电话:"
)


def wrong_addressee(case: Case) -> Iterator[Finding]:
    """The greeting names somebody who is not the sender of the mail."""
    for match in (_LATIN_GREETING.match(case.plain), _han_greeting(case.plain)):
        if match is None:
            continue
        first, last = match.span(1)
        if not _greets_sender(case, match.group(1)):
            reason = "The greeting names somebody other than the sender."
            yield review("wrong_addressee", reason, (first, last))


def _han_greeting(plain: str) -> re.Match[str] | None:
    return _HAN_TITLED.match(plain) or _HAN_GREETING.match(plain)


def _greets_sender(case: Case, greeted: str) -> bool:
    newest = case.thread.newest
    heard = folded(
        f"{newest.sender.name} {newest.sender.address} {newest.signature} {newest.question[-80:]} "
        f"{newest.question[:120]} {newest.text[: len(newest.question) + 160]}"
    )
    if re.search(r"[\u4e00-\u9fff]", greeted):
        rest = _HAN_GENERIC.sub("", greeted)
        return not rest or rest in heard
    names = _GENERIC.sub(" ", _TITLES.sub(" ", greeted))
    known = set(_WORD.findall(heard))
    return all(_known(name, known) for name in _WORD.findall(names))


def _known(name: str, known: set[str]) -> bool:
    """Whether ``name`` is a known word or the short form of one (Des for Desmond)."""
    return any(
        word == name or name in word.split("-") or (len(name) > 2 and word.startswith(name))  # noqa: PLR2004
        for word in known
    )


def unsupported_name(case: Case) -> Iterator[Finding]:
    """A person whom neither the thread nor the passages name."""
    known = set(_WORD.findall(case.known.text))
    for first, last in sorted({*_latin_names(case), *_han_names(case)}):
        name = case.plain[first:last]
        words = _WORD.findall(name)
        common = any(_no_name(word, case) for word in words) or _HAN_COMMON.search(name)
        if common or (words and all(word in known for word in words)):
            continue
        if words or name not in case.known.text:
            reason = "Neither the thread nor the passages name this person."
            yield review("unsupported_name", reason, (first, last))


def _no_name(word: str, case: Case) -> bool:
    """Whether a capitalised word is a common one, or part of the office's own name."""
    return word.removesuffix("s") in _CAPITALISED or any(
        word in address for address in case.office.addresses
    )


def _latin_names(case: Case) -> Iterator[tuple[int, int]]:
    """Names behind a title, and pairs of capitalised words below the greeting."""
    text = case.draft.text
    body = text.find("\n") + 1
    for match in _TITLED_NAME.finditer(text, body):
        yield match.span(1)
    if case.draft.language.partition("-")[0] not in _CAPITALISING:
        for match in _LATIN_NAME.finditer(text, body):
            yield match.span()


def _han_names(case: Case) -> Iterator[tuple[int, int]]:
    """Names beside a role: 经理顾言之, 苗建禾师傅."""
    for pattern in _HAN_NAMES:
        for match in pattern.finditer(case.plain):
            yield match.span(1)


def personal(case: Case) -> Iterator[Finding]:
    """A telephone number, address or postal address that only a mail holds."""
    own = str(case.thread.newest.sender.address)
    for claim in case.claims:
        if claim.kind not in {Kind.PHONE, Kind.MAIL} or case.knowledge.supports(claim):
            continue
        if (
            case.heard.supports(claim)
            and own not in claim.value
            and not _is_own(case, claim.value[0])
        ):
            reason = "This repeats somebody's telephone number or address from a mail."
            yield review("third_party_data", reason, claim.span)
    for match in _PERSONAL.finditer(case.plain):
        if match.group() in case.heard.text and match.group() not in case.knowledge.text:
            reason = "This repeats a postal address from a mail."
            yield review("third_party_data", reason, match.span())


def _is_own(case: Case, value: str) -> bool:
    """Whether the sender gives the number as their own: in the signature, or with my or 我的."""
    newest = case.thread.newest
    digits = re.sub(r"\D", "", newest.signature)
    if value in digits or value in folded(newest.signature):
        return True
    question = folded(newest.question)
    bare = re.sub(r"\D", "", question)
    return (
        value in bare
        and bool(_OWN.search(question))
        and not re.search(r"\b(?:her|his|their|ihre?|sein)\b|她|他", question)
    )
