"""The public page: a person asks with a code, a guardian with a paper, a stranger learns nothing."""

from __future__ import annotations

import io
import re
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import public_views as choices
from amanat.basis.tests.people import send_codes
from amanat.core import clock, ids, tenancy
from amanat.core.models import LocalMessage
from amanat.people.models import Contact
from amanat.privacy.copies import making
from amanat.privacy.requests import asking, public_views
from amanat.privacy.requests import details as asked
from amanat.privacy.requests.models import Kind, RightsRequest
from amanat.privacy.requests.tests.people import PHONE, make_person

NOBODY = UUID(int=7)


CODE = re.compile(r"request-code\">([2-9A-Z]{5}-[2-9A-Z]{5})<")


def picture() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(kept, "PNG")
    return kept.getvalue()


@pytest.fixture
def asha(db: None, shree: Workspace) -> Contact:
    with tenancy.inside(shree):
        return make_person(shree)


@pytest.fixture
def start(asha: Contact, shree: Workspace) -> str:
    return f"/w/{shree.pk}/privacy/requests/"


def entered(start: str, kind: str, address: str = "98220 41736") -> Client:
    """A browser in which the right code was typed."""
    client = Client()
    answer = client.post(f"{start}?kind={kind}", {"address": address})
    send_codes()
    code = re.findall(r"\b\d{6}\b", LocalMessage.objects.order_by("-id")[0].body)[0]
    assert client.post(answer["Location"], {"code": code})["Location"] == f"{start}{kind}/ask/"
    return client


def only(shree: Workspace) -> RightsRequest:
    with tenancy.inside(shree):
        return RightsRequest.objects.of(shree).get()


def taken(client: Client, start: str, kind: str, said: dict[str, str] | None = None) -> tuple[str, str]:
    """Send the request; returns its code and the page."""
    page = client.post(f"{start}{kind}/ask/", said or {"text": ""})
    assert page.status_code == 200, page.content.decode()
    found = CODE.search(page.content.decode())
    assert found
    return found[1], page.content.decode()


def test_the_first_page_offers_every_right_in_plain_words(start: str) -> None:
    page = Client().get(start).content.decode()
    assert [
        words for words in ("See my data", "Correct it", "Erase it", "Stop messages", "Complain") if words not in page
    ] == []
    assert page.count("?kind=") == len(Kind) and "30 days" in page and "Data Protection Board of India" in page


@pytest.mark.parametrize(("language", "words"), [("hi", "अनुरोध"), ("mr", "विनंती"), ("en", "What do you want?")])
def test_it_speaks_three_languages(start: str, language: str, words: str) -> None:
    page = Client(headers={"accept-language": language}).get(start)
    assert f'lang="{language}"' in page.content.decode()


def test_with_a_code_she_asks_and_sees_how_it_stands(start: str, shree: Workspace, asha: Contact) -> None:
    client = entered(start, "erase")
    code, page = taken(client, start, "erase", {"text": "I moved away"})
    request = only(shree)
    assert (request.kind, request.state, request.contact_id, request.how) == ("erase", "open", asha.pk, "self_service")
    assert "Asha" not in page and PHONE not in page
    stranger = Client()
    status = f"{start}{request.pk}/"
    assert "I moved away" not in stranger.get(status).content.decode()
    shown = stranger.post(status, {"code": code}).content.decode()
    assert "To be answered" in shown and "Take the request back" in shown and "I moved away" not in shown


@pytest.mark.parametrize("kind", ["withdraw", "restrict", "object", "opt_out_sale"])
def test_what_only_stops_is_done_at_once(start: str, shree: Workspace, kind: str) -> None:
    _code, page = taken(entered(start, kind), start, kind)
    request = only(shree)
    assert "It is done" in page and (request.state, request.outcome, request.answered_by) == (
        "answered",
        "granted",
        None,
    )


