"""Rules about who takes part: people who act for others, were forwarded, copied, or joined."""

import re
from typing import Final

from appliance.domain.mail import Correspondent
from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.domains import aligned
from appliance.screen.identity import addresses
from appliance.screen.rule import rule
from appliance.screen.words import Phrases, fold

_FORWARDED: Final = Phrases(
    r"^(?:fwd?|wg|tr|rv|转发|转寄|i|doorst) ?:",
    r"^-{2,} ?(?:forwarded|original|weitergeleitete|转发|原始)[^\n]{0,30}-{2,}",
)
_FORWARD_LINE: Final = Phrases(
    (
        r"-{2,} ?(?:forwarded message|weitergeleitete nachricht|message transféré|"
        r"mensaje reenviado|转发的?(?:邮件|信息)[^-\n]{0,12}) ?-{2,}"
    ),
    r"begin forwarded message|anfang der weitergeleiteten|下面是(?:被)?转发的邮件",
)
_FROM_LINE: Final = re.compile(
    r"(?:^|\n)[ >*]{0,6}(?:from|von|de|发件人|寄件者|寄件人)[ *]{0,3}: ?([^\n]{1,200})"
)
_FOR_ANOTHER: Final = Phrases(
    r"(?:委托|授权|拜托)(?:我|我们|本人|本公司)|受[^。,\n]{1,10}(?:委托|之托)",
    r"(?:租客|客户|业主|当事人|房东|住户|雇主)[^。\n]{0,10}(?:让我|托我|叫我)",
    (
        r"我(?:是|们是)[^。,\n]{0,12}(?:中介|物业|经纪人|代理人|保险公司|保险|管家|装修公司|房东)"
        r"[^。\n]{0,30}(?:客户|租客|业主|住户|房客|订单|他|她|帮)"
    ),
    (
        r"(?:代|替|帮)(?:我的?)?(?:客户|租客|房客|业主)[^。\n]{0,12}(?:催|查|问|取消|修改|改期|退|"
        r"投诉|跟进)"
    ),
    r"(?:代|替|帮)(?:我的?)?(?:朋友|邻居|亲戚|同事)[^。\n]{0,6}(?:催|跟进|取消|改期)",
    r"抄送(?:给|了)",
    (
        r"(?:同时|一并|直接)(?:回复|告诉|通知|发给)(?:他|她|给他|给她|我们(?:两|三|几)|大家|三方|"
        r"各方)"
    ),
    (
        r"on behalf of (?:my|our|the|a|an|one of (?:my|our))? ?(?:\w+ )?(?:client|tenant|customer|"
        r"insured|policy ?holder|neighbou?r|friend|colleague|landlord|resident|patient|mr|mrs|ms|"
        r"miss|dr)\b"
    ),
    (
        r"\b(?:i am|i'm|we are|we're) (?:the |a |an |his |her |their )?(?:\w+ ){0,2}(?:letting|"
        r"estate|managing|insurance|claims|property) (?:agent|manager|adjuster|handler|company|"
        r"agency)"
    ),
    (
        r"\b(?:my|our) (?:client|tenant|policy ?holder|insured)\b…(?:order|bought|purchas|bike|"
        r"repair|delivery|invoice|asked|wants|booking|warranty)"
    ),
    r"\(copied\)|copied in\b",
    (
        r"(?:have|'ve|am|are|is) (?:copied|copying|cc'?d|cc'?ing)(?: in)? (?:my|our|in|him|her|"
        r"them|the)"
    ),
    r"cc'?d\b|\bin (?:copy|cc)\b|on copy\b|reply[- ](?:to[- ])?all\b",
    (
        r"(?:tell|reply to|answer|inform|write to|e-?mail|let|to) (?:both|all)(?: (?:two|three|"
        r"four))? of us"
    ),
    (
        r"(?:asked|told|authori[sz]ed) me to…(?:on (?:his|her|their) behalf|for (?:him|her|them)|"
        r"about (?:his|her|their))"
    ),
    (
        r"im (?:auftrag|namen) (?:von|meine[rs]|unsere[rs]|der|des|eine[rs]) ?(?:\w+ )?(?:mandant|"
        r"kund|mieter|nachbar|freund|bekannt|versicherungsnehmer|herrn|frau|kolleg)"
    ),
    r"\bin (?:kopie|cc)\b|\bcc gesetzt|allen beteiligten|bevollmächtigt von",
    r"(?:ich bin|wir sind)~ (?:hausverwaltung|makler|vermieter|versicherung)",
    r"unsere[rs]? (?:kunde|kundin|mieter|mieterin|versicherungsnehmer)\b",
    r"au nom de (?:mon|ma|mes|notre|nos) (?:client|locataire|voisin|ami)|en copie",
    r"en nombre de (?:mi|nuestro) (?:client|inquilin|vecin)|en copia",
    r"我是[^。,\n]{0,8}(?:先生|女士|阿姨|叔叔|老师|奶奶|爷爷)的",
    r"(?:他|她|对方)(?:让|叫|托|请)我(?:来)?(?:问|查|催|联系|帮)",
    (
        r"(?:looking after|handling|dealing with|chasing|sorting out|following up) (?!my |our |"
        r"your |the |a |this |it)\w+(?: \w+)?'s? (?:order|repair|return|bike|refund|booking|claim)"
    ),
    (
        r"(?:asked|wants|told) me to…\b(?:his|her|their)\b…(?:order|repair|bike|refund|invoice|"
        r"booking|delivery)"
    ),
    (
        r"(?:for|about) (?:him|her|them)\b…(?:doesn't|does not|can't|cannot) (?:do|use|write|"
        r"have) (?:e-?mail|english|the internet)"
    ),
    r"(?:hat|haben) mich gebeten|bat mich|in (?:seinem|ihrem|deren) namen",
    r"für (?:sie|ihn) (?:nachzufragen|nachfragen|anzufragen)",
    r"copied (?:here|above|below|on this|into)|(?:reply|respond|answer|write) to (?:me and|both)",
    (
        r"(?:代|替|帮)(?:我的?)?(?:领导|老板|朋友|亲戚|同事|邻居)[^。\n]{0,8}(?:问|查|看)[^。\n]"
        r"{0,4}(?:他|她)"
    ),
    (
        r"(?:sort out|deal with|chase|arrange|follow up on) (?:her|his|their) (?:\w+ )?(?:order|"
        r"repair|return|bike|refund|booking|claim)"
    ),
    r"i(?:'m| am) (?:\w+ ){1,3}'s (?:son|daughter|wife|husband|carer|assistant|secretary)",
    r"\b(?:mr|mrs|ms|miss)\.? \w+'s (?:son|daughter|wife|husband|carer|assistant|secretary)",
)


