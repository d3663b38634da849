"""How mail programs quote, sign and forward, in plain text: what is left is what the sender wrote."""

from dataclasses import dataclass

import pytest

from appliance.mailbox.clean import clean
from appliance.mailbox.quotes import Line, Parting, part


def parted(text: str) -> Parting:
    return part([Line(text=line) for line in clean(text).text.split("\n")])


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    own: str
    rest: str
    below: str = ""


EN = "Can I still change the delivery address?\n\nThanks\nPippa"
ZH = "您好，想问一下安装费怎么算？\n周末可以上门吗？"
HANT = "您好，請問保固期是多久？"
DE = "Hallo,\n\nkann ich den Termin noch verschieben?"
FR = "Bonjour,\n\nquel est le prix de la révision ?"
ES = "Hola:\n\n¿cuánto cuesta el envío?"

QUOTED = [
    Case(
        name="gmail en",
        own=EN,
        rest="On Tue, 3 Nov 2026 at 14:15, Northgate <hello@n.example> wrote:\n\n> Dear Pippa,\n> it left today.",
    ),
    Case(
        name="gmail en wrapped",
        own=EN,
        rest="On Tue, 3 Nov 2026 at 14:15, Northgate Cycles Customer Service\n<hello@northgate.example.com> wrote:\n\n> it left today.",
    ),
    Case(
        name="gmail en three lines",
        own=EN,
        rest="On Tuesday, 3 November 2026 at 14:15:22 GMT,\nNorthgate Cycles Customer Service\n<hello@northgate.example.com> wrote:\n\nit left today.\nbye",
    ),
    Case(
        name="outlook mobile en",
        own=EN,
        rest="________________________________\nFrom: Northgate <hello@n.example>\nSent: Tuesday, 3 November 2026 14:15\nTo: Pippa <p@x.example>\nSubject: Re: bike\n\nit left today.",
    ),
    Case(
        name="outlook with cc",
        own=EN,
        rest="From: Northgate\nSent: 03 November 2026 14:15\nTo: Pippa\nCc: Rowan\nSubject: Re: bike\n\nit left today. Is it there?",
    ),
    Case(
        name="outlook starred",
        own=EN,
        rest="*From:* Northgate <hello@n.example>\n*Sent:* Tuesday, 3 November 2026 14:15\n*To:* Pippa\n*Subject:* Re: bike\n\nit left",
    ),
    Case(
        name="old outlook",
        own=EN,
        rest="-----Original Message-----\nFrom: Northgate\nSent: 3 November\n\nit left today",
    ),
    Case(
        name="thunderbird forward",
        own=EN,
        rest="-------- Forwarded Message --------\nSubject: bike\nDate: Tue, 3 Nov 2026\nFrom: Northgate\nTo: Pippa\n\nit left",
    ),
    Case(
        name="apple forward",
        own=EN,
        rest="Begin forwarded message:\n\nFrom: Northgate <hello@n.example>\nSubject: bike\nDate: 3 November 2026\n\nit left",
    ),
    Case(
        name="yahoo en",
        own=EN,
        rest="On Tuesday, 3 November 2026 at 14:15:10 GMT, Northgate <hello@n.example> wrote:\n\n Dear Pippa, it left today.\n\nBye",
    ),
    Case(
        name="proton",
        own=EN,
        rest="On Tuesday, November 3rd, 2026 at 2:15 PM, Northgate <hello@n.example> wrote:\n\n> it left",
    ),
    Case(
        name="proton original",
        own=EN,
        rest="------- Original Message -------\nOn Tuesday, November 3rd, 2026 at 2:15 PM, Northgate <hello@n.example> wrote:\n\n> it left",
    ),
    Case(
        name="thunderbird de",
        own=DE,
        rest="Am 03.11.2026 um 14:15 schrieb Northgate Cycles:\n> Guten Tag,\n> der Termin steht.",
    ),
    Case(
        name="gmail de",
        own=DE,
        rest="Am Di., 3. Nov. 2026 um 14:15 Uhr schrieb Northgate <hello@n.example>:\n\n> der Termin steht",
    ),
    Case(
        name="apple de",
        own=DE,
        rest="> Am 03.11.2026 um 14:15 schrieb Northgate <hello@n.example>:\n>\n> der Termin steht",
    ),
    Case(
        name="gmx de",
        own=DE,
        rest="Gesendet: Dienstag, 03. November 2026 um 14:15 Uhr\nVon: Northgate <hello@n.example>\nAn: Jörn <j@x.example>\nBetreff: Termin\n\nder Termin steht",
    ),
    Case(
        name="outlook de original",
        own=DE,
        rest="-----Ursprüngliche Nachricht-----\nVon: Northgate\nGesendet: Dienstag\n\nsteht",
    ),
    Case(
        name="verb first de",
        own=DE,
        rest="Northgate Cycles schrieb am 03.11.2026 um 14:15:\n> der Termin steht",
    ),
    Case(
        name="forward de",
        own=DE,
        rest="-------- Weitergeleitete Nachricht --------\nBetreff: Termin\nVon: Northgate\n\nsteht",
    ),
    Case(
        name="gmail fr",
        own=FR,
        rest="Le mar. 3 nov. 2026 à 14:15, Northgate <hello@n.example> a écrit :\n\n> 89 £",
    ),
    Case(
        name="outlook fr",
        own=FR,
        rest="De : Northgate <hello@n.example>\nEnvoyé : mardi 3 novembre 2026 14:15\nÀ : Apolline\nObjet : RE: vélo\n\n89 £",
    ),
    Case(
        name="orange fr",
        own=FR,
        rest="> Message du 03/11/26 14:15\n> De : Northgate\n> A : Apolline\n>\n> 89 £",
    ),
    Case(
        name="origin fr",
        own=FR,
        rest="-----Message d'origine-----\nDe : Northgate\nEnvoyé : mardi\n\n89 £",
    ),
    Case(
        name="gmail es",
        own=ES,
        rest="El mar, 3 nov 2026 a las 14:15, Northgate (<hello@n.example>) escribió:\n\n> 12 libras",
    ),
    Case(
        name="outlook es",
        own=ES,
        rest="De: Northgate <hello@n.example>\nEnviado: martes, 3 de noviembre de 2026 14:15\nPara: Íñigo\nAsunto: RE: alforjas\n\n12 libras",
    ),
    Case(name="original es", own=ES, rest="-----Mensaje original-----\nDe: Northgate\n\n12 libras"),
    Case(
        name="outlook zh",
        own=ZH,
        rest="发件人: 青禾客服 <service@q.example>\n发送时间: 2026年11月3日 14:15\n收件人: 张三 <z@x.example>\n主题: 回复: 安装\n\n您好，安装费另计。",
    ),
    Case(
        name="outlook zh fullwidth",
        own=ZH,
        rest="发件人： 青禾客服\n日期： 2026年11月3日 星期二 14:15\n收件人： 张三\n抄送： 李四\n主题： 回复: 安装\n\n您好",
    ),
    Case(
        name="foxmail",
        own=ZH,
        rest="发件人： 青禾客服\n发送时间： 2026-11-03 14:15\n收件人： zhang\n主题： Re: 安装\n您好，安装费另计。",
    ),
    Case(
        name="qq",
        own=ZH,
        rest='------------------ 原始邮件 ------------------\n发件人: "青禾客服" <service@q.example>;\n发送时间: 2026年11月3日(星期二) 下午2:15\n收件人: "张三"<z@x.example>;\n主题: 回复: 安装\n\n您好，安装费另计。',
    ),
    Case(
        name="qq entities",
        own=ZH,
        rest="------------------&nbsp;原始邮件&nbsp;------------------\n发件人: 青禾;\n\n您好",
    ),
    Case(
        name="qq nbsp",
        own=ZH,
        rest="------------------\u00a0原始邮件\u00a0------------------\n发件人: 青禾;\n\n您好",
    ),
    Case(
        name="qq en",
        own=ZH,
        rest='------------------ Original ------------------\nFrom:  "青禾客服";<service@q.example>;\nDate:  Tue, Nov 3, 2026 02:15 PM\nTo:  "张三";\nSubject:  Re: 安装\n\n您好',
    ),
    Case(
        name="163 zh",
        own=ZH,
        rest='在 2026-11-03 14:15:12，"青禾客服" <service@q.example> 写道：\n\n您好，安装费另计。',
    ),
    Case(
        name="163 zh close",
        own=ZH,
        rest="在2026-11-03 14:15:12，青禾客服 写道：\n>您好，安装费另计。",
    ),
    Case(
        name="163 en",
        own=ZH,
        rest='At 2026-11-03 14:15:12, "青禾客服" <service@q.example> wrote:\n\n您好，安装费另计。',
    ),
    Case(
        name="163 forward",
        own=ZH,
        rest='-------- 转发邮件信息 --------\n发件人："青禾" <s@q.example>\n发送日期：2026-11-03\n\n您好',
    ),
    Case(
        name="mailmaster",
        own=ZH,
        rest="---- 回复的原邮件 ----\n| 发件人 | 青禾客服<service@q.example> |\n| 日期 | 2026年11月03日 14:15 |\n| 收件人 | 张三 |\n| 主题 | 回复: 安装 |\n您好",
    ),
    Case(
        name="mailmaster replied",
        own=ZH,
        rest="---- Replied Message ----\n| From | 青禾客服<service@q.example> |\n| Date | 11/03/2026 14:15 |\n| To | 张三 |\n| Subject | Re: 安装 |\n您好",
    ),
    Case(
        name="gmail zh",
        own=ZH,
        rest="青禾客服 <service@q.example> 于2026年11月3日周二 14:15写道：\n\n> 您好，安装费另计。",
    ),
    Case(
        name="apple zh",
        own=ZH,
        rest="> 在 2026年11月3日，14:15，青禾客服 <service@q.example> 写道：\n>\n> 您好",
    ),
    Case(
        name="apple zh unmarked",
        own=ZH,
        rest="在 2026年11月3日，下午2:15，青禾客服 <service@q.example> 写道：\n\n您好，安装费另计。",
    ),
    Case(
        name="outlook app zh",
        own=ZH,
        rest="________________________________\n发件人: 青禾客服 <service@q.example>\n发送时间: Tuesday, November 3, 2026 2:15:12 PM\n收件人: 张三\n主题: 回复: 安装\n\n您好",
    ),
    Case(
        name="original zh",
        own=ZH,
        rest="-----邮件原件-----\n发件人: 青禾\n发送时间: 2026年\n\n您好",
    ),
    Case(
        name="aliyun",
        own=ZH,
        rest="------------------------------------------------------------------\n发件人：青禾客服 <service@q.example>\n发送时间：2026年11月3日(星期二) 14:15\n收件人：张三\n主　题：回复：安装\n\n您好",
    ),
    Case(
        name="gmail hant",
        own=HANT,
        rest="青禾客服 <service@q.example> 於 2026年11月3日 週二 下午2:15寫道：\n\n> 您好，保固一年。",
    ),
    Case(
        name="outlook hant",
        own=HANT,
        rest="寄件者: 青禾客服 <service@q.example>\n寄件日期: 2026年11月3日 14:15\n收件者: 陳大文\n主旨: RE: 保固\n\n保固一年。",
    ),
    Case(
        name="outlook hant sent",
        own=HANT,
        rest="寄件者：青禾客服\n傳送時間：2026年11月3日\n收件者：陳\n主旨：保固\n\n一年",
    ),
    Case(
        name="yahoo hant",
        own=HANT,
        rest="青禾客服 <service@q.example> 在 2026年11月3日 星期二 下午02:15:10 [GMT+8] 寫道：\n\n保固一年。",
    ),
    Case(name="original hant", own=HANT, rest="-----原始郵件-----\n寄件者: 青禾\n\n一年"),
    Case(
        name="ticket line",
        own=EN,
        rest="##- Please type your reply above this line -##\n\nYour request was updated.",
    ),
    Case(
        name="italian",
        own=EN,
        rest="Il giorno mar 3 nov 2026 alle ore 14:15 Northgate <hello@n.example> ha scritto:\n\n> partito",
    ),
    Case(
        name="dutch",
        own=EN,
        rest="Op di 3 nov. 2026 om 14:15 schreef Northgate <hello@n.example>:\n\n> vertrokken",
    ),
    Case(name="fullwidth mark", own=ZH, rest="＞ 您好\n＞ 安装费另计"),
]

