"""The owner's pages: from nothing to a published policy, one sentence at a time, two people at once, the law at its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.policy import loading
from amanat.policy.format import PARTS, Policy
from amanat.publishing import dry_runs, editing, versions
from amanat.publishing.dry_runs import DryRun
from amanat.publishing.editing_forms import DetailsForm
from amanat.publishing.models import PolicyDraft

DETAILS = {
    "name": "Shree CSC Kendra",
    "office": "Nashik, India",
    "email": "privacy@shree.test",
    "phone": "+91 98220 41736",
    "post": "Main Road, Nashik 422001",
    "officer": "Grievance Officer",
    "officer_email": "officer@shree.test",
    "law": "IN",
    "court": "Nashik",
}


@pytest.fixture
def owner(shree: Workspace) -> Client:
    with tenancy.inside(shree):
        return signed_in(owner_of(shree))


@pytest.fixture
def draft(shree: Workspace) -> PolicyDraft:
    """A draft with nothing left to mend."""
    with tenancy.inside(shree):
        source = editing.ready_source("csc-centre", shree)
        form = DetailsForm({**DETAILS, "company": ""})
        assert form.is_valid(), form.errors
        source = editing.with_steps(source, form.steps(loading.load(source).policy))
        return editing.begin(workspace=shree, source=source, based_on=0, by=owner_of(shree), at=clock.now())


def held(workspace: Workspace) -> Policy:
    with tenancy.inside(workspace):
        found = editing.draft_of(workspace)
        assert found is not None
        return loading.load(found.source).policy


def sent(page: str) -> dict[str, list[str] | str]:
    """What a browser would send for the form with the rules, unchanged."""
    data: dict[str, list[str] | str] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if not name or not name[1].startswith(("r:", "was:")):
            continue
        if 'type="checkbox"' in tag:
            if "checked" in tag:
                held_so_far = data.setdefault(name[1], [])
                assert isinstance(held_so_far, list)
                held_so_far.append(value[1] if value else "")
        else:
            data[name[1]] = (value[1] if value else "").replace("&quot;", '"').replace("&#x27;", "'")
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        data[name] = chosen[1] if chosen else ""
    return data


def test_a_fresh_workspace_is_offered_a_draft(owner: Client) -> None:
    page = owner.get("/policy/").content.decode()
    assert "You have not published a policy yet" in page
    assert 'href="/policy/start/"' in page


@pytest.mark.slow
def test_from_nothing_to_a_published_policy(owner: Client, shree: Workspace) -> None:
    page = owner.get("/policy/start/").content.decode()
    assert "Service centre" in page and "Agency" in page
    answer = owner.post("/policy/start/", {**DETAILS, "begin": "csc-centre"})
    assert (answer.status_code, answer["Location"]) == (303, "/policy/draft/")
    page = owner.get("/policy/draft/").content.decode()
    assert "May be published" in page
    assert "How long we keep it" in page
    page = owner.get("/policy/draft/review/").content.decode()
    revision = re.search(r'name="revision" value="(\d+)"', page)
    assert revision is not None
    answer = owner.post("/policy/draft/publish/", {"revision": revision[1]})
    assert (answer.status_code, answer["Location"]) == (303, "/policy/")
    with tenancy.inside(shree):
        now = versions.in_force(shree)
        assert (now.number, now.policy.parties.operator.name) == (1, "Shree CSC Kendra")
        assert editing.draft_of(shree) is None
    page = owner.get("/policy/").content.decode()
    assert "Version 1" in page


def test_details_that_are_missing_are_named_at_their_field(owner: Client, shree: Workspace) -> None:
    answer = owner.post("/policy/start/", {**DETAILS, "phone": "", "begin": "agency"})
    assert answer.status_code == 422
    assert "This field is required" in answer.content.decode()
    assert "Nashik, India" in answer.content.decode()
    with tenancy.inside(shree):
        assert editing.draft_of(shree) is None


@pytest.mark.slow
def test_a_second_draft_needs_a_look_at_the_first(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    answer = owner.post("/policy/start/", {**DETAILS, "begin": "agency"}, follow=True)
    assert "There is a draft already" in answer.content.decode()
    assert held(shree).head.id == "csc-centre"
    owner.post("/policy/start/", {**DETAILS, "begin": "agency", "instead_of": str(draft.revision)})
    assert held(shree).head.id == "agency"


@pytest.mark.sampled
@pytest.mark.parametrize(
    "path",
    ["", "start/", "start/merged/", "draft/", "draft/details/", "draft/text/", "draft/review/", "draft/preview/",
     "draft/recipient/", "draft/clauses/keep-support/", "draft/recipients/mail/", "draft/keep/account/", "ready/",
     "ready/default/", "ready/calling/"],
)  # fmt: skip
def test_every_page_opens(owner: Client, draft: PolicyDraft, path: str) -> None:
    answer = owner.get(f"/policy/{path}")
    assert answer.status_code == 200
    assert b"<h1" in answer.content


@pytest.mark.slow
@pytest.mark.parametrize("language", ["hi", "mr"])
def test_pages_speak_the_readers_language(owner: Client, draft: PolicyDraft, language: str) -> None:
    owner.cookies["language"] = language
    page = owner.get("/policy/draft/", HTTP_ACCEPT_LANGUAGE=language).content.decode()
    said = {"hi": "महीने", "mr": "महिने"}[language]
    assert said in page or "वर्ष" in page


@pytest.mark.slow
def test_a_rule_is_changed_and_the_sentence_with_it(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    url = "/policy/draft/clauses/keep-support/"
    data = sent(owner.get(url).content.decode())
    data |= {"r:keep.support.until.case_closed": "18", "u:keep.support.until.case_closed": "M"}
    answer = owner.post(url, data)
    assert (answer.status_code, answer["Location"]) == (303, "/policy/draft/#clause-keep-support")
    assert str(held(shree).keep["support"].until["case_closed"]) == "P18M"
    assert "18 months" in owner.get("/policy/draft/").content.decode()
    with tenancy.inside(shree):
        entry = LedgerEntry.objects.of(shree).filter(event="publishing.draft.changed").get()
        assert entry.facts == {"paths": ["keep.support.until.case_closed"]}


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_saving_unchanged_answers_changes_nothing(
    owner: Client, shree: Workspace, draft: PolicyDraft, part: str
) -> None:
    policy = held(shree)
    for clause in [one for one in policy.clauses if one.part == part]:
        url = f"/policy/draft/clauses/{clause.id}/"
        answer = owner.post(url, sent(owner.get(url).content.decode()))
        assert answer.status_code == 303, clause.id
    with tenancy.inside(shree):
        now = editing.draft_of(shree)
        assert now is not None
        assert (now.source, now.revision) == (draft.source, draft.revision)


@pytest.mark.slow
@pytest.mark.parametrize("block", ["data", "purposes", "recipients", "keep"])
def test_saving_unchanged_entries_changes_nothing(
    owner: Client, shree: Workspace, draft: PolicyDraft, block: str
) -> None:
    for name in getattr(held(shree), block):
        url = f"/policy/draft/{block}/{name}/"
        assert owner.post(url, {**sent(owner.get(url).content.decode()), "act": "save"}).status_code == 303, url
    with tenancy.inside(shree):
        now = editing.draft_of(shree)
        assert now is not None
        assert (now.source, now.revision) == (draft.source, draft.revision)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (("children", "children.min_age", "16", ""), "A child is anyone under 18"),
        (("breach", "breach.people", "9", "D"), "is too late"),
        (("rights", "rights.due", "60", "D"), "is longer than"),
        (("keep-account", "keep.account.warn", "1", "TH"), "People must hear of it"),
    ],
)
def test_the_law_refuses_at_its_place_and_the_input_stays(
    owner: Client, shree: Workspace, draft: PolicyDraft, answer: tuple[str, ...], told: str
) -> None:
    clause, path, value, unit = answer
    url = f"/policy/draft/clauses/{clause}/"
    data = sent(owner.get(url).content.decode()) | {f"r:{path}": value} | ({f"u:{path}": unit} if unit else {})
    refused = owner.post(url, data)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert told in page
    key = path.replace(".", "-").replace("_", "-")
    assert page.index(f'id="r-{key}"') < page.index(f'id="error-{key}"') < page.index(told)
    assert re.search(rf'id="r-{key}"[^>]*value="{value}"', page)
    with tenancy.inside(shree):
        now = editing.draft_of(shree)
        assert now is not None and now.source == draft.source


@pytest.mark.slow
def test_logs_shorter_than_the_law_are_refused(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    """Fourteen days of security logs, and the floors of the law taken out."""
    url = "/policy/draft/clauses/keep-usage/"
    data = sent(owner.get(url).content.decode())
    data |= {"r:keep.security.until.seen": "14", "u:keep.security.until.seen": "D", "r:keep.security.floor": []}
    answer = owner.post(url, data)
    assert answer.status_code == 422
    assert "can end before the law allows it (CERT-In" in answer.content.decode()


@pytest.mark.slow
def test_an_answer_that_is_no_number_is_named(owner: Client, draft: PolicyDraft) -> None:
    url = "/policy/draft/clauses/children/"
    answer = owner.post(url, sent(owner.get(url).content.decode()) | {"r:children.min_age": "many"})
    assert answer.status_code == 422
    assert "Write a whole number." in answer.content.decode()
    assert 'value="many"' in answer.content.decode()


@pytest.mark.slow
def test_a_try_shows_the_new_sentence_and_saves_nothing(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    url = "/policy/draft/clauses/keep-support/"
    data = sent(owner.get(url).content.decode())
    data |= {"r:keep.support.until.case_closed": "5", "u:keep.support.until.case_closed": "Y"}
    page = owner.post(f"{url}try/", data).content.decode()
    assert "Support cases: 5 years after they are closed." in page
    assert "Support cases: 2 years after they are closed." in page
    assert "People hear of it first" in page
    assert "<html" not in page
    assert str(held(shree).keep["support"].until["case_closed"]) == "P2Y"


@pytest.mark.slow
def test_a_try_of_the_unlawful_says_so(owner: Client, draft: PolicyDraft) -> None:
    url = "/policy/draft/clauses/children/"
    page = owner.post(
        f"{url}try/", sent(owner.get(url).content.decode()) | {"r:children.min_age": "16"}
    ).content.decode()
    assert "This cannot be saved" in page and "min_age: 18" in page


@pytest.fixture
def counted() -> Iterator[list[tuple[UUID, Policy, datetime]]]:
    asked: list[tuple[UUID, Policy, datetime]] = []

    def count(workspace_id: UUID, policy: Policy, at: datetime) -> list[DryRun]:
        asked.append((workspace_id, policy, at))
        return [DryRun("support", "cases", 1_234), DryRun("usage", "events", 0)]

    before = dry_runs.provider()
    dry_runs.provide(count)
    yield asked
    dry_runs.provide(before)


@pytest.mark.slow
def test_the_dry_run_counts_under_the_new_rules(
    owner: Client, shree: Workspace, draft: PolicyDraft, counted: list[tuple[UUID, Policy, datetime]]
) -> None:
    url = "/policy/draft/clauses/keep-support/"
    data = sent(owner.get(url).content.decode())
    page = owner.post(f"{url}try/", data | {"r:keep.support.until.case_closed": "1"}).content.decode()
    assert "What would be erased tomorrow" in page and "1,234" in page and "events" not in page
    workspace_id, policy, at = counted[-1]
    assert (workspace_id, str(policy.keep["support"].until["case_closed"])) == (shree.pk, "P1Y")
    assert at > clock.now()


@pytest.mark.slow
def test_without_a_provider_nothing_is_foretold(owner: Client, draft: PolicyDraft) -> None:
    before = dry_runs.provider()
    dry_runs.provide(None)
    try:
        assert "What would be erased" not in owner.get("/policy/draft/").content.decode()
    finally:
        dry_runs.provide(before)


def second(shree: Workspace) -> Client:
    with tenancy.inside(shree):
        return signed_in(make_member(shree, Role.OWNER, name="Meera Patil"))


@pytest.mark.slow
def test_two_people_change_two_rules(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    other, url = second(shree), "/policy/draft/clauses/keep-usage/"
    mine, theirs = (sent(client.get(url).content.decode()) for client in (owner, other))
    owner.post(url, mine | {"r:keep.usage.until.seen": "12"})
    assert other.post(url, theirs | {"r:keep.security.until.seen": "2"}).status_code == 303
    keep = held(shree).keep
    assert (str(keep["usage"].until["seen"]), str(keep["security"].until["seen"])) == ("P12M", "P2Y")


@pytest.mark.slow
def test_two_people_change_one_rule(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    other, url, path = second(shree), "/policy/draft/clauses/keep-support/", "r:keep.support.until.case_closed"
    mine, theirs = (sent(client.get(url).content.decode()) for client in (owner, other))
    owner.post(url, mine | {path: "3"})
    answer = other.post(url, theirs | {path: "4"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "changed this meanwhile to: 3 years" in page and 'value="4"' in page
    assert str(held(shree).keep["support"].until["case_closed"]) == "P3Y"
    assert other.post(url, sent(page)).status_code == 303
    assert str(held(shree).keep["support"].until["case_closed"]) == "P4Y"


@pytest.mark.slow
def test_two_people_write_the_text(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    other, url = second(shree), "/policy/draft/text/"
    first = draft.source.replace("min_age: 18", "min_age: 19")
    owner.post(url, {"source": first, "revision": draft.revision})
    answer = other.post(url, {"source": draft.source.replace("P24M", "P25M"), "revision": draft.revision})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "saved another text while you wrote" in page and "min_age: 19" in page and "P25M" in page
    assert held(shree).children.min_age == 19
    revision = re.search(r'name="revision" value="(\d+)"', page)
    assert revision is not None
    owner.post(url, {"source": draft.source.replace("P24M", "P25M"), "revision": revision[1]})
    assert held(shree).children.min_age == 18


def test_a_text_without_the_shape_of_a_policy_keeps_the_draft(
    owner: Client, shree: Workspace, draft: PolicyDraft
) -> None:
    text = draft.source.replace("min_age: 18", "min_aeg: 18")
    answer = owner.post("/policy/draft/text/", {"source": text, "revision": draft.revision})
    page = answer.content.decode()
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "min_aeg" in one)
    assert answer.status_code == 422
    assert f"Line {line}" in page and "min_aeg: 18" in page
    assert held(shree).children.min_age == 18


def test_what_cannot_be_read_is_named_with_its_line(owner: Client, draft: PolicyDraft) -> None:
    answer = owner.post("/policy/draft/text/", {"source": "amanat: 1\npolicy: {", "revision": draft.revision})
    assert answer.status_code == 422
    assert "This is not YAML" in answer.content.decode()


@pytest.mark.slow
def test_a_recipient_is_named_and_stands_in_the_sentence(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    data = {
        "name": "Courier Bharat",
        "role": "dpv:DataProcessor",
        "gets": ["identity"],
        "countries": ["IN"],
        "safeguard": "",
        "host": "",
    }
    assert owner.post("/policy/draft/recipient/", data).status_code == 303
    assert held(shree).recipients["courier_bharat"].contract == "required"
    assert "Courier Bharat (India)" in owner.get("/policy/draft/").content.decode()
    assert owner.post("/policy/draft/recipient/", data).status_code == 422


@pytest.mark.slow
def test_a_recipient_abroad_needs_a_safeguard(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    data = {
        "name": "Mailer",
        "role": "dpv:DataProcessor",
        "gets": ["identity"],
        "countries": ["US"],
        "safeguard": "",
        "host": "",
    }
    answer = owner.post("/policy/draft/recipient/", data)
    assert answer.status_code == 422
    assert "Data goes to US without a safeguard." in answer.content.decode()
    assert "mailer" not in held(shree).recipients


@pytest.mark.slow
def test_an_entry_is_taken_out_with_all_that_names_it(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    assert "whatsapp" in held(shree).recipients
    assert owner.post("/policy/draft/recipients/whatsapp/", {"act": "remove"}).status_code == 303
    policy = held(shree)
    assert "whatsapp" not in policy.recipients
    assert all("recipients.whatsapp" not in clause.rests for clause in policy.clauses)


def test_an_entry_says_which_it_is(owner: Client, draft: PolicyDraft) -> None:
    page = owner.get("/policy/draft/recipients/mail/").content.decode()
    assert "recipients.mail</span>" in page and "e-mail delivery (India)" in page


@pytest.mark.slow
def test_what_something_needs_cannot_be_taken_out(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    answer = owner.post("/policy/draft/keep/billing/", {"act": "remove"})
    assert answer.status_code == 422
    assert "would be kept for ever" in answer.content.decode()
    assert "billing" in held(shree).keep


@pytest.mark.slow
def test_several_policies_become_one_with_each_conflict_told(owner: Client, shree: Workspace) -> None:
    page = owner.get("/policy/start/merged/?of=agency&of=calling&of=ai-crm").content.decode()
    assert "Where they disagree" in page and "It is now" in page
    answer = owner.post("/policy/start/merged/", {"of": ["agency", "calling"]})
    assert answer.status_code == 303
    assert "talk" in held(shree).data


def test_one_policy_alone_is_nothing_to_merge(owner: Client) -> None:
    assert "Choose two or more." in owner.get("/policy/start/merged/?of=agency").content.decode()
    assert owner.post("/policy/start/merged/", {"of": ["agency"]}).status_code == 422


def test_a_draft_is_thrown_away(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    owner.post("/policy/draft/discard/", {"revision": draft.revision + 1})
    assert held(shree)
    owner.post("/policy/draft/discard/", {"revision": draft.revision})
    with tenancy.inside(shree):
        assert editing.draft_of(shree) is None
    assert owner.get("/policy/draft/").status_code == 404


@pytest.mark.slow
def test_a_draft_that_changed_is_not_published(owner: Client, shree: Workspace, draft: PolicyDraft) -> None:
    answer = owner.post("/policy/draft/publish/", {"revision": draft.revision + 7}, follow=True)
    assert "Look again before you publish" in answer.content.decode()
    with tenancy.inside(shree):
        assert versions.in_force(shree).number == 0


@pytest.mark.slow
def test_what_is_wrong_cannot_be_published(owner: Client, shree: Workspace) -> None:
    with tenancy.inside(shree):
        source = editing.ready_source("agency", shree)
        by: Member = owner_of(shree)
        broken = source.replace("min_age: 18", "min_age: 16")
        assert broken != source
        draft = editing.begin(workspace=shree, source=broken, based_on=0, by=by, at=clock.now())
    answer = owner.post("/policy/draft/publish/", {"revision": draft.revision})
    assert answer.status_code == 422
    assert "A child is anyone under 18" in answer.content.decode()
    with tenancy.inside(shree):
        assert versions.in_force(shree).number == 0
        assert editing.draft_of(shree) is not None


def test_publishing_needs_a_fresh_sign_in(shree: Workspace, draft: PolicyDraft) -> None:
    with tenancy.inside(shree):
        stale = signed_in(owner_of(shree), fresh=False)
    answer = stale.post("/policy/draft/publish/", {"revision": draft.revision})
    assert answer.status_code == 302 and "reauthenticate" in answer["Location"]


@pytest.mark.slow
def test_the_second_version_says_when_it_holds_and_who_is_told(
    owner: Client, shree: Workspace, draft: PolicyDraft
) -> None:
    owner.post("/policy/draft/publish/", {"revision": draft.revision})
    assert owner.post("/policy/start/", {**DETAILS, "begin": "version"}).status_code == 303
    url = "/policy/draft/clauses/keep-support/"
    data = sent(owner.get(url).content.decode()) | {"r:keep.support.until.case_closed": "4"}
    assert owner.post(url, data).status_code == 303
    page = owner.get("/policy/draft/review/").content.decode()
    assert "2 years became 4 years" in page
    assert "data would be kept longer than people were told" in page
    assert "At once" not in page and "1 member" in page


@pytest.mark.slow
@pytest.mark.parametrize(("role", "status"), [(Role.AUDITOR, 200), (Role.MANAGER, 200), (Role.AGENT, 403)])
def test_who_may_read(shree: Workspace, draft: PolicyDraft, role: Role, status: int) -> None:
    with tenancy.inside(shree):
        client = signed_in(make_member(shree, role))
    assert client.get("/policy/").status_code == status
    assert client.get("/policy/draft/review/").status_code == status
    assert client.get("/policy/draft/").status_code == 403
    assert client.post("/policy/draft/discard/", {"revision": draft.revision}).status_code == 403


@pytest.mark.parametrize("name", ["default", "agency", "ai-crm", "calling", "csc-centre", "sales-crm"])
def test_side_by_side_shows_each_promise(owner: Client, name: str) -> None:
    page = owner.get(f"/policy/ready/{name}/").content.decode()
    assert page.count('scope="row"') > 20
    assert owner.get("/policy/ready/nothing/").status_code == 404


@pytest.mark.parametrize("path", ["clauses/nothing/", "recipients/nothing/", "parties/contact/", "keep/nothing/"])
def test_what_is_not_there_is_not_found(owner: Client, draft: PolicyDraft, path: str) -> None:
    assert owner.get(f"/policy/draft/{path}").status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("source", ["amanat: 2\n", "{{{", "CANARY", ""])
def test_a_draft_that_cannot_be_read_is_mended_as_a_text(
    owner: Client, shree: Workspace, draft: PolicyDraft, source: str
) -> None:
    """As after an update of the program that reads another format."""
    with tenancy.inside(shree):
        PolicyDraft.objects.of(shree).update(source=source)
    assert "to mend" in owner.get("/policy/").content.decode()
    for path in ("", "details/", "review/", "preview/", "recipient/", "clauses/children/", "recipients/mail/"):
        answer = owner.get(f"/policy/draft/{path}")
        assert (answer.status_code, answer["Location"]) == (303, "/policy/draft/text/"), path
    assert owner.post("/policy/draft/publish/", {"revision": draft.revision}).status_code == 303
    assert "Line 1" in owner.get("/policy/draft/text/").content.decode()
    owner.post("/policy/draft/text/", {"source": draft.source, "revision": draft.revision})
    assert owner.get("/policy/draft/").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["<script>", "{rights.due}", "नमस्ते", "9" * 400, "\\", "P1D\x85"])
def test_hostile_answers_are_kept_as_words_or_refused(
    owner: Client, shree: Workspace, draft: PolicyDraft, answer: str
) -> None:
    for clause in ("talk-to-you", "children", "rights"):
        url = f"/policy/draft/clauses/{clause}/"
        data = sent(owner.get(url).content.decode())
        data |= {name: answer for name in data if name.startswith(("r:", "u:"))}
        assert owner.post(url, data).status_code in {303, 422}
        assert owner.post(f"{url}try/", data).status_code == 200
        assert owner.get("/policy/draft/").status_code == 200


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("path", "most"), [("", 12), ("draft/", 12), ("draft/clauses/keep-support/", 12), ("ready/default/", 8)]
)
def test_pages_ask_the_database_little(owner: Client, draft: PolicyDraft, path: str, most: int) -> None:
    before = dry_runs.provider()
    dry_runs.provide(None)
    try:
        owner.get(f"/policy/{path}")
        with CaptureQueriesContext(connection) as asked:
            owner.get(f"/policy/{path}")
    finally:
        dry_runs.provide(before)
    counted = [
        one for one in asked.captured_queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))
    ]
    assert len(counted) <= most, [one["sql"][:90] for one in counted]
