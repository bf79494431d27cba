"""A workspace's file that somebody edited, that meets other rows, or whose worker dies: nothing lost, nothing doubled, all told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from amanat.accounts.models import Member, User, Workspace
from amanat.accounts.tests.factories import make_user, make_workspace, owner_of, signed_in
from amanat.core import clock, ids, tally, tenancy, tombstones
from amanat.desk import payments, services
from amanat.desk.models import Payment, Service, ServiceRecord, Task
from amanat.desk.tests.factories import NOW, make_contact, make_record, make_service
from amanat.desk.tests.test_importing_workspace import (
    LISTS,
    edited,
    everything,
    exported,
    fill,
    lists,
    problems,
    taken,
    undone,
)
from amanat.people import bin as deleted
from amanat.people import contacts
from amanat.people.importing import parts, runs, working
from amanat.people.importing.tables import FileRefused
from amanat.people.models import Company, Contact, ImportChange, ImportRun, Interaction, Stage, Tag
from amanat.people.tests.test_importing_runs import again, queued

pytestmark = pytest.mark.django_db
EMAIL = "rekha.of.shree@example.in"


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def user(db: None) -> User:
    return make_user("Rekha Kulkarni", email=EMAIL)


@pytest.fixture
def rekha(user: User) -> Member:
    """A shop with something of everything."""
    by = owner_of(make_workspace("Here", owner=user))
    with tenancy.inside(by.workspace, actor=by.pk):
        fill(by)
    return by


@pytest.fixture
def there(user: User) -> Member:
    """Her new and empty workspace."""
    return owner_of(make_workspace("There", owner=user))


_written: list[bytes] = []


@pytest.fixture
def content(request: pytest.FixtureRequest) -> bytes:
    """The export of such a shop, written once for all tests: it holds no id of anything that has to be there."""
    if not _written:
        _written.append(exported(request.getfixturevalue("rekha")))
    return _written[0]


def lined(content: bytes) -> list[bytes]:
    return content.split(b"\n")


# --- edited files --------------------------------------------------------------------------------------------------

_BAD: dict[str, list[dict[str, Any]]] = {
    "stages": [{"id": "no id"}, {"key": None}, {"name": "  "}, {"key": "x" * 31}],
    "tags": [{"name": 17}, {"name": "x" * 61}, {"name": None}, {"id": []}],
    "catalogue": [{"name": None}, {"key": ""}, {"key": "x" * 61}, {"name": "x" * 121}],
    "services": [
        {"status": "flying"}, {"fee_paise": -1}, {"fee_paise": "25000"}, {"fee_paise": 1.5}, {"number": 0}, {"number": True},
        {"title": None}, {"contact_id": str(ids.new())}, {"contact_id": None}, {"contact_id": "Sunita"}, {"id": 5}, {"number": 10**13},
    ],
    "payments": [
        {"amount_paise": 0}, {"amount_paise": 10**18}, {"method": "barter"}, {"paid_on": "yesterday"}, {"record_id": str(ids.new())},
        {"record_id": None}, {"amount_paise": 25_001, "cancelled_at": None}, {"amount_paise": -5}, {"paid_on": "2026-02-30"},
    ],
    "tasks": [{"due_on": "31-11-2026"}, {"due_on": None}, {"title": ""}, {"title": "x" * 201}, {"due_on": 20261121}],
    "timeline": [
        {"happened_at": "2026-11-21T04:40:00"}, {"happened_at": "0001-01-01T00:00:00+00:00"}, {"kind": None}, {"happened_at": None},
    ],
}  # fmt: skip
_DOUBTFUL: dict[str, list[tuple[str, Any]]] = {
    "stages": [("position", "first"), ("is_closed", 1), ("position", 10**6)],
    "catalogue": [
        ("usual_days", "soon"), ("documents", "Aadhaar"), ("names", ["x"]), ("fee_paise", "250"), ("position", 10**9),
        ("papers_vanish", "yes"), ("steps", ["x" * 121]), ("validity_months", -1), ("created_at", "no"),
    ],
    "services": [
        ("due_on", "soon"), ("steps", [1]), ("notes", {"a": 1}), ("quantity", -1), ("owner_email", "nobody@example.in"),
        ("custom", []), ("created_at", "2026-11-21"), ("delivered_at", 12), ("custom", {"unknown": 1}), ("custom", {"stamp": "a lot"}),
        ("documents_seen", [None]), ("acknowledgement", "x" * 61), ("service_id", "PAN"), ("papers_vanish", "no"),
    ],
    "tasks": [
        ("due_time", "half past"), ("repeat", {"unit": "eon"}), ("repeat", "daily"), ("assignee_email", "nobody@example.in"),
        ("contact_id", str(ids.new())), ("kind", "party"), ("record_id", str(ids.new())), ("occurrence", 0), ("done_at", "today"),
    ],
    "payments": [("reference", "x" * 61), ("created_at", "no"), ("cancel_reason", 5), ("taken_by_email", "x" * 255)],
    "timeline": [("data", "x"), ("body", "x" * 10_001), ("summary", "x" * 301), ("reference_id", "no id")],
}  # fmt: skip


def another(name: str, record: dict[str, Any], place: int) -> dict[str, Any]:
    """A record like the one given that could be taken beside it."""
    own: dict[str, dict[str, Any]] = {
        "stages": {"key": f"stage-{place}", "name": f"Stage {place}"}, "tags": {"name": f"Tag {place}"},
        "catalogue": {"key": f"service-of-{place}"}, "services": {"number": 1_000 + place},
        "payments": {"cancelled_at": "2026-11-21T04:40:00+00:00", "amount_paise": 100},
    }  # fmt: skip
    kept = {key: value for key, value in record.items() if key not in {"series_id", "repeat"}}
    return kept | {"id": str(ids.new())} | own.get(name, {})


@pytest.mark.slow
@pytest.mark.parametrize("name", list(_BAD))
def test_records_that_cannot_be_taken_are_told_and_all_others_are(there: Member, content: bytes, name: str) -> None:
    def spoil(found: dict[str, Any]) -> None:
        found[name] += [another(name, found[name][0], place) | bad for place, bad in enumerate(_BAD[name])]

    run = taken(there, edited(content, spoil))
    assert (run.state, run.failed) == ("done", len(_BAD[name])), problems(run)
    assert all(is_failure for is_failure, _column, _reason in problems(run))
    assert lists(exported(there)) == lists(content)


@pytest.mark.sampled
@pytest.mark.parametrize("name", list(_DOUBTFUL))
def test_values_that_cannot_be_taken_are_left_out_and_told(there: Member, content: bytes, name: str) -> None:
    def spoil(found: dict[str, Any]) -> None:
        found[name] += [
            another(name, found[name][0], place) | {key: value} for place, (key, value) in enumerate(_DOUBTFUL[name])
        ]

    run = taken(there, edited(content, spoil))
    assert (run.state, run.failed) == ("done", 0), problems(run)
    assert run.options["lists"][name]["created"] >= len(_DOUBTFUL[name])
    told = {column for _is_failure, column, _reason in problems(run)}
    expected = {key for key, value in _DOUBTFUL[name] if not isinstance(value, dict) or key != "custom"}
    assert expected <= told
    assert not any(is_failure for is_failure, _column, _reason in problems(run))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["services", "contacts", "tasks"])
def test_lines_that_are_no_records_are_told(there: Member, content: bytes, name: str) -> None:
    broken = [b"null", b"[]", b"17", b'"text"', b"{", b"{}", b"[" * 5_000, b"\xff\xfe"]
    lines = lined(content)
    place = lines.index(f'"{name}":['.encode()) + 1
    lines[place:place] = [line + b"," for line in broken] + [b""]
    run = taken(there, b"\n".join(lines))
    assert (run.state, run.failed) == ("done", len(broken)), problems(run)
    assert lists(exported(there)) == lists(content)


@pytest.mark.parametrize("name", ["services", "payments", "tasks", "timeline"])
def test_a_file_that_was_cut_off_writes_no_row(there: Member, content: bytes, name: str) -> None:
    lines = lined(content)
    run = queued(there, b"\n".join(lines[: lines.index(f'"{name}":['.encode()) + 2]), name="workspace.json")
    before = everything(there)
    working.work(there.workspace_id, run.pk)
    run = again(run)
    assert (run.state, run.position) == ("failed", 0)
    assert "cut off" in run.problem
    assert everything(there) == before


@pytest.mark.slow
def test_a_program_may_have_written_the_file_anew(there: Member, content: bytes) -> None:
    assert taken(there, edited(content, lambda found: None)).state == "done"
    assert lists(exported(there)) == lists(content)


def test_a_newer_file_is_refused(there: Member, content: bytes) -> None:
    content = content.replace(b'"version": 1', b'"version": 2', 1)
    with pytest.raises(FileRefused, match="newer"):
        queued(there, content, name="workspace.json")


@pytest.mark.parametrize("part", ["contacts", "companies"])
def test_one_list_may_be_chosen(there: Member, content: bytes, part: str) -> None:
    with tenancy.inside(there.workspace, actor=there.pk):
        run = runs.upload(source=_file(content), name="workspace.json", by=there, at=NOW)
        assert run.options["part"] == parts.EVERYTHING
        runs.choose_part(run=run, part=part)
        assert run.options["on"] == ("contact" if part == "contacts" else "company")
        with pytest.raises(FileRefused):
            runs.choose_part(run=run, part="payments")


def _file(content: bytes) -> Any:
    import io

    return io.BytesIO(content)


# --- what is here already ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_person_who_is_here_under_another_id_gets_the_services(there: Member, content: bytes) -> None:
    with tenancy.inside(there.workspace, actor=there.pk):
        mine = make_contact(there, "Sunita D.", external_id="C-1")
    run = taken(there, content)
    assert (run.state, run.failed) == ("done", 0), problems(run)
    with tenancy.inside(there.workspace):
        assert Contact.objects.of(there.workspace).filter(external_id="C-1").count() == 1
        assert ServiceRecord.objects.of(there.workspace).filter(contact=mine).count() == 2
        assert Task.objects.of(there.workspace).get(title="Call her").contact_id == mine.pk
        assert Interaction.objects.of(there.workspace).filter(contact=mine, kind="call").count() == 1
    taken_again = taken(there, content)
    assert (taken_again.created, taken_again.failed) == (0, 0)
    undone(run, there)
    with tenancy.inside(there.workspace):
        assert [one.pk for one in Contact.objects.of(there.workspace).alive()] == [mine.pk]
        assert not ImportChange.objects.of(there.workspace).filter(run=run).exists()


@pytest.mark.slow
def test_numbers_that_are_taken_are_not_given_twice(there: Member, content: bytes) -> None:
    with tenancy.inside(there.workspace, actor=there.pk):
        mine = [make_record(there).number for _ in range(2)]
    assert mine == [1, 2]
    run = taken(there, content)
    assert run.failed == 0, problems(run)
    with tenancy.inside(there.workspace, actor=there.pk):
        numbers = sorted(ServiceRecord.objects.of(there.workspace).values_list("number", flat=True))
        assert numbers == [1, 2, 3, 4, 5, 6]
        assert make_record(there).number == 7


@pytest.mark.slow
def test_a_service_of_the_catalogue_with_the_same_key_is_the_one_that_is_here(there: Member, content: bytes) -> None:
    (key,) = (one["key"] for one in json.loads(content)["catalogue"])
    with tenancy.inside(there.workspace):
        mine = make_service(there.workspace, "Our own PAN")
        Service.objects.of(there.workspace).update(key=key)
    run = taken(there, content)
    assert run.options["lists"]["catalogue"]["unchanged"] == 1
    with tenancy.inside(there.workspace):
        assert [one.pk for one in Service.objects.of(there.workspace)] == [mine.pk]
        assert ServiceRecord.objects.of(there.workspace).filter(service=mine).count() == 2


@pytest.mark.slow
def test_stages_and_tags_with_the_same_name_are_those_that_are_here(there: Member, content: bytes) -> None:
    with tenancy.inside(there.workspace):
        stage = Stage.objects.create(workspace_id=there.workspace_id, key="mine", name="WARM; READY")
        tag = Tag.objects.create(workspace_id=there.workspace_id, key="vip", name="vip")
    taken(there, content)
    with tenancy.inside(there.workspace):
        sunita = Contact.objects.of(there.workspace).get(external_id="C-1")
        assert sunita.stage_id == stage.pk
        assert tag.pk in sunita.tag_ids
        assert Tag.objects.of(there.workspace).count() == Stage.objects.of(there.workspace).count() == 2


@pytest.mark.slow
def test_two_companies_of_one_name_stay_two(rekha: Member, there: Member) -> None:
    from amanat.people import companies
    from amanat.people.drafts import CompanyDraft

    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        first = Company.objects.of(rekha.workspace).get()
        second = companies.create(workspace=rekha.workspace, by=rekha, at=NOW, draft=CompanyDraft(name=first.name))
        om = make_contact(rekha, "Om Kale")
        contacts.change(contact=om, by=rekha, at=NOW, changes={"company_id": second.pk})
    content = exported(rekha)
    taken(there, content)
    assert lists(exported(there)) == lists(content)
    with tenancy.inside(there.workspace):
        assert Contact.objects.of(there.workspace).get(name="Om Kale").company_id == second.pk


@pytest.mark.slow
def test_what_lies_in_the_bin_comes_out_when_its_own_file_comes(rekha: Member) -> None:
    content = exported(rekha)
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        sunita = Contact.objects.of(rekha.workspace).get(external_id="C-1")
        deleted.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=NOW, ids=[sunita.pk])
        before = tally.count("contacts", workspace=rekha.workspace)
    run = taken(rekha, content)
    assert (run.created, run.updated, run.failed) == (0, 1, 0)
    with tenancy.inside(rekha.workspace):
        assert Contact.objects.of(rekha.workspace).alive().filter(pk=sunita.pk).exists()
        assert tally.count("contacts", workspace=rekha.workspace) == before + 1
    undone(run, rekha)
    with tenancy.inside(rekha.workspace):
        assert not Contact.objects.of(rekha.workspace).alive().filter(pk=sunita.pk).exists()
        assert tally.count("contacts", workspace=rekha.workspace) == before


@pytest.mark.slow
def test_who_was_erased_for_good_comes_back_under_another_id(
    there: Member, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restoring an older backup erases again whoever has an id of the tombstones."""
    (sunita,) = (UUID(one["id"]) for one in json.loads(content)["contacts"] if one.get("external_id") == "C-1")

    class Erased(tombstones.Tombstones):
        def __len__(self) -> int:
            return 1

        def ended_at(self, kind: Any, subject: UUID, *, workspace_id: UUID = sunita) -> Any:
            return NOW if (kind, subject, workspace_id) == (kind.CONTACT, sunita, there.workspace_id) else None

    monkeypatch.setattr(tombstones, "read", lambda: Erased({}))
    run = taken(there, content)
    assert run.failed == 0, problems(run)
    with tenancy.inside(there.workspace):
        fresh = Contact.objects.of(there.workspace).get(external_id="C-1")
        assert fresh.pk != sunita
        assert ServiceRecord.objects.of(there.workspace).filter(contact=fresh).count() == 2
    assert taken(there, content).created == 0