SIGNED = [
    Case(name="standard", own=EN, rest="-- \nPippa Marchbanks\n07700 900111"),
    Case(name="trimmed", own=ZH, rest="--\n郁青苗\n手机 154-5550-0042"),
    Case(
        name="chinese rule",
        own=ZH,
        rest="————————————\n桑榆办公服务有限公司 采购部 柏小舟\nT: 0571-5550-7788\n本邮件及附件含有保密信息，如误收请立即删除并通知发件人。",
    ),
    Case(
        name="underscores",
        own=DE,
        rest="_______________\nJörn Wattenbüttel\nBeispiel GmbH\nTel. 0421 5550-12",
    ),
    Case(name="equals", own=ZH, rest="==========\n张三\n电话：0571-55503307"),
    Case(
        name="stars",
        own=EN,
        rest="***\nPippa Marchbanks\nTreasurer, Larkfield Society\nwww.larkfield.example",
    ),
    Case(name="iphone en", own=EN, rest="Sent from my iPhone"),
    Case(name="android en", own=EN, rest="Sent from my Samsung Galaxy smartphone."),
    Case(name="outlook ios", own=EN, rest="Get Outlook for iOS<https://aka.ms/o0ukef>"),
    Case(name="sent from outlook", own=EN, rest="Sent from Outlook for Android"),
    Case(name="mail for windows", own=EN, rest="Sent from Mail for Windows"),
    Case(name="yahoo android", own=EN, rest="Sent from Yahoo Mail on Android"),
    Case(name="proton footer", own=EN, rest="Sent with Proton Mail secure email."),
    Case(
        name="underlined iphone", own=EN, rest="________________________________\nSent from my iPad"
    ),
    Case(name="iphone zh", own=ZH, rest="发自我的iPhone"),
    Case(name="iphone zh from", own=ZH, rest="从我的 iPhone 发送"),
    Case(name="huawei", own=ZH, rest="发自我的华为手机"),
    Case(name="xiaomi", own=ZH, rest="来自我的小米手机"),
    Case(name="qq app", own=ZH, rest="发自QQ邮箱"),
    Case(name="outlook zh app", own=ZH, rest="获取 Outlook for Android"),
    Case(name="outlook zh ios", own=ZH, rest="获取适用于 iOS 的 Outlook"),
    Case(name="windows zh", own=ZH, rest="从 Windows 版邮件发送"),
    Case(name="mailmaster", own=ZH, rest="由网易邮箱大师发送"),
    Case(
        name="mailmaster card",
        own=ZH,
        rest="| |\n张三\n|\n|\n邮箱：z@163.example\n|\n\n签名由 网易邮箱大师 定制",
    ),
    Case(name="iphone hant", own=HANT, rest="從我的 iPhone 傳送"),
    Case(name="iphone hant from", own=HANT, rest="來自我的 iPhone"),
    Case(name="android hant", own=HANT, rest="從我的 Android 手機傳送"),
    Case(name="iphone de", own=DE, rest="Von meinem iPhone gesendet"),
    Case(name="mobil de", own=DE, rest="Von meinem Mobilgerät gesendet"),
    Case(name="samsung de", own=DE, rest="Gesendet von meinem Galaxy Gerät"),
    Case(name="outlook de", own=DE, rest="Outlook für iOS beziehen"),
    Case(name="outlook de neu", own=DE, rest="Holen Sie sich Outlook für Android"),
    Case(name="gmx app", own=DE, rest="Gesendet mit der GMX Mail App"),
    Case(
        name="gmx android",
        own=DE,
        rest="--\nDiese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet.",
    ),
    Case(name="windows de", own=DE, rest="Gesendet von Mail für Windows"),
    Case(name="iphone fr", own=FR, rest="Envoyé de mon iPhone"),
    Case(name="mac fr", own=FR, rest="Envoyé depuis mon Mac"),
    Case(name="outlook fr", own=FR, rest="Télécharger Outlook pour Android"),
    Case(name="orange fr", own=FR, rest="Envoyé à partir de Outlook pour iOS"),
    Case(name="smartphone fr", own=FR, rest="Envoyé depuis mon appareil mobile"),
    Case(name="iphone es", own=ES, rest="Enviado desde mi iPhone"),
    Case(name="android es", own=ES, rest="Enviado desde mi teléfono Samsung"),
    Case(name="outlook es", own=ES, rest="Obtener Outlook para Android"),
    Case(name="correo es", own=ES, rest="Enviado desde Correo para Windows"),
    Case(
        name="contacts below a closing",
        own="When does it arrive?\n\nKind regards,\nOlusegun Farrant",
        rest="Olusegun Farrant | Senior Estimator\nWidgetworks Components Ltd\nT: 0113 496 0711",
    ),
    Case(
        name="contacts and notice",
        own="When does it arrive?\n\nKind regards,\nOlusegun Farrant",
        rest="Widgetworks Components Ltd\nT: 0113 496 0711\n\nThis email and any attachments are confidential and intended solely for the addressee. If you are not the intended recipient please delete it and notify the sender.\n\nPlease consider the environment before printing this email.",
    ),
    Case(
        name="notice de",
        own=DE + "\n\nMit freundlichen Grüßen\n\nAnnelie Kupferschmidt",
        rest="Kanzlei Muster & Beispiel\nTelefon 040 66969 118\n\nDiese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind, informieren Sie bitte den Absender und vernichten Sie diese Mail.",
    ),
    Case(
        name="notice fr",
        own=FR + "\n\nCordialement,\nApolline",
        rest="Ce message est confidentiel et destiné exclusivement à son destinataire. Si vous l'avez reçu par erreur, merci de le supprimer et d'en avertir l'expéditeur.",
    ),
    Case(
        name="notice es",
        own=ES + "\n\nUn saludo,\nÍñigo",
        rest="Este mensaje es confidencial y va dirigido exclusivamente a su destinatario. Si lo ha recibido por error, elimínelo y notifíquelo al remitente.",
    ),
    Case(
        name="notice zh",
        own=ZH,
        rest="本邮件及其附件含有保密信息，仅限于发送给上面地址中列出的个人。如果您错收了本邮件，请您立即电话或邮件通知发件人并删除本邮件！",
    ),
    Case(
        name="contacts zh",
        own=ZH + "\n\n祝好\n张三",
        rest="桑榆办公服务有限公司\n电话：0571-5550-7788\n地址：杭州市西湖区1号",
    ),
    Case(
        name="a name twice",
        own=DE + "\n\nMit besten Grüßen\nAnna",
        rest="i. A. Anna Muster\nSachbearbeiterin\n\nMuster AG\nTelefon: 030 23125 000",
    ),
    Case(
        name="short notice fr",
        own=FR + "\n\nCordialement,\n\nJean Dupont",
        rest="Directeur\nExemple SARL\nTél. : 01 99 00 12 34\n\nCe courriel est confidentiel.",
    ),
    Case(
        name="notice below a rule",
        own="Is it ready?\n\nRegards, Tom",
        rest="________________________________\nThis email is confidential and may be privileged. If you are not the intended recipient, delete it.",
    ),
    Case(name="tablet de", own=DE, rest="Von Samsung-Tablet gesendet"),
    Case(
        name="firm below a closing",
        own=ZH + "\n\n此致\n敬礼",
        rest="杭州示例科技有限公司\n电话：0571-5550-1111",
    ),
    Case(name="virus free", own=EN, rest="Virus-free.www.avast.com"),
    Case(
        name="footer above a quote",
        own=ZH,
        rest="发自我的 iPhone\n\n> 在 2026年11月3日，下午2:15，青禾 <s@q.example> 写道：\n>\n> 您好",
    ),
    Case(
        name="signature above a quote",
        own=EN,
        rest="-- \nPippa\n\nOn Tue, 3 Nov 2026 at 14:15, Northgate <hello@n.example> wrote:\n> it left",
    ),
]

