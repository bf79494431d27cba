"""Promises of the API, held by every operation: marked, described, and refusing what it must without changing a row."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from amanat import api
from amanat.accounts.api_access import ApiTokens, Needs
from amanat.accounts.api_tokens import Scope
from amanat.accounts.models import Workspace
from amanat.accounts.permissions import TABLE, Role
from amanat.accounts.tests.api_client import PREFIX, Program, owners_program, program
from amanat.accounts.tests.factories import make_member
from amanat.basis import restrictions
from amanat.basis.consent import How
from amanat.basis.models import Method, Restriction
from amanat.core import clock, routes, tenancy
from amanat.core.tenancy import WorkspaceRow
from amanat.desk.models import Payment, ServiceRecord
from amanat.people.models import Contact, ImportRun, Merge
from tests.promises import cast
from tests.promises.cast import CANARY

PROBLEM = "application/problem+json"
#: A body that each operation with one accepts; ids are filled in from the cast.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/members/{member_id}"): {"role": "agent"},
    ("POST", "/invitations"): {"email": "new@example.in"},
    ("POST", "/contacts"): {"name": "Sunita Deshmukh"},
    ("POST", "/contacts/likely-duplicates"): {"name": "Sunita Deshmukh"},
    ("PATCH", "/contacts/{contact_id}"): {"job_title": "Farmer"},
    ("POST", "/contacts/{contact_id}/notes"): {"text": "Asked for the form."},
    ("POST", "/contacts/{contact_id}/withdrawals"): {"purpose": "reminders", "channel": "whatsapp"},
    ("POST", "/companies"): {"name": "Deshmukh Dairy"},
    ("POST", "/companies/likely-duplicates"): {"name": "Deshmukh Dairy"},
    ("PATCH", "/companies/{company_id}"): {"industry": "Dairy"},
    ("POST", "/companies/{company_id}/notes"): {"text": "Asked for the form."},
    ("POST", "/merges"): {"keep_id": "people.Contact", "gone_id": "people.Contact"},
    ("PATCH", "/imports/{run_id}"): {"options": {"existing": "skip"}},
    ("POST", "/exports"): {"scope": "contacts", "format": "csv"},
    ("POST", "/service-records"): {"title": "PAN correction", "contact_id": "people.Contact"},
    ("PATCH", "/service-records/{record_id}"): {"notes": "Bring the slip."},
    ("PUT", "/service-records/{record_id}/status"): {"status": "ready"},
    ("PUT", "/service-records/{record_id}/checklist"): {"steps_done": []},
    ("POST", "/service-records/{record_id}/payments"): {"amount_paise": 1, "method": "cash"},
    ("POST", "/payments/{payment_id}/cancellation"): {"reason": "Entered twice."},
    ("POST", "/requests"): {"kind": "access", "how": "counter", "contact_id": "people.Contact", "is_sure": True},
    ("POST", "/tasks"): {"title": "Call", "due_on": "2026-12-01"},
    ("PATCH", "/tasks/{task_id}"): {"notes": "Evening."},
    ("POST", "/tasks/{task_id}/snooze"): {"until": "2100-01-01"},
    ("POST", "/tasks/{task_id}/cancellation"): {"series": False},
    ("POST", "/cases"): {"subject": "Wrong name", "contact_id": "people.Contact"},
    ("PATCH", "/cases/{case_id}"): {"what": "The card says Deshmuk."},
    ("POST", "/cases/{case_id}/notes"): {"text": "Sent the form again."},
    ("POST", "/cases/{case_id}/closing"): {"outcome": "A new card came."},
    ("POST", "/messages"): {"contact_id": "people.Contact", "channel": "whatsapp", "text": "Your card has come."},
    ("POST", "/threads/{thread_id}/notes"): {"text": "Asked for the form."},
    ("PUT", "/threads/{thread_id}/assignee"): {"member_id": "accounts.Member"},
    ("PATCH", "/threads/{thread_id}"): {"is_closed": True},
    ("PUT", "/messages/{message_id}/reaction"): {"emoji": "👍"},
}
UPLOADS = {("POST", "/imports")}
ROWS = {
    "member_id": "accounts.Member", "invitation_id": "accounts.Invitation", "contact_id": "people.Contact",
    "company_id": "people.Company", "merge_id": "people.Merge", "run_id": "people.ImportRun", "export_id": "people.ExportRun",
    "record_id": "desk.ServiceRecord", "payment_id": "desk.Payment", "task_id": "desk.Task",
    "case_id": "desk.SupportCase",
    "request_id": "privacy.RightsRequest", "thread_id": "messaging.Thread", "message_id": "messaging.Message",
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One operation of the document, with the mark of its function."""

    method: str
    path: str  #: without the prefix
    said: dict[str, Any]
    mark: Needs

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.path

    @property
    def parameters(self) -> set[str]:
        return {each["name"] for each in self.said.get("parameters", []) if each["in"] == "query"}

    def url(self, rows: dict[str, WorkspaceRow]) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: str(rows[ROWS[found[1]]].pk), self.path)

    def body(self, rows: dict[str, WorkspaceRow]) -> dict[str, Any] | None:
        body = BODIES.get(self.key)
        if body is None:
            return None
        return {name: str(rows[value].pk) if name.endswith("_id") else value for name, value in body.items()}

    def send(self, to: Program, rows: dict[str, WorkspaceRow]) -> Any:
        if self.key in UPLOADS:
            return to.upload(self.path, {"file": SimpleUploadedFile("people.csv", b"Name,Phone\nSunita,9822041736\n")})
        return to.send(self.method, self.url(rows), self.body(rows))


