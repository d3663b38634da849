"""Rules on promises: money, guarantees, arrangements that nobody has made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from appliance.domain.verdict import Finding
from appliance.guard.case import Case, review
from appliance.guard.fold import sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sort:
    """One sort of commitment.

    Attributes:
        said: how a draft says it.
        covered: words with which the knowledge allows it; None: nothing allows it.
        hedged: whether a condition in its sentence takes the commitment away.
        reason: the sentence for the reviewer.
    """

    said: re.Pattern[str]
    covered: re.Pattern[str] | None
    hedged: bool
    reason: str


_GIVE_ZH: Final = (
    r"(?:退款|退还|全额退|全款|赔偿|赔付|补偿|返还|减免|免除|免收|报销|承担(?:全部|您的|一切)"
    r"|补发|赠送)"
)
_DO_ZH: Final = (
    r"(?:安排|改到|改约|改为|改好|预约|登记|取消|办理|退款|退还|申请|发货|寄出|派|预留|开具"
    r"|处理完|通知师傅)"
)
_GIVE_EN: Final = (
    r"(?:refund|reimburse|compensat\w+|pay|waive|replace|credit|cover|give you|offer you|send "
    r"you (?:a|an|the) (?:new|free|replacement|voucher|refund)|deduct|cancel|deliver|repair"
    r"|exchange)"
)
_DONE_EN: Final = (
    r"(?:refunded|reimbursed|arranged|booked|cancelled|canceled|changed|moved|rescheduled"
    r"|reserved|processed|issued|shipped|dispatched|sent out|scheduled|assigned|extended|waived"
    r"|credited|approved|registered|replaced|updated|ordered)"
)
_GIVE_DE: Final = (
    r"(?:erstatten|ersetzen|übernehmen|zahlen|bezahlen|erlassen|vergüten|gutschreiben|schenken"
    r"|entschädigen|überweisen|verzichten|tauschen|liefern)"
)
_DONE_DE: Final = (
    r"(?:veranlasst|storniert|gebucht|erstattet|reserviert|überwiesen|geändert|verschoben"
    r"|ausgetauscht|versandt|verschickt|beauftragt|genehmigt|gutgeschrieben|bestellt)"
)

_SORTS: Final = (
    _Sort(
        said=re.compile(
            r"(?<!不能)(?<!无法)(?<!不)(?<!质量)(?:保证|承诺|担保|包您|一定(?:会|能|可以"
            r"|为您|给您|按时|准时)|肯定(?:会|能|可以)|务必(?:会|为您)|绝对(?:会|能|可以|不会)"
            r"|百分之?百)"
            r"|\b(?:we|i) (?:can |do |hereby |will )?(?:guarantee|promise|assure|ensure)\b"
            r"|\bguaranteed\b|\brest assured\b|\byou have (?:my|our) word\b"
            r"|\b(?:wir|ich) (?:garantieren|versprechen|versichern|sichern)\b"
            r"|\b(?:garantieren|versprechen) wir\b|\bgarantiert\b"
            r"|\bnous (?:vous )?(?:garantissons|promettons|assurons)\b|\b(?:le|les|os) "
            r"(?:garantizamos|prometemos|aseguramos)\b|\b(?:garantizamos|prometemos)\b"
        ),
        covered=re.compile(
            r"保证|承诺|we guarantee|wir garantieren|nous garantissons|garantizamos"
        ),
        hedged=False,
        reason="This is a guarantee that the passages do not give.",
    ),
    _Sort(
        said=re.compile(
            rf"(?:已经?|刚刚?)(?:为您|给您|帮您|替您|向您|将您"
            rf"|把您)[^。，,\n]{{0,12}}{_DO_ZH}|(?:我们|我|已)已?经?(?:安排|派|预约|改约"
            rf"|退款|寄出|发货|登记)(?:了|好|[^。，,\n]{{0,8}}师傅|[^。，,\n]{{0,8}}工程师)"
            rf"|\b(?:we|i)(?: have|'ve) (?:now |already |just )?{_DONE_EN}\b|\b(?:has|have) "
            rf"(?:now |already |just )?been {_DONE_EN}\b|\bis waived\b|\bare waived\b|\bas "
            rf"agreed\b"
            rf"|\b(?:haben wir|wir haben|ich habe|habe ich)\b[^.\n]{{0,60}}\b{_DONE_DE}\b"
            rf"|\bwie (?:vereinbart|besprochen)\b"
            r"|\bnous avons (?:déjà )?(?:remboursé|annulé|réservé|modifié|commandé|expédié)"
            r"|\bhemos (?:ya )?(?:reembolsado|cancelado|reservado|cambiado|enviado|tramitado)"
        ),
        covered=None,
        hedged=False,
        reason="The draft says something was done or agreed; nobody has done it.",
    ),
    _Sort(
        said=re.compile(
            rf"(?:我们|我司|本公司)?(?:同意|愿意|决定|答应|将|会|可以?|能)(?:立即|马上|尽快"
            rf"|全额)?(?:为您|给您|向您|帮您)[^。，,\n]{{0,8}}{_GIVE_ZH}|(?:我们|我司"
            rf"|公司)(?:同意|愿意|决定|答应|将|会)[^。，,\n]{{0,10}}{_GIVE_ZH}"
            rf"|为您(?:全额)?(?:退款|赔偿|补偿|退还)"
            rf"|\b(?:we|i)(?:'ll| will| shall| are going to| am going to| agree to| are "
            rf"happy to| are glad to| would be happy to) (?:of course |gladly |also |then "
            rf"|immediately |fully )?{_GIVE_EN}\b"
            r"|\byou (?:will|'ll|get|are going to) (?:get |receive |be given )?(?:a |an |the "
            r"|your )?(?:full |free )?(?:refund|compensation|voucher|discount|replacement"
            r"|\d+ ?% (?:off|discount))"
            r"|\byou(?:'ll| will) be (?:refunded|reimbursed|compensated)"
            rf"|\b(?:wir werden|werden wir)\b[^.\n]{{0,60}}\b{_GIVE_DE}\b|\b{_GIVE_DE} wir\b"
            rf"|\bwir {_GIVE_DE} (?:ihnen|dir|euch|den|die|das|selbstverständlich|gern)\b"
            rf"|\bsie (?:erhalten|bekommen) (?:von uns )?(?:eine|einen|den|die)? ?(?:volle "
            rf")?(?:erstattung|entschädigung|gutschein|rabatt|ersatz)"
            r"|\bnous (?:vous )?(?:rembourserons|remboursons|dédommagerons|offrirons|offrons"
            r"|prendrons en charge)|\b(?:le|les) (?:reembolsaremos|devolveremos|compensaremos"
            r"|regalaremos|pagaremos)"
        ),
        covered=None,
        hedged=True,
        reason="This promises the customer money or goods.",
    ),
    _Sort(
        said=re.compile(
            r"(?:会|将|定)(?:在|于)?[^。，,\n]{0,8}(?:准时|按时)|(?:准时|按时)(?:到|送"
            r"|上门|发货)|(?:会|将)(?:在|于)[^。，,\n]{1,12}(?:到账|打到|送达|送到|上门|发货)"
            r"|[天日内前](?:打到|汇到|转到)(?:您|你)"
            r"|\b(?:will|'ll) (?:definitely |certainly |surely )?(?:be (?:with you|on its way"
            r"|there|delivered|ready)|arrive|reach you) (?:by|on|before|tomorrow|next"
            r"|within)\b"
            r"|\b(?:kommt|ist|wird|trifft)\b[^.\n]{0,30}\b(?:bis zum|spätestens am|pünktlich)\b"
        ),
        covered=None,
        hedged=True,
        reason="This promises a date or a punctual arrival.",
    ),
    _Sort(
        said=re.compile(
            r"(?:现金券|代金券|优惠券|抵用券|礼品|赠品|红包|折扣码|优惠码)"
            r"|\b(?:discount code|gift voucher|coupon|goodwill gesture|free gift"
            r"|gutscheincode|rabattcode|code "
            r"promo|bon d'achat|vale de descuento)\b"
        ),
        covered=re.compile(
            r"现金券|代金券|优惠券|抵用券|礼品|赠品|红包|折扣码|优惠码|discount code|gift voucher"
            r"|coupon|free gift"
        ),
        hedged=False,
        reason="This offers something that the passages do not name.",
    ),
    _Sort(
        said=re.compile(
            r"免费|免单|不收(?:任何)?费|不用付任何|\bfree of charge\b|\bfor free\b"
            r"|\bfree\b(?! to\b)|\bcomplimentary\b|\bwaived?\b|\bkostenlos\w*|\bgratis\b"
            r"|\bkostenfrei\w*"
            r"|\bgratuit\w*"
        ),
        covered=re.compile(
            r"免费|免手续费|免收|不收费|包含|含\d|由我们承担|\bfree\b|\bincluded?\b|\bno (?:charge"
            r"|surcharge|cost)|duty paid|kostenlos|gratis|gratuit|in the price"
            r"|credited"
        ),
        hedged=False,
        reason="The passages do not say that this is free.",
    ),
)

_CONDITION: Final = re.compile(
    r"如果|若|如(?:经|您|需|果|确认|检测|符合)|假如|只要|核实后|确认后|审核|符合条件|符合"
    r"|验收|检测|视情况|可能|预计|一般|通常|请示|协商|能否|是否"
    r"|\bif\b|\bonce\b|\bprovided\b|\bsubject to\b|\bshould\b|\bwould\b|\bcould\b|\bmay\b"
    r"|\bmight\b|\bwhether\b|\bunless\b|\bwhen\b|\bafter\b|\busually\b|\bnormally\b|\babout\b"
    r"|\btypically\b"
    r"|\bwenn\b|\bfalls\b|\bsofern\b|\bsobald\b|\bsollte\w*|\bwürde\w*|\bkönnte\w*"
    r"|\bnachdem\b|\bvoraussichtlich\b|\bin der regel\b|\bnach (?:prüfung|eingang|erhalt)\b"
    r"|\bsi\b|\bdès que\b|\bsous réserve\b|\baprès\b|\bcuando\b|\buna vez\b|\bsiempre que\b"
    r"|\bdespués de\b"
)
_DENIED: Final = re.compile(
    r"(?:不能|无法|不便|不会|暂不|没有|未能|难以)[^，。,\n]{0,12}$|\b(?:not|cannot|can't|unable to"
    r"|never|no|nicht|kein\w*|ne|pas|no podemos)\b[^.,\n]{0,24}$"
)


def promise(case: Case) -> Iterator[Finding]:
    """Commitment words that neither the knowledge covers nor a condition takes back."""
    for start, end in sentences(case.plain):
        sentence = case.plain[start:end]
        conditional = bool(_CONDITION.search(sentence))
        for sort in _SORTS:
            match = sort.said.search(sentence)
            if not match or (sort.hedged and conditional):
                continue
            allowed = sort.covered is not None and sort.covered.search(case.knowledge.text)
            if allowed or _DENIED.search(sentence[: match.start()]):
                continue
            yield review("promise", sort.reason, (start + match.start(), start + match.end()))
