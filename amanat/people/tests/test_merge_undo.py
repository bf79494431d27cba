"""Merging and its undoing as a law: whatever the two were, afterwards both are what they were, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import TABLE, May, Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tally, tenancy
from amanat.core.schema import workspace_models
from amanat.people import bin as deleted
from amanat.people import companies, contacts, custom_fields, merging, search, timeline, vocabulary
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft, CompanyDraft, ContactDraft
from amanat.people.merging import BOTH, FIELDS, GONE, KEEP, MergeRefused
from amanat.people.models import Company, Contact, Merge, Stage
from amanat.people.tests.factories import make_company, make_contact, make_stage, make_team, narrow_member, owner

_PHONES = st.lists(
    st.tuples(st.sampled_from(["+919822041736", "+919822041737", "+919822041738"]), st.sampled_from(["", "home"])), max_size=3, unique_by=lambda one: one[0]
)  # fmt: skip
_MAILS = st.lists(
    st.tuples(st.sampled_from(["a@b.in", "c@d.in"]), st.sampled_from(["", "work"])),
    max_size=2,
    unique_by=lambda one: one[0],
)
_PLACES = st.lists(
    st.builds(AddressDraft, city=st.sampled_from(["Pune", "Nashik"]), street=st.sampled_from(["", "1 Main"])),
    max_size=2,
)
_SHARED: dict[str, Any] = {
    "name": st.sampled_from(["Asha Menon", "Shri Asha", "आशा", "A"]),
    "phones": _PHONES,
    "emails": _MAILS,
    "addresses": _PLACES,
    "tags": st.lists(st.sampled_from(["VIP", "Farmer", "New"]), max_size=3, unique=True),
    "notes": st.sampled_from(["", "one", "two\nlines"]),
    "follow_up_on": st.sampled_from([None, date(2026, 12, 1), date(2027, 1, 1)]),
    "custom": st.fixed_dictionaries(
        {}, optional={"village": st.sampled_from(["Sinnar", "Niphad"]), "acres": st.sampled_from(["1", "2.5"])}
    ),
}
_CONTACTS = st.fixed_dictionaries(
    _SHARED | {"job_title": st.sampled_from(["", "Farmer"]), "birthday": st.sampled_from([None, date(1990, 2, 28)]), "company_name": st.sampled_from(["", "Dairy", "Motors"]),
               "language": st.sampled_from(["", "mr"])}
)  # fmt: skip
_COMPANIES = st.fixed_dictionaries(
    _SHARED | {"website": st.sampled_from(["", "a.in"]), "industry": st.sampled_from(["", "Milk"]), "gstin": st.sampled_from(["", "27AAPFU0939F1ZV"])}
)  # fmt: skip
_CHOICES = st.dictionaries(
    st.sampled_from([*FIELDS["contact"], *FIELDS["company"], "custom-village", "custom-acres", "nonsense"]), st.sampled_from([KEEP, GONE, BOTH, "evil"]), max_size=6
)  # fmt: skip
_LAW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _everything(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables of people and desk but those that only remember that it happened."""
    left_out = {"people.Merge", "people.LikelyDuplicate"}
    return {
        model._meta.label: list(model.objects.of(workspace).order_by("pk").values())
        for model in workspace_models()
        if model._meta.app_label in {"people", "desk"} and model._meta.label not in left_out
    }


def _fields(rekha: Member) -> None:
    for on in ("contact", "company"):
        for label, kind in (("Village", "text"), ("Acres", "number")):
            custom_fields.add(
                workspace=rekha.workspace, by=rekha, at=clock.now(), draft=FieldDraft(label, kind=kind, on=on)
            )


