"""Rules about matters that stand in the office's own systems, not in its knowledge folder."""

import re
from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.rule import rule
from appliance.screen.words import Phrases

_ASKED: Final = Phrases(
    # zh: is it done
    (
        r"(?:发货|出库|寄出|发出|派送|派单|配送|到货|到账|修好|修完|检测好|弄好|处理好|处理完|"
        r"审核|退款|安排|受理|送到|送出|签收|通过)(?:了)?(?:没有|没)(?!关系|问题)"
    ),
    (
        r"(?:发货|出库|寄出|发出|到货|到账|修好|修完|检测好|弄好|处理好|审核(?:通过|完)|"
        r"安排(?:好)?|受理|通过)了(?:吗|么)"
    ),
    # zh: it has not come
    (
        r"(?:还没|还未|仍未|尚未|一直没|一直未|至今没|至今未|迟迟没|迟迟未|迟迟不|始终没|仍然没|"
        r"都没|还是没)(?:有)?(?:人)?(?:接?获|见|等到|看到|任何)?(?:发货|收到|到货|送到|送来|送达|"
        r"上门|联系|通知|消息|动静|进展|更新|修好|到账|派|人来|来人|回音|来(?:修|装|取|电)|退款|"
        r"退回|到(?!期|保|时|三|两|\d))"
    ),
    r"(?:迟迟|一直|始终)不(?:发货|送|来|到|退|上门|更新|动)",
    (
        r"(?:订单|快递|包裹|物流|快件|货|机器|维修|工单)[^。?\n]{0,12}(?:到哪|在哪|走到|卡在|停在|"
        r"到什么|什么进度|啥进度|怎么样了|什么情况|怎么回事|啥情况)"
    ),
    (
        r"(?:师傅|工程师|安装工|维修工|送货(?:员|师傅)|快递员|(?<![个本别他])人)[^。?\n]{0,20}(?:没来|还没到|"
        r"没到|不来|在哪|到哪|联系不上|没电话|没消息|没人来|爽约|失约|放鸽子|什么时候到|几点到)"
    ),
    (
        r"(?<!有)(?<!出)(?:物流|维修|检测|处理|退款|配送|送货|安装|订单|派单|审核|发货|报修|修理|换货|"
        r"退货|工单|申请)(?:的)?(?:进度|进展|状态|结果|近况)"
    ),
    (
        r"(?:帮|麻烦|请(?!问)|烦请|劳烦|协助|想|能)[^。?\n]{0,8}(?:查|跟进|追踪|跟踪)(?:一?下|"
        r"一?查|询)?[^。?\n]{0,20}(?:订单|单号|快递|物流|包裹|工单|进度|师傅|发货|单子|报修|到哪(?!个)|"
        r"什么时候(?:到|送|发|来))"
    ),
    r"(?:帮|麻烦|请|能)[^。?\n]{0,8}催(?:一?下|一?催|促)",
    # zh: when does mine come
    (
        r"(?:(?:我|家里|我们|我家)[^。?\n]{0,25}(?:下的单|下了单|下单了|下单的|已经?下单|买的|"
        r"订的|订了|拍的)|(?:订单|工单|受理|收据|运单|单)(?:号|编号)?[^。?\n]{0,4}[a-z]{0,4}-?\d"
        r"{4,})[^?\n]{0,60}(?:什么时候|啥时候|何时|哪天|几号|还要(?:多久|几天|等)|多久(?:才)?)"
        r"[^。?\n]{0,6}(?:能|可以|会|才|可)?[^。?\n]{0,4}(?:到(?!期|保|账)|送(?!修)|发货|修好)"
    ),
    (
        r"(?:送修|送去修|寄修|送(?:到|去)[^。?\n]{0,12}(?:修|检测)|约的|约了|预约的|报修|报了修|"
        r"报的修|寄回|退回去|交给你们)[^?\n]{0,60}(?:什么时候|啥时候|何时|哪天|几点|还要(?:多久|"
        r"几天|等)|好了)[^。?\n]{0,6}(?:能|可以|会|才|可)?[^。?\n]{0,4}(?:到(?!期|保)|来|修好|取|"
        r"上门|好(?!评)|有结果|拿|吗|没)"
    ),
    # en
    (
        r"\b(?:has|have|did|was|were) (?:it|they|my|our|the (?:order|parcel|package|bike|repair|"
        r"item|frame|wheels?))\b…(?:shipped|dispatched|\bleft\b|been sent|gone out|arrived?\b|"
        r"been posted|been collected|been processed|delivered|despatched|been (?:finished|"
        r"repaired|fixed|done))"
    ),
    (
        r"\b(?:is|are) (?:it|they|my \w+|our \w+|the (?:order|parcel|package|bike|repair))(?: \w"
        r"+){0,2} (?:ready|done|finished|fixed|repaired|on (?:its|the|their) way|in transit|"
        r"lost)(?: yet| now| for (?:collection|pick)| to (?:collect|pick|be collected)|[.,?!\n]|$)"
    ),
    r"where(?:'s| is| are|'re| has| have) (?:my|our|the (?:order|parcel|package|bike))\b",
    (
        r"(?:status|progress|whereabouts|eta|update)s? (?:of|on|for|about|regarding) (?:my|our|"
        r"the|this|order|job|repair)"
    ),
    (
        r"any (?:news|update|progress|word|sign)s?\b…(?:order|repair|bike|parcel|delivery|job|"
        r"refund|wheel|my|our)"
    ),
    r"track(?:ing)? (?:my|our|number|it|says|shows|has|hasn't|still)",
    (
        r"(?:has not|hasn't|have not|haven't|not yet|still not|still haven't|still hasn't|never|"
        r"didn't|did not|yet to|still no|no sign of)\b…(?:arrived?\b|come\b(?! with)|turned up|"
        r"shown up|received?\b|heard(?! of)|delivered|shipped|dispatched|updated|appeared|"
        r"refunded|tracking|parcel\b|text message|phone call)"
    ),
    r"(?:still|been) waiting (?:for|on|to hear)",
    r"should have (?:arrived|been (?:ready|delivered|sent))",
    (
        r"was (?:due|supposed|meant|promised) (?:to )?(?:arrive|be (?:ready|delivered|here|with)|"
        r"on|last|yesterday|by)"
    ),
    r"(?:order|parcel|delivery|package)…\b(?:late|overdue)\b",
    (
        r"when (?:will|can|is|are|could) (?:(?:i|we) (?:expect|collect|pick up|get|have) )?(?:my|"
        r"our) (?![^.?!\n]{0,30}(?:rent|hire|hired|loan|test|next|service due))[^.?!\n]"
        r"{0,40}(?:arrive|ready|delivered|ship|come|done|finished|collect|dispatch|due (?:back|"
        r"to arrive|for delivery)|be (?:sent|with))"
    ),
    (
        r"(?:\bi|\bwe)(?:'ve| have)? (?:ordered|dropped|left (?:my|our|the|a)|brought (?:my|our)|"
        r"handed|placed an order|returned|sent (?:back|you|in))\b[^?\n]{0,160}(?:is it (?:ready|"
        r"done|finished|fixed)|has it \w* ?(?:left|shipped|been|arrived|gone)|when (?:will|can|is|"
        r"might|should) (?:it|i|they|we)…(?:ready|arrive|collect|pick|done|delivered|expect)|"
        r"still (?:says?|shows?|showing|processing|pending|waiting)|where is it)"
    ),
    (
        r"(?:order|tracking|consignment|parcel|repair|job|booking|ticket|return)~ ?(?:no\.?|"
        r"number|ref(?:erence)?|#|id|is)?\W{0,3}[a-z]{0,4}-?\d{4,}[^?\n]{0,160}(?:where is|"
        r"where's|when will|\bstatus\b|shipped|dispatched|on its way|\bready\b|progress|left you|"
        r"not (?:yet )?arrived)"
    ),
    # de
    (
        r"\b(?:ist|sind) (?:es|sie|mein\w*|unser\w*|das (?:rad|paket|fahrrad)|die (?:bestellung|"
        r"reparatur|sendung|lieferung)|der (?:akku|auftrag))\b[^.?!\n]{0,60}(?:fertig|unterwegs|"
        r"verschickt|versandt|versendet|angekommen|repariert|abholbereit|\braus\b|abgeschickt|"
        r"eingegangen|bearbeitet)"
    ),
    (
        r"wann (?:kommt|kommen|wird|werden|erhalte|bekomme|erreicht|darf ich|kann ich|ist|sind)"
        r"[^.?!\n]{0,25}\b(?:mein|meine|meinem|meinen|meiner|unser|unsere)\b(?![^.?!\n]"
        r"{0,30}(?:leih|miet|gutschein|reservier))[^.?!\n]{0,40}(?:fertig|geliefert|\ban\b|\bda\b|"
        r"versandt|verschickt|abholen|repariert|zurück|rechnen|bestellung|paket|lieferung|sendung|"
        r"ware)"
    ),
    (
        r"(?:abgegeben|gebracht|bestellt|zurückgeschickt|eingeschickt|zurückgesendet|eingesendet|"
        r"beauftragt|aufgegeben|zur (?:reparatur|inspektion|wartung))\b[^?\n]"
        r"{0,160}(?:wann (?:kann|darf) ich (?:es|sie|das|ihn|mein\w*)|wann (?:kommt|kommen|wird|"
        r"werden|erhalte)|schon (?:fertig|da|unterwegs|verschickt|versandt|abholbereit)|"
        r"wo (?:bleibt|ist|steckt)|stand der)"
    ),
    (
        r"(?:noch nicht|noch keine?n?|immer noch|noch immer|bis heute|bislang|bisher)\b[^.?!\n]"
        r"{0,40}(?:erhalten|bekommen|angekommen|geliefert|eingetroffen|gekommen|verschickt|"
        r"versandt|gehört|\bsms\b|versandbestätigung|sendungsnummer|\bda[.,?!\n]|abgeholt|fertig|"
        r"erstattet|gutgeschrieben)"
    ),
    (
        r"wo (?:ist|bleibt|bleiben|steckt|sind) (?:mein|unser|das paket|die (?:bestellung|"
        r"lieferung|ware|sendung))"
    ),
    (
        r"(?:status|\bstand|sendungsverfolgung)\b[^.?!\n]{0,25}(?:bestellung|lieferung|reparatur|"
        r"auftrag|sendung|rücksendung|der dinge)"
    ),
    (
        r"(?:bestellung|auftrag|auftragszettel|auftragsnummer|sendung|reparatur)\w{0,8}\W"
        r"{0,3}(?:nr\.?|nummer)?\W{0,3}[a-z]{0,3}-?\d{4,}[^?\n]{0,160}(?:wann|\bwo\b|noch nicht|"
        r"unterwegs|verschickt|fertig|status)"
    ),
    # fr, es
    r"où (?:en )?est (?:ma|mon|notre)",
    r"(?:toujours pas|pas encore) (?:été )?(?:reçu|arrivé|livré|expédié|eu)",
    (
        r"quand (?:est-ce que )?(?:ma|mon|notre|vais-je recevoir|puis-je récupérer|sera|arrivera)"
        r"[^.?!\n]{0,40}(?:commande|colis|prêt|livré|réparation)"
    ),
    r"(?:suivi|statut|état|avancement) de (?:ma|mon|la) (?:commande|colis|réparation|livraison)",
    r"dónde está (?:mi|nuestro)",
    r"(?:todavía|aún) no (?:ha|he|me|lo|la)…(?:llegado|recibido|enviado|entregado)",
    (
        r"cuándo (?:llega|llegará|estará|puedo recoger|recibiré|me llega)[^.?!\n]{0,40}(?:mi|"
        r"pedido|paquete|list[oa])"
    ),
    r"(?:estado|seguimiento) de(?:l| mi) (?:pedido|reparación|envío)",
    r"(?:等|约)[^。?\n]{0,20}没(?:有)?人(?:来|上门|联系|到)",
    (
        r"我的[^。?\n]{1,12}(?:什么时候|何时|哪天|几时|多久)(?:会|能|可以|才)?[^。?\n]"
        r"{0,4}(?:送到|到货|发货|送来|修好|寄出|送货)"
    ),
    (
        r"when (?:my|our) [^.?!\n]{1,30}(?:will|is|are|can)…(?:dispatched|delivered|ready|shipped|"
        r"arrive)"
    ),
    (
        r"warte\w*(?: \w+){0,4} auf (?:mein|unser|die (?:lieferung|bestellung|ware|sendung)|"
        r"das paket|den versand)"
    ),
    (
        r"(?:说好|约好|约了|答应)[^。?\n]{0,20}(?:今天|昨天|上午|下午|早上|晚上|周|点)[^。?\n]"
        r"{0,25}(?:没|不见|还)"
    ),
    r"不见人|没(?:有)?动静|没影|(?:收到|寄到|签收)(?:了)?没(?:有)?(?:[,。?\n]|$)",
    r"(?:没|不)更新(?:了|过)?",
    (
        r"(?:haven't|have not|hasn't|didn't|not|never) (?:got|get|had|seen) (?:it|them|anything|"
        r"my|the (?:parcel|order|package|delivery))\b"
    ),
    r"says (?:it was |it's |it is )?delivered",
    (
        r"(?:check|look up|look into|chase|find out|let me know|tell me) (?:on |up |about |if |"
        r"whether |where |how )?(?:my|our) (?:order|parcel|repair|delivery|package|refund|bike is)"
    ),
    r"has my \w+(?: \w+)? (?:shipped|been|arrived|left|gone)",
    (
        r"(?:dropped|left|handed|took|brought)…\b(?:my|our|a)\b[^?\n]{0,120}when (?:can|will|"
        r"should|may|could) (?:i|we|it)"
    ),
    (
        r"\b(?:wurde|wurden|ist|sind|hat) (?:mein|meine|unser|unsere)\b[^.?!\n]{0,40}(?:schon|"
        r"bereits|inzwischen|verschickt|versandt|versendet|geliefert|angekommen|fertig|repariert)"
    ),
    r"wie weit\b…(?:reparatur|bestellung|auftrag|lieferung|mein|rad)",
    (
        r"(?:nachsehen|nachschauen|prüfen|sagen|mitteilen)[^.?!\n]{0,30}(?:wie weit|wo (?:mein|"
        r"meine|die|das)|ob (?:mein|meine|die|das)[^.?!\n]{0,30}(?:fertig|verschickt|da|"
        r"angekommen|versandt))"
    ),
    r"(?:到今天|到现在|至今|现在)(?:都|还|也)?没(?:有)?(?:发|到|来|送|修|退)",
    r"(?:送检|送修|报修|维修)(?:的)?[^。?\n]{0,12}(?:什么情况|怎么样|啥情况|如何了)",
    r"(?:再不|还不)(?:发|来|送|到|退|修)",
    (
        r"\b(?:did|has|have|was|were) (?:my|our) (?:\w+ ){0,2}(?:order|parcel|package|delivery|"
        r"repair|refund|replacement)\b"
    ),
    r"getting on with (?:my|our)",
    (
        r"how(?:'s| is| are) (?:my|our) (?:\w+ ){0,2}(?:repair|build|order|bike|"
        r"wheels?) (?:coming|getting|doing|going|looking)"
    ),
    r"delivery date (?:yet|for (?:my|order))",
    (
        r"\b(?:ist|sind|wurde) (?:die|meine|mein|der|das|unsere) [^.?!\n]{0,40}(?:abgeschlossen|"
        r"erledigt|eingetroffen|abholbereit|versendet|bearbeitet)"
    ),
    r"n'est (?:pas|toujours pas) (?:encore )?arriv|que se passe-t-il|no ha llegado",
    r"qué pasa con mi",
    r"(?:一直|还|都|至今)没(?:有)?(?:发|给|寄|退|处理|解决)(?:给)?(?:我|过来)?",
    r"(?:我|付|买|订)[^。?\n]{0,40}(?:什么情况|咋回事|怎么回事)(?:[?。!]|$)",
    r"根本没(?:有)?(?:修好|解决|处理)|谁来处理",
    r"arrived (?:with|without)…(?:missing|broken|damaged)",
    r"(?:is|was|were|are) missing (?:from|in) (?:my|the|our) (?:order|parcel|box|package)",
    r"where(?:'s| is| are) the (?:other|rest|missing)|qu'en est-il|devait être (?:prêt|livré)",
    r"tenía que estar",
    r"(?:派人|师傅|上门|安装|维修)[^。?\n]{0,12}(?:今天|明天|到底)?[^。?\n]{0,4}还来(?:吗|不)",
    r"还来(?:吗|不来)|修的(?:结果|怎么样|如何)",
    (
        r"\b(?:sollte|sollten|hätte)\b[^.?!\n]{0,40}(?:fertig|geliefert|da|ankommen)\b[^.?!\n]"
        r"{0,15}(?:sein|sollen|müssen|werden)?"
    ),
    r"nobody can tell me|waiting (?:\w+ ){0,3}(?:days|weeks|months)",
)

