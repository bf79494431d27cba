from __future__ import annotations

from typing import Any

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import ids, tenancy
from amanat.core.models import LedgerEntry
from amanat.messaging.channels import stop_words, templates
from amanat.messaging.channels.contract import TemplateNews
from amanat.messaging.channels.models import MessageTemplate, TemplateText
from amanat.messaging.channels.templates import TemplateRefused
from amanat.messaging.channels.tests.calls import AT
from amanat.messaging.channels.tests.test_accounts import connect

GOOD: dict[str, Any] = {
    "body": "Namaste {{1}}, your PAN card {{2}} has come today.",
    "variables": ["first_name", "number"],
    "examples": ["Sunita", "1042"],
}


def text(**values: Any) -> tuple[MessageTemplate, TemplateText]:
    template = MessageTemplate(
        id=ids.new(), workspace_id=ids.new(), name="pan_ready", channel="whatsapp", category="utility"
    )
    made = TemplateText(id=ids.new(), workspace_id=template.workspace_id, template=template, language="en")
    for name, value in {**GOOD, **values}.items():
        setattr(template if name in {"category", "name", "channel"} else made, name, value)
    return template, made


def test_a_good_text_has_no_problems() -> None:
    assert templates.problems(*text()) == {}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": "Pan Ready"}),
        ("body", {"body": "   ", "variables": [], "examples": []}),
        ("body", {"body": "x" * 1_025, "variables": [], "examples": []}),
        ("body", {"body": "{{1}}, your PAN card {{2}} has come."}),
        ("body", {"body": "Namaste {{1}}, your card has come, {{2}}"}),
        ("body", {"body": "Namaste {{1}} {{2}}, your PAN card has come."}),
        ("body", {"body": "Namaste {{1}}, your PAN card {{3}} has come."}),
        ("body", {"body": "Namaste {{name}}, it has come.", "variables": [], "examples": []}),
        ("body", {"body": "Namaste {first_name}, your PAN card has come.", "variables": [], "examples": []}),
        ("body", {"body": "Hi {{1}} of {{2}} ok"}),
        ("body", {"body": "Namaste {{1}},\n\n\nyour PAN card {{2}} has come."}),
        ("body", {"body": "Namaste {{1}}, your PAN card {{2}} has come. Flat 20% off today!"}),
        ("body", {"body": "नमस्ते {{1}}, आपका पैन कार्ड {{2}} आ गया। आज 20% छूट है।"}),
        ("header", {"header": "News *now*"}),
        ("header", {"header": "For {{1}}"}),
        ("footer", {"footer": "By {{1}}"}),
        ("variables", {"variables": ["first_name"]}),
        ("examples", {"examples": ["Sunita", " "]}),
        ("buttons", {"buttons": [{"type": "quick_reply", "text": "x" * 26}]}),
        ("buttons", {"buttons": [{"type": "url", "text": "Page", "url": "http://a.in"}]}),
        ("buttons", {"buttons": [{"type": "phone", "text": "Call", "phone": "98220"}]}),
        (
            "buttons",
            {
                "buttons": [
                    {"type": "quick_reply", "text": "a"},
                    {"type": "url", "text": "b", "url": "https://a.in"},
                    {"type": "quick_reply", "text": "c"},
                ]
            },
        ),
        ("subject", {"channel": "email"}),
        ("provider_id", {"channel": "sms"}),
    ],
)
def test_what_the_provider_would_refuse_is_said_at_its_field(field: str, values: dict[str, Any]) -> None:
    assert set(templates.problems(*text(**values))) == {field}


def test_an_offer_may_be_made_where_it_is_called_one() -> None:
    body = "Namaste {{1}}, flat 20% off on your PAN card {{2}} today."
    assert templates.problems(*text(body=body, category="marketing")) == {}


def test_a_text_is_filled_whole() -> None:
    _, made = text(header="PAN", footer="Shree CSC")
    assert templates.filled(made, ["Sunita", "1042"]) == (
        "PAN\n\nNamaste Sunita, your PAN card 1042 has come today.\n\nShree CSC"
    )
    with pytest.raises(IndexError):
        templates.filled(made, ["Sunita"])


def test_a_value_with_braces_is_not_filled_again() -> None:
    _, made = text()
    assert "{{2}}" in templates.filled(made, ["{{2}}", "1042"])


@pytest.mark.usefixtures("db")
def test_a_template_is_written_judged_and_found_by_language(shree: Workspace) -> None:
    with tenancy.inside(shree):
        owner, account = owner_of(shree), connect(shree)
        facts = {"name": "pan_ready", "title": "PAN", "purpose": "service", "category": "utility"}
        template = templates.make(account=None, by=owner, at=AT, channel="whatsapp", **facts)
        with pytest.raises(TemplateRefused):
            templates.make(account=None, by=owner, at=AT, channel="whatsapp", **facts)
        for language in ("en", "hi"):
            templates.write(template=template, language=language, by=owner, at=AT, **GOOD)
        with pytest.raises(TemplateRefused):
            templates.write(template=template, language="hi", by=owner, at=AT, **{**GOOD, "body": ""})
        assert templates.text_for(template, "hi") is None
        for language in ("en", "hi"):
            news = TemplateNews("", "pan_ready", language, "approved")
            assert templates.apply(account=account, news=news, at=AT) is not None
        found = templates.text_for(template, "hi")
        assert found is not None
        assert (found.language, found.body) == ("hi", GOOD["body"])
        assert [getattr(templates.text_for(template, code), "language", "") for code in ("hi-IN", "mr", "en")] == [
            "hi",
            "en",
            "en",
        ]
        templates.write(template=template, language="hi", by=owner, at=AT, **GOOD)  # changed: to be looked at again
        assert getattr(templates.text_for(template, "hi"), "language", "") == "en"
        assert templates.apply(account=account, news=TemplateNews("", "unknown", "en", "approved"), at=AT) is None


