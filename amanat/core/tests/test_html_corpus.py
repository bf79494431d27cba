"""A second bank of ways past cleaners, as they were found in the wild, each wrapped, cut, put together and cleaned twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.core import html
from amanat.core.tests.test_html import PAYLOADS, faults

#: Ways past cleaners that were found in the wild: mutation on parsing anew, namespaces, encodings, clobbering, odd schemes.
MORE_PAYLOADS = [
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<svg><foreignObject><iframe srcdoc='<script>alert(1)</script>'></foreignObject></svg>",
    "<svg><title><style><img src=x onerror=alert(1)></style></title></svg>",
    "<svg><desc><img src=x onerror=alert(1)></desc></svg>",
    "<svg><set attributeName=href to=javascript:alert(1)><a>x</a></svg>",
    "<svg><image href='x' onerror='alert(1)'/></svg>",
    "<svg><style>@import 'javascript:alert(1)'</style></svg>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<textarea><p title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    "<title><p title='</title><img src=x onerror=alert(1)>'></title>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'></xmp>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<listing>&lt;img src=x onerror=alert(1)&gt;</listing>",
    "<noembed><img src=x onerror=alert(1)></noembed>",
    "<noframes><img src=x onerror=alert(1)></noframes>",
    "<template><img src=x onerror=alert(1)></template>",
    "<select><option><img src=x onerror=alert(1)></select>",
    "<table><td><style></table><img src=x onerror=alert(1)></style>",
    "<p><svg><p><style><g title='</style><img src=x onerror=alert(1)>'>",
    "<form id=x></form><button form=x formaction=javascript:alert(1)>x</button>",
    "<isindex type=image src=1 onerror=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<input type=image src=x onerror=alert(1)>",
    "<keygen autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<video poster=javascript:alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<body onload=alert(1)>",
    "<body background=javascript:alert(1)>",
    "<frameset onload=alert(1)><frame src=javascript:alert(1)></frameset>",
    "<bgsound src=javascript:alert(1)>",
    "<layer src=//evil.example/x.js></layer>",
    "<xml id=x><a b=&lt;img src=x onerror=alert(1)&gt;></a></xml>",
    "<?xml version='1.0'?><a href='javascript:alert(1)'>x</a>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<!--<img src='--><img src=x onerror=alert(1)>'>-->",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<!doctype html [<!entity x '<script>alert(1)</script>'>]>&x;",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=='>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='view-source:javascript:alert(1)'>x</a>",
    "<a href='blob:https://example.in/1'>x</a>",
    "<a href='file:///etc/passwd'>x</a>",
    "<a href='intent://x#Intent;scheme=javascript;end'>x</a>",
    "<a href='//evil.example/x'>x</a>",
    "<a href='\\\\evil.example\\x'>x</a>",
    "<a href='/\\evil.example'>x</a>",
    "<a href='?next=javascript:alert(1)'>x</a>",
    "<a href='&#0;javascript:alert(1)'>x</a>",
    "<a href='&#14;javascript:alert(1)'>x</a>",
    "<a href='javas&Tab;cript:alert(1)'>x</a>",
    "<a href='javas&NewLine;cript:alert(1)'>x</a>",
    "<a href='ja\u200bvascript:alert(1)'>x</a>",
    "<a href='java\x00script:alert(1)'>x</a>",
    "<a href=\"javascript\x09:alert(1)\">x</a>",
    "<a href='jav&#x0D;ascript:alert(1)'>x</a>",
    "<a href='ｊａｖａｓｃｒｉｐｔ:alert(1)'>x</a>",
    "<a href=`javascript:alert(1)`>x</a>",
    "<a href='x' onclick='alert(1)' href='javascript:alert(1)'>x</a>",
    "<a xlink:href='javascript:alert(1)'>x</a>",
    "<a href='https://example.in' target=_blank onmouseover=alert(1)>x</a>",
    "<a href='https://example.in' style='position:fixed;inset:0'>x</a>",
    "<a id=location name=cookie href='https://example.in'>x</a>",
    "<a href='https://example.in' ping='//evil.example'>x</a>",
    "<p id=forms name=submit class='modal open'>x</p>",
    "<p data-hx-get='/settings/' hx-trigger=load>x</p>",
    "<p hx-on:load=alert(1)>x</p>",
    "<p contenteditable autofocus onfocus=alert(1)>x</p>",
    "<ol type='1' start=\"99\" onclick=alert(1)><li value=9 onclick=alert(1)>x</ol>",
    "<blockquote cite='javascript:alert(1)'>x</blockquote>",
    "<img src='cid:1'><img src='data:image/png;base64,iVBOR' onload=alert(1)>",
    "<b><a href='javascript:alert(1)'><b><a href='javascript:alert(1)'>x",
    "<p/onclick=alert(1)//>x",
    "<p \x00onclick=alert(1)>x",
    "<p\x0conclick\x0c=\x0calert(1)>x",
    "<p title=\"--><script>alert(1)</script>\">x",
    "</p><script>alert(1)</script><p>",
    "</script><script>alert(1)</script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<ſcript>alert(1)</ſcript>",
    "<ſvg onload=alert(1)>",
    "＜script＞alert(1)＜/script＞<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;<script>alert(1)</script>",
    "%3Cscript%3Ealert(1)%3C/script%3E<script>alert(1)</script>",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-<script>alert(1)</script>",
    "<custom-element onclick=alert(1)>x</custom-element>",
    "<p is=x-evil>x</p>",
    "<slot onslotchange=alert(1)>x</slot>",
    "<dialog open onclose=alert(1)>x</dialog>",
    "<portal src=//evil.example></portal>",
    "<fencedframe src=//evil.example></fencedframe>",
]  # fmt: skip


@pytest.mark.parametrize("payload", MORE_PAYLOADS)
def test_nothing_of_the_wild_survives(payload: str) -> None:
    for around in ("{}", "<p>{}</p>", "<b>{}", "{}</b>", "<a href='https://example.in'>{}</a>", "<ul><li>{}</ul>"):
        cleaned = html.clean(around.format(payload))
        assert faults(cleaned) == []
        assert html.clean(cleaned) == cleaned


@pytest.mark.parametrize("payload", MORE_PAYLOADS)
def test_as_plain_text_it_is_only_shown(payload: str) -> None:
    assert faults(html.text_to_html(payload)) == []


@given(pieces=st.lists(st.sampled_from(PAYLOADS + MORE_PAYLOADS), min_size=2, max_size=4), cut=st.integers(0, 200))
def test_nothing_survives_put_together_and_cut_anywhere(pieces: list[str], cut: int) -> None:
    joined = "".join(pieces)
    assert faults(html.clean(joined[cut:] + joined[:cut])) == []


@pytest.mark.parametrize(
    ("given_html", "kept"),
    [
        ("<p>Came <b>twice</b>, <i>called</i>.</p>", "<p>Came <b>twice</b>, <i>called</i>.</p>"),
        ("<h1>Big</h1><h3>Small</h3><h4>Smaller</h4>", "Big<h3>Small</h3><h4>Smaller</h4>"),
        ("<div>One</div><div>Two</div>", "OneTwo"),
        ("<ul><li>PAN<li>Aadhaar</ul>", "<ul><li>PAN</li><li>Aadhaar</li></ul>"),
        ("<p>नमस्ते &amp; धन्यवाद</p>", "<p>नमस्ते &amp; धन्यवाद</p>"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<p>one<br>two<br/>three</p>", "<p>one<br>two<br>three</p>"),
        ("<code>&lt;b&gt;</code>", "<code>&lt;b&gt;</code>"),
        ("<span style='color:red'>red</span>", "red"),
        ("<p class=MsoNormal>Word</p><o:p></o:p>", "<p>Word</p>"),
        ("<table><tr><td>1</td><td>2</td></tr></table>", "12"),
        ("", ""),
        ("plain", "plain"),
        ("😀 <b>यश</b>", "😀 <b>यश</b>"),
    ],
)  # fmt: skip
def test_what_people_paste_keeps_its_words(given_html: str, kept: str) -> None:
    assert html.clean(given_html) == kept


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See https://example.in/a?b=1&c=2.", 'https://example.in/a?b=1&amp;c=2"'),
        ("(http://example.in/a)", 'http://example.in/a"'),
        ("HTTPS://EXAMPLE.IN", 'HTTPS://EXAMPLE.IN"'),
        ("https://example.in/क/ख", 'https://example.in/क/ख"'),
        ("first https://a.in, then https://b.in!", 'https://b.in"'),
    ],
)
def test_addresses_in_text_become_links(text: str, shown: str) -> None:
    made = html.text_to_html(text)
    assert f'<a href="{shown}' in made
    assert faults(made) == []


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "ftp://x", "www.example.in", "https://", "http:// x", "mailto:a@b.in"]
)
def test_other_text_becomes_no_link(text: str) -> None:
    assert "<a" not in html.text_to_html(text)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("one\ntwo", "<p>one<br>two</p>"), ("one\r\ntwo", "<p>one<br>two</p>"), ("one\rtwo", "<p>one<br>two</p>"),
        ("one\n\ntwo", "<p>one</p><p>two</p>"), ("one\n  \n\n\ntwo", "<p>one</p><p>two</p>"), ("\n\none\n\n", "<p>one</p>"),
        ("", ""), ("\n \n", ""), ("a\x00b", "<p>ab</p>"), ("<b>", "<p>&lt;b&gt;</p>"), ("\"'&", "<p>&quot;&#x27;&amp;</p>"),
    ],
)  # fmt: skip
def test_lines_and_paragraphs(text: str, made: str) -> None:
    assert html.text_to_html(text) == made