def test_a_correction_waits_for_a_member_with_the_values(start: str, shree: Workspace) -> None:
    taken(entered(start, "correct"), start, "correct", {"name": "Asha Kulkarni", "birthday": "1990-12-31", "text": ""})
    request = only(shree)
    with tenancy.inside(shree):
        assert asked.of(request).values == {"name": "Asha Kulkarni", "birthday": "1990-12-31"}
    assert request.state == "open"


@pytest.mark.slow
def test_her_copy_is_made_and_taken_with_the_code(start: str, shree: Workspace) -> None:
    client = entered(start, "access")
    code, _page = taken(client, start, "access")
    request = only(shree)
    assert request.state == "doing" and request.result_id is not None
    making.make(request.result_id, workspace_id=shree.pk)
    shown = client.post(f"{start}{request.pk}/", {"code": code}).content.decode()
    token = re.findall(r'name="token" value="([^"]+)"', shown)[0]
    answer = Client().post(f"{start}{request.pk}/copy/", {"token": token})
    assert answer.status_code == 200 and answer["Content-Type"] == "application/zip"
    assert b"".join(answer.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]
    assert only(shree).state == "answered"


@pytest.mark.sampled
@pytest.mark.parametrize("token", ["", "x", f"{NOBODY}:abc:def"])
def test_a_copy_is_not_given_without_the_code(start: str, shree: Workspace, token: str) -> None:
    client = entered(start, "access")
    taken(client, start, "access")
    request = only(shree)
    making.make(request.result_id or ids.new(), workspace_id=shree.pk)
    for rest in ("copy/", "back/"):
        answer = client.post(f"{start}{request.pk}/{rest}", {"token": token})
        assert (answer.status_code, answer["Location"]) == (303, f"{start}{request.pk}/")


def test_a_token_of_one_request_opens_no_other(start: str, shree: Workspace) -> None:
    code, _page = taken(entered(start, "erase"), start, "erase")
    first = only(shree)
    shown = Client().post(f"{start}{first.pk}/", {"code": code}).content.decode()
    token = re.findall(r'name="token" value="([^"]+)"', shown)[0]
    taken(entered(start, "grievance"), start, "grievance", {"text": "Noise"})
    with tenancy.inside(shree):
        second = RightsRequest.objects.of(shree).exclude(pk=first.pk).get()
    assert Client().post(f"{start}{second.pk}/back/", {"token": token}).status_code == 303
    with tenancy.inside(shree):
        assert RightsRequest.objects.of(shree).get(pk=second.pk).state == "open"


def test_she_takes_it_back(start: str, shree: Workspace) -> None:
    code, _page = taken(entered(start, "erase"), start, "erase")
    request = only(shree)
    shown = Client().post(f"{start}{request.pk}/", {"code": code}).content.decode()
    token = re.findall(r'name="token" value="([^"]+)"', shown)[0]
    Client().post(f"{start}{request.pk}/back/", {"token": token})
    assert only(shree).state == "revoked"


def test_a_wrong_code_says_the_same_for_a_request_that_is_there_and_one_that_is_not(
    start: str, shree: Workspace
) -> None:
    taken(entered(start, "erase"), start, "erase")
    pages = []
    for request_id in (only(shree).pk, ids.new()):
        answer = Client().post(f"{start}{request_id}/", {"code": "AAAAA-AAAAA"})
        pages.append(
            (answer.status_code, re.sub(r'[0-9a-f-]{36}|value="[^"]*"|nonce="[^"]*"', "", answer.content.decode()))
        )
    assert pages[0] == pages[1] and pages[0][0] == 422


@pytest.mark.slow
def test_who_has_the_code_may_look_as_often_as_they_like(start: str, shree: Workspace) -> None:
    code, _page = taken(entered(start, "erase"), start, "erase")
    status, client = f"{start}{only(shree).pk}/", Client()
    assert {client.post(status, {"code": code}).status_code for _look in range(15)} == {200}


