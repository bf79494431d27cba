"""What a domain publishes about its mail, from records given here: no name server is asked."""

from __future__ import annotations

import pytest

from amanat.messaging.channels import mail_dns

GOOD = {
    "shree.example": ["google-site=1", "v=spf1 include:_spf.google.com ~all"],
    "google._domainkey.shree.example": ["v=DKIM1; k=rsa; p=MIIB"],
    "_dmarc.shree.example": ["v=DMARC1; p=none"],
}


def found(records: dict[str, list[str]], domain: str = "shree.example", **said: str) -> dict[str, mail_dns.Found]:
    said.setdefault("host", "smtp.gmail.com")
    return {one.name: one for one in mail_dns.examine(domain, txt=lambda name: records.get(name, []), **said)}  # type: ignore[arg-type]


def test_all_is_well() -> None:
    assert {name: (one.is_good, one.advice) for name, one in found(GOOD).items()} == {
        "SPF": (True, ""), "DKIM": (True, ""), "DMARC": (True, ""),
    }  # fmt: skip


def test_a_subdomain_has_the_dmarc_of_its_domain() -> None:
    assert found(GOOD, "mail.shree.example")["DMARC"].is_good


def test_nothing_published_is_told_with_what_to_publish() -> None:
    nothing = found({})
    assert not any(one.is_good for one in nothing.values())
    assert "v=spf1 include:_spf.google.com ~all" in nothing["SPF"].advice
    assert "_dmarc.shree.example" in nothing["DMARC"].advice
    assert "_domainkey.shree.example" in nothing["DKIM"].advice


@pytest.mark.parametrize(
    "spf",
    [["v=spf1 include:other.example ~all"], ["v=spf1 include:_spf.google.com +all"], ["v=spf1 include:_spf.google.com all"],
     ["v=spf1 include:_spf.google.com ~all", "v=spf1 -all"]],
)  # fmt: skip
def test_an_spf_record_that_does_not_do_is_told(spf: list[str]) -> None:
    one = found({**GOOD, "shree.example": spf})["SPF"]
    assert not one.is_good and one.advice


def test_a_key_that_was_taken_back_is_no_key() -> None:
    assert not found({**GOOD, "google._domainkey.shree.example": ["v=DKIM1; p="]})["DKIM"].is_good


def test_a_key_under_a_name_of_its_own_is_found() -> None:
    records = {"mine._domainkey.shree.example": ["v=DKIM1; p=AA"]}
    assert found(records, selector="mine")["DKIM"].is_good
    assert not found(records, selector="mine.x/..")["DKIM"].is_good


@pytest.mark.parametrize(
    "domain", ["", "shree", "shree.example/..", "a b.example", "-a.example", "x" * 64 + ".example"]
)
def test_what_is_no_domain_is_not_asked_about(domain: str) -> None:
    with pytest.raises(ValueError):
        mail_dns.examine(domain, txt=lambda name: [])


def test_a_name_server_that_does_not_answer_is_no_verdict() -> None:
    def silent(name: str) -> list[str]:
        raise LookupError(name)

    with pytest.raises(LookupError):
        mail_dns.examine("shree.example", txt=silent)