@pytest.mark.slow
def test_another_workspace_is_never_reached(rekha: Member, there: Member) -> None:
    """The ids of another workspace's rows are free here; its rows are neither read nor changed."""
    content, before = exported(rekha), everything(rekha)
    taken(there, content)
    with tenancy.inside(there.workspace, actor=there.pk):
        record = ServiceRecord.objects.of(there.workspace).get(acknowledgement="ACK/17")
        services.change(record=record, by=there, at=NOW + timedelta(days=1), notes="only there")
    run = taken(there, content)
    assert run.created == 0
    assert everything(rekha) == before
    with tenancy.inside(there.workspace):
        record.refresh_from_db()
        assert record.notes == "only there"


@pytest.mark.slow
def test_a_file_of_another_member_s_shop_leaves_out_who_is_not_here(db: None, content: bytes) -> None:
    om = owner_of(make_workspace("Om's shop", owner="Om Kale"))
    run = taken(om, content)
    assert (run.state, run.failed) == ("done", 0)
    told = {(column, reason) for _is_failure, column, reason in problems(run)}
    assert {column for column, _reason in told} == {"owner", "owner_email", "assignee_email"}
    with tenancy.inside(om.workspace):
        assert set(ServiceRecord.objects.of(om.workspace).values_list("owner_id", flat=True)) == {None}
        assert set(Payment.objects.of(om.workspace).values_list("taken_by_id", flat=True)) == {None}
        assert ServiceRecord.objects.of(om.workspace).count() == 4