_CONDITION: Final = re.compile(
    r"(?:\bif\b|\bin case\b|\bfalls\b|\bwenn\b|\bsi\b|如果|要是|假如|万一)[^,.?!。\n]{0,200}"
)
"""What may happen is asked about, not what did."""

_OURS_TO_FINISH: Final = Phrases(
    (
        r"\b(?:my|our) (?:\w+ ){0,3}(?:order|parcel|package|delivery|repair|bike|frame|fork|"
        r"wheels?|wheelset|refund|return|exchange|claim|job|replacement)\b"
    ),
    r"\bi(?:'ve| have)? (?:ordered|dropped|returned)\b",
    r"\bsent (?:it|them|the \w+|my \w+) (?:back|off|in)\b",
    (
        r"(?:order|tracking|consignment|parcel|repair|job|booking|ticket|return|bestellung|"
        r"auftrag|sendung|commande|pedido)\w{0,12} ?(?:no\.?|number|nr\.?|nummer|ref(?:erence)?|#|"
        r"id)?\W{0,3}[a-z]{0,4}-?\d{4,}"
    ),
    (
        r"(?:订单|工单|运单|快递|受理|收据|报修|维修|单)(?:编)?(?:单)?号?[^。?\n]{0,4}[a-z]{0,4}-?"
        r"\d{4,}"
    ),
    r"我的(?:退款|订单|快递|包裹|机器|货|维修|工单)|(?:送修|报修|寄修|约)(?:的|了)",
    r"(?:我|我家)[^。?\n]{0,12}(?:下单|订)(?:的|了)",
    (
        r"\b(?:mein|meine|meiner|meinem|meines|unser|unsere|unserer)\b (?:\w+ )?(?:bestellung|"
        r"paket|rad|fahrrad|e-bike|reparatur|reklamation|lieferung|rücksendung|erstattung|rahmen|"
        r"akku|auftrag|laufrad|ware)"
    ),
    r"(?:habe|haben)\b…\bbestellt\b",
    r"\b(?:ma commande|mon colis|mon vélo|ma réparation|mon remboursement|j'ai commandé)\b",
    r"\b(?:mi pedido|mi paquete|mi bici|mi reparación|he pedido|pedí)\b",
)
"""Something of the sender's that the office has in hand."""

