"""The one place where HTML from outside becomes HTML we show: notes, mails, imports.

Allowed is what a note needs. Nothing that loads (pictures, frames, fonts), nothing that styles, nothing that runs.
"""

import re
from collections.abc import Mapping
from html import escape

import nh3

#: Longer input is text, not a note.
MOST_CHARACTERS = 500_000
#: The cleaner's time grows with the square of how deep unknown tags lie in one another; a note has no use for more.
MOST_TAGS = 10_000
_TAGS = {"p", "br", "b", "i", "strong", "em", "ul", "ol", "li", "a", "blockquote", "code", "h3", "h4"}
#: "*" stands for every tag; without it the cleaner leaves `title` and `lang`.
_ATTRIBUTES: dict[str, set[str]] = {"*": set(), "a": {"href"}}
_SCHEMES = {"http", "https", "mailto", "tel"}
_REL = "noopener noreferrer nofollow"
#: Gone with everything inside them, where an unknown tag only loses its brackets.
_WITH_CONTENT = {
    "script",
    "style",
    "title",
    "textarea",
    "noscript",
    "iframe",
    "object",
    "svg",
    "math",
    "template",
    "select",
}
_LINK = re.compile(r"\bhttps?://[^\s<>\"']{1,2000}", re.IGNORECASE)
#: As the cleaner writes them: its attributes stand in double quotes, with no such sign within.
_PICTURE = re.compile(r'<img(?: [a-z]+="[^"]*")*>')
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
_AFTER_LINK = ".,;:!?)]}'\"…"


class TooLong(ValueError):
    """The HTML is longer than a note may be."""


def clean(html: str) -> str:
    """`html` with only what a note may hold; links open no back door (rel) and lead to http, https, mailto or tel."""
    if len(html) > MOST_CHARACTERS:
        raise TooLong(f"A note may have at most {MOST_CHARACTERS:,} characters.")
    if html.count("<") > MOST_TAGS:
        raise TooLong(f"A note may have at most {MOST_TAGS:,} tags.")
    return nh3.clean(
        html.replace("\x00", ""),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        clean_content_tags=_WITH_CONTENT,
        link_rel=_REL,
        url_relative="deny",
    )


def with_links_to_pictures(html: str, *, word: str) -> str:
    """`html`, still to be cleaned, in which each picture that lies elsewhere is a link to it called `word` and what it shows.

    So it is loaded only when somebody opens the link. One of a single point, which counts who reads, is left out.
    """
    if "<img" not in html.lower() or len(html) > MOST_CHARACTERS or html.count("<") > MOST_TAGS:
        return html
    made = nh3.clean(
        html.replace("\x00", ""),
        tags=_TAGS | {"img"},
        attributes={**_ATTRIBUTES, "img": {"src", "alt", "width", "height"}},
        url_schemes=_SCHEMES,
        clean_content_tags=_WITH_CONTENT,
        link_rel=_REL,
        url_relative="deny",
    )
    return _PICTURE.sub(lambda found: _link_to(dict(_ATTRIBUTE.findall(found[0])), word), made)


def _link_to(picture: Mapping[str, str], word: str) -> str:
    source = picture.get("src", "")
    if not source.startswith(("http://", "https://")) or {picture.get("width"), picture.get("height")} & {"0", "1"}:
        return ""
    shown = picture.get("alt", "").strip()
    return f' <a href="{source}">{escape(word)}{f": {shown}" if shown else ""}</a> '


def text_to_html(text: str) -> str:
    """Plain text as paragraphs and line breaks, every character of it harmless, with web addresses as links."""
    lines = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    paragraphs = [paragraph for paragraph in re.split(r"\n[ \t]*\n\s*", lines) if paragraph.strip()]
    return "".join(f"<p>{_linked(paragraph).replace('\n', '<br>')}</p>" for paragraph in paragraphs)


def _linked(text: str) -> str:
    pieces, end = [], 0
    for match in _LINK.finditer(text):
        address = match.group().rstrip(_AFTER_LINK)
        pieces.append(escape(text[end : match.start()]))
        pieces.append(f'<a href="{escape(address)}" rel="{_REL}">{escape(address)}</a>')
        end = match.start() + len(address)
    return "".join([*pieces, escape(text[end:])])
