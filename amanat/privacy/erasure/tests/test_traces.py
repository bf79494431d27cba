"""What is left of a person is found wherever it stands, named by place and count, never by value."""

from __future__ import annotations

import json
import re
from datetime import date
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from amanat.accounts.models import Workspace
from amanat.core import clock, files, ids, tenancy, vault
from amanat.core.models import LocalMessage
from amanat.desk.models import ServiceRecord, Task
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message, ReplyDraft, Thread
from amanat.messaging.outbox import events
from amanat.messaging.outbox.models import ProviderEvent
from amanat.people import timeline
from amanat.people.models import Contact, Email, SearchEntry
from amanat.people.tests import factories
from amanat.privacy.erasure import certificates, erasing, schema, traces
from amanat.privacy.erasure.models import Erasure, ErasureCertificate, ErasureOpenItem
from amanat.privacy.erasure.tests import people
from amanat.privacy.erasure.tests.people import ADDRESS, NAME, NUMBER
from amanat.privacy.erasure.traces import Finding
from amanat.privacy.erasure.wanted import Wanted
from amanat.privacy.requests import details
from amanat.privacy.requests.models import Nomination, RightsRequest

HERS = Wanted(
    names=[NAME.lower()],
    numbers=[NUMBER[-10:]],
    addresses=[ADDRESS],
    codes=["ACK998877"],
    ids=["x"],
    reach=[NUMBER, ADDRESS],
)


def _found(workspace: Workspace, wanted: Wanted = HERS) -> dict[str, int]:
    with tenancy.inside(workspace):
        return {one.place: one.count for one in traces.search(wanted, workspace_id=workspace.pk).findings}


@pytest.mark.parametrize(
    "said",
    [
        "call 98220 41736 again",
        "(+91) 98220-41736",
        "०९८२२०४१७३६",
        f"mail {ADDRESS.upper()}",
        "her slip ack998877",
        f"ask  {NAME} first",
        "ask " + NAME.replace(" ", " \n ") + " first",
        "०९८२२ ०४-१७(३६)",
    ],
)
def test_every_way_of_writing_is_found(shree: Workspace, said: str) -> None:
    him = factories.make_contact(shree, "Vishal Shinde")
    with tenancy.inside(shree):
        Task.objects.create(workspace_id=shree.pk, contact=him, title="Go there", notes=said, due_on=date(2026, 12, 1))
    assert _found(shree) == {"desk.Task.notes": 1}


def test_nothing_is_found_where_nothing_is(shree: Workspace) -> None:
    factories.make_contact(shree, "Zarathustra Other", phone="+919822041737")
    with tenancy.inside(shree):
        searched = traces.search(HERS, workspace_id=shree.pk)
    assert searched.findings == []
    assert searched.is_whole
    assert searched.read["people.Contact"] == 1


def test_large_tables_are_asked_by_their_indexes(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "SMALL", 0)
    monkeypatch.setattr(traces, "_SMALL_BYTES", 0)
    him = factories.make_contact(shree, "Vishal Shinde", notes="wife: 98220 41736")
    with tenancy.inside(shree):
        timeline.record(
            workspace=shree, happened_at=clock.now(), kind="note", summary="x", body=f"to {ADDRESS}", contact=him
        )
        ServiceRecord.objects.create(
            workspace_id=shree.pk, number=1, contact=him, title="PAN", acknowledgement="ACK998877"
        )
        SearchEntry.objects.of(shree).filter(pk=him.pk).update(digits=" 919822041736 ")
        Email.objects.create(workspace_id=shree.pk, contact=him, address=ADDRESS)
        searched = traces.search(HERS, workspace_id=shree.pk)
    assert {one.place for one in searched.findings} == {
        "people.Contact.*", "people.Interaction.*", "desk.ServiceRecord.*", "desk.ServiceRecord.acknowledgement",
        "people.SearchEntry.digits", "people.Email.address",
    }  # fmt: skip
    assert not searched.is_whole
    assert "people.Contact" in searched.asked


def test_indexes_see_no_other_workspace(shree: Workspace, other: Workspace) -> None:
    factories.make_contact(other, "Vishal Shinde", notes=NUMBER)
    with tenancy.inside(shree), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM find_traces(%s, %s, %s)", [["people.Contact"], HERS.tokens, []])
        assert cursor.fetchone() == (0,)
    with tenancy.inside(other), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM find_traces(%s, %s, %s)", [["people.Contact"], HERS.tokens, []])
        assert cursor.fetchone() == (1,)


