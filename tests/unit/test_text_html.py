"""How mail programs quote, sign and forward in HTML, and what a person cannot see."""

from dataclasses import dataclass

import pytest

from appliance.domain.mail import Message
from appliance.mailbox import mime


def read_html(body: str) -> Message:
    head = "From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    return mime.read((head + body).encode(), mailbox="north", uid="1")


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    html: str
    own: str = "Is it ready?"


OWN = "<div>Is it ready?</div>"
OLD = "<div>Yes, it is. Come by.</div>"

QUOTED = [
    Case(
        name="gmail",
        html=f'<div dir="ltr">Is it ready?</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">On Tue, 3 Nov 2026 X &lt;<a href="mailto:x@y">x@y</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">{OLD}</blockquote></div>',
    ),
    Case(
        name="gmail in an unknown language",
        html=f'<div>Is it ready?</div><div class="gmail_quote"><div class="gmail_attr">ti 3. marraskuuta X kirjoitti:</div><blockquote class="gmail_quote">{OLD}</blockquote></div>',
    ),
    Case(
        name="gmail inline answers",
        own="Yes please.\n\nAt five.",
        html='<div class="gmail_quote"><div class="gmail_attr">On Tue, 3 Nov 2026 at 14:15 X &lt;x@y&gt; wrote:</div><blockquote class="gmail_quote"><div>Shall we?</div></blockquote><div><br></div><div>Yes please.</div><div><br></div><blockquote class="gmail_quote"><div>When?</div></blockquote><div>At five.</div></div>',
    ),
    Case(
        name="outlook desktop",
        html=f'{OWN}<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b>Od:</b> X &lt;x@y&gt;<br><b>Wysłano:</b> 3 listopada<br></p></div></div>{OLD}',
    ),
    Case(
        name="outlook older",
        html=f'{OWN}<div style="border:none;border-top:solid #B5C4DF 1.0pt"><p>Feladó: X</p></div>{OLD}',
    ),
    Case(
        name="outlook web",
        html=f'{OWN}<hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri"><b>Lähettäjä:</b> X<br></font></div>{OLD}',
    ),
    Case(
        name="outlook web quoted once more",
        html=f'{OWN}<div id="x_divRplyFwdMsg"><b>Von:</b> X</div>{OLD}',
    ),
    Case(name="outlook app", html=f'{OWN}<div id="appendonsend"></div><hr><div>X</div>{OLD}'),
    Case(
        name="new outlook",
        html=f'{OWN}<div id="mail-editor-reference-message-container">{OLD}</div>',
    ),
    Case(
        name="thunderbird",
        html=f'<p>Is it ready?</p><div class="moz-cite-prefix">Am 03.11.26 um 14:15 schrieb X:<br></div><blockquote type="cite" cite="mid:1@y">{OLD}</blockquote>',
    ),
    Case(
        name="apple",
        html=f'{OWN}<div><br><blockquote type="cite"><div>On 3 Nov 2026, at 14:15, X &lt;x@y&gt; wrote:</div><br><div>{OLD}</div></blockquote></div>',
    ),
    Case(
        name="yahoo",
        html=f'{OWN}<div id="ydp1a2b3cyahoo_quoted_99" class="yahoo_quoted"><div>On Tuesday, 3 November 2026, X &lt;x@y&gt; wrote:</div>{OLD}</div>',
    ),
    Case(
        name="gmx",
        html=f'{OWN}<div name="quote" style="margin:10px;border-left:2px solid #C3D9E5"><div><b>Gesendet:</b> Dienstag<br><b>Von:</b> X</div>{OLD}</div>',
    ),
    Case(
        name="proton",
        html=f'{OWN}<div class="protonmail_quote">On Tuesday X wrote:<br><blockquote class="protonmail_quote" type="cite">{OLD}</blockquote></div>',
    ),
    Case(
        name="163",
        html=f'{OWN}<p style="margin:0">在 2026-11-10 10:02:12，"X" &lt;x@y&gt; 写道：</p><blockquote id="isReplyContent">{OLD}</blockquote>',
    ),
    Case(
        name="qq",
        html=f'{OWN}<div><includetail><div>&nbsp;</div><div style="font-size:12px">------------------&nbsp;原始邮件&nbsp;------------------</div><div><b>发件人:</b>&nbsp;X;</div>{OLD}</includetail></div>',
    ),
    Case(
        name="qq without its tag",
        html=f'{OWN}<div style="font-size: 12px;">------------------&nbsp;原始邮件&nbsp;------------------</div><div style="background:#efefef"><div><b>发件人:</b>&nbsp;"X"&lt;x@y&gt;;</div><div><b>发送时间:</b>&nbsp;2026年11月3日</div></div>{OLD}',
    ),
    Case(
        name="foxmail",
        html=f'{OWN}<blockquote style="margin-Top:0px;margin-Bottom:0px;margin-Left:0.5em"><div>&nbsp;</div><div style="border:none;border-top:solid #B5C4DF 1.0pt"><div style="background:#efefef"><div><b>发件人：</b>&nbsp;X</div></div></div>{OLD}</blockquote>',
    ),
    Case(
        name="a table of headers",
        html=f"{OWN}<table><tr><td><b>From:</b></td><td>X &lt;x@y&gt;</td></tr><tr><td><b>Sent:</b></td><td>Tuesday</td></tr><tr><td><b>Subject:</b></td><td>bike</td></tr></table>{OLD}",
    ),
    Case(
        name="a forward in gmail",
        html=f'{OWN}<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>From: X</div><br>{OLD}</div>',
    ),
]

