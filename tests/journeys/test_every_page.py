"""Every page that an owner can reach, seen by the accessibility checker, at every size, in both themes and all languages.

The list comes from the route table, so a new page is crawled from the day it exists; ids come from the demo's own links.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

import polib
import pytest
from playwright.sync_api import Page

from amanat.core.configuration import CHECKOUT
from amanat.operations.tests import places
from amanat.web.tests import chromium
from tests.journeys import browsers
from tests.journeys.browsers import DESK, PHONE, Town, Visitor
from tests.journeys.test_records import add, number

pytestmark = [pytest.mark.slow, pytest.mark.journey]

#: Answers that are no pages of a signed-in owner, each with its reason.
NO_PAGE = {
    "healthz": "for machines",
    "manifest.webmanifest": "for the browser",
    "sw.js": "for the browser",
    "same/<str:on>/": "a part of the form",
    "companies/names/": "a part of the form",
    "search/palette/": "a part of the palette",
    "services/people/": "a part of the form",
    "imports/<uuid:run_id>/progress/": "a part of the import's page",
    "imports/<uuid:run_id>/failed/": "a file",
    "attachments/<uuid:attachment_id>/": "a file",
    "exports/file/<str:token>/": "a file",
    "batches/<uuid:batch_id>/report.csv": "a file, of what was sent",
    "w/<uuid:workspace_id>/hooks/<uuid:account_id>/": "for machines",
    "contacts/<uuid:contact_id>/by-phone/<slug:way>/": "leads out to another application; looked at with the channels",
    "w/<uuid:workspace_id>/stop/<str:token>/": "its address comes with a message",
    "s/<str:token>": "its address comes with a message",
    "inbox/pulse/": "for the page's script",
    "inbox/files/<uuid:file_id>/": "a file",
    "inbox/notifications/<uuid:workspace_id>/<uuid:thread_id>/": "its address comes with a notice; leads to the conversation",
    "settings/channels/mail/back/": "Google and Microsoft lead back to it, with what they answer",
    "settings/templates/<uuid:template_id>/measure/": "a part of the page of a text, put there while it is written",
    "papers/file/<uuid:opening_id>/<str:token>/": "a file",
    "services/<uuid:record_id>/receipt.pdf": "a file",
    "feed/<uuid:workspace_id>/<uuid:member_id>/<str:secret>.ics": "a file",
    "accounts/2fa/recovery-codes/download/": "a file",
    "accounts/2fa/recovery-codes/": "needs an authenticator app; looked at with the members",
    "accounts/2fa/totp/deactivate/": "needs an authenticator app; looked at with the members",
    "owner/<str:secret>/": "works once, walked in the first hour",
    "join/<uuid:workspace_id>/<str:secret>/": "works once, walked with the members",
    "w/<uuid:workspace_id>/copy/<uuid:copy_id>/": "opens with a code; walked with the copies",
    "registers/processing.<str:ending>": "a file",
    "registers/contracts/<uuid:contract_id>/file/": "a file",
    "registers/partners/<slug:recipient>/new/": "the demo's policy names no partner; looked at in amanat/privacy/registers/tests",
    "registers/handovers/<uuid:handover_id>/": "the same",
    "registers/partners/told/<uuid:handover_person_id>/": "the same",
    "registers/authorities/<uuid:disclosure_id>/": "the demo has no demand of an authority; walked with the registers",
    "w/<uuid:workspace_id>/choices/code/<uuid:passcode_id>/": "begins with a message to the person",
    "w/<uuid:workspace_id>/choices/mine/": "opens with the code of that message",
    "w/<uuid:workspace_id>/forms/code/<uuid:submission_id>/": "begins with an answer to a public form",
    "w/<uuid:workspace_id>/receipts/<str:token>/": "its address comes with the receipt",
    ".well-known/gpc.json": "for machines",
    "contacts/<uuid:contact_id>/open/": "for who sees values masked, which an owner does not",
    "w/<uuid:workspace_id>/forms/<uuid:form_id>/": "begins with a form that somebody makes; walked with what browsers keep",
    "w/<uuid:workspace_id>/privacy/policy.json": "for machines",
    "w/<uuid:workspace_id>/privacy/status.json": "for machines",
    "w/<uuid:workspace_id>/privacy/versions/feed.xml": "for machines",
    "w/<uuid:workspace_id>/privacy/versions/<int:number>/": "the demo has published none; looked at as public pages",
    "legal/privacy/feed.xml": "for machines",
    ".well-known/privacy-policy.json": "for machines",
    "retention/runs/<uuid:retention_run_id>/": "comes with the first night",
    "promises/attestations/papers/<uuid:attestation_id>/": "a file",
    "requests/<uuid:request_id>/proof/": "a file",
    "w/<uuid:workspace_id>/privacy/requests/<slug:kind>/code/<uuid:passcode_id>/": "begins with a message to the person",
    "w/<uuid:workspace_id>/privacy/requests/<slug:kind>/ask/": "opens with the code of that message; walked with the requests",
    "w/<uuid:workspace_id>/privacy/requests/<uuid:request_id>/": "walked with the requests",
    "w/<uuid:workspace_id>/drp/business.json": "for machines",
    "w/<uuid:workspace_id>/drp/v1/data-rights-request/<uuid:request_id>": "for machines",
    "w/<uuid:workspace_id>/drp/v1/agent/<slug:agent_id>": "for machines",
    "erasures/<uuid:erasure_id>/": "begins with an erasure; looked at in amanat/privacy/erasure/tests",
    "erasures/<uuid:erasure_id>/certificate/": "begins with an erasure; looked at in amanat/privacy/erasure/tests",
    "contacts/<uuid:contact_id>/erase/": "asks for the password again; looked at in amanat/privacy/erasure/tests",
    "accounts/2fa/passkeys/<int:pk>/remove/": "needs a passkey, which needs a key in hand",
    "accounts/2fa/passkeys/<int:pk>/edit/": "needs a passkey, which needs a key in hand",
}
WEIGH = """() => performance.getEntriesByType('resource').filter(each => /[.](css|js)([?]|$)/.test(each.name))
    .map(each => [each.name, each.encodedBodySize])"""
#: Names in the demo, in the language of who gave them, and the subject of its letter, as it was sent, which are texts of the program too.
NAMES = {
    "A service is due",
    "Service due in three days",
    "Something is still owed",
    "Drill",
    "Does mail to this address arrive?",
}
LINK = re.compile(r'<(?:a|form)\b[^>]*?\s(?:href|action)="(/[^"]*)"')
#: What makes a desk of a phone and back while a page stays: no script of ours asks once for good what it runs on.
DEVICES = {
    "desk": {"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    "phone": {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True},
}
#: 720 is a desk of 1440 at 200 %.
AT_TWICE_THE_SIZE = {"width": 720, "height": 450, "deviceScaleFactor": 1, "mobile": False}


@pytest.fixture(scope="module")
def patterns(site: Any) -> list[str]:
    """Patterns of all routes that answer GET, asked of the site's own table."""
    words = (
        "from amanat.operations import services; services.set_up_django(); from amanat.core import routes; "
        "print('\\n'.join(p for p, r in routes.addresses().items() if 'GET' in r.methods and not p.startswith('api')))"
    )
    code, said = places.run(site.data, code=words)
    assert code == 0, said
    found = [line for line in said.splitlines() if line in {""} or re.fullmatch(r"[\w<>:/.-]+", line)]
    assert len(found) > 60
    return found


