"""Rules about newsletters and advertisements that carry no mark of a list."""

from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.authentication import proven
from appliance.screen.case import Case
from appliance.screen.rule import rule
from appliance.screen.words import Phrases

_SURE: Final = 2
"""One sign is chance, two are not."""

_FOOTER: Final = Phrases(
    (
        r"(?:you(?:'re| are)? (?:are )?receiv(?:e|ed|ing)|you got) this (?:e-?mail|message|"
        r"newsletter)…because"
    ),
    r"(?:to|click here to|click to) (?:unsubscribe|opt[ -]out)",
    r"unsubscribe (?:here|at any time|from this list|instantly|from these)",
    r"manage (?:your )?(?:e-?mail )?(?:preferences|subscription)",
    r"view (?:this (?:e-?mail|message) )?in (?:your |a )?browser|update your preferences",
    r"(?:don't|do not) want to (?:hear from us|receive)~ (?:again|any ?more|these|further)",
    r"reply (?:with )?\W?(?:remove|stop|unsubscribe)\b",
    r"退订(?:请)?(?:回复|点击|点此|发送)|(?:点击|点此|回复)[^。\n]{0,8}退订",
    r"取消订阅(?:请)?(?:点击|点此)",
    r"(?:您|你)(?:之所以)?收到(?:此|这封|本)(?:邮件|信)[^。\n]{0,10}(?:是因为|因为|由于|订阅)",
    r"如(?:果)?(?:您|你)?(?:不想|不愿|不希望)(?:再|继续)?(?:收到|接收)",
    r"(?:vom )?newsletter (?:hier )?(?:abmelden|abbestellen)|hier (?:abmelden|abbestellen)",
    r"sie erhalten (?:diese|diesen) (?:e-?mail|nachricht|newsletter), (?:weil|da)",
    r"im browser (?:ansehen|anzeigen|öffnen)",
    r"(?:se désinscrire|vous désinscrire|vous désabonner|se désabonner)|voir dans le navigateur",
    r"vous recevez ce(?:t)? (?:message|mail|e-?mail|courriel) (?:car|parce)",
    r"darse de baja|cancelar (?:la |su )?suscripción|ver en el navegador",
    r"recibe este (?:correo|mensaje)",
)
_ASKS_HOW: Final = Phrases(
    r"how (?:do|can) i|(?:please|can you|could you) (?:unsubscribe|remove|take) (?:me|us)",
    r"怎么退订|如何退订|(?:帮|给)我退订|wie (?:kann|melde) ich|comment (?:me|puis)",
    r"cómo (?:me|puedo)",
)

