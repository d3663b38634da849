"""Rules about data of somebody else than the sender."""

from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.rule import rule
from appliance.screen.words import Phrases

_SOMEBODY: Final = (
    r"(?:neighbou?r|friend|ex|ex-?(?:husband|wife|partner|boyfriend|girlfriend)|colleague|brother|"
    r"sister|husband|wife|partner|boyfriend|girlfriend|son|daughter|mother|father|mum|dad|boss|"
    r"flatmate|roommate|tenant|landlord|customer|cousin|uncle|aunt|employee|buyer|seller|owner|"
    r"person|guy|man|woman|lady|someone|somebody|he|she|they)"
)
_JEMAND: Final = (
    r"(?:nachbar|nachbarin|nachbarn|freund|freundin|kollege|kollegin|kollegen|exmann|ex-mann|"
    r"exfrau|ex-frau|ex|bruder|schwester|mann|frau|sohn|tochter|mutter|vater|chef|mieter|kunde|"
    r"kundin|kunden|bekannter|bekannten|bekannte|besitzer|käufer|er|sie)"
)
_SOMEONE_ELSE: Final = (
    "(?:邻居|前夫|前妻|前男友|前女友|男友|女友|朋友|同事|亲戚|房东|租客|老公|老婆|丈夫|妻子|儿子|女儿|"
    "父亲|母亲|爸|妈|哥|姐|弟|妹|室友|别人|他人|(?:别的|其他|另一位|另外|那位|某位|上一位)(?:的)?(?:顾客|"
    "客户|用户|买家|业主)|他|她|这个人|那个人|对方|人家)"
)
_OTHERS: Final = Phrases(
    (
        r"\b(?:my|our|your|the|that|another|other|previous|a|some|an)~\b<somebody>'?s?\b[^?\n]"
        r"{0,160}(?:look (?:him|her|them|it|that|this) up|(?:tell|give|send|forward|email|"
        r"share) (?:me|us)…(?:address|phone|mobile|e-?mail|what (?:he|she|they) (?:paid|bought|"
        r"ordered|spent|pa(?:y|id))|(?:his|her|their) (?:\w+ )?(?:details|number|name|order|"
        r"invoice|receipt|history)|where (?:he|she|they) live))"
    ),
    (
        r"what (?:did|has|have) (?:my|our|the|your|his|her|he|she|they) ?(?:\w+ ){0,3}(?:buy|"
        r"bought|order|ordered|pay|paid|spend|spent|purchased?)\b"
    ),
    r"how much did (?:my|he|she|they)~ (?:\w+ ){0,2}pay",
    (
        r"\bwho (?:bought|ordered|owns|purchased|else (?:bought|ordered|owns)|is the (?:owner|"
        r"buyer|customer))"
    ),
    r"look (?:him|her|them) up",
    (
        r"(?:tell|give|send|share|forward) (?:me|us)…\b(?:his|her|their) (?:\w+ ){0,2}(?:address|"
        r"phone|number|mobile|e-?mail|history|details)"
    ),
    (
        r"(?:need|want|looking for|find(?: out)?) (?:to know )?(?:his|her|their) (?:\w"
        r"+ ){0,2}(?:address|phone|number|mobile|history|details)"
    ),
    (
        r"(?:someone|somebody|anyone|another person|another customer|other customer|other people|"
        r"third party)(?:'s| else's|s') (?:\w+ )?(?:order|details|address|data|information|"
        r"account|invoice|purchase|number|repair)"
    ),
    (
        r"(?:list|copy|export|names|addresses|details|numbers|records|data) of (?:all |your |the |"
        r"other |recent |everyone |everybody )+(?:customers?|clients?|buyers|orders|who (?:bought|"
        r"ordered))"
    ),
    r"card details (?:you have|on file|you hold|stored)",
    (
        r"(?:all|other|recent|the) (?:customers'|customer|clients'|client) (?:data|records|"
        r"details|orders|repairs|addresses|list)"
    ),
    (
        r"(?:was|welche[snr]?|wie ?viel|\bwo\b|wann)\b[^?\n]{0,40}\b<jemand>\b[^?\n]"
        r"{0,40}(?:gekauft|bestellt|bezahlt|ausgegeben|wohnt)"
    ),
    (
        r"was hat (?:mein|unser|ihr|der|die)\w{0,2} (?:\w+ ){0,3}(?:gekauft|bestellt|bezahlt|"
        r"ausgegeben)"
    ),
    r"wer hat…(?:gekauft|bestellt)",
    (
        r"\b<jemand>\b[^?\n]{0,160}(?:adresse|anschrift|telefonnummer|handynummer|mobilnummer|"
        r"kontaktdaten|bestelldaten|rahmennummer|rechnung)[^?\n]{0,60}(?:nennen|sagen|geben|"
        r"mitteilen|schicken|verraten|senden|heraussuchen|nachsehen|weitergeben)"
    ),
    (
        r"(?:nennen|geben|sagen|schicken|senden) sie mir…(?:seine|ihre|deren) (?:\w+ )?(?:adresse|"
        r"anschrift|telefonnummer|handynummer|kontaktdaten|daten)"
    ),
    (
        r"(?:daten|adresse|bestellung|kontaktdaten|rechnung) (?:eines anderen|einer anderen|"
        r"anderer|von anderen|meine[rs] (?:nachbar|ex|freund|kolleg|bekannt))"
    ),
    (
        r"<someone>(?:家|家里|本人|那边)?(?:的)?[^,。?\n]{0,4}(?:地址|电话|手机|号码|联系方式|"
        r"订单|购买记录|购买信息|送货单|住址|身份证|账单|维修记录|维修单|消费记录|单号|工单|发票)"
        r"[^?\n]{0,60}(?:查|告诉我|给我|透露|是多少|是什么|发一|发我|发给我|发过来)"
    ),
    (
        r"<someone>[^。?\n]{0,30}(?:买了(?:什么|啥|哪)|买的(?:是)?(?:什么|啥|哪)|多少钱买|"
        r"付了多少|花了多少|住(?:在)?哪|搬到哪)"
    ),
    (
        r"(?:邻居|前夫|前妻|前男友|前女友|朋友|同事|亲戚|别人|对方)[^。?\n]{0,30}(?:买|订|修)"
        r"[^?\n]{0,80}(?:帮|麻烦|请)[^。?\n]{0,6}查"
    ),
    (
        r"(?:查|告诉我|发给我|提供|调取|调一下|透露)[^。?\n]{0,15}<someone>(?:家)?(?:的)?[^。?\n]"
        r"{0,10}(?:地址|电话|手机|号码|联系方式|订单|记录|单子|住址|账单|单号)"
    ),
    (
        r"(?:最近|全部|所有|近期|这(?:个|几)月|本月|上月)(?:的)?[^。\n]{0,6}(?:客户|顾客|会员|"
        r"维修单|工单|订单|送货单|来信|名单)[^。\n]{0,20}(?:整理|导出|发(?:给|我|一|到|过)|提供|"
        r"给我|汇总|拷贝)"
    ),
    (
        r"(?:客户|顾客)(?:的)?(?:名单|资料|信息|数据|电话|手机号)[^。\n]{0,20}(?:整理|导出|"
        r"发(?:给|我|一|到|过)|提供|给我|汇总|拷贝)"
    ),
    (
        r"(?:adresse|téléphone|numéro|commande|coordonnées|données) (?:de|du) (?:mon|ma|mes|notre|"
        r"un autre|une autre|d'autres) (?:voisin|ami|ex|client|collègue|frère|sœur|mari|femme)"
    ),
    (
        r"(?:dirección|teléfono|número|pedido|datos) de (?:mi|un|otro|otra|otros) (?:vecin|amig|"
        r"ex|client|compañer|herman|marid|espos)"
    ),
    r"(?:那户|楼上|楼下|隔壁|对门|邻居)[^,。?\n]{0,12}(?:电话|手机|联系方式|号码|姓名|叫什么)",
    (
        r"<someone>(?:家)?的?(?:手机号?|电话|地址|联系方式|号码|住址)[^。?\n]{0,6}(?:发|给|"
        r"告诉)(?:给)?我"
    ),
    r"what(?:'s| is| are) (?:his|her|their) (?:\w+ )?(?:address|phone|number|mobile|e-?mail)",
    r"what (?:my|our|the|his|her) (?:\w+ ){1,3}(?:paid|bought|spent)\b",
    (
        r"(?:whether|if|confirm(?: that)?) (?:a |an )?(?:mr|mrs|ms|miss|my \w+|someone|somebody|"
        r"anyone)\b…(?:bought|ordered|purchased|visited|booked|collected)"
    ),
    r"(?:contact|personal|account|payment|order) details of (?:the|a|another|your|this|that|my)",
    r"(?:customer|person|buyer) who\b…(?:bought|left|wrote|ordered|review)",
    r"what (?:he|she|they) (?:spent|paid|bought|ordered|chose|owes)",
    r"\b(?:let me know|tell me)\b[^\n]{0,80}\b(?:his|her|their) (?:full )?name is",
    (
        r"(?:查|找)(?:一下|下|到)?[^。?\n]{0,6}(?:用户|客户|顾客|会员|名叫|叫做|姓名)[^。?\n]"
        r"{0,20}(?:地址|电话|手机|订单|记录|信息)"
    ),
    (
        r"(?:告诉|透露)(?:我|一下)?[^。?\n]{0,6}(?:他|她|对方)[^。?\n]{0,20}(?:看中|买|挑|选|订|"
        r"住|付)"
    ),
    (
        r"welche (?:\w+ )?(?:telefonnummer|adresse|anschrift|nummer|daten|kontaktdaten)…\b(?:er|"
        r"hinterlegt|angegeben)\b"
    ),
    r"wann (?:holt|kommt|hat) (?:er|sie|mein\w* \w+)\b…(?:ab|gekauft|bestellt)\b",
    r"ob (?:herr|frau|mein\w* \w+)\b…(?:gekauft|bestellt|bezahlt|abgeholt)",
    (
        r"(?:whether|if) (?:my|our|the) <somebody> (?:\w+ ){0,2}(?:paid|bought|ordered|collected|"
        r"booked|picked)"
    ),
    (
        r"(?:anschrift|adresse|telefonnummer|namen|daten|kontaktdaten|handynummer) (?:des|der|vom|"
        r"von der|von dem) (?:kunde|käufer|person|nachbar|verkäufer|besitzer|vorbesitzer|mieter|"
        r"herrn|frau)"
    ),
    (
        r"(?:phone number|number|address|e-?mail(?: address)?|contact details|surname|name) (?:of|"
        r"for) (?:the|a|that|your) (?:guy|person|man|woman|lady|rider|mechanic|customer|owner|"
        r"buyer|seller|gentleman|chap|driver|courier)"
    ),
    r"(?:业主|住户|邻居|户主|房主)[^。?\n]{0,40}(?:联系(?:他|她|一下)|有没有(?:报修|买|订|来过))",
    r"(?:哪位|那位|哪个|那个)(?:客户|顾客|用户|买家)[^。?\n]{0,12}(?:叫什么|名字|姓|电话|住)",
    r"(?:客户|顾客|用户|买家|业主)叫什么",
    (
        r"\b(?:did|has|have) (?:my|our|the) (?:\w+ )?<somebody> (?:already |ever |yet )?(?:pa(?:y|"
        r"id)|buy|bought|order|ordered|collect|collected|pick|picked|book|booked)"
    ),
    (
        r"(?:what(?:'s| is| are)|whose|which) (?:the )?(?:surname|name|postcode|address|phone|"
        r"e-?mail)s?(?: and \w+)? (?:is |are )?on (?:order|booking|invoice|ticket|account)"
    ),
    (
        r"(?:室友|邻居|朋友|同事|前夫|前妻)[^。?\n]{0,30}(?:修|买|订|装)[^?\n]{0,30}(?:告诉我|"
        r"发我|发给我|告知)"
    ),
    somebody=_SOMEBODY,
    jemand=_JEMAND,
    someone=_SOMEONE_ELSE,
)


@rule(
    Disposition.HOLD,
    "It asks for data of somebody else, which nobody but a person may weigh (house rule).",
)
def others_data(case: Case) -> bool:
    """Address, order, number or purchases of another person, or of customers in general."""
    return _OTHERS.found(case.words)