KEPT = {
    "a closing and a name": "Do you repair forks?\n\nKind regards\nDes",
    "a name alone": "Do you repair forks?\n\nDes",
    "a postscript": "Do you repair forks?\n\nKind regards\nDes\n\nPS: and do you collect?",
    "a phone number in the text": "Please ring me.\n\nMy number is 07700 900118.\n\nDes",
    "an order with numbers": "请查一下：\n\n订单号 QH20261015-0387\n电话 15455500303\n\n什么时候发货？",
    "a rule between two questions": "First, is it open?\n\n-----\n\nSecond, what does it cost to park there?",
    "a list with dashes": "I need:\n- a lock\n- a light\n-- and a bell\n\nWhat is the total?",
    "a colon that quotes nobody": "My neighbour wrote:\n\nthe shop closes at five\n\nIs that so?",
    "a label that is no header": "Subject: helmet\n\nIt is too small, can I swap it?",
    "labels of a form": "姓名：张三\n电话：15455500303\n地址：滨江区1号\n问题：空调不制冷怎么办？",
    "an address for delivery": "Please send it to\n\nWidgetworks Ltd\n1 Mill Lane, Leeds\n\nCan it come by Friday?",
    "a request for confidence": "Please keep this confidential.\n\nMy order has not come.",
    "from at the start of a line": "From Monday on I am away.\nTo be sure: can you hold my parcel?",
    "an arrow in the text": "I turned the knob -> nothing.\nWhat now?",
    "a sentence about a phone": "我发自内心地感谢你们。\n\n请问还有货吗？",
    "sent from in a sentence": "It was sent from Leeds last week.\n\nWhere is it now?",
    "a german date opening": "Am Montag komme ich vorbei:\n\nhaben Sie dann offen?",
    "a chinese time opening": "在你们店里买的空调坏了：\n\n可以保修吗？",
    "a name with its phone": "¿Abren?\n\nSaludos cordiales\n\nAna Pérez\nTel.: 600 000 000",
    "a phone to try": "The lock is stuck.\n\nTry my mobile 07700 900118",
    "a booking to cancel": "我不想装了。\n\n我要退订",
    "a newsletter to stop": "You send too much.\n\nPlease unsubscribe me from the newsletter.",
    "a check by a friend": "It creaks.\n\nI had the bike checked by a friend.",
    "how it was sent": "已经退货了。\n\n通过顺丰寄出",
    "where they are from": "请问有货吗？\n\n来自余杭的老顾客",
    "a court": "Sie hören von mir.\n\nDer Fall geht an das Amtsgericht.",
    "an order below thanks": "Where is it?\n\nThanks\n\nOrder: NG-204418\nTel: 0113 496 0711",
    "a sentence below a closing": "Is it ready?\n\nRegards\nDes\n\nYou can ring me on 0113 496 0711 after six today.",
    "a number in a postscript": "Is it ready?\n\nRegards\nDes\n\nP.S. Tel: 0113 496 0711",
    "a closing before more text": "Thanks\n\nOne more thing: tel. support said 0113 496 0120 is closed?",
}


