"""Rules about mails that need a person's judgement: the law, anger, a person asked for."""

import re
from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.rule import rule
from appliance.screen.words import Phrases

_LEGAL: Final = Phrases(
    r"律师函|(?:委托|找|请|咨询|通过|联系)(?:了)?[^。\n]{0,4}律师|(?:我的|我方|本|代理|承办)律师",
    r"律师[^。\n]{0,8}受[^。\n]{0,10}委托",
    r"本所受|委托人[^。\n]{0,20}(?:致函|起诉|诉讼)|起诉|诉讼",
    r"(?:向|到|去|上|由)[^。\n]{0,6}(?:人民)?法院|法院(?:见|传票)|仲裁|告(?:上|到)(?:你们|法)",
    r"告你们",
    r"消协|消费者(?:协会|权益|保护)|12315|12345|消保委|工商(?:局|所|部门)|市场监[督管]|市监局",
    r"质监|监管部门",
    r"举报|曝光|(?:发|挂|传)(?:到|在|上)(?:网上|网络|抖音|微博|小红书|朋友圈|贴吧|知乎)",
    r"(?<![多流])媒体|(?:找|联系)记者|差评",
    r"(?:我|我们)?(?:要|必须|坚决|正式|已经?|会|再|去|来|将)(?:去)?投诉(?!的话|流程|是|怎|应)",
    r"投诉(?:你们|你|他|她|贵|到|至|信|该|此)|黑猫|维权|追究|法律(?:责任|途径|手段|武器|程序)",
    r"(?:我|我们)(?:就|要|会|已经?|只好|只能|不得不|将)+报警",
    r"(?:欺诈|欺骗消费者|诈骗|假冒伪劣|三包法|消法)",
    (
        r"(?:instruct|contact|consult|see|speak (?:to|with)|hear(?:ing)? from|through|via|engage|"
        r"hire|seek)(?:ing|ed)? (?:a |an |my |our |the )?(?:solicitor|lawyer|attorney|legal)"
    ),
    r"(?:my|our|client'?s|his|her) (?:solicitor|lawyer|attorney|barrister)s?\b",
    r"solicitors? (?:act|acting|instructed|for|on behalf)",
    r"small claims",
    (
        r"legal (?:action|proceedings?|advice|steps|claim|representati|department|remed|recourse|"
        r"rights)"
    ),
    r"letter before (?:action|claim)",
    (
        r"(?:take|taking|see) (?:you|this|the matter|it|them) (?:\w+ )?(?:to|in|before) (?:\w"
        r"+ )?court"
    ),
    r"court (?:action|proceedings|order|claim)|\bsue\b|\bsuing\b|\blawsuit\b|\blitigation\b",
    r"trading standards",
    (
        r"(?:report|complain|escalate|refer|go|turn|take)…(?:to|the) (?:\w+ ){0,3}(?:ombudsman|"
        r"authorit|regulator|watchdog|police|press|media|citizens advice)"
    ),
    r"negligen(?:t|ce)|breach of|consumer (?:rights?|protection|law|contracts?|council)",
    r"not fit for purpose|misrepresent|chargeback",
    r"(?:formal|official|serious|written) complaint",
    (
        r"(?:make|making|lodge|lodging|file|filing|raise|raising|submit) (?:a |an |this |my )(?:\w"
        r"+ )?complaint(?! procedure)(?=…(?:about|against|regarding|over|because|that))"
    ),
    (
        r"(?:i|we) (?:wish|want|would like|'d like|am writing|are writing|have|"
        r"need) to (?:complain|make a complaint)"
    ),
    r"name and shame|(?:leave|post|write)~ (?:bad|negative|one[- ]star|1[- ]star)~ review",
    r"warn (?:others|everyone|people)",
    (
        r"(?:all over|post … on|expose … on) (?:facebook|instagram|twitter|tiktok|social media|"
        r"google|trustpilot)"
    ),
    r"trustpilot",
    r"(?:meine[nrm]?|unsere[nrm]?|eine[nrm]?|zum|beim) (?:rechts)?anw[aä]lt|anwaltlich",
    r"rechtsbeistand|rechtsanwalt…(?:einschalten|beauftrag)|\bmandant",
    r"\bverklag|\bklage (?:erheb|einreich)|\bklagen\b|vor gericht|gerichtlich|mahnbescheid",
    r"mahnverfahren|strafanzeige|anzeige (?:erstatten|bei)",
    r"verbraucher(?:zentrale|schutz)|rechtliche (?:schritte|mittel)|rechtsweg|rechtsschutz",
    r"fruchtlos|bevollmächtigung|schlichtungsstelle|fristsetzung|(?:setze|setzen)…\bfrist",
    r"letzte frist|(?:formelle|offizielle|förmliche) beschwerde",
    r"ich (?:möchte|will|muss) mich…beschweren|beschwere (?:ich )?mich|negative bewertung",
    r"schlechte bewertung|öffentlich machen",
    r"\b(?:mon|notre|un) avocat|mise en demeure|(?:porter|porterai|déposer) plainte|tribunal",
    r"action en justice|dgccrf|que choisir|voie judiciaire|poursuites",
    r"réclamation (?:formelle|officielle)",
    r"\b(?:mi|nuestro|un) abogado|\bdemandar|\bdenunci|acciones legales|\bjuzgado|\bjuicio\b",
    r"hoja de reclamaciones|oficina (?:municipal )?de (?:información al )?consum|vía judicial",
    r"arbitraje",
    r"(?<!游)记者|报道|电视台|(?:告|起诉)你们|(?:给|要)(?:个|一个)?(?:说法|交代)",
    r"(?:证据|录音|录像)[^。\n]{0,8}(?:留|保存|都有)",
    r"\b(?:we|i) act for\b|acting (?:for|on behalf of)|citizens advice|debt collect",
    r"\b(?:journalist|reporter)\b|statutory (?:rights|demand)|without prejudice",
    r"\bgo(?:ing)? public\b|\breport you\b",
    r"inkasso|letzte mahnung|\bklage\b|öffentlich mach|journalist|haftpflicht|schadensmeldung",
    r"(?:writing|write) to complain|(?:反映|反应)(?:到|给)",
    r"(?:去|找|向)[^。\n]{0,8}(?:消费者|主管部门|政府)[^。\n]{0,6}(?:反映|反应|投诉)",
    r"dispute the charge|走法律",
    r"市长热线|热线投诉",
    r"(?:否则|不然|再不)[^。?\n]{0,15}(?:我就|我们就|就)(?:告|投诉|举报|找|去|打|发)|推来推去",
    (
        r"\bunless (?:i (?:hear|get|receive|am)|this is|it is|you (?:respond|reply|refund|resolve|"
        r"can (?:resolve|fix)))"
    ),
    (
        r"(?:speak|speaking|talk|talking|complain|complaining|write|writing) to…\b(?:ombudsman|"
        r"card company|bank about)"
    ),
    r"\bsonst (?:wende|gehe|werde|gebe|sehe|melde|schalte)|schlichtung|\bombudsm",
)
_UNHAPPY: Final = Phrases(
    r"(?:已经?)?(?:是)?(?:我)?第(?:[三四五六七八九十]|[3-9])(?:次|封|遍)",
    (
        r"(?:写|发|打|催|问|联系|反映)(?:了|过)?(?:好几|好多|无数|多|[三四五六几数]|[3-9])(?:次|"
        r"封|遍|回)"
    ),
    r"再三|一而再",
    (
        r"(?:一直|至今|始终|还是|仍然|都)(?:没|没有|无|未)(?:有)?(?:人|任何人|任何)?[^。\n]"
        r"{0,4}(?:回复|回音|答复|理|处理|回应|联系我|回电)"
    ),
    r"石沉大海|(?:太|非常|极其|很|十分)(?:失望|气愤|不满|差劲|恶劣)|忍无可忍",
    r"态度(?:极|很|太|非常)?(?:差|恶劣)|踢皮球|推卸|敷衍|骗子|垃圾(?:公司|产品|服务|售后)",
    r"(?:third|3rd|fourth|4th|fifth|5th|umpteenth) (?:time|e-?mail|mail|message|letter|attempt)",
    (
        r"(?:three|four|five|several|many|countless) (?:times|e-?mails|messages|letters|"
        r"calls)…(?:without|and still|nobody|ignored|no (?:reply|answer|response))"
    ),
    (
        r"(?:still )?(?:no|without a|not had a|never had a|haven't had a|have not had a) (?:reply|"
        r"response|answer) (?:to|from|after|since)"
    ),
    (
        r"(?:nobody|no one|no-one) (?:has |ever )?(?:replied|answered|responded|come back|called|"
        r"got back|bothers)"
    ),
    r"(?:ignored|ignoring) (?:me|my|us)",
    (
        r"(?:absolutely |utterly |completely )?(?:disgusted|appalled|furious|fed up|disgraceful|"
        r"unacceptable|outrageous|shambles|last straw)"
    ),
    r"worst (?:service|shop|experience|customer)|what a joke",
    r"zum (?:dritten|vierten|fünften|wiederholten|x-ten) mal",
    r"(?:dritte|vierte|fünfte) (?:mail|e-?mail|nachricht|anfrage|versuch)",
    r"mehrfach…(?:keine|ohne|geschrieben|angerufen)",
    (
        r"(?:immer noch|noch immer|bis heute|bisher)~ (?:keine|nicht)…(?:antwort|rückmeldung|"
        r"geantwortet|gemeldet)"
    ),
    r"niemand (?:hat |)?(?:antwortet|geantwortet|meldet|reagiert|gemeldet)|unverschämt",
    r"unmöglich(?:er|es) (?:service|verhalten)|frechheit",
    r"(?:sehr|äußerst|maßlos) (?:verärgert|enttäuscht)|stinksauer",
    r"troisième (?:fois|mail|message|relance)|(?:toujours )?sans réponse|inadmissible",
    r"inacceptable|scandaleux|tercera vez|tercer (?:correo|mensaje)|sin respuesta|inaceptable",
    r"vergüenza|indignad",
    r"(?:就|什么|这叫什么|这种|这是)(?:这|什么)?服务(?:态度|质量)?(?:[?!。]|$)",
    r"没(?:有)?一个[^。\n]{0,6}(?:回|理|管)",
    r"(?:每次|一直|老是|总是)[^。\n]{0,12}(?:推|拖|敷衍|不回|不理|说会|说马上)",
    r"太(?:让人|令人)?(?:寒心|气人|离谱|过分)",
    (
        r"(?:written|e-?mailed|called|rung|phoned|asked|contacted|chased|"
        r"complained)(?: to)?(?: you)? (?:three|four|five|six|several|many|numerous|countless|\d"
        r"+) times"
    ),
    r"fobbed off",
    (
        r"(?:shocking|appalling|terrible|awful|dreadful|disgraceful|atrocious) (?:service|"
        r"customer|experience|way)"
    ),
    r"never (?:again|using you)|had enough|beyond a joke",
    (
        r"(?:dreimal|viermal|mehrmals|mehrfach|schon zweimal) (?:geschrieben|angerufen|"
        r"nachgefragt|gemailt)"
    ),
    r"(?:katastrophal|miserabl|unterirdisch|unverschämt)\w*",
    r"没(?:有)?人(?:接|理|回|管)|(?:邮件|电话|信息|消息)(?:也|都)?(?:不|没)(?:回|接|理)",
    r"还做不做生意",
    (
        r"(?:nobody|no one|no-one|why (?:does|do|will) no(?:body| one)) (?:\w+ )?(?:answers?|"
        r"repl(?:y|ies)|responds?|picks?|listens?)"
    ),
    r"left (?:\w+ )?(?:voicemails|several messages)",
    r"(?:e-?mailed|written|called|phoned|rung) (?:you )?twice",
    r"\bstill nothing\b|\b(?:was|were|been) promised\b|you promised",
    r"(?:haben|hatten) (?:mir|uns) (?:versprochen|zugesagt)",
    r"(?:答应|说)好的?[^。?\n]{0,10}(?:呢|又|没)",
)
_SURNAME: Final = (
    "[王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛"
    "叶阎余"
    "潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙段雷钱汤尹黎易常武乔贺赖龚文小老]"
)
_NAMED: Final = Phrases(
    (
        r"(?:请|让|叫|找|转交?给?|转达给?|转告)(?:一下)?(?:你们(?:的|那的|那边的)?)?<surname>"
        r"[\u4e00-\u9fff]{0,2}(?:经理|先生|女士|师傅|老师|小姐|主管|店长|主任|总|工)"
    ),
    (
        r"(?:请|让|叫|找)<surname>[\u4e00-\u9fff]{1,2}(?:本人|亲自|给我(?:回|打)|回电|接|联系我|"
        r"回复)"
    ),
    (
        r"(?:转交|转给|呈)[^。\n]{0,6}(?:经理|先生|女士|师傅|主管|店长|主任|总经理|负责人)(?:本人|"
        r"亲启|收)"
    ),
    (
        r"(?:要|想|请)(?:求)?(?:和|跟|与|同|找)(?:你们)?(?:经理|店长|领导|负责人|老板|主管)(?:谈|"
        r"说|沟通|对话|通话|联系)"
    ),
    surname=_SURNAME,
)
_TITLE: Final = r"(?:(?:Mr|Mrs|Ms|Miss|Dr|Sir)\.? )?"
_NAME: Final = r"(?!I\b|You\b|We\b)[A-Z][a-zé'’]+"
_ACT: Final = (
    r"(?:to )?(?:call|ring|phone|reply|answer|contact|get back|get in touch|e-?mail|write|confirm|"
    r"have a look|look at|know)\b"
)
_HERR: Final = r"(?:Herrn?|Frau) [A-ZÄÖÜ][a-zäöüß]+"
_NAMED_LATIN: Final = tuple(
    re.compile(wording)
    for wording in (
        rf"\b(?:speak|talk|speaking|talking) (?:to|with) {_TITLE}{_NAME}",
        r"\b(?:FAO|[Ff]or the attention of|[Aa]ttn:?|z\. ?Hd\.|[Zz]u Händen(?: von)?)\b:? ?[A-Z]",
        rf"\b(?:pass|forward|give|hand) (?:this|it)(?: on)?(?: over)? to {_TITLE}{_NAME}",
        rf"\b(?:[Cc](?:an|ould)|[Ww]ill|[Ww]ould|[Aa]sk) {_TITLE}{_NAME}(?: [A-Z]\w+)? {_ACT}",
        rf"\b[Pp]lease (?:ask|get|have|tell|let) {_TITLE}{_NAME}(?: [A-Z]\w+)? {_ACT}",
        rf"\b[Kk](?:ann|önnte)(?: mich)? {_HERR}[^.?!\n]{{0,20}} (?:anrufen|zurückrufen|melden)",
        rf"\b(?:like|want|prefer) {_NAME}[^.?!\n]{{0,25}} to (?:do|look|fix|handle|call|build)\b",
        rf"\b(?:mit|an) {_HERR}(?: persönlich)? (?:sprechen|weiterleiten|weitergeben|verbinden)",
        r"\b(?:parler|discuter) (?:à|avec) (?:M\.|Mme|Monsieur|Madame) [A-Z]",
        r"\bhablar con (?:el Sr\.|la Sra\.|don|doña) ?[A-Z]",
    )
)
_WORD: Final = re.compile(r"[A-Z]\w{3,}")
_LOOKED_AT: Final = 12_000
_SAME_SENDER: Final = 3