def addresses_for(owner: Visitor, patterns: list[str]) -> list[str]:
    """The pages behind the patterns, with ids of rows that the owner has; made where the demo has none."""
    links = _furnish(owner, patterns)
    todo = [
        "/",
        "/contacts/",
        "/companies/",
        "/services/",
        "/cases/",
        "/calendar/",
        "/imports/",
        "/exports/",
        "/duplicates/",
        "/merges/",
        "/bin/",
        "/requests/",
        "/incidents/",
        "/policy/",
        "/policy/draft/",
        "/policy/ready/",
        "/promises/",
        "/promises/attestations/",
        "/inbox/",
        "/inbox/replies/",
        "/reminders/",
        "/batches/",
    ]
    todo += [
        "/settings/members/",
        "/settings/teams/",
        "/settings/tags/",
        "/settings/fields/",
        "/settings/stages/",
        "/settings/services/",
        "/settings/channels/",
        "/settings/templates/",
    ]
    done: set[str] = set()
    for path in [*todo, "more"]:
        if path == "more":  # one of each kind of record leads to papers, tasks, merges
            records = (
                r"/contacts/[0-9a-f-]{36}/",
                r"/services/[0-9a-f-]{36}/",
                r"/cases/[0-9a-f-]{36}/",
                r"/companies/[0-9a-f-]{36}/",
                r"/papers/of/[0-9a-f-]{36}/",
                r"/w/[0-9a-f-]{36}/privacy/",
                r"/settings/channels/([0-9a-f-]{36}|connect)/",
                r"/settings/templates/[0-9a-f-]{36}/",
                r"/reminders/[0-9a-f-]{36}/",
                r"/contacts/[0-9a-f-]{36}/choices/",
            )
            for record in records:
                for link in [each for each in sorted(links) if re.fullmatch(record, each)][-6:]:
                    links |= _links(owner, link)
            continue
        if path not in done:
            done.add(path)
            links |= _links(owner, path)
    found, unreached = [], []
    for pattern in patterns:
        if pattern in NO_PAGE:
            continue
        if "<" not in pattern:
            found.append("/" + pattern)
            continue
        shape = re.compile("/" + re.sub(r"<(\w+):\w+>", r"[^/?]+", re.escape(pattern).replace(r"\-", "-")))
        fitting = sorted(link for link in links if shape.fullmatch(link) and _is_more_than_a_word(pattern, link))
        found += fitting[-1:]
        unreached += [] if fitting else [pattern]
    assert unreached == [], f"nothing leads to {unreached}; are they reachable at all?"
    return found