def test_ten_wrong_codes_close_the_page_for_an_hour(start: str, shree: Workspace) -> None:
    code, _page = taken(entered(start, "erase"), start, "erase")
    status = f"{start}{only(shree).pk}/"
    client = Client()
    for _try in range(10):
        client.post(status, {"code": "AAAAA-AAAAA"})
    assert client.post(status, {"code": code}).status_code == 422


def test_who_is_unknown_gets_the_same_answers_and_no_message(start: str) -> None:
    client, pages = Client(), []
    for address in ("9822041736", "9822041799"):
        answer = client.post(f"{start}?kind=erase", {"address": address})
        send_codes()
        page = client.get(answer["Location"]).content.decode()
        pages.append((answer.status_code, re.sub(r'[0-9a-f-]{36}|value="[^"]*"|nonce="[^"]*"', "", page)))
    assert pages[0] == pages[1]
    assert [message.to for message in LocalMessage.objects.all()] == [PHONE]


def test_no_cookie_before_the_code_and_a_short_one_after(start: str) -> None:
    client = Client()
    client.get(start)
    client.get(f"{start}?kind=erase")
    client.post(f"{start}?kind=erase", {"address": PHONE})
    assert choices.COOKIE not in client.cookies
    cookie = entered(start, "erase").cookies[choices.COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["max-age"] == 900


def test_without_the_code_nothing_can_be_asked(start: str, shree: Workspace) -> None:
    client = Client()
    assert client.get(f"{start}erase/ask/")["Location"] == f"{start}?kind=erase"
    assert client.post(f"{start}erase/ask/", {"text": "x"})["Location"] == f"{start}?kind=erase"
    with tenancy.inside(shree):
        assert not RightsRequest.objects.of(shree).exists()


def test_where_two_have_the_number_her_name_says_who_she_is(start: str, shree: Workspace, asha: Contact) -> None:
    with tenancy.inside(shree):
        twin = make_person(shree, "Ravi Menon")
    client = entered(start, "restrict")
    assert client.post(f"{start}restrict/ask/", {"text": ""}).status_code == 422
    taken(client, start, "restrict", {"whose-name": "Ravi", "text": ""})
    assert only(shree).contact_id == twin.pk


def test_in_doubt_more_is_asked_and_then_a_member_decides(start: str, shree: Workspace, asha: Contact) -> None:
    with tenancy.inside(shree):
        make_person(shree, "Asha Menon")
        Contact.objects.of(shree).filter(pk=asha.pk).update(
            last_contact_at=clock.now().replace(year=2026, month=10, day=5)
        )
    client = entered(start, "restrict")
    taken(client, start, "restrict", {"whose-name": "Asha Menon", "text": ""})
    assert only(shree).state == "unclear"
    taken(client, start, "restrict", {"whose-name": "Asha Menon", "whose-last_month": "2026-10", "text": ""})
    with tenancy.inside(shree):
        second = RightsRequest.objects.of(shree).order_by("-id")[0]
    assert (second.state, second.contact_id) == ("answered", asha.pk)


def test_a_guardian_asks_with_a_paper_and_nothing_is_told_about_anybody(
    start: str, shree: Workspace, asha: Contact
) -> None:
    said = {
        "who": "guardian", "about_name": "Chhota", "about_address": PHONE, "name": "Meera", "reply_to": "meera@example.in",
        "asked-text": "My child", "proof": SimpleUploadedFile("birth.png", picture(), content_type="image/png"),
    }  # fmt: skip
    page = Client().post(f"{start}erase/by-hand/", said)
    assert page.status_code == 200 and CODE.search(page.content.decode())
    request = only(shree)
    assert (request.state, request.who, request.contact_id) == ("unclear", "guardian", None) and request.proof_id
    assert not LocalMessage.objects.exists()
    with tenancy.inside(shree):
        assert asked.of(request).about_name == "Chhota"
    code = CODE.search(page.content.decode())
    assert code is not None
    before = Client().post(f"{start}{request.pk}/", {"code": code[1]}).content.decode()
    with tenancy.inside(shree):
        asking.identify(request=request, contact=asha, by=owner_of(shree), at=clock.now())
    after = Client().post(f"{start}{request.pk}/", {"code": code[1]}).content.decode()
    assert "Somebody makes sure first who you are" in after and "Person identified" not in after
    assert without_tokens(before) == without_tokens(after), "that the child is known here is told to nobody yet"


def without_tokens(page: str) -> str:
    return re.sub(r'value="[^"]*"|nonce="[^"]*"', "", page)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"reply_to": ""},
        {"who": "king"},
        {"about_name": ""},
        {"last_month": "yesterday"},
        {"proof": SimpleUploadedFile("x.exe", b"MZ\x90\x00evil", content_type="application/pdf")},
        {"about_name": "x" * 500},
    ],
)
def test_a_form_that_is_not_well_formed_takes_nothing_down(
    start: str, shree: Workspace, wrong: dict[str, object]
) -> None:
    said = {"who": "agent", "about_name": "A", "name": "M", "reply_to": "m@example.in", "asked-text": ""} | wrong
    assert Client().post(f"{start}erase/by-hand/", said).status_code == 422
    with tenancy.inside(shree):
        assert not RightsRequest.objects.of(shree).exists()