def test_many_people_are_searched_by_tokens(shree: Workspace) -> None:
    him = factories.make_contact(shree, "Vishal Shinde", notes="98220-41736")
    many = Wanted(numbers=[NUMBER[-10:], "9000000000"], ids=[str(number) for number in range(50)])
    with tenancy.inside(shree):
        found = traces.search(many, workspace_id=shree.pk).findings
    assert found == [Finding("people.Contact.notes", 1, (him.pk,))]


def test_texts_in_files_and_messages_are_read(shree: Workspace) -> None:
    with tenancy.inside(shree):
        kept = files.store(f"Dear {NAME}".encode(), workspace_id=shree.pk, name="a.txt", by=None, kind="attachment")
        LocalMessage.objects.create(channel="sms", to="+919000000000", body=f"about {NUMBER}")
        searched = traces.search(HERS, workspace_id=shree.pk)
    assert Finding("attachment", 1, (kept.pk,), is_file=True) in searched.findings
    assert any(one.place == "core.LocalMessage.body" for one in searched.findings)
    assert searched.files_read == 1


def test_every_table_is_searched_or_left_alone_with_a_reason(shree: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type IN "
            "('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY')"
        )
        tables = {row[0] for row in cursor.fetchall()}
    searched = {table.name for table in traces.catalogue()}
    left = {name for name in tables - searched if name not in traces.LEFT_ALONE}
    assert {"people_contact", "desk_task", "core_localmessage", "procrastinate_jobs"} <= searched
    # Arrays of numbers hold no words.
    assert all(name not in searched for name in left)
    assert left <= {"pg_stat_statements"}


def test_tables_of_free_text_have_their_index(shree: Workspace) -> None:
    labels = {model._meta.label for model in schema.traced()}
    assert {
        "people.Contact",
        "people.Interaction",
        "desk.ServiceRecord",
        "desk.Task",
        "core.IdempotentAnswer",
    } <= labels
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'trace\\_of\\_%'")
        assert cursor.fetchone() == (len(labels),)


def test_whatever_has_tokens_is_in_the_indexes(db: None) -> None:
    """They hold only rows that may have any: a row with a token and outside of them would never be found."""
    said = [
        "call 98220 41736", "०९८२२०४१७३६", "(+91) 98220-41736", "a@b.in", "slip ACK998877", "12 34 56 78", "1-2-3-4-5-6", "AB-12C", "no",
        "", "@", "x12y34z56", "०१२३४५", "9८2२2०",
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT said, trace_tokens(said) <> '{{}}', said {schema.MAY_HAVE_TOKENS} FROM unnest(%s::text[]) AS said",
            [said],
        )
        found = cursor.fetchall()
    assert [text for text, has, may in found if has and not may] == []
    assert sum(has for _text, has, _may in found) >= 6


def test_the_search_of_every_table_goes_through_its_own_index(superuser: psycopg.Connection) -> None:
    """As the role and with the settings of `find_traces`; a table of free text that grows must not be read whole for each erasure."""
    body = schema._find_traces()
    parts = [
        part.strip().removesuffix(";") for part in body.split("RETURN QUERY ")[1].split("\nEND")[0].split("UNION ALL")
    ]
    assert len(parts) == len(schema.traced()) + 1  # the entries of the search besides
    superuser.execute("SET ROLE amanat_search")
    superuser.execute("SET enable_seqscan = off")
    for part in parts:
        asked = part.replace("here", f"'{UUID(int=7)}'::uuid").replace("&& tokens", "&& ARRAY['9822041736']")
        asked = re.sub(r"'[\w.]+' = ANY \(places\) AND ", "", asked)
        asked = asked.replace("ANY (numbers)", "ANY (ARRAY['%9822041736%'])")
        plan = "\n".join(str(row[0]) for row in superuser.execute(f"EXPLAIN {asked}").fetchall())
        table = part.split("FROM ")[1].split()[0].strip('"')
        wanted = "search" if table == "people_searchentry" else f"trace_of_{table}"[:40]
        assert wanted in plan, f"{table} is read whole:\n{plan}"
        assert "Seq Scan" not in plan


def test_look_ups_of_identifiers_go_through_their_indexes(
    committed_db: None, shree: Workspace, superuser: psycopg.Connection
) -> None:
    """In tables that hold something: of an empty one the planner may read any index."""
    for number in range(30):
        who = factories.make_contact(shree, emails=[(f"a{number}@b.in", "")], external_id=f"e{number}")
        with tenancy.inside(shree):
            ServiceRecord.objects.create(
                workspace_id=shree.pk, number=number, contact=who, title="PAN", acknowledgement=f"ACK{number}"
            )  # fmt: skip
    superuser.execute("ANALYZE people_contact, people_phone, people_email, desk_servicerecord")
    superuser.commit()
    labels = {name: name for name, _column, _kind, _which in traces._LOOK_UPS}
    sql, values = traces.look_ups(labels, HERS, workspace_id=shree.pk)
    with tenancy.inside(shree), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {sql}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    for index in ("phone_by_number", "email_by_address", "contact_external_id_once", "service_record_by_ack"):
        assert index in plan, f"{index} is not used:\n{plan}"


