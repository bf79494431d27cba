"""An import with a declared source: what the file's people agreed to, where, when, with the file as evidence."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.basis import gate, importing, receipts, suppression
from amanat.basis.models import ConsentRecord, Suppression
from amanat.basis.tests.people import make_contact
from amanat.core import clock, tenancy
from amanat.people.importing import working
from amanat.people.models import Contact, ImportRun

FILE = b"Name,Phone\nAsha Menon,9822041736\nBala Rane,9822041737\nOm Rane,9822041738\n"
AGREED = {
    "agreed": ["marketing.sms", "reminders.sms"],
    "agreed_source": "Fair at Satara, signed lists",
    "agreed_on": "2026-10-02",
}


def brought_in(workspace: Workspace, **options: Any) -> ImportRun:
    """The file uploaded and started by the owner through the pages, then done by its job."""
    client = signed_in(owner_of(workspace))
    client.post("/imports/", {"file": SimpleUploadedFile("fair.csv", io.BytesIO(FILE).read())})
    with tenancy.inside(workspace):
        run = ImportRun.objects.of(workspace).order_by("-created_at")[0]
    answer = client.post(f"/imports/{run.pk}/start/", {"on": "contact", "existing": "update", "act": "start"} | options)
    assert answer.status_code in {302, 303, 422}
    working.work(workspace.pk, run.pk)
    with tenancy.inside(workspace):
        return ImportRun.objects.of(workspace).get(pk=run.pk)


def test_the_page_asks_and_without_an_answer_nobody_agreed(shree: Workspace) -> None:
    run = brought_in(shree)
    assert (run.state, run.created) == ("done", 3)
    with tenancy.inside(shree):
        assert not ConsentRecord.objects.of(shree).exists()


def test_each_person_gets_a_record_that_names_source_day_and_file(shree: Workspace) -> None:
    with tenancy.inside(shree):
        known = make_contact(shree, "Asha Menon", phone="+919822041736")
    run = brought_in(shree, **AGREED)
    with tenancy.inside(shree):
        records = list(ConsentRecord.objects.of(shree).order_by("id"))
        assert len(records) == 6 and {one.method for one in records} == {"file"}
        assert {(one.purpose, one.channel) for one in records} == {("marketing", "sms"), ("reminders", "sms")}
        evidence = records[0].evidence
        assert (evidence["source"], evidence["file"], evidence["import"]) == (
            AGREED["agreed_source"],
            "fair.csv",
            str(run.pk),
        )
        assert len(evidence["sha256"]) == 64 and records[0].at.date().isoformat() == "2026-10-02"
        answer = gate.decide(
            known,
            workspace=shree,
            purpose="marketing",
            channel="sms",
            at=clock.now(),
            today=clock.today("Asia/Kolkata"),
        )
        assert answer.is_agreed


def test_the_record_shows_where_the_yes_came_from_and_no_invented_hour(shree: Workspace) -> None:
    brought_in(shree, **AGREED)
    with tenancy.inside(shree):
        asha = Contact.objects.of(shree).get(name="Asha Menon")
        record = ConsentRecord.objects.of(shree).filter(contact=asha).order_by("id")[0]
        receipt = receipts.address_of(record)
    client = signed_in(owner_of(shree))
    for page in (client.get(f"/contacts/{asha.pk}/choices/"), client.get(receipt)):
        text = page.content.decode()
        assert AGREED["agreed_source"] in text and "2 Oct 2026" in text and "2 Oct 2026, " not in text
    assert client.get(f"{receipt}?format=json").json()["event"]["source"] == AGREED["agreed_source"]


def test_a_file_lifts_no_suppression_and_a_later_no_stands(shree: Workspace) -> None:
    with tenancy.inside(shree):
        suppression.add(
            ["+919822041736"],
            workspace=shree,
            reason=Suppression.Reason.OPT_OUT,
            at=clock.now(),
            purpose="marketing",
            channel="sms",
        )
    brought_in(shree, **AGREED)
    with tenancy.inside(shree):
        people = dict(ConsentRecord.objects.of(shree).values_list("contact__name", "contact_id"))
        today = clock.today("Asia/Kolkata")
        answers = {
            name: gate.decide(
                pk, workspace=shree, purpose="marketing", channel="sms", at=clock.now(), today=today
            ).is_agreed
            for name, pk in people.items()
        }
    assert answers == {"Asha Menon": False, "Bala Rane": True, "Om Rane": True}


def test_going_on_after_a_worker_died_writes_nobody_twice(shree: Workspace) -> None:
    run = brought_in(shree, **AGREED)
    with tenancy.inside(shree):
        ids = list(Contact.objects.of(shree).values_list("pk", flat=True))
        importing.DeclaredConsent().apply(run, ids)
        assert ConsentRecord.objects.of(shree).count() == 6


@pytest.mark.sampled
@pytest.mark.parametrize(
    "changed",
    [
        {"agreed_source": ""},
        {"agreed_on": ""},
        {"agreed_on": "2999-01-01"},
        {"agreed": ["marketing.pigeon"]},
        {"agreed_on": "soon"},
    ],
)
def test_a_yes_from_nowhere_or_of_tomorrow_is_refused_and_nothing_starts(
    shree: Workspace, changed: dict[str, Any]
) -> None:
    run = brought_in(shree, **(AGREED | changed))
    assert run.state == "uploaded"


def test_the_day_of_today_counts_from_now_at_the_latest(shree: Workspace) -> None:
    brought_in(shree, **(AGREED | {"agreed_on": clock.today("Asia/Kolkata").isoformat()}))
    with tenancy.inside(shree):
        assert all(one.at <= clock.now() + timedelta(seconds=1) for one in ConsentRecord.objects.of(shree))
