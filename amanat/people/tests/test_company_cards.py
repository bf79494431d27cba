"""Companies as contact cards: out, into an address book's words, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_workspace, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.people import companies, contacts, custom_fields, export_formats
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft, CompanyDraft, ContactDraft
from amanat.people.export_records import Records
from amanat.people.importing import ours
from amanat.people.models import Company, Contact, ImportRun
from amanat.people.tests.test_importing_runs import figures, imported

pytestmark = pytest.mark.django_db
VERSIONS = pytest.mark.parametrize("format", ["vcf3", "vcf4"])


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


@pytest.fixture
def elsewhere(db: None) -> Member:
    return owner_of(make_workspace("An empty one"))


def furnish(by: Member) -> None:
    """A firm with all that firms have, and one of its people."""
    with tenancy.inside(by.workspace, actor=by.pk):
        size = custom_fields.add(
            workspace=by.workspace, by=by, at=clock.now(), draft=FieldDraft(label="Size", kind="number", on="company")
        )
        draft = CompanyDraft(
            name="Menon, Sons & Co; Traders", gstin="27AAPFU0939F1ZV", website="https://example.in/a?b=c,d", industry="Retail",
            phones=[("+912022041736", "work"), ("+919822041736", "owner's")], emails=[("shop@example.in", "work")], tags=["VIP; old", "Pune"],
            addresses=[AddressDraft(street="12, MG Road", city="Pune", district="Pune", postal_code="411001", label="shop")],
            notes="Pays late.\nAsk for Asha.", external_id="=F-1", custom={size.key: "12"},
        )  # fmt: skip
        companies.create(workspace=by.workspace, by=by, at=clock.now(), draft=draft)
        person = ContactDraft(name="Asha Menon", phones=[("9822041737", "")], company_name="Menon, Sons & Co; Traders")
        contacts.create(workspace=by.workspace, by=by, at=clock.now(), draft=person)


def exported(by: Member, format: str, *lists: str) -> bytes:
    with tenancy.inside(by.workspace):
        return b"".join(export_formats.in_memory(Records(on, by.workspace_id), format) for on in lists)


def content(by: Member, on: str) -> list[dict[str, Any]]:
    """All records of a sort, by the labels of their fields."""
    with tenancy.inside(by.workspace):
        records = Records(on, by.workspace_id)
        labels = {field.key: field.label for field in records.fields()}
        found = [ours.as_object(on, draft) for draft in records.drafts()]
    return [one | {"custom": {labels[key]: value for key, value in one.get("custom", {}).items()}} for one in found]


@pytest.mark.slow
@VERSIONS
def test_companies_go_out_as_cards_and_come_back_the_same(rekha: Member, elsewhere: Member, format: str) -> None:
    furnish(rekha)
    cards = exported(rekha, format, "company")
    run = imported(elsewhere, cards, name="firms.vcf")
    assert (figures(run), run.options["on"]) == (("done", 1, 0, 0, 0), "company"), run.problem
    assert content(elsewhere, "company") == content(rekha, "company")
    assert figures(imported(elsewhere, cards, name="firms.vcf"))[1:] == (0, 0, 1, 0)
    assert figures(imported(rekha, cards, name="firms.vcf"))[1:] == (0, 0, 1, 0)


@pytest.mark.sampled
@VERSIONS
@pytest.mark.parametrize("order", [("company", "contact"), ("contact", "company")])
def test_people_and_companies_in_one_file_become_what_they_were(
    rekha: Member, elsewhere: Member, format: str, order: tuple[str, str]
) -> None:
    furnish(rekha)
    run = imported(elsewhere, exported(rekha, format, *order), name="all.vcf")
    assert run.state == "done" and run.failed == 0, run.problem
    with tenancy.inside(elsewhere.workspace):
        asha, firm = Contact.objects.of(elsewhere.workspace).get(), Company.objects.of(elsewhere.workspace).get()
    assert (asha.name, asha.company_id, firm.gstin, firm.custom) == (
        "Asha Menon",
        firm.pk,
        "27AAPFU0939F1ZV",
        {"size": 12},
    )


@pytest.mark.sampled
@VERSIONS
def test_a_whole_workspace_as_cards_has_its_companies_and_people(rekha: Member, elsewhere: Member, format: str) -> None:
    furnish(rekha)
    written: list[bytes] = []
    with tenancy.inside(rekha.workspace):
        assert export_formats.of_workspace(rekha.workspace_id, format, _Kept(written.append)) == 2  # type: ignore[arg-type]
    run = imported(elsewhere, b"".join(written), name="everything.vcf")
    assert (run.created, run.failed, set(run.options["lists"])) == (2, 0, {"companies", "contacts"})
    for on in ("company", "contact"):
        assert content(elsewhere, on) == content(rekha, on)


class _Kept:
    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.write = write

    def writelines(self, pieces: Any) -> None:
        for piece in pieces:
            self.write(piece)


@pytest.mark.parametrize("line", ["KIND:org", "X-ABShowAs:COMPANY", "KIND;VALUE=text:ORG"])
def test_cards_of_firms_from_elsewhere_are_companies(rekha: Member, line: str) -> None:
    card = "BEGIN:VCARD\nVERSION:3.0\n{}FN:{}\nORG:Menon Traders\nTEL:982204{}\nBDAY:1980-01-02\nEND:VCARD\n"
    mixed = card.format(f"{line}\n", "Menon Traders", "1736") + card.format("KIND:individual\n", "Asha Menon", "1737")
    run = imported(rekha, mixed, name="phone.vcf", tag="Phone")
    assert figures(run)[1:] == (2, 0, 0, 0)
    with tenancy.inside(rekha.workspace):
        asha, firm = Contact.objects.of(rekha.workspace).get(), Company.objects.of(rekha.workspace).get()
        assert (asha.company_id, firm.name, len(firm.tag_ids)) == (firm.pk, "Menon Traders", 1)
        assert [phone.number for phone in firm.phones.of(rekha.workspace)] == ["+919822041736"]


def test_the_check_says_which_card_is_a_company_and_the_pages_what_cards_cannot_hold(rekha: Member) -> None:
    import io

    from amanat.people.importing import runs

    firm = b"BEGIN:VCARD\nVERSION:4.0\nKIND:org\nFN:Menon Traders\nEND:VCARD\nBEGIN:VCARD\nVERSION:4.0\nFN:Asha\nEND:VCARD\n"
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        run: ImportRun = runs.upload(source=io.BytesIO(firm), name="phone.vcf", by=rekha, at=clock.now())
    client = signed_in(rekha)
    page = client.get(f"/imports/{run.pk}/").content.decode()
    assert page.count('<span class="tag">Company</span>') == 1
    assert "no place for services, payments, tasks and the timeline" in client.get("/exports/").content.decode()
    assert 'value="vcf4"' in client.get("/export/companies/").content.decode()