def test_an_external_id_is_found_among_the_living_and_in_the_bin(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "SMALL", 0)
    monkeypatch.setattr(traces, "_SMALL_BYTES", 0)
    code = HERS.codes[0]
    living, binned = factories.make_contact(shree, "Vishal Shinde"), factories.make_contact(shree, "Neha Naik")
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=living.pk).update(external_id=code)
        Contact.objects.of(shree).filter(pk=binned.pk).update(external_id=code, deleted_at=clock.now())
        found = {one.place: set(one.rows) for one in traces.search(HERS, workspace_id=shree.pk).findings}
    assert found["people.Contact.external_id"] == {living.pk, binned.pk}


def _with_a_trace(shree: Workspace) -> tuple[Erasure, Contact]:
    her, him = people.make_her(shree), factories.make_contact(shree, "Vishal Shinde", notes=f"brother of {NAME}")
    return people.erase(shree, her), him


def test_a_trace_is_an_open_item_and_no_certificate(shree: Workspace) -> None:
    done, him = _with_a_trace(shree)
    with tenancy.inside(shree):
        item = ErasureOpenItem.objects.of(shree).get()
        assert not ErasureCertificate.objects.of(shree).exists()
    assert done.state == Erasure.State.FAILED
    assert (item.place, item.count, item.rows) == ("people.Contact.notes", 1, [him.pk])
    assert NAME not in f"{item.place}{item.answer}"


@pytest.mark.slow
def test_the_next_search_certifies_what_was_mended(shree: Workspace) -> None:
    done, him = _with_a_trace(shree)
    owner = factories.owner(shree)
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=him.pk).update(notes="")
        assert erasing.search_again(erasure=done, by=owner, at=clock.now())
        ended = erasing.carry_out(done.pk, workspace_id=shree.pk)
        item = ErasureOpenItem.objects.of(shree).get()
    assert ended.state == Erasure.State.DONE
    assert ended.wanted is None
    assert item.closed_at is not None


@pytest.mark.slow
def test_what_somebody_answered_for_is_told_on_the_certificate(shree: Workspace) -> None:
    done, _him = _with_a_trace(shree)
    owner = factories.owner(shree)
    with tenancy.inside(shree):
        item = ErasureOpenItem.objects.of(shree).get()
        certificates.close(item=item, answer="Another person of that name", by=owner, at=clock.now())
        with pytest.raises(certificates.NotOpen):
            certificates.close(item=item, answer="Again", by=owner, at=clock.now())
        erasing.search_again(erasure=done, by=owner, at=clock.now())
        ended = erasing.carry_out(done.pk, workspace_id=shree.pk)
        told = json.loads(ErasureCertificate.objects.of(shree).get().body)
    assert ended.state == Erasure.State.DONE
    assert told["closed_by_people"] == [
        {"place": "people.Contact.notes", "count": 1, "answer": "Another person of that name"}
    ]
    assert NAME.lower() not in json.dumps(told).lower()


@pytest.mark.slow
def test_more_of_it_opens_the_item_again(shree: Workspace) -> None:
    done, _him = _with_a_trace(shree)
    owner = factories.owner(shree)
    with tenancy.inside(shree):
        certificates.close(item=ErasureOpenItem.objects.of(shree).get(), answer="Seen", by=owner, at=clock.now())
    factories.make_contact(shree, "Meena Rao", notes=f"sister of {NAME}")
    with tenancy.inside(shree):
        erasing.search_again(erasure=done, by=owner, at=clock.now())
        assert erasing.carry_out(done.pk, workspace_id=shree.pk).state == Erasure.State.FAILED
        assert ErasureOpenItem.objects.of(shree).get().closed_at is None