_TRADE: Final = Phrases(
    r"\bseo\b|search engine|(?:first|top) (?:page|of page)|page (?:1|one) (?:of|on)",
    r"\bbacklinks?\b",
    r"\brank(?:ing|ed)?\b…(?:google|search|keyword|page)",
    r"google (?:rank|ads|my business|maps listing)",
    (
        r"(?:website|web|app|logo|graphic) (?:re)?(?:design|development|optimi[sz]"
        r"ation)(?: services?)?"
    ),
    r"(?:errors?|issues?|problems?) (?:on|with|in|found on) your (?:web)?site",
    r"lead generation|qualified leads|(?:e-?mail|contact|customer|business) (?:lists?|database)",
    r"guest post|sponsored (?:post|article)|link (?:exchange|insertion)",
    r"social media (?:management|followers)",
    r"(?:business|personal|working capital|unsecured) (?:loan|funding|finance)s?|merchant cash",
    r"\b(?:bitcoin|crypto|forex|trading signals?|casino|jackpot|lottery|viagra|cialis)\b",
    (
        r"(?:leading|professional|experienced) (?:manufacturer|supplier|factory|exporter)s? (?:of|"
        r"for|in)"
    ),
    r"(?:our|latest|attached) (?:catalogue|catalog|price list|product range|portfolio)",
    (
        r"(?:virtual assistants?|outsourc\w+|offshore|staffing|recruitment) (?:services?|agency|"
        r"team|solutions?)"
    ),
    r"inheritance|next of kin|million (?:dollars|usd|pounds|euros)|unclaimed (?:funds|prize)",
    r"(?:代开|代理|代办)[^。\n]{0,6}(?:票|发票|票据|证)|(?:发票|票据)(?:代开|代办|代理)",
    r"点数(?:低|优惠|优)",
    (
        r"(?:关键词|网站|官网|搜索|百度|抖音|短视频)[^。\n]{0,8}(?:优化|排名|首页|推广|代运营|"
        r"托管|引流|霸屏)"
    ),
    (
        r"(?:手机号|客户|企业|老板|黄页)[^。\n]{0,6}(?:数据|名录|名单|资源|资料)[^。\n]"
        r"{0,20}(?:筛选|出售|批量|精准|量大|行业)"
    ),
    r"(?:贷款|放款|无抵押|信用贷|过桥|垫资)[^。\n]{0,15}(?:低息|利率|额度|秒批|当天|月息|免)",
    r"(?:刷单|兼职|日结|博彩|彩票|娱乐城|棋牌|股票群|内幕|荐股|理财群)",
    r"(?:厂家|工厂|源头)(?:直销|直供|供货)|(?:招商|加盟)(?:代理|热线|政策|合作)|量大从优",
    r"诚招(?:代理|加盟)",
    r"(?:培训班|课程|总裁班|研修班|公开课)[^。\n]{0,20}(?:报名|名额|开班|优惠)|资质代办|商标注册",
    r"suchmaschinen\w*|google-?(?:ranking|platzierung)|(?:erste|top)[nr]? (?:seite|platzierung)",
    r"(?:adress|firmen|kunden)(?:daten|listen|datenbank)…(?:kaufen|angebot|preis|verfügbar)",
    r"(?:sofort|klein|privat)kredit|kredit ohne schufa|webdesign",
    r"référencement (?:naturel|google|web)",
    r"posicionamiento (?:web|seo|en google)|diseño web|diseño de páginas",
    r"(?:税点|开票点数|正规发票)(?:低|优惠)?|(?:seite|platz) (?:1|eins) (?:bei|auf|in) google",
    r"(?:五金|配件|包装|印刷|耗材)[^。\n]{0,8}(?:厂家|工厂|生产厂)",
    r"have been (?:selected|chosen)|your (?:e-?mail|number|name) (?:has|was) (?:won|selected)",
    r"no credit check|increase your (?:sales|revenue|traffic|followers|customers)",
    r"mobile apps?\b|e-?commerce (?:site|platform|solution)s?",
    r"(?:adress|firmen|kunden)(?:listen|datenbank)\w*|iso ?\d* ?认证|高新(?:企业|技术)",
    r"(?:资质|认证|专利|商标)(?:代办|办理|申报)|(?:late|deceased) (?:relative|client|husband)",
    r"barrister|data (?:entry|scraping)|cold (?:e-?mail|call)",
    r"packaging (?:solutions?|manufacturer)|energy (?:supplier|prices|contract) ",
    r"card (?:machine|terminal)s?\b|payment (?:processing|terminals?)",
    r"\bmoq\b|起订|团建",
    r"(?:card|processing|energy|phone|insurance|shipping) (?:processing )?(?:fees|bills|costs)",
    r"instagram|(?:mehr|neue) kunden|social media\b|(?:samples?|best price|factory price)\b",
    r"短信群发|群发|video (?:ads?|production|marketing)|\bads?\b…[$£€] ?\d",
    r"(?:wir suchen|werden sie) (?:händler|partner|vertriebspartner)",
    r"wholesale (?:price|prices|offer)|dropship",
)
_OFFER: Final = Phrases(
    (
        r"\bwe (?:can |also |could |are able to )?(?:offer|provide|speciali[sz]e|supply|"
        r"help (?:businesses|companies|shops)|place you|guarantee|deliver results)\b"
    ),
    r"\bour (?:team|agency|company|experts?) (?:can|offers?|provides?|speciali[sz]es?|helps?)",
    (
        r"\bi(?:'d| would)? (?:was (?:surfing|browsing|looking|checking)|came across|visited|"
        r"noticed|found|stumbled)…your (?:web)?(?:site|page|shop|store|company|listing)"
    ),
    (
        r"(?:free|no[- ]obligation|complimentary) (?:\w+ )?(?:audit|report|quote|trial|"
        r"consultation|demo|sample)"
    ),
    r"(?:only|just|from) (?:only |just )?(?:\$|usd|£|€)\d+…(?:month|package|per)|limited[- ]time",
    (
        r"(?:special|exclusive|unbeatable) (?:offer|price|deal|discount)s? (?:for|to|only|until|"
        r"this)"
    ),
    (
        r"(?:我们|我司|本公司|公司|我公司)(?:专业|专注|主营|主要|长期|可|能|可以|为您|为贵)?"
        r"[^。\n]{0,6}(?:提供|代理|承接|办理|从事|经营|推出|生产|出售)"
    ),
    r"(?:限时|特惠|优惠价|仅需|低至|立减|免费(?:试用|诊断|体验|领取|咨询))",
    r"注意到(?:贵|您|你)[^。\n]{0,15}(?:官网|网站|公司|店)",
    r"(?:签约|下单|报名)[^。\n]{0,6}(?:送|赠)",
    r"\bwir (?:bieten|helfen|unterstützen|optimieren|bringen)~ (?:ihnen|ihr|ihre|unternehmen)",
    r"(?:kostenlose|unverbindliche)[nsr]? (?:analyse|erstgespräch|angebot|beratung|audit)",
    r"\bnous (?:proposons|offrons|vous proposons)",
    r"\b(?:ofrecemos|le ofrecemos|nuestra (?:agencia|empresa))",
    r"(?:价格|质量|服务)(?:优惠|优势|保证|从优)|可(?:免费)?(?:寄|提供)样品?|首月免费|首单",
    r"(?:专业|专门|专做|主营)[^。\n]{0,4}(?:代开|代理|代办|生产|百度|推广|运营)",
    r"affordable (?:price|rate|cost)s?|competitive (?:price|rate)s?",
    r"looking forward to (?:cooperat|doing business|working with you)",
    (
        r"we are (?:a|an|the) (?:\w+ ){0,3}(?:manufacturer|supplier|factory|agency|"
        r"company (?:based|speciali))"
    ),
    r"i help (?:\w+ ){1,3}(?:get|grow|increase|find)",
    r"\bwe (?:build|develop|design|create|manufacture|produce|deliver|export)\b",
    r"\bwir (?:bieten|liefern|erstellen|entwickeln|vermitteln)\b|(?:我司|我公司|本公司)可|通过率",
    r"show you our|preisliste auf anfrage",
    r"我们是[^。,\n]{0,12}(?:公司|厂|厂家|工厂|机构|团队)|(?:优惠|特价|秋季|年终|活动)套餐",
    (
        r"(?:cut(?:ting)?|reduc(?:e|ing)|sav(?:e|ing)|lower(?:ing)?|boost(?:ing)?|doubl(?:e|"
        r"ing)) your"
    ),
    (
        r"our (?:factory|company|firm|team|platform|software|product) (?:\w+ )?(?:produces|makes|"
        r"offers|provides|helps|supplies|can)"
    ),
    r"we can offer|\bab \d+ (?:euro|€)…(?:monat|pro)|möchten sie (?:mehr|neue)",
    r"wir (?:übernehmen|optimieren|gestalten)",
    r"公司(?:专业|专门|主要)?(?:从事|经营|承接|提供)|价格(?:实惠|低廉|合理)",
    r"(?:we|i) noticed (?:that )?your (?:web)?(?:site|page|store)",
    r"our (?:developers|designers|engineers|specialists) (?:can|will)",
    (
        r"(?:我|我们|我司|公司|这边|我这边)(?:是)?(?:专门|专业|主要)?(?:做|从事|经营|生产|供应|"
        r"代理)[^。,\n]{1,16}(?:的|平台|公司|服务|厂|系统|软件|业务)"
    ),
    r"到达率|成功率|见效",
    r"are you looking (?:for|to)\b…\?",
    (
        r"\bwe (?:make|do|run|specialise|specialize|sell|source|ship|represent|partner)\b…(?:for|"
        r"from|with) (?:you|businesses|companies|shops|brands|retailers|[$£€]|clients)"
    ),
    r"from [$£€] ?\d+|happy to send|attraktive konditionen",
    r"wir suchen (?:händler|partner|vertriebspartner)|bieten (?:wir )?ihnen",
    r"我们(?:是)?(?:专门|专业)?做[^。,\n]{1,14}的|做过(?:很多|不少)案例|\bwe offer\b",
    r"my name is \w+ (?:from|with|at)\b|interested in (?:a list|our|buying|receiving|learning)",
)
_CALL: Final = Phrases(
    r"(?:just |simply )?reply (?:with )?\W?(?:yes|interested|info)\b",
    (
        r"(?:book|schedule|set up|arrange|jump on|hop on) (?:a |an )?(?:quick |short |free |"
        r"brief )?(?:call|demo|chat|meeting|zoom)"
    ),
    r"shall i send you",
    r"(?:can|may|should) i send (?:you|over)…(?:price|quote|proposal|details|report|samples?)",
    r"(?:are|would) you (?:be )?(?:interested|open to)|let me know if you(?:'re| are) interested",
    r"click (?:here|below|the link|the button)|(?:sign|register) (?:up )?(?:now|today)|act now",
    r"order now",
    r"(?:加|联系)(?:我|本人|客服)?(?:微信|vx|v信|扣扣|qq)|微信(?:同号|号)?[:：]|有意(?:者|请|向)",
    r"(?:扫码|立即)(?:领取|咨询|报名|添加)",
    r"方便[^。\n]{0,12}(?:通个?电话|聊聊|沟通一下|拜访)|欢迎(?:来电|咨询|致电|洽谈)",
    r"回复[^。\n]{0,4}(?:获取|领取)",
    r"(?:kurzes|unverbindliches) (?:telefonat|gespräch)|haben sie interesse",
    r"antworten sie (?:einfach )?mit",
    r"(?:seriez|êtes)-vous intéressé|(?:le|te) (?:interesa|interesaría)|cliquez ici|haga clic",
    r"interested ?\?|reply (?:to this (?:mail|e-?mail) )?for (?:a |our |more )",
    r"apply (?:now|today|online)|contact (?:our|my|the) (?:agent|claims|office)|quick call",
    r"find (?:our|the) (?:\w+ )?(?:catalogue|catalog|price list|brochure)",
    r"(?:请|可|欢迎)(?:回电|致电|来电|咨询|联系我)|需要(?:请|的话|可)?(?:加|联系|回复)",
    r"合作(?:愉快|共赢|机会)",
    r"schedule (?:a|an) \d+|kindly (?:reply|respond|contact|get back)|点击链接|auf anfrage\b",
    r"worth a (?:chat|call|quick)|no obligation|can we send you|quick one:|unverbindlich",
    r"shall we talk|contact us for (?:a |our )?(?:quote|price|more)",
    r"(?:回复(?:此|本)?邮件|拨打)(?:或|电话)|拨打电话|需要的话",
    r"(?:先|可以?)(?:免费)?(?:试用|测试|体验)",
    r"(?:send|share) (?:you )?(?:some )?(?:examples|samples|case studies|a proposal)",
    r"(?:katalog|preisliste|broschüre|flyer) (?:anbei|im anhang|liegt bei)",
    r"see attached (?:catalogue|brochure)",
    r"方便(?:聊|通话|加|电话)|(?:have|got|spare) (?:10|ten|15|fifteen|20|5|five|a few) min",
    r"would you be interested",
)
_TO_ANYBODY: Final = Phrases(
    (
        r"(?:dear|hello|hi|attention) (?:business|website|site|shop|store|company) (?:owner|"
        r"manager|team|admin)"
    ),
    (
        r"dear (?:purchasing|sales|marketing|import)? ?(?:manager|friend|beneficiary|director|"
        r"winner|buyer)\b"
    ),
    r"尊敬的(?:企业|公司|贵司|商家|老板|负责人|经理|财务|采购)|(?:各位|致)(?:老板|负责人|企业)",
    r"sehr geehrte[r]? (?:unternehmer|geschäftsinhaber|websitebetreiber|websiteinhaber)",
    r"cher (?:gérant|entrepreneur|propriétaire)|estimado (?:empresario|propietario|gerente)",
)