@contextmanager
def _taken_back() -> Iterator[None]:
    """Each drawn example begins with an empty workspace."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    member = owner(shree)
    with tenancy.inside(shree):
        _fields(member)
    return member


@pytest.mark.slow
@_LAW
@given(first=_CONTACTS, second=_CONTACTS, choices=_CHOICES, lines=st.tuples(st.integers(0, 2), st.integers(0, 2)))
def test_two_contacts_that_were_one_are_two_again_to_the_letter(
    rekha: Member, first: dict[str, Any], second: dict[str, Any], choices: dict[str, str], lines: tuple[int, int]
) -> None:
    with tenancy.inside(rekha.workspace), _taken_back():
        make: Any = contacts.create
        both = [
            make(workspace=rekha.workspace, by=rekha, at=clock.now(), draft=ContactDraft(**said))
            for said in (first, second)
        ]
        _there_and_back(rekha, both, choices, lines)


@pytest.mark.slow
@_LAW
@given(first=_COMPANIES, second=_COMPANIES, choices=_CHOICES, lines=st.tuples(st.integers(0, 2), st.integers(0, 2)))
def test_two_companies_that_were_one_are_two_again_to_the_letter(
    rekha: Member, first: dict[str, Any], second: dict[str, Any], choices: dict[str, str], lines: tuple[int, int]
) -> None:
    with tenancy.inside(rekha.workspace), _taken_back():
        make: Any = companies.create
        both = [
            make(workspace=rekha.workspace, by=rekha, at=clock.now(), draft=CompanyDraft(**said))
            for said in (first, second)
        ]
        for firm in both:
            contacts.create(
                workspace=rekha.workspace,
                by=rekha,
                at=clock.now(),
                draft=ContactDraft(name="Staff", company_id=firm.pk),
            )
        _there_and_back(rekha, both, choices, lines)


def _there_and_back(rekha: Member, both: list[Any], choices: dict[str, str], lines: tuple[int, int]) -> None:
    keep, gone = both
    on = "contact" if isinstance(keep, Contact) else "company"
    for record, amount in zip(both, lines, strict=True):
        for number in range(amount):
            about: dict[str, Any] = {on: record}
            timeline.record(
                workspace=rekha.workspace,
                kind="note",
                summary=f"Note {number}",
                happened_at=clock.now(),
                actor=rekha,
                **about,
            )
    before = _everything(rekha.workspace)
    counted = tally.count(deleted.counted(type(keep)), workspace=rekha.workspace)
    merge = merging.merge(keep=keep, gone=gone, choices=choices, by=rekha, at=clock.now())
    assert type(keep).objects.of(rekha.workspace).get(pk=keep.pk)
    assert not type(keep).objects.of(rekha.workspace).filter(pk=gone.pk).exists()
    assert tally.count(deleted.counted(type(keep)), workspace=rekha.workspace) == counted - 1
    assert merging.undo(merge=merge, by=rekha, at=clock.now()) == []
    assert _everything(rekha.workspace) == before
    assert tally.count(deleted.counted(type(keep)), workspace=rekha.workspace) == counted


@pytest.mark.slow
@_LAW
@given(first=_CONTACTS, second=_CONTACTS)
def test_nothing_anybody_wrote_is_lost_by_a_merge(rekha: Member, first: dict[str, Any], second: dict[str, Any]) -> None:
    with tenancy.inside(rekha.workspace), _taken_back():
        both = [
            contacts.create(workspace=rekha.workspace, by=rekha, at=clock.now(), draft=ContactDraft(**said))
            for said in (first, second)
        ]
        merging.merge(keep=both[0], gone=both[1], choices={}, by=rekha, at=clock.now())
        words = vocabulary.of(rekha.workspace)
        now = Contact.objects.of(rekha.workspace).select_related("company").get(pk=both[0].pk)
        after = contacts.as_draft(now, words)
    numbers = [number for number, _label in (*first["phones"], *second["phones"])]
    assert [number for number, _label in after.phones] == list(dict.fromkeys(numbers))
    assert {mail for mail, _label in after.emails} == {mail for mail, _label in (*first["emails"], *second["emails"])}
    assert {(one.city, one.street) for one in after.addresses} == {
        (one.city, one.street) for one in (*first["addresses"], *second["addresses"])
    }
    assert set(after.tags) == {*first["tags"], *second["tags"]}
    assert all(text in after.notes for text in (first["notes"], second["notes"]))
    for name in ("job_title", "birthday", "company_name", "language", "follow_up_on"):
        assert getattr(after, name) == (first[name] or second[name])
    kept = custom_fields.cleaned_all(words.fields_on("contact"), {**second["custom"], **first["custom"]})
    assert after.custom == kept
    assert (now.main_phone, now.main_email) == (
        after.phones[0][0] if after.phones else "",
        after.emails[0][0] if after.emails else "",
    )


def _two(rekha: Member, **fields: Any) -> tuple[Contact, Contact]:
    keep, gone = (make_contact(rekha.workspace, name, **fields) for name in ("Asha Menon", "Asha R Menon"))
    return keep, gone


def _merge(rekha: Member, keep: Any, gone: Any, **choices: str) -> Merge:
    with tenancy.inside(rekha.workspace):
        return merging.merge(keep=keep, gone=gone, choices=choices, by=rekha, at=clock.now())


def _undo(rekha: Member, merge: Merge, **more: Any) -> list[str]:
    with tenancy.inside(rekha.workspace):
        return merging.undo(merge=merge, by=more.get("by", rekha), at=clock.now())


def test_what_was_changed_since_stays_and_is_named(shree: Workspace, rekha: Member) -> None:
    stage = make_stage(shree)
    keep, gone = _two(rekha)
    merge = _merge(rekha, keep, gone, name=GONE)
    with tenancy.inside(shree):
        contacts.change(
            contact=keep, by=rekha, at=clock.now(), changes={"name": "Asha now", "notes": "new", "stage": stage.pk}
        )
    told = _undo(rekha, merge)
    assert told == ["“name” was changed after the merge and stays as it is."]
    with tenancy.inside(shree):
        now = Contact.objects.of(shree).get(pk=keep.pk)
        assert (now.name, now.notes, now.stage_id, now.sort_name) == ("Asha now", "new", stage.pk, "asha now")
        assert Contact.objects.of(shree).get(pk=gone.pk).name == "Asha R Menon"


def test_what_came_since_stays_with_the_one_that_was_kept(shree: Workspace, rekha: Member) -> None:
    keep, gone = _two(rekha, phone="")
    merge = _merge(rekha, keep, gone)
    with tenancy.inside(shree):
        contacts.change(
            contact=keep, by=rekha, at=clock.now(), changes={"phones": [("9822041799", "")], "tags": ["Since"]}
        )
        timeline.record(workspace=shree, kind="note", summary="Since", happened_at=clock.now(), contact=keep)
    _undo(rekha, merge)
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        drafts = [
            contacts.as_draft(Contact.objects.of(shree).select_related("company").get(pk=pk), words)
            for pk in (keep.pk, gone.pk)
        ]
        assert [(draft.phones, draft.tags) for draft in drafts] == [([("+919822041799", "")], ["Since"]), ([], [])]
        assert "Since" in [line.summary for line in timeline.of(keep)] and "Since" not in [
            line.summary for line in timeline.of(gone)
        ]


def test_a_number_that_was_taken_off_since_is_told_as_missing(shree: Workspace, rekha: Member) -> None:
    keep, gone = _two(rekha)
    merge = _merge(rekha, keep, gone)
    with tenancy.inside(shree):
        contacts.change(contact=keep, by=rekha, at=clock.now(), changes={"phones": [(keep.main_phone, "")]})
    assert _undo(rekha, merge) == ["1 things were removed or moved since, and stay where they are."]


@pytest.mark.slow
def test_a_stage_or_company_that_is_gone_is_told(shree: Workspace, rekha: Member) -> None:
    stage = make_stage(shree)
    firm = make_company(shree, "Dairy")
    keep, gone = make_contact(shree, "Asha"), make_contact(shree, "Asha M", stage=stage.pk, company_id=firm.pk)
    merge = _merge(rekha, keep, gone, stage_id=KEEP, company_id=KEEP)
    with tenancy.inside(shree):
        Stage.objects.of(shree).filter(pk=stage.pk).delete()
        deleted.delete(model=Company, workspace=shree, by=rekha, at=clock.now(), ids=[firm.pk])
        deleted.purge(model=Company, workspace=shree, by=rekha, at=clock.now(), ids=[firm.pk])
    assert _undo(rekha, merge) == [
        "What “company” named is not there any more.",
        "What “stage” named is not there any more.",
    ]
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).values_list("stage_id", "company_id").get(pk=gone.pk) == (None, None)


@pytest.mark.slow
def test_a_merge_is_undone_once_and_in_order(shree: Workspace, rekha: Member) -> None:
    first, second, third = (make_contact(shree, f"Asha {n}") for n in range(3))
    inner = _merge(rekha, second, third)
    outer = _merge(rekha, first, second)
    with pytest.raises(MergeRefused, match="Undo that first"):
        _undo(rekha, inner)
    assert (_undo(rekha, outer), _undo(rekha, inner)) == ([], [])
    with pytest.raises(MergeRefused, match="undone before"):
        _undo(rekha, inner)
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).count() == 3


def test_a_merge_older_than_the_bin_is_not_undone(shree: Workspace, rekha: Member) -> None:
    keep, gone = _two(rekha)
    merge = _merge(rekha, keep, gone)
    with tenancy.inside(shree):
        assert merging.forget_old(shree.pk, at=clock.now() + timedelta(days=29)) == 0
        assert merging.forget_old(shree.pk, at=clock.now() + timedelta(days=31)) == 1
        assert merging.forget_old(shree.pk, at=clock.now() + timedelta(days=31)) == 0
    with pytest.raises(MergeRefused, match="too old"):
        _undo(rekha, merge)


def test_a_merge_whose_kept_one_is_in_the_bin_is_not_undone(shree: Workspace, rekha: Member) -> None:
    keep, gone = _two(rekha)
    merge = _merge(rekha, keep, gone)
    with tenancy.inside(shree):
        deleted.delete(model=Contact, workspace=shree, by=rekha, at=clock.now(), ids=[keep.pk])
    with pytest.raises(MergeRefused, match="not there any more"):
        _undo(rekha, merge)


@pytest.mark.sampled
@pytest.mark.parametrize("role", Role.values)
def test_who_may_merge_and_undo(shree: Workspace, rekha: Member, role: str) -> None:
    member = make_member(shree, role, name="Asha")
    keep, gone = _two(rekha)
    other = _merge(rekha, *_two(rekha))
    may = May.MERGE_CONTACTS in TABLE[role]
    with tenancy.inside(shree):
        for act in (
            lambda: merging.merge(keep=keep, gone=gone, choices={}, by=member, at=clock.now()),
            lambda: merging.undo(merge=other, by=member, at=clock.now()),
        ):
            if may:
                act()
            else:
                with pytest.raises(MergeRefused, match="may not merge"):
                    act()
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).count() == 3


def test_a_limited_member_cannot_merge_what_is_hidden(
    shree: Workspace, rekha: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    monkeypatch.setattr(type(narrow), "may", lambda member, permission: True)
    seen, hidden = make_contact(shree, "Asha", team=team.pk), make_contact(shree, "Asha M")
    for keep, gone in ((seen, hidden), (hidden, seen)):
        with tenancy.inside(shree), pytest.raises(MergeRefused, match="not there any more"):
            merging.merge(keep=keep, gone=gone, choices={}, by=narrow, at=clock.now())
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).count() == 2


def test_search_and_company_follow_a_merge_and_its_undoing(shree: Workspace, rekha: Member) -> None:
    firm = make_company(shree, "Dairy")
    keep, gone = (
        make_contact(shree, "Zubeida", phone="9822041736"),
        make_contact(shree, "Yasmin", phone="9822041737", company_id=firm.pk),
    )

    def hits(query: str) -> list[Any]:
        with tenancy.inside(shree):
            return [hit.id for hit in search.find(query, member=rekha)]

    merge = _merge(rekha, keep, gone)
    assert (hits("9822041737"), hits("yasmin"), hits("zubeida")) == ([keep.pk], [], [keep.pk])
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get().company_id == firm.pk
    _undo(rekha, merge)
    assert (hits("9822041737"), hits("yasmin"), hits("zubeida")) == ([gone.pk], [gone.pk], [keep.pk])


# --- the pages -------------------------------------------------------------------------------------------------------


def test_the_page_of_a_merge_shows_both_values_and_numbers_as_the_record_does(shree: Workspace, rekha: Member) -> None:
    keep = make_contact(
        shree, "Asha", phone="9822041736", notes="one", follow_up_on=date(2026, 12, 1), custom={"village": "Sinnar"}
    )
    gone = make_contact(
        shree,
        "Asha M",
        phone="+14155552671",
        notes="two",
        emails=[("a@b.in", "")],
        addresses=[AddressDraft(city="Pune")],
    )
    browser = signed_in(rekha)
    page = browser.get(_merge_url(keep, gone))
    lines = {line["name"]: (line["kept"], line["lost"], line["chosen"]) for line in page.context["lines"]}
    assert lines == {
        "name": ("Asha", "Asha M", "keep"), "follow_up_on": ("1 Dec 2026", "", "keep"), "notes": ("one", "two", "both"), "custom-village": ("Sinnar", "", "keep"),
    }  # fmt: skip
    assert page.context["united"] == ["+91 98220 41736", "+1 415-555-2671", "a@b.in", "Pune"]


def _merge_url(keep: Any, gone: Any, on: str = "contact") -> str:
    from django.urls import reverse

    return reverse("people:merge", args=[on, keep.pk, gone.pk])


def test_choices_on_the_page_are_the_merge(shree: Workspace, rekha: Member) -> None:
    keep, gone = (
        make_contact(shree, "Asha", notes="one"),
        make_contact(shree, "Asha M", notes="two", job_title="Farmer"),
    )
    sent = {"name": "gone", "notes": "keep", "job_title": "keep", "evil": "gone"}
    answer = signed_in(rekha).post(_merge_url(keep, gone), sent)
    assert (answer.status_code, answer["Location"]) == (302, f"/contacts/{keep.pk}/")
    with tenancy.inside(shree):
        now = Contact.objects.of(shree).get()
    assert (now.name, now.notes, now.job_title) == ("Asha M", "one", "")


@pytest.mark.slow
def test_the_page_refuses_what_cannot_be_merged(shree: Workspace, other: Workspace, rekha: Member) -> None:
    keep, firm, foreign = make_contact(shree), make_company(shree), make_contact(other)
    browser = signed_in(rekha)
    for url in (
        _merge_url(keep, foreign),
        _merge_url(foreign, keep),
        _merge_url(keep, firm),
        _merge_url(keep, firm, "company"),
        _merge_url(keep, keep, "service"),
    ):
        assert browser.get(url).status_code == 404, url
        assert browser.post(url).status_code == 404, url
    told = browser.post(_merge_url(keep, keep), follow=True).text
    assert "Choose two different records of one kind." in told
    auditor = signed_in(make_member(shree, Role.AUDITOR, name="Atul"))
    assert auditor.post(_merge_url(keep, make_contact(shree))).status_code in {403, 404}


@pytest.mark.slow
def test_the_list_of_merges_offers_what_can_be_undone(shree: Workspace, rekha: Member) -> None:
    from django.urls import reverse

    browser = signed_in(rekha)
    assert "Nothing was merged yet" in browser.get(reverse("people:merges")).text
    merge = _merge(rekha, *_two(rekha))
    rows = browser.get(reverse("people:merges")).context["rows"]
    assert [(row["kept"], row["gone"], row["may_undo"]) for row in rows] == [("Asha Menon", "Asha R Menon", True)]
    told = browser.post(reverse("people:merge_undo", args=[merge.pk]), follow=True).text
    assert "They are two again." in told
    rows = browser.get(reverse("people:merges")).context["rows"]
    assert [row["may_undo"] for row in rows] == [False]
    assert "undone before" in browser.post(reverse("people:merge_undo", args=[merge.pk]), follow=True).text


def test_the_other_one_is_found_by_name_or_number(shree: Workspace, rekha: Member) -> None:
    from django.urls import reverse

    one, two = make_contact(shree, "Asha Patil", phone="9822041736"), make_contact(shree, "आशा पाटील")
    third = make_contact(shree, "Zubeida", phone="9822041799")
    browser = signed_in(rekha)
    url = reverse("people:merge_with", args=["contact", one.pk])
    assert [other.pk for other in browser.get(url).context["others"]] == [two.pk]
    assert [other.pk for other in browser.get(url, {"q": "41799"}).context["others"]] == [third.pk]
    assert browser.get(url, {"q": "nobody"}).context["others"] == []


def test_moments_are_written_as_the_database_writes_them() -> None:
    for moment in (
        datetime(2026, 11, 21, 10, 30, tzinfo=clock.now().tzinfo),
        clock.now().replace(microsecond=120000),
        clock.now(),
    ):
        text = merging._as_stored(moment)
        assert datetime.fromisoformat(text) == moment
        assert not text.partition("+")[0].endswith(".")
