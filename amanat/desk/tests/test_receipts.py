from __future__ import annotations

import hashlib
import io
import re

import pytest
from django.utils import translation
from pypdf import PdfReader

from amanat.accounts import workspaces
from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import tenancy
from amanat.desk import payments, receipts
from amanat.desk.models import Payment, ServiceRecord
from amanat.desk.payments import NewPayment
from amanat.desk.receipts import Receipt
from amanat.desk.tests.factories import NOW, make_contact, make_record


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def made(shop: Workspace) -> tuple[ServiceRecord, Receipt]:
    rekha = owner_of(shop)
    with tenancy.inside(shop):
        workspaces.change(
            workspace=shop, by=rekha, at=NOW, csc_id="123456789012", gstin="27AAPFU0939F1ZV", address="Main Road\nNashik",
            vle_name="Rekha Kulkarni", phone="+912532345678",
        )  # fmt: skip
        contact = make_contact(rekha, "Sunita Deshmukh", phone="9822041736")
        record = make_record(
            rekha,
            contact=contact,
            title="Crop insurance #1 *PMFBY* $x$",
            fee_paise=114_050,
            acknowledgement="8841 2290",
        )
        payments.take(record=record, payment=NewPayment(50_000, "upi", "4412"), by=rekha, at=NOW)
        wrong = payments.take(record=record, payment=NewPayment(10_000, "cash"), by=rekha, at=NOW)
        payments.cancel(payment=wrong, by=rekha, at=NOW, reason="mistake")
        fresh = ServiceRecord.objects.of(shop).select_related("contact", "company").get()
        taken = list(Payment.objects.of(shop).order_by("id"))
        return fresh, receipts.of(record=fresh, payments=taken, workspace=shop, at=NOW)


@pytest.mark.parametrize("paper", receipts.PAPERS)
def test_pdf_says_all_that_a_receipt_must(shree: Workspace, paper: str) -> None:
    _, receipt = made(shree)
    text = text_of(receipts.pdf(receipt, paper=paper))
    for part in (
        "Shree CSC Kendra", "CSC id 123456789012", "GSTIN 27AAPFU0939F1ZV", "Main Road Nashik", "VLE Rekha Kulkarni",
        "Receipt No. 1", "21 Nov 2026", "Sunita Deshmukh", "+91 98220 41736", "Crop insurance #1 *PMFBY* $x$",
        "8841 2290", "1,140.50", "UPI · 4412", "500.00", "640.50", "Rupees five hundred only",
    ):  # fmt: skip
        assert part in text, part
    assert "100.00" not in text  # the cancelled payment


def test_pages_have_the_size_of_the_paper(shree: Workspace) -> None:
    _, receipt = made(shree)
    a4 = PdfReader(io.BytesIO(receipts.pdf(receipt))).pages
    roll = PdfReader(io.BytesIO(receipts.pdf(receipt, paper="80mm"))).pages
    assert (len(a4), round(float(a4[0].mediabox.width)), round(float(a4[0].mediabox.height))) == (1, 595, 842)
    assert (len(roll), round(float(roll[0].mediabox.width))) == (1, 227)


def test_devanagari_is_set_with_our_own_face(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree), translation.override("hi"):
        record = make_record(rekha, contact=make_contact(rekha, "सुनीता देशमुख"), title="फ़सल बीमा", paid_paise=10_000)
        receipt = receipts.of(record=record, payments=list(Payment.objects.of(shree)), workspace=shree, at=NOW)
    assert receipt.in_words == "रुपये एक सौ मात्र"
    pages = PdfReader(io.BytesIO(receipts.pdf(receipt))).pages
    fonts = {str(font.get_object()["/BaseFont"]) for font in pages[0]["/Resources"]["/Font"].values()}  # type: ignore[index]
    assert any("NotoSansDevanagari" in name for name in fonts)
    assert "21 नव" in text_of(receipts.pdf(receipt))


def test_vendored_faces_are_the_ones_of_the_list() -> None:
    listed = re.findall(r"^\| (\S+\.ttf) \|.* ([0-9a-f]{64}) \|$", (receipts.FONTS / "README.md").read_text(), re.M)
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in receipts.FONTS.glob("*.ttf")}
    assert dict(listed) == found


def test_pages_show_the_receipt_for_both_papers(shree: Workspace) -> None:
    record, _ = made(shree)
    browser = signed_in(owner_of(shree))
    for paper in ("a4", "80mm", "nonsense"):
        page = browser.get(f"/services/{record.pk}/receipt/?paper={paper}")
        assert page.status_code == 200
        for part in ("GSTIN 27AAPFU0939F1ZV", "Rupees five hundred only", "640.50", "Crop insurance #1 *PMFBY* $x$"):
            assert part in page.text
        assert ("receipt-roll" in page.text) == (paper == "80mm")
    pdf = browser.get(f"/services/{record.pk}/receipt.pdf?paper=80mm")
    assert pdf["Content-Type"] == "application/pdf" and pdf.content.startswith(b"%PDF-")