# --- two of the same ---------------------------------------------------------------------------------------------


@pytest.mark.sampled
@pytest.mark.parametrize("name", ["services", "payments", "tasks", "catalogue", "stages", "tags", "timeline"])
def test_a_record_twice_in_the_file_is_written_once(there: Member, content: bytes, name: str) -> None:
    run = taken(there, edited(content, lambda found: found[name].append(found[name][0])))
    assert (run.state, run.failed) == ("done", 0), problems(run)
    assert lists(exported(there)) == lists(content)


@pytest.mark.slow
def test_an_occurrence_that_is_here_under_another_id_is_not_doubled(there: Member, content: bytes) -> None:
    taken(there, content)

    def renamed(found: dict[str, Any]) -> None:
        for task in found["tasks"]:
            if task.get("series_id"):
                task["id"] = str(ids.new())

    assert taken(there, edited(content, renamed)).created == 0
    assert lists(exported(there))["tasks"] == lists(content)["tasks"]


@pytest.mark.slow
def test_payments_that_are_more_than_the_fee_are_refused_one_by_one(there: Member, content: bytes) -> None:
    def more(found: dict[str, Any]) -> None:
        first = found["payments"][0]
        found["payments"] += [{**first, "id": str(ids.new()), "amount_paise": 6_000} for _ in range(3)]

    run = taken(there, edited(content, more))
    assert run.options["lists"]["payments"] == {"created": 4, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 2}
    with tenancy.inside(there.workspace):
        record = ServiceRecord.objects.of(there.workspace).get(acknowledgement="ACK/17")
        assert (record.paid_paise, record.fee_paise) == (21_000, 25_000)


