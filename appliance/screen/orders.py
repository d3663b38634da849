"""Wordings that give orders to an answering machine, in five languages and many disguises."""

from typing import Final

from appliance.screen.words import Phrases, letters

_COMPACT: Final = Phrases(
    # what to forget
    (
        r"(?:ignore|disregard|forget|override|bypass|discard|neglect)(?:all|any|the|every|each|"
        r"your|these|those|of|and|both|other){0,5}(?:previous|prior|above|earlier|preceding|"
        r"foregoing|existing|former|system|original|initial|safety|current|given|usual)(?:and)?\w"
        r"{0,20}(?:instruction|prompt|rule|direction|guideline|command|polic|constraint)"
    ),
    (
        r"(?:ignore|disregard|override|bypass)(?:all|any|the|your|these|those|"
        r"of){1,4}(?:instruction|prompt|rule|guideline|knowledgebase|restriction|safeguard)"
    ),
    (
        r"forget(?:all|any|your|these|those|of){1,4}(?:instruction|prompt|rule|guideline|"
        r"restriction)"
    ),
    (
        r"(?:ignore|disregard|forget)(?:everything|anything|all)(?:above|before|thatcame|yousaw|"
        r"youwere|youhave|so|said|written)"
    ),
    (
        r"(?:忽略|无视|忘记|忘掉|抛开|不要理会|不用理会|不必理会|不要遵守|不再遵守|不必遵守|绕过|"
        r"跳过|覆盖|撤销|取消)[^。]{0,12}(?:之前|以上|上述|前面|先前|此前|原有|原来|所有|一切|"
        r"全部|任何|系统|你的|你收到)[^。]{0,14}(?:指令|指示|规则|规定|提示|所有要求|全部要求|"
        r"设定|限制|命令|约束)"
    ),
    r"(?:忽略|无视|绕过|跳过)(?:了)?(?:系统)?(?:指令|提示词|提示|审核|规则|限制|知识库|安全)",
    (
        r"(?:ignorier|vergiss|vergess|missacht|ubergeh|uberschreib)\w{0,4}(?:sie)?(?:bitte|jetzt|"
        r"einfach)?(?:alle?|samtliche|die|deine|ihre|jede)\w{0,24}(?:anweisung|instruktion|"
        r"vorgabe|regel|prompt|befehl|richtlinie|einschrankung)"
    ),
    (
        r"(?:ignore[zr]?|oublie[zr]?)(?:toutes?|tous|les|ces|vos|tes)\w{0,24}(?:instruction|"
        r"consigne|regle|directive)"
    ),
    (
        r"(?:ignor[ae]|olvid[ae])\w{0,2}(?:todas?|todos|las|los|sus|tus)\w{0,24}(?:instruccion|"
        r"regla|orden|indicacion|directri)"
    ),
    # who to be
    (
        r"(?:youare|youre|act|behave|pretend|roleplay|respond|switch)(?:tobe|now|as|in|into|to|"
        r"like|asif){1,3}(?:youare|youwere|a|an|the|in|my){0,3}(?:dan|unrestricted|unfiltered|"
        r"free|different|new|manager|admin\w*|root|developer|debug|maintenance|god|test|"
        r"jailbroken|uncensored|privileged|senior)\w{0,3}(?:mode|assistant|ai|bot|model|access|"
        r"version|persona|engine|agent|user)"
    ),
    (
        r"(?:developer|manager|admin|administrator|debug|maintenance|god|root|override|"
        r"unrestricted|jailbreak)mode(?:on|enabled|activ|now|is|:|$)"
    ),
    (
        r"(?:你|您)(?:现在|从现在起|从此刻起|接下来|今后)(?:开始)?(?:就|将|要|已)?(?:是|扮演|作为|"
        r"充当|变成)[^。]{0,10}(?:助手|助理|角色|机器人|模型|管理员|ai)"
    ),
    (
        r"(?:从现在起|从现在开始|从此刻起|接下来|今后|现在)(?:你|您)(?:就|将|要|已)?(?:是|扮演|"
        r"作为|充当|变成)[^。]{0,10}(?:助手|助理|角色|机器人|模型|管理员|ai)"
    ),
    r"(?:你|您)(?:现在|已经?|从现在起)?(?:进入|处于|切换到?)[^。]{0,6}模式",
    r"(?:进入|处于|切换|开启|启用)(?:到|至|了|为)?(?:开发者|管理员|无限制|上帝|超级|越狱)模式",
    (
        r"dubist(?:jetzt|nun|abjetzt|absofort)\w{0,30}(?:assistent|modus|ki|bot|modell|"
        r"einschrankung)"
    ),
    r"siesind(?:jetzt|nun|abjetzt|absofort)\w{0,30}(?:assistent|modus|ki|bot|modell)",
    r"(?:tues|vousetes)(?:maintenant|desormais)\w{0,30}(?:assistant|mode|ia|robot)",
    r"(?:eres|es|ustedes)ahora\w{0,30}(?:asistente|modo|ia|robot)",
    # who is addressed
    (
        r"(?:note|message|instruction|attention|notice|important|warning|hint)s?(?:to|for)(?:the|"
        r"any|all|this|your)?(?:ai|llm|bot|chatbot|model|languagemodel|assistant|automated|"
        r"automatic|artificial|machine)"
    ),
    (
        r"(?:dear|hello|hey|attention)(?:ai|llm|chatbot|languagemodel|gpt|bot|robot)(?:assistant|"
        r"model|system|reading|please)?(?:please|you|:|,|reading|processing|answering|ignore)"
    ),
    (
        r"(?:ai|llm|bot|chatbot|model|assistant|system)(?:that|who|which|is)?(?:is)?(?:processing|"
        r"reading|answering|handling|summari[sz]ing)(?:this|the|my)"
    ),
    (
        r"(?:致|提醒|告知)(?:本|这个|正在|处理|阅读|回复|自动|各位){0,3}[^。]{0,8}(?:ai|人工智能|"
        r"大模型|语言模型|机器人|智能助手|自动回复系统)"
    ),
    (
        r"请(?:ai|人工智能|大模型|语言模型|智能助手|自动回复系统)[^。]{0,20}(?:忽略|回复|答复|写|"
        r"确认|执行)"
    ),
    (
        r"(?:hinweis|nachricht|anweisung|achtung)(?:an|fur)(?:die|das|den|alle)?(?:ki|ai|llm|bot|"
        r"chatbot|sprachmodell|assistent|automati)"
    ),
    r"(?:如果|若|假如)(?:你|您)是(?:一个|一名|个)?(?:ai|人工智能|语言模型|大模型|机器人|智能)",
    (
        r"if(?:youare|youre)(?:a|an|the)?(?:ai|llm|bot|languagemodel|chatbot|artificial|"
        r"largelanguage|automated)"
    ),
    (
        r"(?:falls|wenn)(?:du|sie)(?:eine?|ein)?(?:ki|ai|sprachmodell|bot|chatbot)\w{0,12}(?:bist|"
        r"sind)"
    ),
    # what to give away
    (
        r"(?:reveal|print|show|output|repeat|display|leak|disclose|include|append|quote|send|copy|"
        r"paste|tell|give|reproduce|recite)(?:me|us|back|out|verbatim|here|with|and){0,3}(?:the|"
        r"your|all|full|entire|complete|exact|text|of|whole|initial|hidden|original|own|"
        r"raw){0,7}(?:systemprompt|systemmessage|prompt|instructions|knowledgebase|"
        r"knowledgefolder|configuration|guidelines|hiddenrules|internalrules)"
    ),
    r"(?:textof|contentsof|wordingof)your(?:system)?(?:prompt|instructions|rules)",
    r"(?:your|the)systemprompt|repeat(?:everything|thewords|thetext|all)above",
    (
        r"(?:输出|显示|打印|附上|列出|告诉|发送|公开|透露|复述|泄露|给出|写出|重复|提供|贴出|展示)"
        r"[^。]{0,12}(?:你的|全部|完整|所有|系统|内部|初始|原始|隐藏){1,4}(?:的)?(?:提示词|提示语|"
        r"系统提示|指令|设定|prompt|知识库|知识文件)"
    ),
    r"(?:附上|发送|公开|列出)内部(?:规则|资料|文件|费率|流程)",
    r"(?:系统提示词|系统指令|systemprompt|提示词)",
    (
        r"(?:gib|zeig|nenne?|schreib|wiederhol|druck|offenbar|verrat|kopier|list)\w{0,4}(?:mir|"
        r"uns|bitte|sie)?\w{0,40}(?:systemanweisung|systemprompt|systemnachricht|deineanweisung|"
        r"ihreanweisung|deinprompt|ihrenprompt|wissensdatenbank)"
    ),
    (
        r"(?:revele|affiche|montre|donne|repete|recopie)\w{0,40}(?:promptsysteme|"
        r"instructionssysteme|vosinstructions|tesinstructions|invitesysteme)"
    ),
    (
        r"(?:revela|muestra|imprime|repite|escribe|envia)\w{0,40}(?:promptdelsistema|"
        r"instruccionesdelsistema|tusinstrucciones|susinstrucciones)"
    ),
    (
        r"(?:last|latest|recent|previous|other|all)(?:the)?(?:\d{1,3}|five|ten|three|"
        r"twenty)?(?:customer|client)s?(?:e?mails|messages|letters|addresses|data|records)"
    ),
    (
        r"(?:最近|其他|所有|全部|最新)(?:的)?(?:\d{1,3}|[一二三四五六七八九十]{1,3}|几)?(?:封|位|"
        r"个|条)?(?:客户|顾客)(?:的)?(?:来信|邮件|信件|资料|数据|地址|邮箱|电话|信息)"
    ),
    (
        r"(?:letzten|anderer|aller|jungsten)(?:\d{1,3}|funf|zehn|drei)?kund\w{0,8}(?:mails?|"
        r"nachricht|adress|daten)"
    ),
    r"e?mailadress\w{0,6}der(?:letzten|anderen|ubrigen)\w{0,12}kunden",
    (
        r"(?:mailbox|mailserver|imap|smtp|admin|system)(?:s)?(?:password|passwort|kennwort|"
        r"contrasena|motdepasse)"
    ),
    r"邮箱(?:的)?密码|管理员密码",
    # what to write
    (
        r"(?:write|include|append|add|say|state|confirm|insert|put|end|begin|start|reply|answer|"
        r"respond)\w{0,12}(?:in|at|to|of|with|on)(?:the|your|every|each){1,2}(?:end|bottom|start|"
        r"beginning|top)?(?:of)?(?:your|the)?(?:reply|answer|response|draft|email)(?:the|that|"
        r"with|only|exactly|follow|this|:)"
    ),
    r"confirm(?:to|towards)(?:the)?(?:customer|client|user|sender)that",
    r"tellthe(?:customer|client|user)(?:that)?",
    (
        r"(?:always|only)(?:reply|answer|respond|include)(?:with|the)(?:only|exactly|just|the|"
        r"discount|code|word)"
    ),
    (
        r"在(?:你的|您的|本|每|此|该)?(?:封)?(?:回复|答复|回信|邮件)(?:的)?(?:最后|末尾|结尾|开头|"
        r"正文|里|中)[^。]{0,6}(?:写上|加上|附上|注明|写明|插入|声明|写|加|添加|确认)"
    ),
    (
        r"(?:不要|不得|不许|别|请勿)(?:告诉|告知|提及|透露|说出|让)[^。]{0,12}(?:本指令|这条指令|"
        r"这句话|指令|是我让|提示|此要求|这段话)"
    ),
    r"(?:一律|统一|必须|都|全部)(?:答复|回复|回答)(?:为|成|说|是)",
    (
        r"donot(?:mention|reveal|tell|disclose)(?:this|these|that|the)(?:instruction|note|message|"
        r"text|prompt|rule)"
    ),
    r"erwahne?(?:n)?(?:sie)?diese(?:n|r)?(?:anweisung|hinweis|nachricht|text)\w{0,6}nicht",
    (
        r"schreib\w{0,3}(?:ausserdem|zusatzlich|am\w{2,5}|in\w{2,4})?(?:derantwort|indieantwort|"
        r"dass(?:mir|ihm|dem))\w{0,40}(?:zusteht|gratis|kostenlos|rabatt|gutschein|erlassen)"
    ),
    (
        r"(?:new|updated)(?:system)?(?:policy|rule|instruction|directive)s?(?::|for|all|services|"
        r"every|the)\w{0,40}(?:free|discount|refund|charge|always|must)"
    ),
    r"systemoverride|promptinjection|jailbreak",
    (
        r"(?:本邮件|此邮件|这封邮件|邮件)(?:的)?(?:处理者|阅读者|接收者|收件人)是?(?:一个)?(?:ai|"
        r"人工智能|机器人|大模型|语言模型)"
    ),
    (
        r"(?:不要|不再|无需|不必|停止)(?:再)?(?:执行|遵守|遵循|理会|按照)[^。]{0,8}(?:规则|指令|"
        r"规定|政策|限制|要求)"
    ),
    (
        r"(?:以后|今后|从现在起|从现在开始|接下来)?(?:所有|每封|每次|全部|任何)(?:的)?(?:回复|"
        r"答复|回信)(?:都|均|必须|一律|要|里|中)+[^。]{0,6}(?:附带|包含|加上|写|带上|注明|说|是)"
    ),
    r"fromnow(?:on|onward|onwards)(?:you|answer|reply|respond|always|all)",
    r"younolonger(?:follow|have|need|are|must|obey)",
    (
        r"(?:new|updated|additional|revised|special|secret)instructions?(?:foryou|you|:|are|"
        r"follow|from|below)"
    ),
    r"answer(?:every|all|any)questions?(?:with|by)",
    (
        r"(?:mail|email|reply|answering|chat)(?:bot|robot|agent)s?:?(?:please|you|the|must|should|"
        r"ignore)"
    ),
    (
        r"(?:abjetzt|absofort|vonnunan|fortan)(?:bist|antwortest|wirst|sind|antworten|gilt)(?:du|"
        r"sie)?"
    ),
    r"antworte\w{0,4}(?:ohne|ausschliesslich|immer|nur)(?:regel|einschrankung|mit|auf)",
    r"neue(?:anweisung|regel|instruktion)en?(?:fur|:|du|lauten)",
    r"(?:desormais|apartirdemaintenant)(?:tu|vous)",
    r"(?:apartirdeahora|desdeahora)(?:eres|debes|responde|tu)",
    r"(?:你|您)(?:就)?是(?:不是)?(?:一个|个)?(?:ai|人工智能|机器人|大模型|语言模型)",
    r"把(?:你|您)的(?:规则|指令|设定|提示)",
    r"回复(?:中|里|内容)?(?:加入|插入|包含|写入)(?:以下|下列|下面|这)",
    (
        r"ifthis(?:is|was|mail|email|message|gets|being)*(?:handled|processed|read|answered|"
        r"seen)?by(?:an|a)?(?:automat|ai|bot|machine|computer|robot|llm)"
    ),
    (
        r"youare(?:an?)?(?:ai|llm|automated|chatbot|languagemodel|artificial|"
        r"largelanguage)(?:assistant|model|system|agent|intelligence|and|so|repeat)"
    ),
    (
        r"mark(?:the|this|my)(?:request|ticket|case|customer|order|mail|message)as(?:approved|"
        r"verified|vip|resolved|paid)"
    ),
    r"(?:initial|original|hidden|secret|system)(?:system)?(?:prompt|instructions?)",
)
"""Wordings without any space or punctuation, so that spacing them apart does not help."""

