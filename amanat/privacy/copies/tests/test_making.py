"""The copy: everything about the person from every package, in each of its forms, and nothing of others."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from pypdf import PdfReader

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.basis import consent, notices
from amanat.basis.consent import How
from amanat.basis.models import Method
from amanat.basis.tests import people
from amanat.core import clock, files, tenancy
from amanat.core.filetypes import FileType
from amanat.core.models import LedgerEntry, StoredFile
from amanat.desk.models import ServiceRecord
from amanat.people import timeline
from amanat.people.tests import factories
from amanat.privacy.copies import making
from amanat.privacy.copies.making import NoSuchCopy
from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import Erasure
from tests.promises import cast

State = PersonCopy.State


def made(workspace: Workspace, contact_id: UUID, language: str = "en") -> PersonCopy:
    with tenancy.inside(workspace):
        copy = making.order(
            workspace=workspace, contact_id=contact_id, language=language, by=owner_of(workspace), at=clock.now()
        )
    result = making.make(copy.pk, workspace_id=workspace.pk)
    assert result is not None and result.state == State.DONE, result
    return result


def opened(workspace: Workspace, copy: PersonCopy) -> zipfile.ZipFile:
    with tenancy.inside(workspace):
        return zipfile.ZipFile(io.BytesIO(b"".join(making.open_for_person(copy.pk, workspace.pk).pieces)))


def machine(archive: zipfile.ZipFile) -> Any:
    return json.loads(archive.read("data.json"))


@pytest.fixture(scope="module")
def _labels() -> set[str]:
    return {model._meta.label for model in apps.get_models()}


@pytest.mark.slow
def test_a_person_with_a_row_in_every_table_gets_each_row_in_each_form(shree: Workspace) -> None:
    rows = cast.fill(shree)
    her = rows["people.Contact"]
    archive = opened(shree, made(shree, her.pk))
    names = set(archive.namelist())
    assert {"copy.html", "copy.pdf", "data.json", "contact.vcf"} <= names
    tables = {one["table"]: one for one in machine(archive)["tables"]}
    assert {"people.Phone", "people.Interaction", "desk.ServiceRecord", "desk.Paper", "basis.ConsentRecord"} <= set(
        tables
    )
    assert {f"tables/{label}.csv" for label in tables} <= names
    page = archive.read("copy.html").decode()
    for label, table in tables.items():
        [row] = [one for one in table["rows"] if one["id"] == str(rows[label].pk)]
        csv = archive.read(f"tables/{label}.csv").decode()
        for name, kind in table["fields"].items():
            value = row[name]
            if kind and isinstance(value, str) and value.startswith(cast.CANARY):
                assert value in csv, (label, name)
                assert value in page or label in {"people.SearchEntry"} or name in {"sort_name"}, (label, name)
    assert archive.read(next(name for name in names if name.startswith("files/"))).decode() == cast.FILE_TEXT


def test_every_value_says_what_kind_of_data_it_is(shree: Workspace) -> None:
    her = factories.make_contact(shree, phone="+919822041736")
    tables = {one["table"]: one for one in machine(opened(shree, made(shree, her.pk)))["tables"]}
    assert tables["people.Phone"]["fields"]["number"] == "pd:TelephoneNumber"
    assert tables["people.Phone"]["rows"][0]["number"] == "+919822041736"
    assert tables["people.Contact"]["fields"]["source"] is None


def test_the_copy_says_purposes_recipients_sources_periods_and_choices(shree: Workspace) -> None:
    her = factories.make_contact(shree, phone="+919822041736")
    said = machine(opened(shree, made(shree, her.pk)))
    service = next(one for one in said["purposes"] if one["purpose"] == "service")
    assert service["dpv"] == "dpv:ServiceProvision"
    assert list(service["basis"].values()) == ["s7a"]  # an Indian number: neither European nor Californian law
    assert {one["recipient"] for one in said["recipients"]} >= {"hosting", "mail", "authority"}
    assert {one["value"] for one in said["sources"]} == {her.name, "+919822041736"}
    assert said["retention"]["people.Contact"]["until"]["request"] == "P30D"
    marketing = [one for one in said["choices"] if one["purpose"] == "marketing"]
    assert {one["reason"] for one in marketing} == {"no_consent"}


def test_a_person_in_germany_reads_the_grounds_of_her_law(shree: Workspace) -> None:
    her = factories.make_contact(shree, phone="+4930123456")
    service = next(
        one for one in machine(opened(shree, made(shree, her.pk)))["purposes"] if one["purpose"] == "service"
    )
    assert set(service["basis"].values()) == {"s7a", "A6-1-b"}


@pytest.mark.slow
def test_members_and_others_are_masked_and_she_is_not(shree: Workspace) -> None:
    owner, agent = owner_of(shree), make_member(shree, name="Prakash Jadhav")
    her = factories.make_contact(shree, "Sunita Deshmukh", phone="+919822041736")
    factories.make_contact(shree, "Vishal Shinde", phone="+919811122233")
    with tenancy.inside(shree):
        timeline.record(
            workspace=shree,
            happened_at=clock.now(),
            kind="note",
            summary="Sunita Deshmukh came with Vishal Shinde",
            contact=her,
            actor=agent,
            body="Call Vishal Shinde on 98111 22233 or vishal@example.in, her own is 98220 41736. Prakash Jadhav knows.",
        )
    archive = opened(shree, made(shree, her.pk))
    whole = (
        archive.read("copy.html").decode()
        + archive.read("data.json").decode()
        + archive.read("tables/people.Interaction.csv").decode()
    )
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(archive.read("copy.pdf"))).pages)
    for secret in ("Vishal", "22233", "vishal@", "Prakash", owner.name):
        assert secret not in whole and secret not in text, secret
    assert "Sunita Deshmukh came with V.S." in whole
    assert "98220 41736" in whole
    assert "Agent (PJ)" in text, text
    rows = next(one for one in machine(archive)["tables"] if one["table"] == "people.Interaction")["rows"]
    [row] = [one for one in rows if one["kind"] == "note"]
    assert row["actor"] == {"role": "Agent", "initials": "PJ"}


def test_the_readable_forms_are_in_her_language(shree: Workspace) -> None:
    her = factories.make_contact(shree, "सुनीता देशमुख")
    archive = opened(shree, made(shree, her.pk, "hi"))
    page = archive.read("copy.html").decode()
    assert 'lang="hi"' in page
    assert "सुनीता देशमुख" in page
    assert "<dt>नाम</dt>" in page and "<dt>Name</dt>" not in page
    assert machine(archive)["language"] == "hi"
    # Sentences, names of laws and languages: nothing that only the program reads.
    assert "संपर्क जोड़ा गया" in page and "said:" not in page and "Contact added" not in page
    assert "(s7a)" in page and ": s7a" not in page


def test_what_she_allowed_does_not_hang_on_the_hour_at_which_the_copy_is_made(shree: Workspace) -> None:
    night = datetime(2026, 12, 1, 20, 0, tzinfo=UTC)
    with clock.standing_at(night):
        with tenancy.inside(shree):
            her = people.make_contact(shree, "Sunita Deshmukh", phone="+919822041736")
            notice = notices.show(workspace=shree, purposes=["reminders"], language="en", at=night)
            consent.give(
                contact=her, purpose="reminders", channels=["whatsapp"], notice=notice, how=How(Method.LINK), at=night
            )
        archive = opened(shree, made(shree, her.pk))
    [one] = [
        one for one in machine(archive)["choices"] if (one["purpose"], one["channel"]) == ("reminders", "whatsapp")
    ]
    assert one["reason"] == "not_now"
    page = archive.read("copy.html").decode()
    assert "<dt>Reminders and updates (WhatsApp)</dt><dd>allowed</dd>" in page


def test_the_page_runs_nothing_and_loads_nothing(shree: Workspace) -> None:
    her = factories.make_contact(shree, "<script>alert(1)</script> Devi")
    page = opened(shree, made(shree, her.pk)).read("copy.html").decode()
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "src=" not in page and "http://" not in page and "https://" not in page


def test_sealed_numbers_are_opened_for_her(shree: Workspace) -> None:
    from amanat.desk import papers

    her, owner = factories.make_contact(shree), owner_of(shree)
    with tenancy.inside(shree):
        papers.attach(
            kind="pan", contact=her, record=None, source=None, name="", number="ABCPE1234F", by=owner, at=clock.now()
        )
    tables = {one["table"]: one for one in machine(opened(shree, made(shree, her.pk)))["tables"]}
    assert tables["desk.Paper"]["rows"][0]["number_sealed"] == "ABCPE1234F"


def test_what_belongs_to_another_person_or_workspace_is_not_in_it(shree: Workspace, other: Workspace) -> None:
    her, him = factories.make_contact(shree), factories.make_contact(shree, "Vishal Shinde", phone="+919811122233")
    factories.make_contact(other, her.name, phone="+919833344455")
    with tenancy.inside(shree):
        ServiceRecord.objects.create(workspace_id=shree.pk, number=1, contact=him, title="Passport of him")
    whole = opened(shree, made(shree, her.pk)).read("data.json").decode()
    assert "Passport of him" not in whole
    assert "9811122233" not in whole and "9833344455" not in whole


def test_the_archive_is_sealed_at_rest(shree: Workspace) -> None:
    from amanat.core import sealedobjects

    her = factories.make_contact(shree, "Sunita Deshmukh")
    copy = made(shree, her.pk)
    with tenancy.inside(shree):
        file = StoredFile.objects.of(shree).get(pk=copy.file_id)
        stored = b"".join(sealedobjects.raw(file.object_name)) if hasattr(sealedobjects, "raw") else b""
    assert file.kind == "copy" and file.content_type == FileType.ZIP
    assert stored[:2] != b"PK"
    assert b"Sunita" not in stored


def test_it_lies_ready_for_the_period_of_the_policy_and_not_a_second_longer(shree: Workspace) -> None:
    copy = made(shree, factories.make_contact(shree).pk)
    assert copy.made_at and copy.expires_at == copy.made_at + timedelta(days=30)
    last, over = copy.expires_at - timedelta(seconds=1), copy.expires_at
    assert making.expire_due(shree.pk, at=last) == 0
    with tenancy.inside(shree):
        assert making.open_for_person(copy.pk, shree.pk, at=last).size > 0
        with pytest.raises(NoSuchCopy):
            making.open_for_person(copy.pk, shree.pk, at=over)
    assert making.expire_due(shree.pk, at=over) == 1
    with tenancy.inside(shree):
        assert PersonCopy.objects.of(shree).get().state == State.EXPIRED
        assert not StoredFile.objects.of(shree).filter(kind="copy").exists()
    assert making.expire_due(shree.pk, at=over) == 0


def test_a_shorter_period_for_answers_shortens_it(shree: Workspace) -> None:
    from amanat.basis import rules
    from amanat.policy.durations import Duration

    with tenancy.inside(shree):
        policy = rules.of(shree.pk).policy
    at = clock.now()
    short = policy.model_copy(update={"rights": policy.rights.model_copy(update={"due": Duration.parse("P7D")})})
    assert making.expiry(short, at) == at + timedelta(days=7)


def test_each_step_is_in_the_ledger(shree: Workspace) -> None:
    her = factories.make_contact(shree)
    opened(shree, made(shree, her.pk))
    with tenancy.inside(shree):
        events = list(
            LedgerEntry.objects.of(shree)
            .filter(about=her.pk, event__startswith="privacy.")
            .order_by("at", "id")
            .values_list("event", flat=True)
        )
    assert events == ["privacy.copy.ordered", "privacy.copy.made", "privacy.copy.taken"]


def test_an_order_for_the_same_request_waits_once(shree: Workspace) -> None:
    her, owner, at = factories.make_contact(shree), owner_of(shree), clock.now()
    with tenancy.inside(shree):
        first = making.order(workspace=shree, contact_id=her.pk, language="en", by=owner, at=at)
        assert making.order(workspace=shree, contact_id=her.pk, language="en", by=owner, at=at).pk == first.pk
    making.make(first.pk, workspace_id=shree.pk)
    with tenancy.inside(shree):
        assert making.order(workspace=shree, contact_id=her.pk, language="en", by=owner, at=at).pk != first.pk


def test_making_twice_writes_once(shree: Workspace) -> None:
    copy = made(shree, factories.make_contact(shree).pk)
    again = making.make(copy.pk, workspace_id=shree.pk)
    assert again is not None and again.file_id == copy.file_id
    with tenancy.inside(shree):
        assert StoredFile.objects.of(shree).filter(kind="copy").count() == 1


def test_a_damaged_file_fails_the_copy_in_words_and_leaves_nothing(shree: Workspace) -> None:
    her, owner = factories.make_contact(shree), owner_of(shree)
    from amanat.people.models import Attachment

    with tenancy.inside(shree):
        file = files.store(b"hello", workspace_id=shree.pk, name="a.txt", by=owner.pk, kind="attachment")
        Attachment.objects.create(workspace_id=shree.pk, contact=her, file=file, name="a.txt", added_by=owner)
        StoredFile.objects.of(shree).filter(pk=file.pk).update(object_name=f"{shree.pk}/{'0' * 32}")
        copy = making.order(workspace=shree, contact_id=her.pk, language="en", by=owner, at=clock.now())
    result = making.make(copy.pk, workspace_id=shree.pk)
    assert result is not None and result.state == State.FAILED and result.problem
    with tenancy.inside(shree):
        assert not StoredFile.objects.of(shree).filter(kind="copy").exists()


def test_an_order_whose_job_was_lost_is_taken_up_again(shree: Workspace) -> None:
    from django.db import connection

    her, at = factories.make_contact(shree), clock.now()
    with tenancy.inside(shree):
        making.order(workspace=shree, contact_id=her.pk, language="en", by=None, at=at)
    later = at + making.LOST_AFTER
    assert making.order_lost_again(shree.pk, at=later) == 0  # its job waits
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name = %s", [making.JOB])
    assert making.order_lost_again(shree.pk, at=later - timedelta(seconds=1)) == 0
    assert making.order_lost_again(shree.pk, at=later) == 1


@pytest.mark.slow
def test_a_new_copy_does_not_pack_the_old_one(shree: Workspace) -> None:
    her = factories.make_contact(shree)
    made(shree, her.pk)
    archive = opened(shree, made(shree, her.pk))
    assert not [name for name in archive.namelist() if name.startswith("files/")]
    assert "privacy.PersonCopy" in {one["table"] for one in machine(archive)["tables"]}


@pytest.mark.slow
def test_the_number_of_statements_does_not_grow_with_the_rows(shree: Workspace) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    her, him = factories.make_contact(shree), factories.make_contact(shree, "Vishal Shinde")
    with tenancy.inside(shree):
        for person, count in ((her, 2), (him, 30)):
            for number in range(count):
                timeline.record(
                    workspace=shree, happened_at=clock.now(), kind="note", summary=f"Came {number}", contact=person
                )
    counts = []
    for person in (her, him):
        with CaptureQueriesContext(
            connection,
        ) as caught:
            made(shree, person.pk)
        counts.append(len(caught))
    assert counts[0] == counts[1] < 90


@pytest.mark.slow
def test_who_has_a_copy_ready_and_another_ordered_can_be_erased(shree: Workspace) -> None:
    her = factories.make_contact(shree, "Sunita Deshmukh")
    ready = made(shree, her.pk)
    with tenancy.inside(shree):
        waiting = making.order(workspace=shree, contact_id=her.pk, language="en", by=None, at=clock.now())
        ordered = erasing.order(
            workspace=shree, contact_ids=[her.pk], because="request", by=None, at=clock.now(), at_once=True
        )
    assert erasing.carry_out(ordered.pk, workspace_id=shree.pk).state == Erasure.State.DONE
    with tenancy.inside(shree):
        found = {one.pk: one for one in PersonCopy.objects.of(shree)}
        assert (found[ready.pk].state, found[ready.pk].file_id) == (State.EXPIRED, None)
        assert found[waiting.pk].state == State.FAILED
        assert {one.contact_id for one in found.values()} == {None}
        assert not StoredFile.objects.of(shree).exists()