# --- the worker dies -----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What kill -9 is to this process: nothing after it runs, the open transaction is gone."""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before the position", "after the position"])
@pytest.mark.parametrize("batch", range(1, 10))
def test_killed_at_every_edge_nothing_is_lost_or_doubled(
    there: Member, content: bytes, monkeypatch: pytest.MonkeyPatch, moment: str, batch: int
) -> None:
    run = queued(there, content, name="workspace.json")
    real, seen = working._advance, []

    def advance(*arguments: Any, **more: Any) -> None:
        seen.append(arguments[-1])
        if len(seen) == batch and moment == "before the position":
            raise Killed
        real(*arguments, **more)
        if len(seen) == batch:
            raise Killed

    monkeypatch.setattr(working, "_advance", advance)
    with pytest.raises(Killed):
        working.work(there.workspace_id, run.pk)
    assert again(run).position == sum(sum(one.values()) for one in again(run).options.get("lists", {}).values())
    monkeypatch.undo()
    with clock.standing_at(NOW):
        working.work(there.workspace_id, run.pk)
    assert (again(run).state, again(run).failed) == ("done", 0)
    assert lists(exported(there)) == lists(content)


@pytest.mark.slow
@pytest.mark.parametrize("killed_in", range(1, 9))
def test_killed_while_undoing_it_can_be_taken_up(
    there: Member, content: bytes, monkeypatch: pytest.MonkeyPatch, killed_in: int
) -> None:
    from amanat.people.importing import undo

    run = taken(there, content)
    with tenancy.inside(there.workspace, actor=there.pk):
        undo.start(run=again(run), by=there, at=NOW)
    real, seen = undo._count, []

    def count(*arguments: Any, **more: Any) -> None:
        seen.append(more)
        real(*arguments, **more)
        if len(seen) == killed_in:
            raise Killed

    monkeypatch.setattr(undo, "_count", count)
    try:
        undo.work(there.workspace_id, run.pk)
    except Killed:
        monkeypatch.undo()
        with clock.standing_at(NOW):
            undo.work(there.workspace_id, run.pk)
    assert again(run).state == "undone"
    with tenancy.inside(there.workspace):
        assert not ServiceRecord.objects.of(there.workspace).exists()
        assert not Contact.objects.of(there.workspace).alive().exists()
        assert tally.count("collected:2026-11", workspace=there.workspace) == 0