@cache
def operations() -> tuple[Operation, ...]:
    document = json.loads(api.document())
    marks = _marks()
    return tuple(
        Operation(method.upper(), path.removeprefix(PREFIX), said, marks[method.upper(), path])
        for path, by_method in document["paths"].items()
        if not path.endswith("openapi.json")
        for method, said in by_method.items()
    )


def _marks() -> dict[tuple[str, str], Needs]:
    found = {}
    for route in routes.table().values():
        if isinstance(route.rule, ApiTokens):
            path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
            found |= {(method, path): mark for method, mark in route.rule.by_method.items()}
    return found


@pytest.fixture
def rows(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, WorkspaceRow]:
    """The workspace filled with canaries; limits out of the way, they have a test of their own."""
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)
    made = cast.fill(shree)
    with tenancy.inside(shree):  # states that rules could have made
        paid = Payment.objects.of(shree).get().amount_paise
        ServiceRecord.objects.of(shree).update(number=10_000, fee_paise=paid + 10_000, paid_paise=paid)
        ImportRun.objects.of(shree).update(state="done", file=None, mapping={"layout": "list", "columns": []})
        Merge.objects.of(shree).update(kept_id=made["people.Contact"].pk)
    return made


def _wrong(response: Any, status: int, operation: Operation, what: str) -> Iterator[str]:
    """What is wrong with a refusal."""
    where = f"{operation.method} {operation.path} with {what}"
    if response.status_code != status:
        yield f"{where}: {response.status_code}, not {status}: {response.content[:200]!r}"
    elif response["Content-Type"] != PROBLEM or json.loads(response.content)["status"] != status:
        yield f"{where}: not a problem"
    elif str(status) not in operation.said["responses"]:
        yield f"{where}: {status} is not described"


@pytest.mark.slow
def test_every_route_of_the_api_is_described_and_every_description_is_a_route() -> None:
    described = {(each.method, PREFIX + each.path) for each in operations()}
    assert described == set(_marks())
    assert len(described) >= 60
    names = [name for name in routes.table() if name.startswith("api:")]
    assert all(len(name) <= 80 for name in names)  # so long is the column of kept answers