@rule(Disposition.STOP, "It is a newsletter: its footer says why it was sent and how to end it.")
def newsletter(case: Case) -> bool:
    """The footer of a mass mail, in a mail that is not a question about newsletters."""
    return _FOOTER.found(case.unquoted) and not _ASKS_HOW.found(case.body)


@rule(Disposition.STOP, "It advertises something to this office instead of asking for something.")
def advertisement(case: Case) -> bool:
    """A trade that customers do not write about, with the manner of somebody who sells."""
    wares, manner = _selling(case)
    return wares > 0 and wares + manner >= _SURE


@rule(Disposition.HOLD, "It may be an advertisement; a person looks (house rule).")
def likely_advertisement(case: Case) -> bool:
    """Such a manner twice, or one sign of an author whom nobody has proven."""
    wares, manner = _selling(case)
    return manner >= _SURE or (wares + manner > 0 and not proven(case))


def _selling(case: Case) -> tuple[int, int]:
    """Signs of the trade (at most 2) and of the manner (at most 3) where no thread is."""
    if case.message.quoted or case.message.in_reply_to:
        return 0, 0
    seen = f"{case.subject}\n{case.unquoted[:12_000]}"
    manner = _OFFER.found(seen) + _CALL.found(seen) + _TO_ANYBODY.found(seen)
    return min(_TRADE.count(seen), _SURE), manner