_HOW_FAR: Final = Phrases(
    r"\byet[?.,!]|\byet\b(?= or)|\bstill (?:says?|shows?|no|not|waiting|in|with)\b|\bcome in\b",
    r"had a chance|will be (?:back|ready|done|finished|here|dispatched|delivered)",
    r"\b(?:be|come|get) (?:it )?back\b(?=…\?)",
    r"says \W?(?:processing|pending|label|shipped|delivered)",
    r"(?:over|nearly|almost|more than) (?:a|two|three|\d+) (?:days?|weeks?|months?)",
    r"\b(?:days|weeks) now\b|(?:any|some) (?:news|update|idea (?:of )?when|word)",
    r"\b(?:dispatched|despatched|shipped|in transit|whereabouts|status)\b|on its way",
    r"怎么样了|到现在|(?:还|都|仍)(?:没|未|不见)(?:有)?(?:到|来|发|送|收|好|动|消息)",
    r"显示(?:已|备|待|在|正)|(?:还|到底)来不来|快[^。?\n]{1,4}(?:天|周|月)了",
    r"(?:什么时候|哪天|几点)(?:能|可以|会)?(?:派送|到货|送到|修好|发货|拿|取)|发货|物流|派送",
    r"修好|修得|进度",
    r"neuigkeiten|noch (?:keine?n?|nicht)|immer noch",
    r"schon (?:fertig|da|verschickt|versandt|angekommen|unterwegs)|versandbestätigung|\bstand\b",
    r"unterwegs|verschickt|versandt|wie weit|was ist mit",
    r"toujours (?:rien|pas)|pas encore|rien reçu|des nouvelles|expédié",
    r"(?:todavía|aún) (?:no|nada)|no ha llegado|alguna novedad|enviado",
)
"""A word for how far that has got."""


@rule(
    Disposition.HOLD,
    "It asks how far an order, a delivery or a repair is, which only the office's systems know"
    " (house rule).",
)
def order_status(case: Case) -> bool:
    """The state of the sender's own order, delivery, repair or refund."""
    words = _CONDITION.sub("", case.words)
    if _ASKED.found(words):
        return True
    return _OURS_TO_FINISH.found(words) and _HOW_FAR.found(words)