def _is_more_than_a_word(pattern: str, link: str) -> bool:
    return "uuid" not in pattern or re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", link) is not None


def _links(owner: Visitor, path: str) -> set[str]:
    """What it leads to, asked for without drawing it: a browser needs five times as long, and each page is drawn later anyway."""
    text = owner.context.request.get(owner.base + path).text()
    return {html.unescape(link).split("?")[0] for link in LINK.findall(text)}


def _take_a_request_down(owner: Visitor, contact: str) -> str:
    """A request, so that the desk has one. Returns the rest of the address of the public form that needs no code."""
    page = owner.page
    owner.go(f"/requests/new/?contact={contact.split('/')[2]}")
    page.locator("main input[name=is_sure]").check()
    page.locator("main select[name=kind]").select_option("erase")
    owner.press("Take it down")
    page.wait_for_url(re.compile(r"/requests/[0-9a-f-]{36}/"))
    return "privacy/requests/erase/by-hand/"


def _begin_a_policy(owner: Visitor) -> None:
    """A draft to look at; it changes nothing that holds."""
    page = owner.page
    owner.go("/policy/start/")
    given = {
        "office": "Nashik, India",
        "email": "privacy@crawl.example",
        "phone": "+91 253 222 3344",
        "post": "Main Road",
    }
    for name, text in {**given, "officer_email": "officer@crawl.example", "court": "Nashik"}.items():
        page.locator(f"main input[name={name}]").fill(text)
    page.locator("main input[name=begin][value=default]").check()
    with page.expect_navigation():
        owner.press("Make the draft")
    assert owner.path == "/policy/draft/"