@pytest.mark.parametrize("case", QUOTED, ids=lambda case: case.name)
def test_what_was_quoted_is_cut_off(case: Case) -> None:
    parting = parted(f"{case.own}\n\n{case.rest}\n")
    assert parting.question == case.own
    assert parting.quoted


@pytest.mark.parametrize("case", SIGNED, ids=lambda case: case.name)
def test_what_was_signed_is_cut_off(case: Case) -> None:
    parting = parted(f"{case.own}\n\n{case.rest}\n")
    assert parting.question == case.own
    assert parting.signature


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_what_the_sender_wrote_is_kept(text: str) -> None:
    assert parted(text) == Parting(question=text, quoted="", signature="")


def test_answers_between_quotes_stay_in_order() -> None:
    parting = parted(
        "X wrote on 13/11/2026 11:25:\n> First?\n\nYes.\n\n> Second?\n\nNo, why?\n\nPippa\n\n> Regards\n> X"
    )
    assert parting.question == "Yes.\n\nNo, why?\n\nPippa"
    assert parting.quoted.startswith("X wrote on 13/11/2026 11:25:\nFirst?")


def test_an_answer_below_the_quote_is_kept() -> None:
    parting = parted(
        "On Tue, 3 Nov 2026 at 14:15, X <x@y.example> wrote:\n> It left.\n\nWhere is it?\n\n-- \nPippa"
    )
    assert parting == Parting(
        question="Where is it?",
        quoted="On Tue, 3 Nov 2026 at 14:15, X <x@y.example> wrote:\nIt left.",
        signature="--\nPippa",
    )


def test_the_end_of_a_broken_quoted_line_is_quoted() -> None:
    long = "> the parcel left our house on Tuesday morning and should be with"
    parting = parted(f"> Dear Pippa,\n{long}\nyou today.\n> Regards\n\nIt is not here.")
    assert parting.question == "It is not here."
    assert "you today." in parting.quoted


def test_a_forward_without_a_word_asks_nothing() -> None:
    parting = parted("---------- Forwarded message ---------\nFrom: X <x@y.example>\n\nIt left.")
    assert parting.question == ""
    assert "It left." in parting.quoted


@pytest.mark.parametrize(
    "banner",
    [
        "CAUTION: This email originated from outside of the organization. Do not click links.",
        "[EXTERNAL] This message came from an external sender.",
        "[EXTERN] Diese E-Mail kommt von außerhalb Ihrer Organisation.",
        "【外部邮件】此邮件来自公司外部，请谨慎打开附件。",
    ],
)
def test_a_gateways_banner_is_not_the_senders(banner: str) -> None:
    parting = parted(f"{banner}\n\nIs it ready?")
    assert parting.question == "Is it ready?"
    assert parting.signature == banner


def test_nothing_has_no_parts() -> None:
    assert parted("") == Parting(question="", quoted="", signature="")
