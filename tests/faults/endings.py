"""Ends that somebody asks for: a workspace that its owner closes, a person erased at her request, and what a law keeps of her."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from tests.faults.travelling import Site, rows
from tests.faults.watches import DAY, GONE, THERE, Stage, Watch, count


def closing(stage: Stage) -> Iterator[Watch]:
    """A workspace that its owner closes; `stage` is one of its own. Outside of it."""
    from amanat.core.tenancy import inside
    from amanat.people.models import Contact
    from amanat.privacy.closing import workspaces
    from amanat.privacy.requests.tests.people import make_person

    with inside(stage.workspace):
        person = make_person(stage.workspace, "Everybody Deshmukh", phone="", email="everybody@example.in")
        workspaces.order(workspace=stage.workspace, by=stage.owner, at=stage.at, books_taken=True)
    table = Contact._meta.db_table

    def look(site: Site) -> str:
        status = site.get(f"/w/{stage.workspace.pk}/privacy/")[0]
        row = rows(f"SELECT count(*) FROM {table} WHERE id = %s", person.pk)[0][0]
        return {(200, 1): THERE, (404, 0): GONE}.get((status, row), f"page {status}, row {row}")

    yield stage.watch("keep.content.until.closure workspace", stage.ends("keep", "content", "until", "closure"), look)


def erasure(stage: Stage) -> Iterator[Watch]:
    """A person erased at her request, when the law that keeps something of her is in force; inside the workspace, at the start of the act.

    What she asked for is done at once; what is kept under law lies sealed and goes on its day. Proofs of what she said go later."""
    from amanat.basis import consent, notices, principals
    from amanat.basis.consent import How
    from amanat.basis.models import Method
    from amanat.privacy.requests import asking, carrying
    from amanat.privacy.requests.tests.people import make_person

    at, here = stage.at, stage.workspace
    person = make_person(here, "Erased Deshmukh", phone="+919822077777", email="erased@example.in")
    notice = notices.show(workspace=here, purposes=["marketing"], language="en", at=at)
    (said,) = consent.give(
        contact=person, purpose="marketing", channels=["sms"], notice=notice, how=How(Method.PHONE, by=stage.owner), at=at
    )  # fmt: skip
    made = asking.open_request(workspace=here, contact=person, kind="erase", how="email", by=stage.owner, at=at)
    carrying.fulfil(request=made, by=stage.owner, at=at)
    asked = stage.ends("keep", "content", "until", "request")
    row = count("SELECT count(*) FROM people_contact WHERE id = %s", person.pk)
    yield stage.watch("keep.content.until.request person", asked, row, early=asked - at, late=timedelta(0))
    sealed = count(
        "SELECT count(*) FROM privacy_sealedrecord WHERE workspace_id = %s AND principal = %s",
        here.pk, principals.digest(person.pk, workspace_id=here.pk),
    )  # fmt: skip
    shred = datetime.combine(stage.ends("vault", "shred").date() + DAY, time(), UTC)
    yield stage.watch("vault.shred sealed record", shred, sealed)
    proof = count("SELECT count(*) FROM basis_consentrecord WHERE id = %s", said.pk)
    ends = stage.ends("keep", "evidence", "until", "relied_on_end")
    yield stage.watch("keep.evidence.until.relied_on_end of an erased person", ends, proof, late=2 * DAY)
    request = count("SELECT count(*) FROM privacy_rightsrequest WHERE id = %s", made.pk)
    yield stage.watch(
        "keep.requests.until.request_closed her request",
        stage.ends("keep", "requests", "until", "request_closed"),
        request,
    )