@pytest.mark.slow
def test_stopped_between_two_lists_and_gone_on(there: Member, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    run = queued(there, content, name="workspace.json")
    real = working._advance

    def advance(current: ImportRun, position: int, counts: Any, part: str, **more: Any) -> None:
        real(current, position, counts, part, **more)
        if part == "services":
            runs.stop(run=again(run), by=there, at=NOW)

    monkeypatch.setattr(working, "_advance", advance)
    working.work(there.workspace_id, run.pk)
    assert again(run).state == "stopped"
    with tenancy.inside(there.workspace, actor=there.pk):
        assert not Payment.objects.of(there.workspace).exists()
        runs.go_on(run=again(run), by=there, at=NOW)
    working.work(there.workspace_id, run.pk)
    assert lists(exported(there)) == lists(content)


@pytest.mark.slow
def test_batches_of_one_row_give_the_same(there: Member, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "BATCH", 1)
    run = taken(there, content)
    assert (run.state, run.failed) == ("done", 0), problems(run)
    assert lists(exported(there)) == lists(content)


@pytest.mark.slow
def test_a_row_the_database_refuses_stands_alone_in_any_list(
    there: Member, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = parts.PartBatch.write

    def broken(self: parts.PartBatch, readings: list[Any]) -> Any:
        for reading in readings:
            if reading.values and reading.values.get("title") == "Audit":
                reading.values["due_on"] = "2026-02-30"
        return real(self, readings)

    monkeypatch.setattr(parts.PartBatch, "write", broken)
    run = taken(there, content)
    assert run.options["lists"]["services"] == {"created": 3, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 1}
    assert (True, "", "The database refused this row.") in problems(run)


# --- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_pages_tell_what_is_in_the_file_and_what_came_of_it(there: Member, content: bytes) -> None:
    browser = signed_in(there)
    answer: Any = browser.post("/imports/", {"file": _named(content, "workspace.json")})
    assert answer.status_code in {302, 303}
    page = browser.get(answer.url).content.decode()
    for words in ("What is in the file", "Catalogue", "Services", "Payments", "Tasks", "Timeline", "invite them first"):
        assert words in page, words
    assert "What happens with the rows" not in page
    started = browser.post(f"{answer.url}start/", {"act": "start", "on": "company", "existing": "update"})
    assert started.status_code in {302, 303}, started.content.decode()[:2_000]
    with tenancy.inside(there.workspace):
        run = ImportRun.objects.of(there.workspace).get()
    assert (run.options["on"], run.state) == ("workspace", "queued")
    working.work(there.workspace_id, run.pk)
    report = browser.get(answer.url).content.decode()
    assert "What came of each list" in report and "Every row was taken" in report


def _named(content: bytes, name: str) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile(name, content)


@pytest.mark.slow
def test_the_preview_and_the_report_use_one_word(there: Member, content: bytes) -> None:
    def spoil(found: dict[str, Any]) -> None:
        found["stages"][0]["id"] = "no id"

    browser = signed_in(there)
    answer: Any = browser.post("/imports/", {"file": _named(edited(content, spoil), "workspace.json")})
    preview = browser.get(answer.url).content.decode()
    assert ">Failed</span>" in preview and "Not taken" not in preview
    browser.post(f"{answer.url}start/", {"act": "start", "on": "contact", "existing": "update"})
    with tenancy.inside(there.workspace):
        run = ImportRun.objects.of(there.workspace).get()
    working.work(there.workspace_id, run.pk)
    report = browser.get(answer.url).content.decode()
    assert ">Failed</span>" in report and "Not taken" not in report
    failed = b"".join(browser.get(f"{answer.url}failed/").streaming_content).decode()  # type: ignore[attr-defined]
    assert "Amanat list" in failed and "stages" in failed


@pytest.mark.slow
def test_an_import_of_one_row_and_of_many_asks_the_database_as_often(there: Member, content: bytes) -> None:
    """Statements a batch, not a row: a hundred tasks more cost none more."""

    def many(found: dict[str, Any]) -> None:
        plain = {key: value for key, value in found["tasks"][0].items() if key not in {"series_id", "repeat"}}
        found["tasks"] += [{**plain, "id": str(ids.new())} for _ in range(100)]

    small, large = (statements(there, one) for one in (content, edited(content, many)))
    assert large <= small


def statements(member: Member, content: bytes) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    run = queued(member, content, name="workspace.json")
    with CaptureQueriesContext(connection) as captured:
        working.work(member.workspace_id, run.pk)
    assert again(run).state == "done"
    return len(captured)


def test_all_lists_are_undone_or_stay_on_purpose() -> None:
    """Stages and tags stay, as other rows may use them; a list added later has to say what becomes of it."""
    assert {key for key, part in parts.registered().items() if part.undo is None} == {"stages", "tags"}
    assert set(parts.order()) == {*LISTS, "timeline"}
    assert all(len(part.kind) <= 10 for part in parts.registered().values())


def test_workspace_of_nothing(there: Member, user: User) -> None:
    empty: Workspace = make_workspace("Empty", owner=user)
    with tenancy.inside(empty):
        assert payments.collected_key(NOW.date()) == "collected:2026-11"
    content = exported(owner_of(empty))
    run = taken(there, content)
    assert (run.state, run.failed) == ("done", 0)
