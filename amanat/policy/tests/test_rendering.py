"""The page: every number and name from a rule, the same in each language; and the JSON for machines."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

import pytest

from amanat.policy import documents, loading, references, rendering
from amanat.policy.format import PARTS
from amanat.policy.inventory import Inventory
from amanat.policy.references import ReferenceMissing, WordsMissing
from amanat.policy.rendering import RenderedClause
from amanat.policy.terms import LANGUAGES
from amanat.policy.tests.samples import DEFAULT, changed, policy


def clauses(language: str = "en", *pairs: tuple[str, str], on: date | None = None) -> dict[str, RenderedClause]:
    page = rendering.render(policy(*pairs), language, on=on)
    return {clause.id: clause for part in page.parts for clause in part.clauses}


@pytest.mark.parametrize(
    ("clause", "language", "text"),
    [
        (
            "keep-marketing",
            "en",
            "Marketing data: 3 years after your last contact, or 30 days after you opt out, whichever is first.",
        ),
        ("keep-marketing", "hi", "विपणन का डेटा: आपके पिछले संपर्क के बाद 3 वर्ष, या मना करने के बाद 30 दिन, जो पहले पूरा हो।"),
        ("keep-marketing", "mr", "विपणनाचा डेटा: तुमच्या शेवटच्या संपर्कानंतर 3 वर्षे, किंवा नकार दिल्यानंतर 30 दिवस, जे आधी संपेल ते."),
        ("keep-billing", "en", "Invoices and payments: 7 years, or longer where tax or company law says so."),
        ("sale-of-company", "en", "If the firm changes hands, you hear of it 30 days before."),
        ("no-absolute", "hi", "कोई भी प्रणाली पूरी तरह सुरक्षित नहीं होती।"),
        ("keep-support", "mr", "मदतीची प्रकरणे: बंद झाल्यानंतर 2 वर्षे."),
        (
            "reminders",
            "en",
            "Reminders go to a business's own customers by WhatsApp, SMS, and e-mail, only as that business sets them and those customers agreed.",
        ),
    ],
)
def test_sentence(clause: str, language: str, text: str) -> None:
    assert clauses(language)[clause].text == text


def test_breach_sentence_holds_every_clock() -> None:
    text = clauses()["breach"].text
    assert "without delay, within 72 hours at the latest" in text
    assert "Authorities hear of it at once" in text
    assert "within 6 hours" in text


def test_parts_stand_in_their_order_with_headings() -> None:
    for language in LANGUAGES:
        page = rendering.render(policy(), language)
        assert [part.id for part in page.parts] == list(PARTS)
        assert all(part.heading for part in page.parts)
    assert rendering.render(policy(), "hi").title == "निजता नीति"


def test_the_date_is_computed() -> None:
    moved = policy(("effective: 2026-12-01", "effective: 2027-02-28"))
    updated = [rendering.render(moved, language).updated for language in LANGUAGES]
    assert updated == ["Last changed on: 28 February 2027", "पिछला बदलाव: 28 फ़रवरी 2027", "शेवटचा बदल: 28 फेब्रुवारी 2027"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_digit_stands_outside_a_reference(language: str) -> None:
    page = rendering.render(policy(), language)
    typed = [
        segment.text
        for part in page.parts
        for clause in part.clauses
        for segment in clause.segments
        if not segment.path and any(letter.isdigit() for letter in segment.text)
    ]
    assert typed == []


@pytest.mark.parametrize("language", ["hi", "mr"])
def test_each_language_says_the_same_rules(language: str) -> None:
    def said(language: str) -> dict[str, Counter[str]]:
        return {
            name: Counter(segment.path for segment in clause.segments if segment.path)
            for name, clause in clauses(language).items()
        }

    assert said(language) == said("en")


def test_a_changed_rule_changes_every_language() -> None:
    changed_rule = ("last_interaction: P3Y", "last_interaction: P13M")
    assert "13 months after your last contact" in clauses("en", changed_rule)["keep-marketing"].text
    assert "13 महीने" in clauses("hi", changed_rule)["keep-marketing"].text
    assert "13 महिने" in clauses("mr", changed_rule)["keep-marketing"].text


def test_segments_tell_words_from_rules() -> None:
    [before, rule, after] = clauses()["keep-support"].segments
    assert (before.text, before.path, before.items) == ("Support cases: ", "", ())
    assert (rule.text, rule.path, rule.items) == ("2 years", "keep.support.until.case_closed", ("2 years",))
    assert after.text == " after they are closed."


def test_lists_keep_their_items() -> None:
    [rule] = [segment for segment in clauses()["rights"].segments if segment.path == "rights.kinds"]
    assert rule.items[:2] == ("see your data", "correct it")
    assert len(rule.items) == 12
    assert rule.text.endswith(", and complain")


def test_data_of_two_kinds_is_named_once() -> None:
    doubled = policy(
        ("is: [pd:FinancialAccount, pd:Transaction]", "is: [pd:FinancialAccount, pd:Transaction, pd:Name]")
    )
    items = references.in_words(doubled, "data.*", "en")
    assert len(items) == len(set(items))
    assert "names" in items


def test_recipients_are_named_with_country_and_safeguard() -> None:
    items = references.in_words(policy(), "recipients.*", "en")
    assert "hosting (India)" in items
    assert "WhatsApp (United States, standard contractual clauses)" in items
    assert references.in_words(policy(), "recipients.whatsapp", "mr") == ("व्हॉट्सॲप (अमेरिका, प्रमाणित करार कलमे)",)


def test_a_recipient_may_have_a_proper_name() -> None:
    named = policy(("carrier:   {is:", "carrier:   {name: Bharat Voice Ltd, is:"))
    assert references.in_words(named, "recipients.carrier", "hi") == ("Bharat Voice Ltd (भारत)",)


def test_own_names_are_said_in_own_words() -> None:
    text = changed(
        ("  mail:      {is", "  printer:   {is"),
        ("\ntranslations:", "\nlabels: {recipients.printer: our printing house}\n\ntranslations:"),
        ("  hi:\n", "  hi:\n    recipients.printer: हमारा छापाख़ाना\n"),
    )
    own = loading.load(text).policy
    assert references.in_words(own, "recipients.printer", "en") == ("our printing house",)
    assert "हमारा छापाख़ाना" in references.in_words(own, "recipients.*", "hi")
    with pytest.raises(WordsMissing, match=r"recipients\.printer"):
        references.in_words(own, "recipients.*", "mr")


@pytest.mark.parametrize(
    ("path", "language", "words"),
    [
        ("keep.account.until.closure", "en", ("30 days",)),
        ("policy.effective", "hi", ("1 दिसंबर 2026",)),
        ("policy.version", "en", ("1",)),
        ("children.min_age", "mr", ("18",)),
        ("changes.post", "en", ("yes",)),
        ("changes.post", "mr", ("होय",)),
        ("changes.archive", "hi", ("सार्वजनिक",)),
        ("parties.operator.name", "en", ("The operator",)),
        ("parties.operator.name", "hi", ("संचालक",)),
        ("parties.operator.account", "en", ("controller",)),
        ("parties.contact.email", "hi", ("privacy@business.example",)),
        ("parties.venue.law", "en", ("India",)),
        ("recipients.whatsapp.in", "en", ("United States",)),
        ("products.crm", "en", ("crm.business.example",)),
        ("data.voice", "en", ("call recordings and transcripts",)),
        ("purposes.marketing", "en", ("news and offers",)),
        ("purposes.reminders.per", "en", ("WhatsApp", "SMS", "e-mail")),
        ("rights.stop_words", "hi", ("STOP", "UNSUBSCRIBE", "QUIT", "END", "CANCEL")),
        ("rights.regimes.eu-gdpr", "en", ("1 month, and at most 2 months more",)),
        ("breach.board_first", "en", ("at once",)),
        ("storage.keys.usage.kind", "en", ("analytics",)),
        ("storage.signals", "en", ("Global Privacy Control",)),
        ("security.mfa", "en", ("code from an app", "passkey")),
        ("vault.subjects", "en", ("India",)),
        ("transfers.log_copy", "mr", ("भारत",)),
    ],
)
def test_words_of_a_rule(path: str, language: str, words: tuple[str, ...]) -> None:
    assert references.in_words(policy(), path, language) == words


@pytest.mark.parametrize(
    "path",
    ["", "keep.nothing", "keep.account.until.never", "keep.*", "nothing.*", "data.*.is", "policy.id.x", "amanat.1"],
)
def test_a_path_to_nothing_is_missing(path: str) -> None:
    with pytest.raises(ReferenceMissing):
        references.in_words(policy(), path, "en")


@pytest.mark.parametrize("path", ["keep", "keep.account", "security", "keep.account.until", "security.at_rest"])
def test_a_block_or_an_unknown_word_has_no_words(path: str) -> None:
    odd = policy(("at_rest: envelope_per_tenant", "at_rest: rot13"))
    with pytest.raises(WordsMissing):
        references.in_words(odd, path, "en")


@pytest.mark.parametrize(
    ("on", "shown"), [(date(2026, 12, 1), True), (date(2027, 6, 30), True), (date(2027, 7, 1), False), (None, True)]
)
def test_attested_words_go_with_their_evidence(on: date | None, shown: bool) -> None:
    report = "{evidence: report of the auditor, until: 2027-06-30}"
    pairs = (("premises: {}", f"premises: {report}"), ("surveillance: {}", f"surveillance: {report}"))
    assert ("premises" in clauses("en", *pairs, on=on)) is shown


def test_attested_words_need_all_of_their_evidence() -> None:
    assert "premises" not in clauses()
    assert "premises" not in clauses("en", ("premises: {}", "premises: {evidence: x, until: 2030-01-01}"))


def test_text_holds_every_clause() -> None:
    page = rendering.render(policy(), "en")
    text = page.as_text()
    assert all(clause.text in text for part in page.parts for clause in part.clauses)
    assert text.startswith("Privacy policy\nLast changed on: 1 December 2026\n")


def test_hash_is_of_the_content_not_of_the_file() -> None:
    same = loading.load("# another comment\n" + DEFAULT.replace("company: true", "company: true ")).policy
    assert documents.content_hash(same) == documents.content_hash(policy())
    written_out = policy(
        (
            "uses: [identity, content, talk, billing, proof],",
            "uses: [identity, content, talk, billing, proof], grain: person,",
        )
    )
    assert documents.content_hash(written_out) == documents.content_hash(policy())


@pytest.mark.parametrize(
    ("old", "new"),
    [("Nothing else.", "Nothing more."), ("lead: P30D", "lead: P31D"), ("version: 1", "version: 2"), ("मौन", "शांतता")],
)
def test_hash_changes_with_rules_and_words(old: str, new: str) -> None:
    assert documents.content_hash(policy((old, new))) != documents.content_hash(policy())


def test_hash_is_the_same_on_every_machine() -> None:
    canonical = documents.canonical(policy())
    assert (
        canonical
        == json.dumps(json.loads(canonical), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    )
    assert "विपणन".encode() in canonical
    assert rendering.render(policy()).hash == documents.content_hash(policy())


def test_the_document_can_be_read_back() -> None:
    document = documents.as_document(policy())
    sealed = document.pop("hash")
    again = loading.from_document(json.loads(json.dumps(document)))
    assert sealed == f"sha256:{documents.content_hash(again)}"
    assert document["keep"]["account"]["until"]["last_login"] == "P3Y"
    assert "at" not in document["data"]["identity"]


def test_the_published_document_says_where_data_lies() -> None:
    inventory = Inventory(
        columns={"user.name": "pd:Name", "contact.phone": "pd:TelephoneNumber", "log.address": "pd:IPAddress"},
        fields={"sign-up": frozenset({"pd:Name"}), "request": frozenset({"pd:IPAddress"})},
    )
    data = documents.as_document(policy(), inventory)["data"]
    assert (data["identity"]["at"], data["identity"]["via"]) == (["contact.phone", "user.name"], ["sign-up"])
    assert (data["security"]["at"], data["security"]["via"]) == (["log.address"], ["request"])
    assert data["voice"]["at"] == []
    assert documents.as_document(policy(), inventory)["hash"] == documents.as_document(policy())["hash"]