@rule(
    Disposition.HOLD,
    "Somebody acts for another person, or wants several people answered; whose matter it is must"
    " be settled by a person (house rule).",
)
def third_party(case: Case) -> bool:
    """The sender speaks for somebody else, or says that others read along."""
    return _FOR_ANOTHER.found(case.words)


@rule(
    Disposition.HOLD,
    "It forwards the letter of somebody who is neither the sender nor this office (house rule).",
)
def forwarded_letter(case: Case) -> bool:
    """A forwarded mail of a third person."""
    forwarded = _FORWARDED.found(case.subject) or _FORWARD_LINE.found(case.everything)
    known = case.own_addresses | {str(case.message.sender.address)}
    return forwarded and any(
        not found & known
        for line in _FROM_LINE.findall(_quoted_lines(case))
        if (found := addresses(line))
    )


def _quoted_lines(case: Case) -> str:
    """The quoted part with its lines kept, lower-case, beginning only."""
    quoted = case.message.quoted or case.message.text
    return "\n".join(fold(line) for line in quoted[:6_000].split("\n")[:80])


@rule(
    Disposition.HOLD,
    "Somebody who was not there before has joined the thread (house rule).",
)
def joined_thread(case: Case) -> bool:
    """A reply to us names a recipient whom our own last mail did not."""
    ours = [message for message in case.thread.messages if message.id in case.thread.ours]
    if not ours:
        return False
    earlier = {
        person.address
        for message in case.thread.messages[:-1]
        for person in (message.sender, *message.to, *message.cc)
    }
    return any(person.address not in earlier for person in _strangers(case))


@rule(
    Disposition.REVIEW,
    "People of another organisation read along (house rule).",
)
def others_copied(case: Case) -> bool:
    """A foreign address in To or Cc."""
    return bool(_strangers(case))


def _strangers(case: Case) -> tuple[Correspondent, ...]:
    """Recipients who are neither we, nor colleagues of ours or of the sender."""
    message = case.message
    friends = (message.sender.domain, *case.office.internal_domains)
    own = tuple(address.rpartition("@")[2] for address in case.own_addresses)
    return tuple(
        person
        for person in (*message.to, *message.cc)
        if person.address != message.sender.address
        and not any(aligned(person.domain, domain) for domain in (*friends, *own))
    )