@pytest.mark.usefixtures("db")
def test_texts_that_nobody_has_to_look_at_are_ready_at_once(shree: Workspace) -> None:
    with tenancy.inside(shree):
        owner = owner_of(shree)
        template = templates.make(
            account=None, by=owner, at=AT, name="pan", title="", purpose="service", category="utility", channel="email"
        )
        templates.write(template=template, language="en", by=owner, at=AT, subject="Your PAN", **GOOD)
        assert templates.text_for(template, "mr") is not None


SMS: dict[str, Any] = {"channel": "sms", "provider_id": "1107161234567890123"}
LINK = stop_words.address()
OFFER: dict[str, Any] = {
    **SMS, "category": "marketing", "body": f"Namaste {{{{1}}}}, new courses begin on Monday. Stop: {LINK}{{{{2}}}}",
    "variables": ["first_name", "stop_code"], "examples": ["Sunita", stop_words.CODE],
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("provider_id", {"channel": "sms"}, "register"),
        ("registered", {**SMS, "registered": "Namaste {#var#}, your PAN card {#var#} has come."}, "“ today.”"),
        ("examples", {**SMS, "examples": ["x" * 31, "1042"]}, "has 31 characters; the register takes 30 there"),
        ("body", {**SMS, "body": "न" * 671, "variables": [], "examples": []}, "ten parts"),
        ("body", {**OFFER, "body": "Namaste {{1}}, new courses begin on Monday, at {{2}} sharp."}, "must say how"),
        ("body", {**OFFER, "body": "Namaste {{1}}, new courses. STOP to 56161 or {{2}}"}, f"Write {LINK} directly"),
    ],
)
def test_what_the_register_or_the_law_would_refuse_is_said_at_its_field(
    field: str, values: dict[str, Any], words: str
) -> None:
    found = templates.problems(*text(**values))
    assert list(found) == [field]
    assert words in " ".join(found[field])


@pytest.mark.parametrize(
    "values",
    [
        SMS,
        OFFER,
        {**OFFER, "body": "Namaste {{1}}, new courses begin today. STOP to 56161", "variables": ["first_name"],
         "examples": ["Sunita"]},
        {**SMS, "examples": ["x" * 31, "1042"],
         "registered": "Namaste {#var#}{#var#}, your PAN card {#var#} has come today."},
    ],
)  # fmt: skip
def test_a_text_that_says_how_it_ends_and_is_as_registered_has_no_problems(values: dict[str, Any]) -> None:
    assert templates.problems(*text(**values)) == {}


FACTS: dict[str, Any] = {"name": "pan_ready", "title": "PAN", "channel": "whatsapp"}


@pytest.mark.usefixtures("db")
def test_an_offer_is_for_people_who_agreed_to_offers_alone(shree: Workspace) -> None:
    with tenancy.inside(shree):
        owner = owner_of(shree)
        with pytest.raises(TemplateRefused) as refused:
            templates.make(account=None, by=owner, at=AT, purpose="service", category="marketing", **FACTS)
        assert list(refused.value.problems) == ["purpose"]
        assert not MessageTemplate.objects.of(shree).exists()
        made = templates.make(account=None, by=owner, at=AT, purpose="marketing", category="marketing", **FACTS)
        assert made.purpose == "marketing"


@pytest.mark.usefixtures("db")
def test_what_the_provider_counts_a_text_as_is_kept_beside_what_we_call_it(shree: Workspace) -> None:
    with tenancy.inside(shree):
        owner, account = owner_of(shree), connect(shree)
        template = templates.make(account=None, by=owner, at=AT, purpose="service", category="utility", **FACTS)
        templates.write(template=template, language="en", by=owner, at=AT, **GOOD)
        for news in (
            TemplateNews("7", "pan_ready", "en", "approved", category="utility"),
            TemplateNews("7", "pan_ready", "en", "", category="marketing"),
            TemplateNews("7", "pan_ready", "en", "approved"),
        ):
            templates.apply(account=account, news=news, at=AT)
        text = TemplateText.objects.of(shree).get()
        assert (text.state, text.counted_as, text.template.category) == ("approved", "marketing", "utility")
        told = LedgerEntry.objects.of(shree).filter(event="template.recategorized")
        assert [entry.facts for entry in told] == [{"category": "marketing", "language": "en"}]
    shown = signed_in(owner).get(f"/settings/templates/{template.pk}/").content.decode()
    assert "WhatsApp counts this text as: Offer" in shown
    assert "counted as: Offer" in signed_in(owner).get("/settings/templates/").content.decode()


@pytest.mark.usefixtures("db")
def test_a_text_that_leaves_from_one_number_is_judged_by_its_business_alone(shree: Workspace) -> None:
    with tenancy.inside(shree):
        owner, account = owner_of(shree), connect(shree)
        other = connect(shree, "+919822000002")
        other.settings = {**other.settings, "waba_id": "another"}
        other.save()
        template = templates.make(account=account, by=owner, at=AT, purpose="service", category="utility", **FACTS)
        templates.write(template=template, language="en", by=owner, at=AT, **GOOD)
        assert templates.apply(account=other, news=TemplateNews("", "pan_ready", "en", "rejected"), at=AT) is None
        assert templates.apply(account=account, news=TemplateNews("", "pan_ready", "en", "approved"), at=AT) is not None
        with pytest.raises(TemplateRefused) as refused:
            templates.make(
                account=account, by=owner, at=AT, purpose="service", category="utility", **{**FACTS, "channel": "sms"}
            )
        assert list(refused.value.problems) == ["account"]