def test_every_operation_says_what_it_is_and_how_it_refuses() -> None:
    document = json.loads(api.document())
    assert document["openapi"].startswith("3.1")
    known = {tag["name"] for tag in document["tags"]}
    unsaid = []
    for each in operations():
        said, here = each.said, f"{each.method} {each.path}"
        if not said.get("summary") or set(said.get("tags", ())) - known or len(said.get("tags", ())) != 1:
            unsaid.append(f"{here}: summary or tag")
        if said["security"] != [{"token": [each.mark.scope] if each.mark.scope else []}]:
            unsaid.append(f"{here}: security")
        refusals = {status for status in said["responses"] if status >= "400"}
        if not {"401", "403", "422", "429"} <= refusals or ("{" in each.path) != ("404" in refusals):
            unsaid.append(f"{here}: refusals {sorted(refusals)}")
        if any(PROBLEM not in said["responses"][status]["content"] for status in refusals):
            unsaid.append(f"{here}: problems")
        if each.mark.scope and each.mark.scope not in Scope.values:
            unsaid.append(f"{here}: no such scope")
    assert unsaid == []
    assert len({each.said["operationId"] for each in operations()}) == len(operations())


def test_every_body_is_closed_and_has_a_sample_here() -> None:
    document = json.loads(api.document())
    schemas = document["components"]["schemas"]
    with_body = set()
    for each in operations():
        content = each.said.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            with_body.add(each.key)
            name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
            assert schemas[name]["additionalProperties"] is False, name
    assert with_body == set(BODIES)


@pytest.mark.slow
def test_no_operation_works_without_a_token(rows: dict[str, WorkspaceRow], shree: Workspace) -> None:
    before, wrong = cast.digest(shree), []
    for each in operations():
        for token in ("", "amt_nonsense", f"amt_{shree.id.hex}_{'x' * 40}"):
            wrong += _wrong(each.send(Program(token), rows), 401, each, f"the token {token[:12]!r}")
    assert wrong == []
    assert cast.digest(shree) == before


@pytest.mark.slow
def test_no_operation_works_with_another_scope(rows: dict[str, WorkspaceRow], shree: Workspace) -> None:
    tokens = {scope: owners_program(shree, *(set(Scope.values) - {scope})) for scope in Scope.values}
    before, wrong = cast.digest(shree), []
    for each in operations():
        if each.mark.scope:
            wrong += _wrong(each.send(tokens[each.mark.scope], rows), 403, each, "all scopes but its own")
    assert wrong == []
    assert cast.digest(shree) == before


@pytest.mark.slow
def test_no_operation_works_for_a_role_without_the_permission(rows: dict[str, WorkspaceRow], shree: Workspace) -> None:
    members = {role: program(make_member(shree, role, name=f"The {role}")) for role in Role.values}
    before, wrong, tried = cast.digest(shree), [], 0
    for each in operations():
        for role in Role.values:
            if each.mark.permission is not None and each.mark.permission not in TABLE[role]:
                wrong += _wrong(each.send(members[role], rows), 403, each, f"a token of the role {role}")
                tried += 1
    assert wrong == []
    assert tried > 60
    assert cast.digest(shree) == before


@pytest.mark.slow
def test_rows_of_another_workspace_do_not_exist(
    rows: dict[str, WorkspaceRow], shree: Workspace, other: Workspace
) -> None:
    stranger, before, wrong = owners_program(other), cast.digest(shree), []
    for each in operations():
        response = each.send(stranger, rows)
        if "{" in each.path:
            wrong += _wrong(response, 404, each, "ids of another workspace")
        elif "_id" in json.dumps(BODIES.get(each.key, {})):
            wrong += _wrong(response, 422, each, "ids of another workspace in the body")
        elif CANARY in response.content.decode("utf-8", "replace"):
            wrong.append(f"{each.method} {each.path} shows a canary")
    assert wrong == []
    assert cast.digest(shree) == before