@rule(
    Disposition.HOLD,
    "It speaks of lawyers, courts, authorities, a formal complaint or of going public; what is"
    " said now may bind the office (house rule).",
)
def legal_threat(case: Case) -> bool:
    """A legal threat or a formal complaint."""
    return _LEGAL.found(case.words)


@rule(Disposition.HOLD, "The sender is unhappy about what was, or was not, answered (house rule).")
def unhappy(case: Case) -> bool:
    """The sender says so, or has written three times with no answer in between."""
    return _UNHAPPY.found(case.words) or _unanswered(case) >= _SAME_SENDER


def _unanswered(case: Case) -> int:
    """How many mails of the sender stand at the end of the thread since our last answer."""
    mails = 0
    for message in reversed(case.thread.messages):
        if message.id in case.thread.ours:
            break
        mails += message.sender.address == case.message.sender.address
    return mails


@rule(Disposition.HOLD, "A particular person is asked for (house rule).")
def named_person(case: Case) -> bool:
    """A person asked for by name or by rank."""
    if _NAMED.found(case.words):
        return True
    asked = case.asked[:_LOOKED_AT]
    for word in _WORD.findall(case.office.name):
        asked = asked.replace(word, "you")
    return any(wording.search(asked) for wording in _NAMED_LATIN)