@pytest.mark.slow
def test_the_whole_search_confirms_at_night_and_forgets(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    her = people.make_her(shree)
    him = factories.make_contact(shree, "Vishal Shinde")
    with monkeypatch.context() as large:
        large.setattr(traces, "SMALL", 0)
        large.setattr(traces, "_SMALL_BYTES", 0)
        done = people.erase(shree, her)
    assert done.state == Erasure.State.DONE
    assert done.wanted is not None
    with tenancy.inside(shree):
        assert erasing.unconfirmed(shree) == [done.pk]
        Contact.objects.of(shree).filter(pk=him.pk).update(notes=f"friend of {NAME}")
        failed = erasing.confirm(done.pk, workspace_id=shree.pk)
        assert (failed.state, failed.wanted is None) == (Erasure.State.FAILED, False)
        Contact.objects.of(shree).filter(pk=him.pk).update(notes="")
        good = erasing.confirm(done.pk, workspace_id=shree.pk)
        assert (good.state, good.wanted) == (Erasure.State.DONE, None)
        assert erasing.unconfirmed(shree) == []
        searches = list(ErasureCertificate.objects.of(shree).order_by("issued_at").values_list("search", flat=True))
    assert searches == ["indexed", "whole"]


@pytest.mark.slow
def test_a_note_in_the_thread_of_another_and_a_draft_that_name_her_are_open_items(shree: Workspace) -> None:
    scene = people.scene(shree)
    with tenancy.inside(shree):
        other = factories.make_contact(shree, "Prakash Jadhav")
        thread = Thread.objects.create(workspace_id=shree.pk, contact=other, last_at=clock.now())
        notes = []
        about_her = [f"Belongs to {NAME}, call {NUMBER}", f"Ring {NUMBER[3:8]} {NUMBER[8:]}", f"Write to {ADDRESS}"]
        of_others = ["Nothing of anybody", "Has an example of it in gmail.com", "Bring 2 papers, 1 photo"]
        for text in (*about_her, *of_others):
            note = Message(
                id=ids.new(), workspace_id=shree.pk, thread=thread, contact=other, channel="note", direction="note",
                happened_at=clock.now(),
            )  # fmt: skip
            note.body = bodies.seal(text, workspace_id=shree.pk, message_id=note.pk)
            note.save(force_insert=True)
            bodies.words_of(note, text).save(force_insert=True)
            notes.append(note.pk)
        draft = ReplyDraft(workspace_id=shree.pk, thread=thread, member=scene.owner, touched_at=clock.now())
        draft.body = bodies.seal_draft(f"Dear {NAME}", "", draft)
        draft.save(force_insert=True)
    done = people.erase(shree, scene.her, by=scene.owner)
    with tenancy.inside(shree):
        rows = {one.place: one.rows for one in ErasureOpenItem.objects.of(shree).filter(erasure=done)}
    assert rows["messaging.Message.body"] == notes[:3]
    assert rows["messaging.ReplyDraft.body"] == [draft.pk]
    assert done.state == Erasure.State.FAILED


@pytest.mark.slow
def test_an_event_of_a_provider_that_waits_and_names_her_is_dropped_and_others_stay(shree: Workspace) -> None:
    scene = people.scene(shree)
    with tenancy.inside(shree):
        account = ChannelAccount.objects.create(
            workspace_id=shree.pk, channel="sms", provider="msg91", name="SMS", address="SHRCSC"
        )
        for number in (NUMBER, "+919900000000"):
            event = ProviderEvent(
                id=ids.new(), workspace_id=shree.pk, account=account, digest=number.encode(), received_at=clock.now()
            )
            event.payload = vault.seal_text(
                json.dumps({"from": number[1:]}), workspace_id=shree.pk, context=events.place_of_payload(event)
            )
            event.save(force_insert=True)
    people.erase(shree, scene.her, by=scene.owner)
    with tenancy.inside(shree):
        left = ProviderEvent.objects.of(shree).filter(payload__isnull=False)
        assert [bytes(one.digest) for one in left] == [b"+919900000000"]


def test_a_nomination_and_a_request_of_others_that_name_her_are_open_items(shree: Workspace) -> None:
    scene = people.scene(shree)
    with tenancy.inside(shree):
        other = factories.make_contact(shree, "Prakash Jadhav")
        nomination = Nomination(id=ids.new(), workspace_id=shree.pk, contact=other, made_at=clock.now())
        nomination.nominee = vault.seal_text(
            json.dumps({"name": NAME, "address": ""}),
            workspace_id=shree.pk,
            context=details.place_of_nominee(nomination),
        )
        nomination.save(force_insert=True)
        asked = []
        for name in (NAME, "Somebody Else Entirely"):
            request = RightsRequest(
                id=ids.new(), workspace_id=shree.pk, contact=other, kind="access", how="counter", state="revoked", code=b"x",
                received_at=clock.now(), promised_at=clock.now(), due_at=clock.now(),
            )  # fmt: skip
            request.details = details.seal(details.Details(text="Who saw it?", about_name=name), request)
            request.save(force_insert=True)
            asked.append(request.pk)
    done = people.erase(shree, scene.her, by=scene.owner)
    with tenancy.inside(shree):
        rows = {one.place: one.rows for one in ErasureOpenItem.objects.of(shree).filter(erasure=done)}
    assert rows["privacy.Nomination.nominee"] == [nomination.pk]
    assert rows["privacy.RightsRequest.details"] == [asked[0]]
    assert done.state == Erasure.State.FAILED