@pytest.mark.slow
def test_ids_of_another_workspace_in_the_address_filter_everything_out(
    rows: dict[str, WorkspaceRow], other: Workspace
) -> None:
    stranger = owners_program(other)
    for path, names in {
        "/service-records": ("contact_id", "company_id", "service_id", "owner_id"),
        "/tasks": ("contact_id", "company_id", "service_record_id", "assignee_id"),
        "/papers": ("contact_id", "service_record_id"),
        "/cases": ("contact_id", "owner_id"),
    }.items():
        labels = ROWS | {"service_id": "desk.Service", "service_record_id": "desk.ServiceRecord"}
        labels |= {"owner_id": "accounts.Member", "assignee_id": "accounts.Member"}
        for name in names:
            assert stranger.get(f"{path}?{name}={rows[labels[name]].pk}").json() == {"items": [], "next": None}


@pytest.mark.slow
def test_every_operation_answers_the_owner_as_it_says(rows: dict[str, WorkspaceRow], shree: Workspace) -> None:
    """Reading before changing before deleting; what the canaries' states forbid may be refused, but never by an error."""
    order = ["GET", "POST", "PATCH", "PUT", "DELETE"]
    hers, undescribed, good = owners_program(shree), [], 0
    with tenancy.inside(shree):
        contact = Contact.objects.of(shree).get(pk=rows["people.Contact"].pk)
        for ground in Restriction.Ground:
            restrictions.lift(contact=contact, ground=ground, how=How(Method.LINK), at=clock.now())
    for each in sorted(operations(), key=lambda each: order.index(each.method)):
        response = each.send(hers, rows)
        good += response.status_code < 300
        if str(response.status_code) not in each.said["responses"]:
            undescribed.append(f"{each.method} {each.path}: {response.status_code} {response.content[:300]!r}")
    assert undescribed == []
    assert good >= len(operations()) * 3 // 4


@pytest.mark.slow
def test_every_body_refuses_what_it_does_not_know(rows: dict[str, WorkspaceRow], shree: Workspace) -> None:
    """Mass assignment: columns of the tables, and what an attacker would like to set."""
    coveted = [
        "workspace_id",
        "id",
        "is_admin",
        "created_at",
        "created_by_id",
        "deleted_at",
        "paid_paise",
        "member_id",
        "made up",
    ]
    hers, before, wrong = owners_program(shree), cast.digest(shree), []
    for each in operations():
        body = each.body(rows)
        if body is None:
            continue
        for name in coveted:
            response = hers.send(each.method, each.url(rows), {**body, name: str(shree.id)})
            wrong += _wrong(response, 422, each, f"the unknown field {name}")
            pointers = [error.get("pointer") for error in json.loads(response.content).get("errors", [])]
            if f"/{name}" not in pointers:
                wrong.append(f"{each.path}: no pointer to {name}: {pointers}")
    assert wrong == []
    assert cast.digest(shree) == before


BROKEN = {
    "no JSON": (b"{", 400),
    "nothing": (b"", 422),
    "another encoding": ('{"name": "ä"}'.encode("latin-1"), 400),
    "10,000 levels": (b'{"name": ' * 10_000 + b"1" + b"}" * 10_000, 400),
    "10,000 lists": (b"[" * 10_000 + b"]" * 10_000, 400),
    "not a number": (b'{"name": NaN}', 400),
    "a character no table keeps": (b'{"name": "a\\u0000b", "notes": "a\\u0000b"}', 400),
    "half a character": (b'{"name": "\\ud800"}', 400),
    "a list": (b"[]", 422),
    "a word": (b'"contact"', 422),
}