def _furnish(owner: Visitor, patterns: list[str]) -> set[str]:
    """What the demo lacks: two alike, a paper, a file, a field, an import, a task, something in the bin. Returns addresses that
    no link leads to: of a question that was asked, and of the page where people see their own choices."""
    page, shared = owner.page, number()
    first = add(owner, "Manda Crawl", shared, company_name="Crawl Traders")
    add(owner, "Manda Crawl", shared, anyway=True)
    owner.go(f"/papers/of/{first.split('/')[2]}/")
    page.locator("select[name=kind]").select_option("pan")
    page.locator("main input[name=number]").fill("ABCPE1234F")
    owner.press("Attach")
    page.wait_for_load_state()
    owner.go(f"/tasks/new/?contact={first.split('/')[2]}")
    page.locator("main input[name=title]").fill("Crawl")
    owner.press("Save")
    page.wait_for_load_state()
    owner.go("/settings/fields/")
    page.locator("main input[name=label]").fill("Crawl field")
    owner.press("Add the field")
    page.wait_for_load_state()
    owner.go("/settings/teams/")
    page.locator("main input[name=name]").last.fill("Crawl team")
    owner.press("Make the team")
    page.wait_for_load_state()
    owner.go("/imports/")
    page.set_input_files(
        "#id_file", {"name": "c.csv", "mimeType": "text/csv", "buffer": b"Name,Mobile\nCrawl One,9822011111\n"}
    )
    owner.press("Upload and look")
    page.wait_for_url(re.compile(r"/imports/[0-9a-f-]{36}/"))
    owner.go("/inbox/replies/new/")
    page.locator("main input[name=shortcut]").fill("crawl")
    page.locator("main textarea[name=body]").fill("Crawl")
    owner.press("Save")
    page.wait_for_url("**/inbox/replies/")
    owner.go("/contacts/")
    page.locator("tbody .tick input").first.check()
    page.locator("[data-bulk]").get_by_role("button", name="Write").click()
    page.wait_for_url(re.compile(r"/batches/[0-9a-f-]{36}/"))
    _begin_a_policy(owner)
    by_hand = _take_a_request_down(owner, first)
    if not any(pattern.endswith("/choices/ask/") for pattern in patterns):
        return set()
    owner.go(first + "choices/")
    page.locator("main input[name=wanted]").first.check()
    with page.expect_navigation():
        page.locator("main form:has([name=wanted]) button").first.click()
    asked = owner.path
    owner.go("/workspaces/")
    entrance = page.locator("form[action$='/enter/']").first.get_attribute("action") or ""
    here = f"/w/{entrance.split('/')[2]}/"
    return {
        asked,
        first + "choices/ask/",
        f"{here}choices/",
        f"{here}privacy/requests/",
        f"{here}{by_hand}",
        f"{here}cookies/",
    }


@pytest.fixture(scope="module")
def crawl(patterns: list[str]) -> dict[str, list[str]]:
    """The addresses, filled by the first test that needs them."""
    return {"patterns": patterns, "pages": []}


def pages(crawl: dict[str, list[str]], owner: Visitor) -> list[str]:
    if not crawl["pages"]:
        crawl["pages"] = addresses_for(owner, crawl["patterns"])
    return crawl["pages"]


def test_every_page_is_accessible(seated, crawl) -> None:  # type: ignore[no-untyped-def]
    """On the desk and on the phone with every rule and, in the other theme, the contrast; at the desk also by the keyboard and at 200 %."""
    todo = pages(crawl, seated("csc", "owner"))
    owner = seated("csc", "owner", looks=True, reduced_motion="reduce", **DESK)
    sizes, read, faults, order = Sizes(owner), set[str](), list[str](), ["desk", "phone"]
    for path in todo:
        answer = owner.page.goto(owner.base + path, wait_until="domcontentloaded")
        if answer is None or answer.status >= 400:
            faults.append(f"{path}: answered {answer and answer.status}")
            continue
        faults += [f"{path}: {fault}" for fault in _at_every_size(owner.page, sizes, read, order)]
        order.reverse()  # the next page comes on the device that is on
    assert faults == [], "\n".join(faults)
    assert len(todo) > 50
    assert len(read) > 50, "nothing was looked at"


class Sizes:
    """The screen of somebody who has a page open, changed under it."""

    def __init__(self, visitor: Visitor) -> None:
        self._session = visitor.context.new_cdp_session(visitor.page)

    def change(self, to: dict[str, Any]) -> None:
        self._session.send("Emulation.setTouchEmulationEnabled", {"enabled": to["mobile"]})
        self._session.send("Emulation.setDeviceMetricsOverride", to)


