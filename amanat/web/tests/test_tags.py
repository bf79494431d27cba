"""The tags of `{% load amanat %}`: what they write, and that hostile text stays text."""

from datetime import date
from html.parser import HTMLParser

import pytest
from django import forms
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings

from amanat.core import clock
from amanat.web import styleguide
from amanat.web.templatetags.amanat import SEALS

HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>"


class Elements(HTMLParser):
    """The names of the elements and attributes that a browser would make of the text."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _value in attrs}


def rendered(source: str, /, **values: object) -> str:
    with timezone.override("Asia/Kolkata"), clock.standing_at(styleguide.NOW):
        return Template("{% load amanat %}" + source).render(Context(values)).strip()


def test_icon_without_label_is_hidden_from_screen_readers() -> None:
    written = rendered("{% icon 'phone' %}")
    assert 'aria-hidden="true"' in written
    assert written.endswith('sprite.svg#phone"></use></svg>')


def test_icon_with_label_is_named() -> None:
    assert 'role="img" aria-label="verified"' in rendered("{% icon 'badge-check' 'verified' %}")


def test_unknown_icon_stops_a_developer(settings: Settings) -> None:
    settings.DEBUG = True
    with pytest.raises(TemplateSyntaxError, match="no-such"):
        rendered("{% icon 'no-such' %}")


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("{{ 120650000|money }}", "₹\u00a012,06,500"),
        ("{{ 25000|money:'paise' }}", "₹\u00a0250.00"),
        ("{{ nothing|money }}", ""),
        ("{{ '+919822041736'|phone }}", "+91 98220 41736"),
        ("{{ nothing|phone }}", ""),
        ("{{ 104218|number }}", "1,04,218"),
        ("{{ now|short_time }}", "21 Nov, 10:10"),
        ("{{ now|recent }}", "Today, 10:10"),
        ("{{ now|ago }}", "just now"),
        ("{{ now|clock_time }}", "10:10"),
        ("{{ day|day }}", "21 Nov 2029"),
        ("{{ day|short_day }}", "21 Nov 2029"),
        ("{{ nothing|ago }}{{ nothing|day }}{{ nothing|recent }}{{ nothing|short_time }}", ""),
        ("{{ 'Sunita Deshmukh'|initials }}", "SD"),
    ],
)
def test_filters(tag: str, written: str) -> None:
    assert rendered(tag, now=styleguide.NOW, day=date(2029, 11, 21), nothing=None) == written


@pytest.mark.parametrize("state", SEALS)
def test_seal_says_its_state_in_words_with_an_icon(state: str) -> None:
    word, icon, tone = SEALS[state]
    written = rendered("{% seal state %}", state=state)
    assert str(word) in written and f"#{icon}" in written and f"seal-{tone}" in written


def test_seal_of_an_unknown_state_is_an_error() -> None:
    with pytest.raises(KeyError):
        rendered("{% seal 'perhaps' %}")


@pytest.mark.parametrize(
    "tag",
    [
        "{% icon 'phone' text %}",
        "<p>{{ text|phone }}",
        "<p>{{ text|initials }}",
        "{% avatar text text %}",
        "{% seal 'kept' text %}",
        "{% include 'web/parts/_toast.html' with text=text tone=text %}",
        "{% include 'web/parts/_empty.html' with icon_name='users' title=text sentence=text action=text action_url=text %}",
        "{% include 'web/parts/_stat_card.html' with label=text figure=text note=text url=text %}",
        "{% include 'web/parts/_timeline_item.html' with icon_name='phone' title=text text=text foot=text at=now %}",
        "{% include 'web/parts/_pager.html' with summary=text next_url=text previous_url=text %}",
        "{% include 'web/parts/_tabs.html' with label=text tabs=tabs %}",
        "{% include 'web/parts/_chips.html' with chips=chips clear_url=text %}",
        "{% include 'web/parts/_menu.html' with menu_id='m' items=items %}",
        "{% include 'web/parts/_progress.html' with title=text url=text stop_url=text done=1 total=2 %}",
        "{% include 'web/parts/_ring.html' with label=text percent=3 %}",
    ],
)
def test_hostile_text_stays_text(tag: str) -> None:
    part = {"label": HOSTILE, "url": HOSTILE, "relation": HOSTILE, "value": HOSTILE, "remove_url": HOSTILE}
    item = part | {"icon": "phone", "confirm": HOSTILE, "by_post": True}
    seen = Elements()
    seen.feed(rendered(tag, text=HOSTILE, now=styleguide.NOW, tabs=[part], chips=[part], items=[item]))
    assert seen.names and not seen.names & {"script", "img"}
    assert [name for name in seen.attributes if name.startswith("on")] == []


class AddressForm(forms.Form):
    town = forms.CharField(help_text="As on the papers.", label=HOSTILE)
    secret = forms.CharField(widget=forms.HiddenInput, required=False)
    kind = forms.ChoiceField(widget=forms.RadioSelect, choices=[("a", "A"), ("b", "B")], required=False)
    agreed = forms.BooleanField(label="Agreed")


def test_field_ties_help_and_error_to_the_control() -> None:
    written = rendered("{% field form.town %}", form=AddressForm({"town": "", "agreed": "on"}))
    assert 'aria-describedby="id_town_helptext id_town_error"' in written
    assert 'id="id_town_helptext"' in written and 'id="id_town_error"' in written
    assert 'aria-invalid="true"' in written
    assert "<script" not in written


def test_field_keeps_what_was_typed() -> None:
    class Short(forms.Form):
        code = forms.CharField(max_length=2)

    written = rendered("{% field form.code %}", form=Short({"code": HOSTILE}))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written and "<script" not in written


def test_field_marks_what_may_be_left_out() -> None:
    form = AddressForm()
    assert "optional" not in rendered("{% field form.town %}", form=form)
    written = rendered("{% field form.kind width='half' %}", form=form)
    assert "optional" in written and "<fieldset" in written and "field-half" in written


def test_hidden_and_ticked_fields() -> None:
    form = AddressForm()
    assert rendered("{% field form.secret %}", form=form) == '<input type="hidden" name="secret" id="id_secret">'
    written = rendered("{% field form.agreed %}", form=form)
    assert '<label class="check" for="id_agreed">' in written and 'id="id_agreed"' in written


@pytest.mark.parametrize(
    ("address", "tag", "written"),
    [
        ("/?a=1&after=9", "{% query_with a=2 %}", "?a=2"),
        ("/?a=1", "{% query_with after='x y' %}", "?a=1&amp;after=x+y"),
        ("/?a=1&b=2", "{% query_with b=None %}", "?a=1"),
        ("/?q=%3Cscript%3E", "{% query_with a=1 %}", "?q=%3Cscript%3E&amp;a=1"),
    ],
)
def test_query_with(address: str, tag: str, written: str) -> None:
    assert rendered(tag, request=RequestFactory().get(address)) == written