@pytest.mark.slow
def test_no_operation_takes_a_broken_body(rows: dict[str, WorkspaceRow], shree: Workspace) -> None:
    hers, before, wrong = owners_program(shree), cast.digest(shree), []
    with_body = [each for each in operations() if each.body(rows) is not None]
    for each, (what, (content, status)) in product(with_body, BROKEN.items()):
        started = time.process_time()
        response = hers.send(each.method, each.url(rows), content)
        if time.process_time() - started > 1:
            wrong.append(f"{each.path} with {what}: slow")
        wrong += _wrong(response, status, each, what)
    assert wrong == []
    assert cast.digest(shree) == before


@pytest.mark.slow
def test_a_huge_body_is_refused_unread(rows: dict[str, WorkspaceRow], shree: Workspace) -> None:
    response = owners_program(shree).post("/contacts", b'{"notes": "' + b"x" * 3_000_000 + b'"}')
    assert (response.status_code, response["Content-Type"]) == (413, PROBLEM)


@pytest.mark.slow
def test_a_body_where_none_is_read_is_refused(rows: dict[str, WorkspaceRow], shree: Workspace) -> None:
    hers, before, wrong = owners_program(shree), cast.digest(shree), []
    for each in operations():
        if each.key not in BODIES and each.key not in UPLOADS:
            wrong += _wrong(hers.send(each.method, each.url(rows), {"role": "owner"}), 422, each, "a body")
    assert wrong == []
    assert cast.digest(shree) == before


@pytest.mark.slow
def test_every_list_is_bounded_and_knows_its_parameters(rows: dict[str, WorkspaceRow], shree: Workspace) -> None:
    hers, wrong, lists = owners_program(shree), [], 0
    for each in operations():
        if each.method != "GET":
            continue
        asked = {"nonsense": "1"}
        if "limit" in each.parameters:
            lists += 1
            wrong += _wrong(
                hers.get(f"{each.url(rows)}?limit=1000000000&q=x"[: None if "q" in each.parameters else -4]),
                422,
                each,
                "a huge page",
            )
            wrong += _wrong(
                hers.get(f"{each.url(rows)}?limit=0&q=x"[: None if "q" in each.parameters else -4]),
                422,
                each,
                "an empty page",
            )
        if "after" in each.parameters:
            wrong += _wrong(hers.get(f"{each.url(rows)}?after=nonsense"), 422, each, "a broken key")
        for name, value in asked.items():
            wrong += _wrong(hers.get(f"{each.url(rows)}?{name}={value}"), 422, each, f"the parameter {name}")
    assert wrong == []
    assert lists >= 13


ODD_PARAMETERS = ("'", '"', "%00", "%F0%9F%99%82", "null", "a" * 500, "1;DROP TABLE x", "$(id)", "\\", "%25", "[]")


@pytest.mark.slow
def test_no_parameter_makes_an_error_of_ours(rows: dict[str, WorkspaceRow], shree: Workspace) -> None:
    hers, wrong = owners_program(shree), []
    for each in operations():
        for name, value in product(each.parameters if each.method == "GET" else (), ODD_PARAMETERS):
            response = hers.get(f"{each.url(rows)}?{name}={value}")
            if str(response.status_code) not in each.said["responses"]:
                wrong.append(f"{each.path}?{name}={value}: {response.status_code}")
    assert wrong == []


@pytest.mark.parametrize("path", ["/", "/nothing", "/contacts/", "/contacts/1", "/contacts/../members", "/tokens"])
def test_what_is_not_there_is_a_problem_not_a_page(path: str, shree: Workspace) -> None:
    response = owners_program(shree).get(path)
    assert (response.status_code, response["Content-Type"]) == (404, PROBLEM)


def test_no_operation_makes_a_token() -> None:
    assert [each.path for each in operations() if "token" in each.path] == []


def test_a_method_that_is_not_offered_says_which_are(shree: Workspace) -> None:
    response = owners_program(shree).put("/contacts", {})
    assert (response.status_code, response["Content-Type"], response["Allow"]) == (405, PROBLEM, "GET, POST")
