"""Rules about money that is demanded and people who may be hurt."""

import re
from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.rule import rule
from appliance.screen.words import Phrases

_SENTENCE: Final = re.compile(r"[^.?!。\n]+[.?!。\n]?|[.?!。]")
_INQUIRY: Final = Phrases(
    r"\?$|(?:[吗呢么]|[对是以]吧)\W*$|请问|多久|多少天|几天|怎么|如何|什么时候|何时|能否|是否|可否|可不可以",
    r"能不能|是不是|有没有|要不要|哪些|什么(?:材料|资料|条件|流程)",
    (
        r"\b(?:how (?:do|can|long|would|does|much)|(?:can|could|may|do|would|will|should|"
        r"might) (?:i|we)|whether|is it possible|if (?:i|we|it|the|they)|in case)\b"
    ),
    (
        r"\b(?:wie (?:lange|kann|bekomme|läuft|funktioniert)|(?:kann|könnte|darf|soll|muss|"
        r"bekomme|erhalte) ich|ob (?:ich|man|es|sie)|falls|wenn ich)\b"
    ),
    r"\b(?:comment|puis-je|est-ce que|si je|combien|cómo|puedo|si yo|cuánto)\b",
)
_DEMANDED: Final = Phrases(
    (
        r"(?:请|要求|必须|给我|麻烦|立即|立刻|马上|尽快|我要|我们要|希望|应该|应当|(?:天|日|小时|"
        r"周)(?:之)?内)(?:(?!申请|告|说明|确认|流程|政策|规则|问)[^。?!\n]){0,20}(?:退还|退回"
        r"[^。\n]{0,6}(?:款|钱|费)|退款(?!政策|流程|规则|方式|时间|时限|进度|说明)|退钱|全额退|"
        r"退全款|退差价|退给我|退我|赔偿|赔付|赔我|赔钱|补偿)"
    ),
    (
        r"(?:差价|款|钱|押金|定金|费用|损失|\d元)[^。?!\n]{0,10}(?:退给我|退还给?我|赔给我|补给我|"
        r"还给我|退回给我)"
    ),
    r"(?:赔偿|赔付|补偿)[^。?!\n]{0,10}(?:损失|误工|精神|费)|误工费|精神损失|(?:退一|假一)赔",
    r"[三十]倍赔偿|双倍返还|不(?:退|赔|补)[^。?!\n]{0,8}(?:我|就)",
    r"(?:打|转|汇)(?:到|入|给)我(?:的)?(?:支付宝|微信|银行卡|卡|账户|账号)",
    (
        r"(?:你们|贵司|你方|贵方|商家)[^。?!\n]{0,8}(?:承担|负责|赔)[^。?!\n]{0,8}(?:损失|费用|"
        r"责任|维修费)"
    ),
    r"(?:我要|要求|必须|给我)(?:全额|整机|马上|立即)?退(?:货退款|机|掉)",
    (
        r"(?:^|[.!,;:\n] ?|\b(?:and|but|so|therefore|hereby|now|then|that) )(?:i|we) (?:\w"
        r"+ ){0,2}?(?:demand|insist on|expect|require|want|claim|request|deserve|am entitled to|"
        r"are entitled to|am owed|are owed)(?! to (?!be (?:refunded|compensated|reimbursed|"
        r"paid)))…(?:\brefund|money back|compensat|reimburs|[£$€] ?\d\S* (?:back|refund)|"
        r"back in full|\bpay (?:for|me|us)|damages|full amount|full credit|price reduc|goodwill)"
    ),
    (
        r"(?:please|kindly|immediately|must|you (?:should|need to|have to|ought to)|"
        r"ask(?:ing)? (?:that )?you(?: to)?|expect(?:ing)? you(?: to)?) (?:now |immediately |"
        r"at least |also |therefore )?(?:refund|reimburse|compensate|repay|pay (?:me|us|for)|"
        r"return my money|make good|cover (?:the|my))"
    ),
    (
        r"\b(?:want|demand|give me|give us|return) (?:all (?:of )?)?(?:my|our) (?:money|deposit|"
        r"payment|[£$€] ?\d\S*)(?: \w+)? ?back"
    ),
    r"(?:hold|holding) you (?:\w+ )?(?:liable|responsible)|out of pocket",
    r"lost (?:wages|earnings|income)",
    (
        r"(?:compensation|reimbursement) (?:for|of) (?:the|my|our|this) (?:\w+ )?(?:damage|loss|"
        r"inconvenience|wasted|distress|trouble|ruined|missed|time)"
    ),
    r"you (?:owe|owes) (?:me|us)|seek(?:ing)? (?:a (?:full )?refund|compensation)",
    r"at your (?:own )?(?:expense|cost)\b",
    (
        r"(?:fordere|fordern|verlange|verlangen|erwarte|erwarten|bestehe|bestehen|beanspruche|"
        r"beantrage)[^.?!\n]{0,90}(?:erstatt|rückzahlung|geld zurück|schadens?ersatz|"
        r"entschädigung|\bersatz|kaufpreis|mietpreis|minderung|überweis|ausgleich|gutschrift|"
        r"nachlass|zurückzuzahlen|zurückzahlen|übernahme)"
    ),
    (
        r"(?:erstatten|ersetzen|überweisen|zahlen) sie (?:mir|uns|den (?:\w+ )?(?:betrag|"
        r"kaufpreis|schaden)|das geld|die (?:\w+ )?(?:kosten|summe))"
    ),
    r"(?:will|möchte|hätte gerne?) (?:mein|das|unser) geld (?:wieder|zurück)|schmerzensgeld",
    r"(?:schadens?ersatz|entschädigung) (?:verlang|forder|geltend)|geltend machen",
    r"stelle ich ihnen in rechnung",
    (
        r"(?:exige|exigeons|réclame|réclamons|demande|demandons|veux|attends)[^.?!\n]"
        r"{0,60}(?:rembours|dédommag|indemnis|dommages|geste commercial)"
    ),
    r"rembourse[zr](?:-moi| moi| immédiatement)",
    (
        r"(?:exijo|exigimos|reclamo|reclamamos|quiero|solicito|espero|pido)[^.?!\n]"
        r"{0,60}(?:reembols|devolución (?:del|de mi) (?:dinero|importe)|indemniz|compensa|"
        r"me devuelvan|que me paguen)"
    ),
    r"devuélvanme",
    r"(?:请|由|要|该)(?:你们|贵司|你方|贵方|商家|公司)[^。?!\n]{0,6}(?:承担|负责|赔|出钱)",
    r"(?:打|转|汇)我(?:的)?(?:支付宝|微信|银行卡|卡)",
    r"请[^。?!\n]{0,6}把[^。?!\n]{0,15}(?:退回|退还|退给)|原路退(?:回|还)给?我",
    (
        r"(?:i'd|i would|we'd|we would) like (?:the |my |our )?(?:[£$€] ?\d\S* )?[^.?!\n]"
        r"{0,25}(?:reimbursed|refunded|compensated|paid back|money back)"
    ),
    r"退给我|退(?:一下|下)(?:钱|费|款)?(?=\W|$)|(?:得|要|应该?|必须|该|给我)赔",
    r"(?:麻烦|请|要求)[^。?!\n]{0,12}(?:退钱|退费|退差|退一下|赔一下|赔偿|补偿)",
    r"损失[^。?!\n]{0,20}(?:赔|承担|负责)|(?:多收|乱收|重复收|多扣)[^。?!\n]{0,20}(?:退|还|返)",
    (
        r"(?:want|like|expect|please|need|demand|must|request|requesting|arrange|looking for|"
        r"entitled to|insist|asking for|due|owed)(?! to (?:know|ask|check|find|understand|"
        r"see))…(?:refund|reimburs|compensat|money back|payment back|goodwill)"
    ),
    r"(?:refund|money back|compensation)…\bplease\b",
    (
        r"\b(?:charged|billed|debited)…(?:twice|double|two times|too much|in error|by mistake|"
        r"wrongly)"
    ),
    r"overcharged",
    r"please (?:return|repay|credit|transfer) (?:the|my|me|us)…(?:payment|money|amount|[£$€])",
    (
        r"\b(?:bitte|möchte|brauche|will|wünsche|ersuche)\b…(?:rückerstatt|erstattung|rückzahlung|"
        r"schadens?ersatz|entschädig|geld zurück|gutschrift)"
    ),
    r"haftbar|haftung",
    r"(?:zu viel|doppelt|falsch|zweimal) (?:berechnet|abgebucht|bezahlt|abgezogen)",
    r"(?:veux|voudrais|souhaite|merci de)…rembours|trop (?:payé|facturé)",
    r"(?:quiero|quisiera|necesito)…(?:reembols|devolución del (?:dinero|importe)|devuelvan)",
    r"cobrado (?:dos veces|de más)",
    r"(?:钱|费用?|\d元?|损失)[^。?!\n]{0,6}(?:你们|贵司|商家|你方)(?:出|付|赔|承担|负责)",
    r"补(?:差价|偿|钱)[^。?!\n]{0,6}给我|差价[^。?!\n]{0,6}(?:补|退)",
    r"(?:立刻|马上|立即|现在就)[^。?!\n]{0,8}退",
    r"(?:money|penny|fee|cost|price|payment|deposit|paid|[£$€] ?\d\S*)[^.?!\n]{0,12} back\b",
    r"gesture of goodwill|goodwill gesture|shouldn't have to pay",
    r"not (?:going to|gonna|prepared to) pay|refuse to pay|make (?:this|it) right",
    r"(?:differenz|betrag)[^.?!\n]{0,30}(?:konto|überweis|erstatt|zurück)",
    r"(?:überweisen|erstatten|ersetzen) sie",
    r"statt \d+[^.?!\n]{0,25}(?:berechnet|abgebucht|gezahlt)|auf kulanz|aus kulanz",
    r"(?:麻烦|请|要求|把)[^。?!\n]{0,25}(?:退回来|退过来|退还|返还)|refund please",
    r"you owe (?:me|us)",
    r"要么[^。?!\n]{0,12}(?:退|换新|赔)",
    r"(?:付了两次|重复(?:付|扣|收)|多(?:付|收|扣)了?)[^?!\n]{0,30}(?:退|还)|给我退(?:回|款|钱)",
    r"take (?:[£$€] ?\d\S*|\d+ ?%|something) off|knock (?:[£$€] ?\d|something)",
    r"(?:erstattet|ersetzt|zurück|gutgeschrieben) (?:haben|bekommen)[.!]?$",
)
_OFFER_WANTED: Final = Phrases(
    r"what (?:compensation|refund|redress)\b",
    r"how (?:will|are|do) you…(?:compensate|make (?:this|it) (?:right|up))",
    r"(?:怎么|如何|打算)(?:给我)?(?:赔|补偿)(?!流程)|(?:谁来|谁)(?:赔|承担|负责)",
    r"给我个(?:说法|交代)",
    r"wie (?:wollen|werden|gedenken) sie…(?:entschädigen|ersetzen|wiedergutmachen)",
    (
        r"(?:师傅|你们|安装工|维修工|送货员|工人|工程师|快递员)[^。?\n]{0,25}(?:弄坏|砸|刮(?:花|"
        r"了|坏)|划(?:花|了|坏)|撞(?:坏|了)|损坏|打碎|碰坏|弄丢|弄脏|搞坏)"
    ),
    r"给(?:我|我们)?(?:个|一个)?(?:赔偿|说法|交代)|赔偿(?:方案|多少)",
    (
        r"\byour (?:\w+ )?(?:driver|mechanic|staff|engineer|fitter|courier|guy|team|technician|"
        r"colleague|employee|man)s?\b…(?:broke|broken|damaged|scratched|reversed|dented|bent|"
        r"ruined|hit|lost|cracked|stripped|forgot|smashed)"
    ),
    r"(?:repair|cleaning|medical|the) bill to\b|send you the (?:bill|invoice)",
    (
        r"\bihre?r? (?:fahrer|mechaniker|mitarbeiter|monteur|techniker|kollege|kurier)\w*\b"
        r"…(?:beschädigt|zerkratzt|kaputt|verbogen|gefahren|falsch|vergessen|verloren)"
    ),
)
_DANGER: Final = Phrases(
    r"受伤|烫伤|烧伤|割伤|划伤(?:手|脚|人|了孩|孩)|触电|(?:被|会|有点)电(?:到|了一下|了|手|麻)",
    r"麻手|漏电(?!保护|开关|断路)|起火|失火|火灾|(?<!不)着火了|烧起来|冒烟|冒火花|爆炸",
    r"炸(?:裂|了)|漏气|(?:燃气|煤气|天然气)(?:泄漏|味)|煤气中毒|一氧化碳|中毒",
    r"(?:烧|焦|糊|胶)(?:焦)?味(?:很|特别|从)|烧焦|焦糊味|送医|急诊|住院|去(?:了)?医院|鼓包|自燃",
    r"晕倒|头晕|(?:引起|导致|用了?后|造成)[^。\n]{0,6}过敏",
    r"\binjur(?:y|ed|ies)\b|\bhospital(?:ised|ized)?\b|\ba&e\b|ambulance|\bbleeding\b",
    (
        r"(?:broke|broken|fractured) (?:my|his|her|a|an|our \w+'s) (?:\w+ )?(?:arm|leg|wrist|"
        r"collarbone|bone|elbow|hip|ankle|rib|tooth|teeth|shoulder)"
    ),
    r"burn(?:ed|t|ing)? (?:my|his|her|our|the (?:child|carpet|floor))|concussion",
    r"(?:caught|on) fire|\bsmok(?:e|ing)\b…(?:battery|charger|motor|from|coming)",
    r"(?:battery|charger|motor)…\bsmok(?:e|ing)",
    r"(?:swollen|bulging|leaking|hissing) (?:battery|akku|pack)",
    r"battery (?:is|has|looks|was)~ (?:swollen|bulging|leaking|hissing|very hot|burn)|explod",
    r"electric shock|gas leak",
    r"(?:had|have had|in|caused|causing) (?:an? )?(?:\w+ )?(?:accident|crash)\b",
    r"allergic reaction|brakes? (?:failed|fail|gave out|stopped working)",
    r"(?:fell|came|thrown) off (?:my|the|his|her) bike|could have (?:been )?(?:killed|died)",
    r"\bunsafe\b|nearly (?:killed|died|crashed)",
    r"verletz(?:t|ung)|krankenhaus|notaufnahme|rettungswagen",
    r"(?:einen|den|schweren|beinahe) unfall|\bgestürzt|\bin brand|\bbrennt\b",
    r"\brauch(?:t|te|entwicklung)\b|explodier|stromschlag|verbrannt|aufgebläht",
    r"bremse(?:n)?…(?:versagt|ausgefallen)|lebensgefahr|gasgeruch",
    r"\bbless(?:é|ure|ée)|\bhôpital|\burgences\b|pris feu|\bfumée\b|explos|électrocut",
    r"\baccident (?:grave|à cause)|freins ont lâché",
    r"\bherid[oa]|\blesion|\bhospital|\burgencias\b|\bincendi|\bhumo\b|explot|descarga eléctrica",
    r"tuve un accidente|fallaron los frenos",
)


@rule(Disposition.HOLD, "It demands money back or compensation; a person decides (house rule).")
def money_demanded(case: Case) -> bool:
    """A demand in a sentence that does not ask: how refunds work may be answered."""
    return _OFFER_WANTED.found(case.words) or any(
        _DEMANDED.found(sentence.strip())
        for sentence in _SENTENCE.findall(case.words)
        if not _INQUIRY.found(sentence)
    )


@rule(Disposition.HOLD, "Somebody may be hurt or in danger; a person answers (house rule).")
def safety_danger(case: Case) -> bool:
    """Injury, fire, gas, electric shock, failing brakes."""
    return _DANGER.found(case.words)