SIGNED = [
    Case(
        name="gmail",
        html=f'{OWN}<span class="gmail_signature_prefix">-- </span><br><div class="gmail_signature" data-smartmail="gmail_signature">Pippa<br>Treasurer</div>',
    ),
    Case(name="thunderbird", html=f'{OWN}<div class="moz-signature">-- <br>Pippa</div>'),
    Case(name="outlook web", html=f'{OWN}<div id="Signature"><p>Pippa</p></div>'),
    Case(
        name="outlook app",
        html=f'{OWN}<div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div>',
    ),
    Case(
        name="apple",
        html=f'{OWN}<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Pippa, Larkfield</div>',
    ),
    Case(
        name="web.de",
        html=f'{OWN}<div class="signature">-- <br>Diese Nachricht wurde von meinem Android gesendet.</div>',
    ),
    Case(
        name="qq",
        html=f'{OWN}<div><sign signid="1"><div>张三</div><div>电话 0571</div></sign></div>',
    ),
    Case(
        name="foxmail",
        html=f'{OWN}<hr style="width: 210px; height: 1px;" color="#b5c4df" size="1" align="left"><div>pippa@foxmail.example</div>',
    ),
    Case(
        name="grey line of a phone",
        html=f'{OWN}<div><br></div><div style="color:#888">发自我的手机</div>',
    ),
]

HIDDEN = {
    "display": '<div style="display:none">SECRET</div>',
    "display important": '<div style="DISPLAY : NONE !important">SECRET</div>',
    "visibility": '<span style="visibility:hidden">SECRET</span>',
    "no size": '<span style="font-size:0">SECRET</span>',
    "a pixel": '<p style="font-size:1px;color:#333">SECRET</p>',
    "short font": '<p style="font:400 1px/1 Arial">SECRET</p>',
    "opacity": '<p style="opacity:0.01">SECRET</p>',
    "opacity of the parent": '<div style="opacity:.2"><p style="opacity:20%">SECRET</p></div>',
    "white": '<p style="color:#FFFFFF">SECRET</p>',
    "white by name": '<font color="white">SECRET</font>',
    "nearly white": '<span style="color:rgb(250, 252, 255)">SECRET</span>',
    "short white": '<span style="color:#fff">SECRET</span>',
    "black on black": '<div style="background:#000"><b style="color:#010101">SECRET</b></div>',
    "cell of its colour": '<table><tr><td bgcolor="#336699"><font color="#336699">SECRET</font></td></tr></table>',
    "transparent": '<p style="color:transparent">SECRET</p>',
    "alpha": '<p style="color:rgba(0,0,0,0)">SECRET</p>',
    "attribute": "<div hidden>SECRET</div>",
    "word": '<span style="mso-hide:all">SECRET</span>',
    "off screen": '<div style="position:absolute;left:-9999px">SECRET</div>',
    "indented away": '<div style="text-indent:-9999px">SECRET</div>',
    "no height": '<div style="max-height:0;overflow:hidden">SECRET</div>',
    "clipped": '<div style="position:absolute;clip:rect(0 0 0 0)">SECRET</div>',
    "clip path": '<div style="clip-path: inset(100%)">SECRET</div>',
    "scaled": '<div style="transform: scale(0)">SECRET</div>',
    "height with overflow": '<div style="height:0px;overflow:hidden">SECRET</div>',
    "style sheet": "<style>/* x */ .x, p.y { display : none }</style><p class=y>SECRET</p>",
    "style sheet colour": "<style>.x{color:white}</style><p class=x>SECRET</p>",
    "deep inside": '<div style="color:#fff"><div><p><b>SECRET</b></p></div></div>',
}

