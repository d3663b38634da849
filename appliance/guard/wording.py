"""How commitments, conditions and denials are worded in zh, en, de, fr and es."""

import re
from typing import Final


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


_GIVE_ZH: Final = (
    "(?:退款|退还|全额退|全款|赔偿|赔付|补偿|返还|减免|免除|免收|报销|承担(?:全部|您的|一切)|"
    "补发|赠送)"
)
_DO_ZH: Final = (
    "(?:安排|改到|改约|改为|改好|预约|登记|取消|办理|退款|退还|申请|发货|寄出|派|预留|开具|"
    "处理完|通知师傅)"
)
_GIVE_EN: Final = (
    r"(?:refund|reimburse|compensat\w+|pay|waive|replace|credit|cover|give you|offer you|"
    r"send you (?:a|an|the) (?:new|free|replacement|voucher|refund)|deduct|cancel|deliver|repair|"
    r"exchange)"
)
_GOODS_EN: Final = (
    r"(?:refund|compensation|voucher|discount|replacement|loan \w+|courtesy \w+|gift|"
    r"\d+ ?% (?:off|discount)|[£€$]\d[\d.,]* back|money back)"
)
_DONE_EN: Final = (
    "(?:refunded|reimbursed|arranged|booked|cancelled|canceled|changed|moved|rescheduled|reserved|"
    "processed|issued|shipped|dispatched|sent out|scheduled|assigned|extended|waived|credited|"
    "approved|registered|replaced|updated|ordered)"
)
_GIVE_DE: Final = (
    "(?:erstatten|ersetzen|übernehmen|zahlen|bezahlen|erlassen|vergüten|gutschreiben|schenken|"
    "entschädigen|überweisen|verzichten|tauschen|liefern)"
)
_DONE_DE: Final = (
    "(?:veranlasst|storniert|gebucht|erstattet|reserviert|überwiesen|geändert|verschoben|"
    "ausgetauscht|versandt|verschickt|beauftragt|genehmigt|gutgeschrieben|bestellt)"
)

GUARANTEE: Final = _any(
    r"(?<!不能)(?<!无法)(?<!不)(?<!质量)(?:保证|承诺|担保|包您|一定(?:会|能|可以|为您|给您|按时|准时)|"
    r"肯定(?:会|能|可以)|务必(?:会|为您)|绝对(?:会|能|可以|不会)|百分之?百)",
    r"\b(?:we|i) (?:can |do |hereby |will )?(?:guarantee|promise|assure|ensure)\b",
    r"\bguaranteed\b|\brest assured\b|\byou have (?:my|our) word\b",
    r"\b(?:wir|ich) (?:garantieren|versprechen|versichern|sichern)\b",
    r"\b(?:garantieren|versprechen) wir\b|\bgarantiert\b",
    r"\bnous (?:vous )?(?:garantissons|promettons|assurons)\b",
    r"\b(?:(?:le|les|os) aseguramos|garantizamos|prometemos)\b",
)
GUARANTEE_GIVEN: Final = _any(
    "保证|承诺", "we guarantee", "wir garantieren", "nous garantissons", "garantizamos"
)

DONE: Final = _any(
    rf"(?:已经?|刚刚?)(?:[为给帮替向将把]您)[^。，,\n]{{0,12}}{_DO_ZH}",
    r"(?:我们|我|已)已?经?(?:安排|派|预约|改约|退款|寄出|发货|登记)(?:了|好|"
    r"[^。，,\n]{0,8}师傅|[^。，,\n]{0,8}工程师)",
    rf"\b(?:we|i)(?: have|'ve) (?:now |already |just )?{_DONE_EN}\b",
    rf"\b(?:has|have) (?:now |already |just )?been {_DONE_EN}\b",
    r"\b(?:is|are) waived\b|\bas agreed\b",
    rf"\b(?:haben wir|wir haben|ich habe|habe ich)\b[^.\n]{{0,60}}\b{_DONE_DE}\b",
    r"\bwie (?:vereinbart|besprochen)\b",
    r"\bnous avons (?:déjà )?(?:remboursé|annulé|réservé|modifié|commandé|expédié)",
    r"\bhemos (?:ya )?(?:reembolsado|cancelado|reservado|cambiado|enviado|tramitado)",
)