@pytest.mark.parametrize("rest", ["?kind=sell", "sell/ask/", "sell/by-hand/", f"erase/code/{NOBODY}/"])
def test_what_is_no_right_has_no_page(start: str, rest: str) -> None:
    assert Client().get(start + rest).status_code == (200 if rest.startswith("?") else 404)


def test_a_workspace_that_does_not_exist_has_no_page(db: None) -> None:
    client, here = Client(), f"/w/{ids.new()}/privacy/requests/"
    for rest in ("", "erase/ask/", "erase/by-hand/", f"{ids.new()}/", f"erase/code/{ids.new()}/"):
        assert client.get(here + rest).status_code == 404


def test_a_right_taken_out_of_the_policy_is_not_offered(
    start: str, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = public_views.rules.of
    with tenancy.inside(shree):
        policy = held(shree.pk).policy
    less = policy.model_copy(update={"rights": policy.rights.model_copy(update={"kinds": ("access",)})})
    monkeypatch.setattr(public_views.rules, "of", lambda *_args: public_views.rules.Rules(less, 0))
    assert "?kind=erase" not in Client().get(start).content.decode()
    assert Client().get(f"{start}erase/by-hand/").status_code == 404


@pytest.mark.slow
def test_eleven_requests_a_day_are_too_many_for_one_person(start: str, shree: Workspace) -> None:
    client = entered(start, "restrict")
    for _again in range(10):
        taken(client, start, "restrict")
    refused = client.post(f"{start}restrict/ask/", {"text": ""})
    assert refused.status_code == 429 and "Too many requests today" in refused.content.decode()


def test_a_refused_request_shows_reason_and_route(start: str, shree: Workspace) -> None:
    code, _page = taken(entered(start, "erase"), start, "erase")
    with tenancy.inside(shree):
        asking.refuse(request=only(shree), reason="law", answer="Tax law.", by=owner_of(shree), at=clock.now())
    page = Client().post(f"{start}{only(shree).pk}/", {"code": code}).content.decode()
    assert "Refused" in page and "Tax law." in page and "Data Protection Board of India" in page


def test_markup_in_words_stays_text(start: str, shree: Workspace) -> None:
    said = {"who": "person", "about_name": "<script>alert(1)</script>", "asked-text": "<img src=x onerror=alert(1)>"}
    page = Client().post(f"{start}grievance/by-hand/", said).content.decode()
    assert "<script>alert" not in page and "<img src=x" not in page