SEEN = {
    "grey": '<p style="color:#999999">VISIBLE</p>',
    "white on a button": '<a style="background:#f60;color:#fff">VISIBLE</a>',
    "white on a picture": '<td background="x.png"><p style="color:#fff">VISIBLE</p></td>',
    "white on a gradient": '<p style="background:linear-gradient(red,blue);color:#fff">VISIBLE</p>',
    "white on a class": "<style>.b{background-color:navy}</style><p class=b style='color:#fff'>VISIBLE</p>",
    "small wrapper": '<div style="font-size:0"><span style="font-size:14px">VISIBLE</span></div>',
    "shown again": '<div style="visibility:hidden"><b style="visibility:visible">VISIBLE</b></div>',
    "on a phone only": "<style>@media (max-width:600px){.m{display:none}}</style><p class=m>VISIBLE</p>",
    "colour again": '<div style="color:#fff"><b style="color:#000">VISIBLE</b></div>',
    "on paper only": "<style>@media print{p{display:none}} p{margin:0}</style><p>VISIBLE</p>",
    "half": '<p style="opacity:0.5">VISIBLE</p>',
    "a little off": '<p style="position:relative;left:-3px">VISIBLE</p>',
}


@pytest.mark.parametrize("case", QUOTED, ids=lambda case: case.name)
def test_what_html_quotes_is_cut_off(case: Case) -> None:
    message = read_html(case.html)
    assert message.question == case.own
    assert message.quoted
    assert message.hidden == ()


@pytest.mark.parametrize("case", SIGNED, ids=lambda case: case.name)
def test_what_html_signs_is_cut_off(case: Case) -> None:
    message = read_html(case.html)
    assert message.question == case.own
    assert message.signature


@pytest.mark.parametrize("html", HIDDEN.values(), ids=HIDDEN.keys())
def test_what_nobody_sees_is_dropped_and_told(html: str) -> None:
    message = read_html(f"<html><body><p>Is it ready?</p>{html}<p>Pippa</p></body></html>")
    assert message.hidden == ("SECRET",)
    assert "SECRET" not in message.text + message.question + message.quoted + message.signature
    assert "Pippa" in message.question


@pytest.mark.parametrize("html", SEEN.values(), ids=SEEN.keys())
def test_what_a_person_sees_is_kept(html: str) -> None:
    message = read_html(f"<html><body><table><tr>{html}</tr></table></body></html>")
    assert message.hidden == ()
    assert message.question == "VISIBLE"


def test_each_hidden_place_is_told_apart() -> None:
    message = read_html(
        "<p hidden>one <b>two</b></p><p>seen</p><p hidden>three</p><p hidden>four</p>"
    )
    assert message.hidden == ("one two", "three", "four")


def test_layout_becomes_lines() -> None:
    message = read_html(
        "<style>p{color:red}</style><title>t</title><p>One\n  <b>two</b></p><p>three<br>four</p>"
        "<ol><li>a<li>b</ol><ul><li>c</ul><pre>x\n  y</pre>"
        "<table><tr><td>k</td><td>v</td></tr></table><hr><!-- c --><p>&lt;end&gt;&nbsp;&amp;</p>"
    )
    assert message.text == (
        "One two\n\nthree\nfour\n\n1. a\n2. b\n\n- c\n\nx\n  y\n\nk  v\n________________\n\n<end> &"
    )


def test_a_blockquote_that_only_indents_is_the_writers_own() -> None:
    message = read_html(
        '<div>Hello</div><blockquote style="margin:0 0 0 40px;border:none">indented</blockquote>'
    )
    assert message.question == "Hello\nindented"


def test_words_paragraphs_stand_close() -> None:
    message = read_html(
        '<p class="MsoNormal">a</p><p class="MsoNormal">b</p><p style="margin:0">c</p>'
    )
    assert message.text == "a\nb\nc"