def _at_every_size(page: Page, sizes: Sizes, read: set[str], order: Sequence[str]) -> list[str]:
    """On one device, between them, and on the other. It came in light and is left so."""
    found = []
    for device, theme, other in zip(order, ("light", "dark"), ("dark", "light"), strict=True):
        if device != order[0]:
            sizes.change(AT_TWICE_THE_SIZE)
            sideways = page.evaluate("looking.bones()")["sideways"]
            found += [f"at 200 %: scrolls sideways by {sideways}"] if sideways > 0 else []
            sizes.change(DEVICES[device])
        seen = {theme: browsers.bones(page) + browsers.serious(page, read)}
        if device == "desk":
            seen["keyboard"] = _focus(page)
        page.emulate_media(color_scheme="dark" if other == "dark" else "light")
        seen[other] = browsers.serious(page, read, ["color-contrast"])
        found += [f"{device}, {how}: {fault}" for how, faults in seen.items() for fault in faults]
    return found


def _focus(page: Page) -> list[str]:
    page.evaluate("looking.follow()")
    for _step in range(6):
        page.keyboard.press("Tab")
    return [f"focus not seen on {hidden}" for hidden in page.evaluate("looking.followed()")]


@pytest.mark.parametrize("language", ["hi", "mr"])
def test_every_page_in_another_language(seated, crawl, language) -> None:  # type: ignore[no-untyped-def]
    todo = pages(crawl, seated("csc", "owner"))
    # Public policies keep no cookie: they ask the browser which language is read.
    owner = seated("csc", "owner", **{**PHONE, "locale": f"{language}-IN"})
    faults, english = [], _still_english(language)
    _speak(owner, language)
    try:
        for path in todo:
            answer = owner.page.goto(owner.base + path, wait_until="domcontentloaded")
            seen, ours = owner.page.evaluate(f"{chromium.LOOKING}; [looking.bones(), looking.ours()]")
            if answer is None or answer.status >= 400:
                faults.append(f"{path}: answered {answer and answer.status}")
            elif seen["sideways"] > 0:
                faults.append(f"{path}: scrolls sideways by {seen['sideways']}")
            elif seen["language"] != language:
                faults.append(f"{path}: speaks {seen['language']}")
            faults += [f"{path}: {text!r} is English" for text in ours if text in english]
    finally:
        _speak(owner, "en")
    assert faults == [], "\n".join(faults)


def _still_english(language: str) -> set[str]:
    """The program's own texts that read otherwise in `language`, without those that stand in the demo as somebody's words."""
    catalog = polib.pofile(str(CHECKOUT / "amanat" / "locale" / f"{language}.po"))
    return {entry.msgid for entry in catalog if entry.msgstr and entry.msgstr != entry.msgid} - NAMES


def _speak(owner: Visitor, language: str) -> None:
    page = owner.go("/settings/account/")
    page.locator("select[name=language]").select_option(language)
    with page.expect_navigation():
        page.locator("main form button.button-primary").first.click()


def test_contact_list_is_light(seated) -> None:  # type: ignore[no-untyped-def]
    """Styles and scripts of the list, as they cross the wire, stay under 100 KB."""
    owner = seated("csc", "owner")
    page: Page = owner.go("/contacts/")
    page.wait_for_load_state("networkidle")
    weighed = page.evaluate(WEIGH)
    assert len(weighed) >= 5
    assert sum(size for _name, size in weighed) < 100_000, weighed


def test_signed_out_pages_are_accessible(town: Town) -> None:
    visitor = town.visitor(looks=True, **PHONE)
    read, faults = set[str](), list[str]()
    for path in (
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/accounts/login/code/",
        "/offline/",
        "/outbox/",
    ):
        visitor.go(path)
        faults += [f"{path}: {fault}" for fault in browsers.bones(visitor.page)]
        faults += [f"{path}: {fault}" for fault in browsers.serious(visitor.page, read)]
    assert faults == [], "\n".join(faults)
