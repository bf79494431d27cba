"""Consent by a public form and by a personal link, and the receipt that follows."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.basis import capturing, gate, suppression
from amanat.basis.models import ConsentRecord, Objection, Passcode, PublicForm, Submission, Suppression
from amanat.basis.rules import UnknownChannel
from amanat.basis.tests.people import make_contact, mark_on, send_codes
from amanat.core import clock, tenancy
from amanat.core.ids import new
from amanat.core.models import LocalMessage
from amanat.core.tests import texts
from amanat.people.models import Contact
from amanat.publishing.tests.samples import published

PHONE = "+919822041736"


@pytest.fixture
def form(shree: Workspace) -> PublicForm:
    with tenancy.inside(shree):
        return capturing.make_form(
            workspace=shree,
            title="Village fair",
            wanted=[("marketing", "sms"), ("reminders", "sms")],
            by=owner_of(shree),
            at=clock.now(),
        )


def message() -> str:
    return LocalMessage.objects.order_by("-created_at", "-id")[0].body


def code_in(text: str) -> str:
    found = re.search(r"(?<![0-9-])\d{6}(?![0-9-])", text)
    assert found
    return found[0]


def filled(form: PublicForm, **changed: Any) -> tuple[Client, Any]:
    client, url = Client(), f"/w/{form.workspace_id}/forms/{form.pk}/"
    shown = mark_on(client.get(url).content.decode())
    sent = {"name": "Asha Menon", "address": "98220 41736", "wanted": ["marketing.sms"], "shown": shown} | changed
    return client, client.post(url, sent)


def records(workspace: Workspace) -> list[tuple[str, str, str, str]]:
    with tenancy.inside(workspace):
        return list(
            ConsentRecord.objects.of(workspace).order_by("id").values_list("purpose", "channel", "what", "method")
        )


def test_nothing_is_ticked_and_the_notice_is_read_before(form: PublicForm) -> None:
    page = Client().get(f"/w/{form.workspace_id}/forms/{form.pk}/").content.decode()
    assert page.count('type="checkbox"') == 2 and " checked" not in page
    assert "You can say no" in page and "Village fair" in page


def test_the_page_of_the_code_says_that_it_was_sent_and_leads_back_to_the_form(form: PublicForm) -> None:
    client, answer = filled(form)
    page = client.get(answer["Location"]).content.decode()
    assert f'href="/w/{form.workspace_id}/forms/{form.pk}/"' in page
    assert "A code was sent to this address." in page and "knows this address" not in page


def test_nobody_becomes_a_contact_before_the_code_came_back(form: PublicForm, shree: Workspace) -> None:
    client, answer = filled(form)
    assert answer.status_code == 303
    with tenancy.inside(shree):
        assert not Contact.objects.of(shree).exists()
        held = Submission.objects.of(shree).get()
    assert b"Asha" not in bytes(held.given) and b"9822041736" not in bytes(held.given)
    assert records(shree) == []
    done = client.post(answer["Location"], {"code": code_in(message())})
    assert done.status_code == 303
    with tenancy.inside(shree):
        contact = Contact.objects.of(shree).get()
    assert (contact.name, contact.main_phone, contact.source) == ("Asha Menon", PHONE, "person")
    assert records(shree) == [("marketing", "sms", "given", "form")]


def test_the_record_points_to_the_text_she_read_whatever_the_answer_says_of_its_language(
    form: PublicForm, shree: Workspace
) -> None:
    client, url = Client(), f"/w/{shree.pk}/forms/{form.pk}/"
    page = client.get(url, headers={"Accept-Language": "en"}).content.decode()
    sent = {"name": "Asha Menon", "address": "98220 41736", "wanted": ["marketing.sms"], "shown": mark_on(page)}
    answer = client.post(url, sent, headers={"Accept-Language": "mr"})
    client.post(answer["Location"], {"code": code_in(message())}, headers={"Accept-Language": "mr"})
    with tenancy.inside(shree):
        record = ConsentRecord.objects.of(shree).select_related("notice").get()
    assert record.notice is not None and record.notice.language == "en"
    assert record.notice.purposes == ["marketing", "reminders"]  # all that stood on the page, not only what was ticked
    assert all(line in unescape(page) for line in record.notice.text.splitlines())


def test_a_text_that_changed_meanwhile_is_shown_anew_with_her_choices(form: PublicForm, shree: Workspace) -> None:
    client, url = Client(), f"/w/{shree.pk}/forms/{form.pk}/"
    sent = {"name": "Asha Menon", "address": "98220 41736", "wanted": ["marketing.sms"]}
    old = mark_on(client.get(url).content.decode())
    published(shree, at=clock.now() - timedelta(minutes=1))
    answer = client.post(url, sent | {"shown": old})
    page = answer.content.decode()
    assert answer.status_code == 422 and "The text has changed" in page and not LocalMessage.objects.exists()
    assert 'value="Asha Menon"' in page and page.count(" checked") == 1 and mark_on(page) != old
    assert client.post(url, sent | {"shown": mark_on(page)}).status_code == 303


def test_somebody_known_agrees_and_is_not_doubled(form: PublicForm, shree: Workspace) -> None:
    with tenancy.inside(shree):
        make_contact(shree, "Asha M.", phone=PHONE)
    client, answer = filled(form, wanted=["marketing.sms", "reminders.sms"])
    client.post(answer["Location"], {"code": code_in(message())})
    with tenancy.inside(shree):
        contact = Contact.objects.of(shree).get()
        answers = gate.overview(contact, workspace=shree, wanted=[("marketing", "sms"), ("reminders", "sms")], at=clock.now(), today=clock.today("Asia/Kolkata"))  # fmt: skip
    assert contact.name == "Asha M." and all(one.is_agreed for one in answers)


@pytest.mark.slow
def test_a_code_works_once_and_wrong_ones_are_counted(form: PublicForm, shree: Workspace) -> None:
    client, answer = filled(form)
    code = code_in(message())
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert client.post(answer["Location"], {"code": wrong})["Location"] == answer["Location"]
    assert records(shree) == []
    client.post(answer["Location"], {"code": code})
    assert client.post(answer["Location"], {"code": code})["Location"] == f"/w/{shree.pk}/forms/{form.pk}/"
    assert len(records(shree)) == 1
    client, answer = filled(form, address="9822041799")
    code = code_in(message())
    for _try in range(5):
        client.post(answer["Location"], {"code": "x"})
    assert client.post(answer["Location"], {"code": code})["Location"] == f"/w/{shree.pk}/forms/{form.pk}/"
    assert len(records(shree)) == 1


@pytest.mark.sampled
@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"address": "12"}, {"wanted": []}, {"wanted": ["marketing.email"]}, {"wanted": ["law."]}, {"website": "spam"}, {"shown": ""}, {"shown": "en.0.x"}, {"shown": "xx.0.x"}]
)  # fmt: skip
def test_what_makes_no_sense_is_told_and_sends_nothing(
    form: PublicForm, shree: Workspace, wrong: dict[str, Any]
) -> None:
    _client, answer = filled(form, **wrong)
    assert answer.status_code == 422
    assert not LocalMessage.objects.exists()


def test_a_closed_form_and_that_of_others_is_not_there(form: PublicForm, shree: Workspace, other: Workspace) -> None:
    assert Client().get(f"/w/{other.pk}/forms/{form.pk}/").status_code == 404
    with tenancy.inside(shree):
        capturing.close_form(form=form, by=owner_of(shree), at=clock.now())
    assert Client().get(f"/w/{shree.pk}/forms/{form.pk}/").status_code == 404


def test_a_form_asks_only_for_what_the_policy_knows(shree: Workspace) -> None:
    with tenancy.inside(shree), pytest.raises(UnknownChannel):
        capturing.make_form(
            workspace=shree, title="x", wanted=[("marketing", "pigeon")], by=owner_of(shree), at=clock.now()
        )


def test_answers_are_swept_after_a_day(form: PublicForm, shree: Workspace) -> None:
    filled(form)
    with tenancy.inside(shree):
        assert capturing.sweep(shree.pk, at=clock.now() + timedelta(hours=23)) == 0
        assert capturing.sweep(shree.pk, at=clock.now() + timedelta(hours=25)) == 1


def test_the_receipt_names_the_record_the_notice_and_the_way_back(form: PublicForm, shree: Workspace) -> None:
    client, answer = filled(form)
    done = client.post(answer["Location"], {"code": code_in(message())})
    said = message()
    assert f"/w/{shree.pk}/choices/" in said and done["Location"] in said
    page = Client().get(done["Location"]).content.decode()
    with tenancy.inside(shree):
        record = ConsentRecord.objects.of(shree).select_related("notice").get()
    assert str(record.pk) in page and "Asha" not in page and "9822041736" not in page
    found = Client().get(f"{done['Location']}?format=json").json()
    assert found["schema"] == "ISO/IEC TS 27560:2023" and found["record"] == str(record.pk)
    assert record.notice is not None and found["notice"]["sha256"] == record.notice.digest


def test_a_receipt_of_another_workspace_or_a_forged_one_is_not_there(
    form: PublicForm, shree: Workspace, other: Workspace
) -> None:
    client, answer = filled(form)
    where = client.post(answer["Location"], {"code": code_in(message())})["Location"]
    assert Client().get(where.replace(str(shree.pk), str(other.pk))).status_code == 404
    assert Client().get(where[:-3] + "xx/").status_code == 404
    assert Client().get(f"/w/{shree.pk}/receipts/{new()}/").status_code == 404


def test_a_personal_link_opens_with_the_code_beside_it_for_three_days(shree: Workspace) -> None:
    with tenancy.inside(shree):
        asha = make_contact(shree, "Asha Menon", phone=PHONE)
    member = signed_in(make_member(shree))
    assert member.post(f"/contacts/{asha.pk}/choices/link/").status_code == 303
    said = message()
    where = re.search(r"https?://[^/]+(/w/\S+)", said)
    assert where and LocalMessage.objects.get().to == PHONE
    client = Client()
    client.post(where[1], {"code": code_in(said.split("code is")[1])})
    assert client.get(f"/w/{shree.pk}/choices/mine/").status_code == 200
    with tenancy.inside(shree):
        held = Passcode.objects.of(shree).get()
        assert held.ends_at - held.sent_at == timedelta(days=3)


@pytest.mark.parametrize("address", ["98220 41736", "asha@example.in"])
def test_a_code_that_cannot_be_sent_is_said_at_the_address(
    form: PublicForm, shree: Workspace, settings: Any, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    settings.TEXT_SENDER = texts.DOWN

    def refused(mail: EmailMessage) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailMessage, "send", refused)
    _client, answer = filled(form, address=address)
    page = answer.content.decode()
    assert answer.status_code == 422 and "The code could not be sent." in page and address in page
    with tenancy.inside(shree):
        assert not Submission.objects.of(shree).exists()


def test_a_link_that_cannot_be_sent_is_said_and_not_kept(shree: Workspace, settings: Any) -> None:
    settings.TEXT_SENDER = texts.DOWN
    with tenancy.inside(shree):
        asha = make_contact(shree, "Asha Menon", phone=PHONE)
    page = signed_in(make_member(shree)).post(f"/contacts/{asha.pk}/choices/link/", follow=True).content.decode()
    assert "The link could not be sent." in page and "on its way" not in page
    with tenancy.inside(shree):
        assert not Passcode.objects.of(shree).exists()


def test_a_link_needs_an_address_and_a_member_who_may_write(shree: Workspace) -> None:
    with tenancy.inside(shree):
        nobody, asha = make_contact(shree, "Om Rane"), make_contact(shree, "Asha", phone=PHONE)
    page = signed_in(owner_of(shree)).post(f"/contacts/{nobody.pk}/choices/link/", follow=True).content.decode()
    assert "neither a phone number nor an e-mail address" in page
    assert signed_in(make_member(shree, Role.AUDITOR)).post(f"/contacts/{asha.pk}/choices/link/").status_code == 403
    assert not LocalMessage.objects.exists()


@pytest.mark.slow
def test_the_pages_of_consent_show_counts_reasons_and_no_address(form: PublicForm, shree: Workspace) -> None:
    client, answer = filled(form)
    client.post(answer["Location"], {"code": code_in(message())})
    owner = signed_in(owner_of(shree))
    with tenancy.inside(shree):
        asha = Contact.objects.of(shree).get()
        for purpose, channel in (("marketing", "email"), ("marketing", "sms")):
            gate.decide(asha, workspace=shree, purpose=purpose, channel=channel, at=clock.now(), today=clock.today("Asia/Kolkata"), what="message")  # fmt: skip
        suppression.add(["spam@example.in"], workspace=shree, reason=Suppression.Reason.COMPLAINT, at=clock.now())
    seen = {
        path: owner.get(f"/consent/{path}").content.decode()
        for path in ("", "decisions/", "suppressed/", "notices/", "forms/")
    }
    assert "(SMS)" in seen[""] and "The last twelve weeks" in seen[""]
    assert seen["decisions/"].count("Asha Menon") == 2
    assert "Complained" in seen["suppressed/"] and "spam@" not in seen["suppressed/"]
    assert "SHA-256" in seen["notices/"] and f"/w/{shree.pk}/forms/{form.pk}/" in seen["forms/"]
    assert owner.get("/consent/decisions/?answer=no").content.decode().count("Asha Menon") >= 1
    assert owner.get("/consent/decisions/?reason=restricted").content.decode().count("Asha Menon") == 0
    assert owner.get("/consent/decisions/?on=2020-01-01&purpose=marketing").content.decode().count("Asha Menon") == 0
    assert owner.get("/consent/decisions/?after=rubbish").status_code == 404


@pytest.mark.slow
def test_any_person_purpose_and_moment_is_explained(form: PublicForm, shree: Workspace) -> None:
    client, answer = filled(form)
    client.post(answer["Location"], {"code": code_in(message())})
    owner = signed_in(owner_of(shree))
    now = owner.get("/consent/explain/", {"person": "98220 41736", "wanted": "marketing.email"}).content.decode()
    assert "Asha Menon" in now and "never asked" in now and now.count("Refused") == 1
    before = owner.get(
        "/consent/explain/", {"person": PHONE, "wanted": "marketing.sms", "at": "2020-01-06T12:00"}
    ).content.decode()
    assert "never asked" in before
    assert (
        "Nobody here has"
        in owner.get("/consent/explain/", {"person": "nobody", "wanted": "marketing.sms"}).content.decode()
    )
    assert owner.get("/consent/explain/", {"person": PHONE, "wanted": "no.such", "at": "rubbish"}).status_code == 200


@pytest.mark.slow
def test_decisions_are_paged_by_key(shree: Workspace) -> None:
    owner = owner_of(shree)
    with tenancy.inside(shree):
        people = [make_contact(shree, f"P{number:03}").pk for number in range(60)]
        gate.decide_many(
            people,
            workspace=shree,
            purpose="service",
            at=clock.now(),
            today=clock.today("Asia/Kolkata"),
            what="message",
        )
    first = signed_in(owner).get("/consent/decisions/")
    following = re.search(r'class="button" href="(\?[^"]*after=[^"]*)"', first.content.decode())
    assert following
    second = signed_in(owner).get("/consent/decisions/" + following[1].replace("&amp;", "&"))
    names = [re.findall(r"P\d{3}", page.content.decode()) for page in (first, second)]
    assert (len(names[0]), len(names[1])) == (50, 10) and not set(names[0]) & set(names[1])


def test_only_who_answers_requests_changes_the_list_and_the_forms(shree: Workspace, form: PublicForm) -> None:
    auditor, owner = signed_in(make_member(shree, Role.AUDITOR)), signed_in(owner_of(shree))
    assert auditor.get("/consent/suppressed/").status_code == 200
    assert auditor.post("/consent/suppressed/", {"address": PHONE, "act": "add"}).status_code == 404
    assert auditor.post("/consent/forms/", {"title": "x", "wanted": ["marketing.sms"]}).status_code == 404
    assert auditor.post(f"/consent/forms/{form.pk}/close/").status_code == 403
    assert owner.post("/consent/suppressed/", {"address": "rubbish", "act": "add"}).status_code == 422
    assert owner.post("/consent/suppressed/", {"address": "98220 41736", "act": "add"}).status_code == 303
    with tenancy.inside(shree):
        assert suppression.among([PHONE], workspace=shree, at=clock.now()) == {PHONE: "complaint"}
    owner.post("/consent/suppressed/", {"address": PHONE, "act": "lift"})
    with tenancy.inside(shree):
        assert suppression.among([PHONE], workspace=shree, at=clock.now()) == {}
    assert owner.post("/consent/forms/", {"title": "Fair", "wanted": ["marketing.sms"]}).status_code == 303
    assert owner.post("/consent/forms/", {"title": "", "wanted": []}).status_code == 422
    assert signed_in(make_member(shree)).get("/consent/").status_code == 403


def test_the_browsers_signal_is_written_down_once_as_an_opt_out_of_sale(shree: Workspace) -> None:
    with tenancy.inside(shree):
        make_contact(shree, "Asha Menon", phone=PHONE)
    for _visit in range(2):
        client = Client(headers={"Sec-GPC": "1"})
        answer = client.post(f"/w/{shree.pk}/choices/", {"address": PHONE})
        send_codes()
        client.post(answer["Location"], {"code": code_in(message())})
        assert "Your no is written down" in client.get(f"/w/{shree.pk}/choices/mine/").content.decode()
    with tenancy.inside(shree):
        assert list(Objection.objects.of(shree).values_list("purpose", "what", "method")) == [
            ("sale", "made", "signal")
        ]
    client.post(f"/w/{shree.pk}/choices/mine/", {"act": "no_sale"})