MONEY: Final = _any(
    rf"(?:同意|愿意|决定|答应|将|会|可以?|能)(?:立即|马上|尽快|全额)?(?:[为给向帮]您)"
    rf"[^。，,\n]{{0,8}}{_GIVE_ZH}",
    rf"(?:我们|我司|公司)(?:同意|愿意|决定|答应|将|会)[^。，,\n]{{0,10}}{_GIVE_ZH}",
    r"为您(?:全额)?(?:退款|赔偿|补偿|退还)",
    r"您(?:可以?|能)?(?:获得|享有|领取|得到)[^。，,\n]{0,12}(?:赔偿|补偿|退款|券|礼)",
    rf"\b(?:we|i)(?:'ll| will| shall| (?:are|am) going to| agree to| are (?:happy|glad) to|"
    rf" would be happy to) (?:of course |gladly |also |then |immediately |fully )?{_GIVE_EN}\b",
    rf"\byou (?:will|'ll|get|are going to) (?:get |receive |be given )?(?:an? |the |your )?"
    rf"(?:full |free |new )*{_GOODS_EN}",
    r"\byou(?:'ll| will) be (?:refunded|reimbursed|compensated)",
    r"\byou are entitled to\b",
    rf"\b(?:wir werden|werden wir)\b[^.\n]{{0,60}}\b{_GIVE_DE}\b",
    rf"\b{_GIVE_DE} wir\b",
    rf"\bwir {_GIVE_DE} (?:ihnen|dir|euch|den|die|das|selbstverständlich|gern)\b",
    r"\bsie (?:erhalten|bekommen) (?:von uns )?(?:eine |einen |den |die )?(?:volle )?"
    r"(?:erstattung|entschädigung|gutschein|rabatt|ersatz)",
    r"\b(?:ihnen|dir) steht\b[^.\n]{0,50}\bzu\b",
    r"\bnous (?:vous )?(?:rembourserons|remboursons|dédommagerons|offrirons|offrons|prendrons en"
    r" charge)",
    r"\bles? (?:reembolsaremos|devolveremos|compensaremos|regalaremos|pagaremos)",
)

PUNCTUAL: Final = _any(
    r"[会将定][在于]?[^。，,\n]{0,8}(?:准时|按时)|(?:准时|按时)(?:到|送|上门|发货)",
    r"[会将][在于][^。，,\n]{1,12}(?:到账|打到|送达|送到|上门|发货)",
    r"[天日内前](?:打到|汇到|转到)[您你]",
    r"\b(?:will|'ll) (?:definitely |certainly |surely )?(?:be (?:with you|on its way|there|"
    r"delivered|ready)|arrive|reach you) (?:by|on|before|tomorrow|next|within)\b",
    r"\b(?:kommt|ist|wird|trifft)\b[^.\n]{0,30}\b(?:bis zum|spätestens am|pünktlich)\b",
)

GIFT: Final = _any(
    "现金券|代金券|优惠券|抵用券|礼品|赠品|红包|折扣码|优惠码",
    r"\b(?:discount code|gift voucher|coupon|goodwill gesture|free gift)\b",
    r"\b(?:gutscheincode|rabattcode|code promo|bon d'achat|vale de descuento)\b",
)

FREE: Final = _any(
    "免费|免单|不收(?:任何)?费|不用付任何",
    r"\bfree\b(?! to\b)|\bcomplimentary\b|\bwaived?\b",
    r"\bkostenlos\w*|\bgratis\b|\bkostenfrei\w*|\bgratuit\w*",
)
FREE_GIVEN: Final = _any(
    r"免费|免手续费|免收|不收费|包含|含\d|由我们承担",
    r"\bfree\b|\bincluded?\b|\bno (?:charge|surcharge|cost)|duty paid|in the price|credited",
    "kostenlos|gratis|gratuit",
)

CONDITION: Final = _any(
    "如果|若|如(?:经|您|需|果|确认|检测|符合)|假如|只要|核实后|确认后|审核|符合|验收|检测|视情况|"
    "可能|预计|一般|通常|请示|协商|能否|是否",
    r"\b(?:if|once|provided|subject to|should|would|could|may|might|whether|unless|when|after|"
    r"usually|normally|about|typically)\b",
    r"\b(?:wenn|falls|sofern|sobald|sollte\w*|würde\w*|könnte\w*|nachdem|voraussichtlich|"
    r"in der regel|nach (?:prüfung|eingang|erhalt))\b",
    r"\b(?:si|dès que|sous réserve|après|cuando|una vez|siempre que|después de)\b",
)
"""Makes a sentence conditional: what depends on something is not promised."""

DENIED: Final = _any(
    r"(?:不能|无法|不便|不会|暂不|没有|未能|难以)[^，。,\n]{0,12}$",
    r"\b(?:not|cannot|can't|unable to|never|no|nicht|kein\w*|ne|pas|no podemos)\b[^.,\n]{0,24}$",
)
"""Stands before a commitment word and takes it back."""