_NOTICE: Final = Phrases(
    (
        r"(?:^|\n|[.!?] )\W{0,3}(?:system|admin|developer|assistant|ai|bot|engine) (?:note|notice|"
        r"message|instruction|override|update|alert|command|directive)s?\b"
    ),
    r"【(?:系统|指令|管理员|ai|开发者|提示)[^】\n]{0,10}】",
    r"(?:^|\n)\W{0,3}(?:系统|管理员)(?:指令|通知|提示|消息) ?[:>]",
    r"(?:^|\n)\W{0,3}(?:new|updated) (?:system )?(?:instructions?|rules?|policy) ?:",
    r"(?:^|\n)\W{0,3}(?:assistant|system) ?:",
)
_ROLE: Final = Phrases(
    (
        r"(?:^|\n) ?(?:\W{0,3})(?:system|assistant|developer|admin|administrator|"
        r"root)(?: (?:message|notice|prompt|note|instruction|override|update|alert))?(?:\W{0,3}) ?"
        r"[:>]"
    ),
    (
        r"(?:^|\n) ?(?:\W{0,3})(?:系统|系统指令|系统提示|系统消息|系统通知|管理员指令|指令|"
        r"开发者)(?:\W{0,3}) ?[:>]"
    ),
    r"【(?:系统|指令|管理员|ai|开发者)[^】\n]{0,10}】",
    r"\[(?:system|admin|instruction|developer)[^\]\n]{0,20}\]",
    r"(?:^|\n) ?(?:systemhinweis|systemnachricht|systemanweisung|anweisung) ?:",
)
_ORDERS: Final = Phrases(
    (
        r"\b(?:when|if|while|before|after) (?:you )?(?:answer|reply|respond|process|read|summari"
        r"[sz])"
    ),
    (
        r"\b(?:reply|answer|respond|append|include|confirm|ignore|forward|send|reveal|disregard|"
        r"tell the)\b"
    ),
    r"\b(?:assistant|ai|llm|language model|chatbot|prompt|instructions?|system|knowledge base)\b",
    r"回复|答复|忽略|附上|转发|发送|指令|提示词|系统|助手|人工智能|模型|知识库|不得提及|客户来信",
    r"\b(?:antwort\w*|ignorier\w*|bestätig\w*|anweisung\w*|assistent\w*|weiterleit\w*|ki)\b",
    r"\b(?:répond\w*|ignor\w*|confirm\w*|instruc\w*|asistente|respond\w*)\b",
)
_COMMAND: Final = Phrases(
    (
        r"\b(?:you (?:must|will|should|shall|are (?:now|to))|always|never|tell (?:him|her|them|"
        r"the)|approved?|confirm|ignore|include|append|grant|reveal|reply|respond|answer)\b"
    ),
    r"必须|一律|所有回复|回复(?:时|中|里|都)|答复|附上|附带|忽略|批准|不得|读取|发送到|优先级",
)
_NO_CHANCE: Final = 3
"""So many different words of command are none by accident."""


def instructs(folded: str) -> bool:
    """Whether folded text tells a machine what to do."""
    if _COMPACT.found(letters(folded)):
        return True
    if _NOTICE.found(folded) and _COMMAND.found(folded):
        return True
    return _ROLE.found(folded) and commands(folded)


def commands(folded: str) -> bool:
    """Whether folded text has so many words of command that they are none by accident."""
    return _ORDERS.count(folded) >= _NO_CHANCE
