"""Templates by hand: what they are filled with, what is typed over it, and what is shown before it goes."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member
from amanat.core import clock, tenancy
from amanat.desk.models import ServiceRecord, Task
from amanat.messaging.channels.models import MessageTemplate, TemplateText
from amanat.messaging.inbox import bodies, picking
from amanat.messaging.inbox.models import Message
from amanat.messaging.inbox.tests.factories import SUNITA, make_account
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact

WORDS = "Dear {{1}}, your {{2}} ({{3}}) is due on {{4}}, {{5}} is open."


@pytest.fixture
def sunita(shree: Workspace) -> Contact:
    return make_contact(shree, "Sunita Deshmukh", phone=SUNITA, language="en")


@pytest.fixture
def text(shree: Workspace) -> TemplateText:
    account = make_account(shree)
    with tenancy.inside(shree):
        template = MessageTemplate.objects.create(
            workspace_id=shree.pk, account=account, name="due", title="Service due", channel="whatsapp",
            purpose="service", category="utility",
        )  # fmt: skip
        return TemplateText.objects.create(
            workspace_id=shree.pk, template=template, language="en", body=WORDS, state="approved",
            variables=["first_name", "service", "acknowledgement", "due_date", "balance"],
        )  # fmt: skip


def service(shree: Workspace, sunita: Contact, title: str, number: int, **fields: Any) -> ServiceRecord:
    with tenancy.inside(shree):
        return ServiceRecord.objects.create(
            workspace_id=shree.pk, contact=sunita, title=title, number=number, fee_paise=25_000, due_on=date(2026, 12, 4),
            acknowledgement=f"8810{number}", **fields,
        )  # fmt: skip


def page(browser: Client, sunita: Contact, about: str = "") -> str:
    answer = browser.get(
        f"/inbox/with/{sunita.pk}/", {"write": "template", "by": "whatsapp", "about": about}, follow=True
    )
    assert answer.status_code == 200
    return str(answer.content.decode())


def read(text: str) -> str:
    """The preview as it is read."""
    return re.sub(r"<[^>]+>", "", text.partition('<p lang="en">Dear')[2].partition("</p>")[0]).replace("\xa0", " ")


@pytest.mark.slow
def test_it_is_filled_with_the_newest_service_and_with_the_one_that_is_chosen(
    browser: Client, shree: Workspace, sunita: Contact, text: TemplateText
) -> None:
    older = service(shree, sunita, "PAN correction", 41)
    service(shree, sunita, "Ration card", 42)
    service(shree, sunita, "Passport", 43, status="cancelled")
    assert read(page(browser, sunita)) == " Sunita, your Ration card (881042) is due on 4 Dec 2026, ₹ 250 is open."
    chosen = page(browser, sunita, f"service:{older.pk}")
    assert "PAN correction (881041)" in read(chosen)
    assert f'<option value="service:{older.pk}" selected>PAN correction · 4 Dec</option>' in chosen
    without = page(browser, sunita, "none")
    assert read(without).startswith(" Sunita, your … (…)")
    assert "Not known of this person: Service, Number from the office" in without


def test_what_is_typed_goes_and_is_shown_before(
    browser: Client, shree: Workspace, sunita: Contact, text: TemplateText
) -> None:
    record = service(shree, sunita, "PAN correction", 41)
    typed = {"v0": "Sunita tai", "v1": "PAN <b>card</b>", "v2": "99\n 88", "v3": "tomorrow", "v4": "₹ 100"}
    url, about = f"/inbox/with/{sunita.pk}/reply/", {"template": str(text.pk), "about": f"service:{record.pk}"}
    refused = browser.post(url, {**about, **typed, "v3": "  "})
    assert refused.status_code == 422
    assert "PAN &lt;b&gt;card&lt;/b&gt;" in refused.content.decode()
    assert browser.post(url, {**about, **typed}).status_code == 303
    with tenancy.inside(shree):
        said = Message.objects.of(shree).get(direction="out")
        assert bodies.open(said) == "Dear Sunita tai, your PAN <b>card</b> (99 88) is due on tomorrow, ₹ 100 is open."


def test_without_typing_it_goes_as_it_was_shown(
    browser: Client, shree: Workspace, sunita: Contact, text: TemplateText
) -> None:
    record = service(shree, sunita, "PAN correction", 41)
    fields = {"template": str(text.pk), "about": f"service:{record.pk}"}
    assert browser.post(f"/inbox/with/{sunita.pk}/reply/", fields).status_code == 303
    with tenancy.inside(shree):
        said = bodies.open(Message.objects.of(shree).get(direction="out")).replace("\xa0", " ")
    assert said == "Dear Sunita, your PAN correction (881041) is due on 4 Dec 2026, ₹ 250 is open."


def test_a_number_is_no_name(browser: Client, shree: Workspace, sunita: Contact, text: TemplateText) -> None:
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=sunita.pk).update(name="98220 41736")
    assert "Not known of this person: First name" in page(browser, sunita)


def test_tasks_are_offered_with_their_day_and_their_service(
    shree: Workspace, rekha: Member, sunita: Contact, text: TemplateText
) -> None:
    record = service(shree, sunita, "PAN correction", 41)
    with tenancy.inside(shree):
        day = clock.today(shree.time_zone) + timedelta(days=3)
        Task.objects.create(workspace_id=shree.pk, contact=sunita, title="Call back", record=record, due_on=day)
        Task.objects.create(workspace_id=shree.pk, contact=sunita, title="Done", due_on=day, done_at=clock.now())
        found = picking.matters(sunita, by=rekha, workspace=shree, now=clock.now())
    assert [one.key.partition(":")[0] for one in found] == ["service", "task"]
    assert (found[1].around.on_day, found[1].around.record) == (day, found[0].around.record)


def test_services_of_others_and_numbers_one_may_not_see_are_not_filled_in(
    shree: Workspace, sunita: Contact, text: TemplateText
) -> None:
    service(shree, sunita, "PAN correction", 41)
    stranger = make_contact(shree, "Somebody else", phone="+919822041799")
    service(shree, stranger, "Passport", 43)
    reader = make_member(shree, Role.AUDITOR)
    with tenancy.inside(shree):
        found = picking.matters(sunita, by=reader, workspace=shree, now=clock.now())
    assert all(one.around.record.acknowledgement == "" for one in found if one.around.record)
    assert not any("Passport" in one.label for one in found)
    assert picking.chosen("service:not-hers", found) is None


def test_the_page_costs_the_same_for_one_and_three_services(
    browser: Client, shree: Workspace, sunita: Contact, text: TemplateText
) -> None:
    costs = []
    for number in (1, 2, 3):
        service(shree, sunita, f"Service {number}", number)
        with CaptureQueriesContext(connection) as said:
            page(browser, sunita)
        costs.append(len(said))
    assert len(set(costs[1:])) == 1
    assert costs[0] >= costs[1]


@pytest.mark.parametrize(("there", "picked"), [(["hi"], "hi"), (["en", "hi"], "en"), (["en", "hi", "mr"], "mr")])
def test_it_is_in_the_language_in_which_a_reminder_would_go(
    shree: Workspace, text: TemplateText, there: list[str], picked: str
) -> None:
    """The person reads Marathi, the shop writes English: what there is only in Hindi is offered too."""
    meera = make_contact(shree, "Meera Sawant", phone="+919822041798", language="mr")
    with tenancy.inside(shree):
        TemplateText.objects.of(shree).filter(pk=text.pk).update(language=there[0])
        for language in there[1:]:
            TemplateText.objects.create(
                workspace_id=shree.pk, template=text.template, language=language, body=WORDS, state="approved",
                variables=text.variables,
            )  # fmt: skip
        found = picking.picks(meera, channel="whatsapp", workspace=shree)
    assert [one.language for one in found] == [picked]
