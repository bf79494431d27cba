"""What stands on a receipt, read back out of its PDF: three languages, two papers, amounts as India writes them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation
from pypdf import PdfReader

from amanat.accounts import workspaces
from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk import payments, receipts, services
from amanat.desk.amounts import in_words
from amanat.desk.models import Payment, ServiceRecord
from amanat.desk.payments import NewPayment
from amanat.desk.receipts import Receipt
from amanat.desk.services import NewService
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record
from amanat.people import companies
from amanat.people.drafts import CompanyDraft

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def text_of(receipt: Receipt, paper: str = "a4") -> str:
    pages = PdfReader(io.BytesIO(receipts.pdf(receipt, paper=paper))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).replace("\xa0", " ").split())


def receipt_of(record: ServiceRecord, language: str = "en") -> Receipt:
    with translation.override(language):
        rows = ServiceRecord.objects.of(record.workspace_id).select_related("contact", "company")
        taken = list(Payment.objects.of(record.workspace_id).filter(record=record).order_by("id"))
        return receipts.of(record=rows.get(pk=record.pk), payments=taken, workspace=owner_of_record(record), at=NOW)


def owner_of_record(record: ServiceRecord) -> Workspace:
    return workspaces.by_id(record.workspace_id)


# --- amounts ---------------------------------------------------------------------------------------------------------

#: paise, as figures, in English words
AMOUNTS: list[tuple[int, str, str]] = [
    (1, "0.01", "Rupees zero and one paise only"),
    (100, "1.00", "Rupees one only"),
    (99_900, "999.00", "Rupees nine hundred ninety-nine only"),
    (1_00_000, "1,000.00", "Rupees one thousand only"),
    (99_999_00, "99,999.00", "Rupees ninety-nine thousand nine hundred ninety-nine only"),
    (1_00_000_00, "1,00,000.00", "Rupees one lakh only"),
    (12_06_550_50, "12,06,550.50", "Rupees twelve lakh six thousand five hundred fifty and fifty paise only"),
    (1_00_00_000_00, "1,00,00,000.00", "Rupees one crore only"),
    (99_99_99_999_99, "99,99,99,999.99", "Rupees ninety-nine crore ninety-nine lakh ninety-nine thousand nine hundred ninety-nine and ninety-nine paise only"),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("paise", "figures", "words"), AMOUNTS)
def test_amounts_stand_in_lakh_and_in_words(rekha: Member, paise: int, figures: str, words: str) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, fee_paise=paise, paid_paise=paise)
        text = text_of(receipt_of(record))
    assert f"₹ {figures}" in text and words in text
    assert "Still to pay ₹ 0.00" in text


@pytest.mark.parametrize("language", ["en", "hi", "mr"])
@pytest.mark.parametrize("paise", [0, 100, 1_100, 10_000, 11_100, 99_99_999_00, 20_00_00_000_00])
def test_words_have_no_gap_and_end_with_the_word_for_only(language: str, paise: int) -> None:
    words = in_words(paise, language)
    assert "  " not in words and words == words.strip()
    assert words.endswith({"en": "only", "hi": "मात्र", "mr": "फक्त"}[language])


@pytest.mark.parametrize("language", ["en", "hi", "mr"])
def test_every_number_below_a_thousand_has_words_of_its_own(language: str) -> None:
    words = [in_words(number * 100, language) for number in range(1000)]
    assert len(set(words)) == 1000


def value_of(words: str) -> int:
    """English number words back into a number, by another way than they were made."""
    ones = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ]
    tens = ["x", "x", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    scales = {"hundred": 100, "thousand": 1_000, "lakh": 100_000, "crore": 10_000_000}
    total = part = 0
    for word in words.replace("-", " ").split():
        if word in ones:
            part += ones.index(word)
        elif word in tens:
            part += tens.index(word) * 10
        elif word == "hundred":
            part *= 100
        else:
            total, part = total + part * scales[word], 0
    return total + part


def test_words_mean_the_number_they_stand_for() -> None:
    numbers = [*range(0, 2_000, 7), *(10**power + extra for power in range(3, 9) for extra in (-1, 0, 1, 99, 100))]
    for number in numbers:
        words = in_words(number * 100).removeprefix("Rupees ").removesuffix(" only")
        assert value_of(words) == number, words


# --- languages -------------------------------------------------------------------------------------------------------

LABELS = ("Receipt", "Fee", "Paid", "Still to pay", "Service", "Amount", "For", "Status")


@pytest.mark.parametrize("language", ["hi", "mr"])
def test_every_label_of_a_receipt_is_translated(rekha: Member, language: str) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, paid_paise=5_000, due_on=TODAY, expires_on=TODAY, acknowledgement="A-1")
        english, other = receipt_of(record), receipt_of(record, language)
    assert {**other.labels}.keys() == english.labels.keys()
    same = [key for key, label in other.labels.items() if label == english.labels[key]]
    assert same == []
    assert other.title != english.title and other.foot != english.foot and other.words_label != english.words_label
    assert [line.label for line in other.details] != [line.label for line in english.details]
    assert (other.fee, other.paid, other.balance, other.number) == (
        english.fee,
        english.paid,
        english.balance,
        english.number,
    )
    assert other.language == language


@pytest.mark.parametrize("paper", receipts.PAPERS)
@pytest.mark.parametrize("language", ["en", "hi", "mr"])
def test_figures_and_names_are_in_the_pdf_of_every_language(rekha: Member, language: str, paper: str) -> None:
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha, "Sunita Deshmukh", phone="9822041736")
        record = make_record(
            rekha, contact=contact, title="PAN correction", fee_paise=12_06_550, acknowledgement="8841 2290"
        )
        payments.take(record=record, payment=NewPayment(2_00_000, "upi", "4412"), by=rekha, at=NOW)
        text = text_of(receipt_of(record, language), paper)
    for part in (
        "Shree CSC Kendra",
        "Sunita Deshmukh",
        "+91 98220 41736",
        "PAN correction",
        "8841 2290",
        "12,065.50",
        "2,000.00",
        "10,065.50",
        "4412",
    ):
        assert part in text, part


@pytest.mark.parametrize("paper", receipts.PAPERS)
def test_the_page_has_the_papers_width_and_one_sheet(rekha: Member, paper: str) -> None:
    with tenancy.inside(rekha.workspace):
        receipt = receipt_of(make_record(rekha, title="x" * 120))
    [page] = PdfReader(io.BytesIO(receipts.pdf(receipt, paper=paper))).pages
    assert round(float(page.mediabox.width)) == {"a4": 595, "80mm": 227}[paper]


# --- what stands and what does not -----------------------------------------------------------------------------------


def lines(receipt: Receipt) -> dict[str, str]:
    return {line.label: line.text for line in (*receipt.for_whom, *receipt.details)}


def test_a_receipt_for_a_firm_names_it_with_its_gstin(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        firm = companies.create(
            workspace=rekha.workspace, by=rekha, at=NOW, draft=CompanyDraft(name="Patil Dairy", gstin="27AAPFU0939F1ZV")
        )
        record = services.create(
            workspace=rekha.workspace, wanted=NewService(service=None, title="GST return", fee_paise=100), by=rekha, at=NOW, company=firm
        )  # fmt: skip
        assert lines(receipt_of(record)) == {
            "For": "Patil Dairy",
            "GSTIN of the firm": "27AAPFU0939F1ZV",
            "Status": "Open",
        }
        ServiceRecord.objects.of(rekha.workspace).update(contact=make_contact(rekha, "Asha", phone="9822041736"))
        assert lines(receipt_of(record)) == {
            "For": "Asha", "Mobile": "+91 98220 41736", "Firm": "Patil Dairy", "GSTIN of the firm": "27AAPFU0939F1ZV", "Status": "Open",
        }  # fmt: skip


def test_a_receipt_says_nothing_private(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha, "Asha", notes="debts", emails=[("asha@example.in", "")])
        record = make_record(rekha, contact=contact, notes="secret note", custom={})
        text = text_of(receipt_of(record))
    assert "secret" not in text and "debts" not in text and "asha@example.in" not in text


@pytest.mark.parametrize("cancelled", [0, 1, 2, 3])
def test_cancelled_payments_are_left_out_and_the_rest_adds_up(rekha: Member, cancelled: int) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, fee_paise=100_000)
        for number in range(3):
            payments.take(record=record, payment=NewPayment(1_000 * (number + 1), "cash"), by=rekha, at=NOW)
        for payment in list(Payment.objects.of(rekha.workspace).order_by("id"))[:cancelled]:
            payments.cancel(payment=payment, by=rekha, at=NOW, reason="x")
        receipt = receipt_of(record)
    assert len(receipt.payments) == 3 - cancelled
    total = sum(int(re.sub(r"\D", "", line.text)) for line in receipt.payments)
    assert total == int(re.sub(r"\D", "", receipt.paid)) == sum([1_000, 2_000, 3_000][cancelled:])


@pytest.mark.parametrize(
    ("fee", "paid", "is_paid", "balance"),
    [(0, 0, True, "0.00"), (100, 0, False, "1.00"), (100, 100, True, "0.00"), (25_050, 50, False, "250.00")],
)
def test_whether_it_is_paid_is_said_once_and_rightly(
    rekha: Member, fee: int, paid: int, is_paid: bool, balance: str
) -> None:
    with tenancy.inside(rekha.workspace):
        receipt = receipt_of(make_record(rekha, fee_paise=fee, paid_paise=paid))
    assert (receipt.is_paid, receipt.balance.replace("\xa0", " ")) == (is_paid, f"₹ {balance}")


@pytest.mark.parametrize(
    ("quantity", "shown"), [(1, "PAN correction"), (2, "PAN correction × 2"), (999, "PAN correction × 999")]
)
def test_more_than_one_says_how_many(rekha: Member, quantity: int, shown: str) -> None:
    with tenancy.inside(rekha.workspace):
        receipt = receipt_of(make_record(rekha, quantity=quantity))
    assert receipt.service == shown


NASTY = [
    "#set page(width: 1pt)",
    "*bold* _x_ $1$",
    "<script>",
    "`code`",
    "\\",
    "@ref",
    "= heading",
    '#include "x"',
    "a" * 120,
    "नमस्ते दुनिया",
    "\u202eabc",
]


@pytest.mark.sampled
@pytest.mark.parametrize("text", NASTY)
def test_no_text_becomes_code_of_the_sheet(rekha: Member, text: str) -> None:
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha, text[:100])
        record = make_record(rekha, contact=contact, title=text[:120], acknowledgement=text[:60])
        receipt = receipt_of(record)
        [page] = PdfReader(io.BytesIO(receipts.pdf(receipt))).pages
    assert round(float(page.mediabox.width)) == 595
    if text.isascii() and len(text) < 40:
        assert text.replace(" ", "") in page.extract_text().replace(" ", "").replace("\n", "")


FACTS: dict[str, tuple[dict[str, Any], str]] = {
    "legal name first": ({"legal_name": "Kulkarni Enterprises"}, "Kulkarni Enterprises"), "CSC id": ({"csc_id": "123456789012"}, "CSC id 123456789012"),
    "VLE": ({"vle_name": "Rekha K"}, "VLE Rekha K"), "registration": ({"registration_number": "R-77"}, "Registration R-77"),
    "address on one line": ({"address": "Main Road\nNear Bank\n"}, "Main Road Near Bank"), "mail": ({"email": "shop@example.in"}, "shop@example.in"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FACTS))
def test_the_head_has_what_the_shop_says_of_itself_and_nothing_else(rekha: Member, name: str) -> None:
    details, shown = FACTS[name]
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        bare = receipt_of(record)
        workspaces.change(workspace=rekha.workspace, by=rekha, at=NOW, **details)
        full = receipt_of(record)
    assert shown in (full.shop, *" · ".join(full.shop_lines).split(" · ")) and shown not in (
        bare.shop,
        *bare.shop_lines,
    )


def test_the_day_of_a_receipt_is_the_shops(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        taken = list(Payment.objects.of(rekha.workspace))
        late = receipts.of(record=record, payments=taken, workspace=rekha.workspace, at=NOW + timedelta(hours=14))
    assert late.day == "22 Nov 2026"


def test_a_receipt_is_a_value_that_can_be_printed_again(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        receipt = receipt_of(make_record(rekha))
    assert replace(receipt) == receipt and text_of(receipt) == text_of(replace(receipt))


@pytest.mark.parametrize("paper", ["a4", "80mm", "", "letter", "../../etc"])
def test_the_file_is_named_after_the_number_and_kept_by_nobody(rekha: Member, paper: str) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
    answer = signed_in(rekha).get(f"/services/{record.pk}/receipt.pdf?paper={paper}")
    assert answer.status_code == 200 and answer["Cache-Control"] == "no-store, private"
    assert answer["Content-Disposition"] == f'inline; filename="receipt-{record.number}.pdf"'
