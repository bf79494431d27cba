"""Who receives data, where, on which condition; and does it agree with what is never done?"""

from __future__ import annotations

from collections.abc import Iterator

from amanat.policy import terms
from amanat.policy.linting.findings import Case, Complaint, check

#: Grounds for sending data abroad (GDPR Art. 45, 46, 49). Privacy Shield was one until July 2020.
SAFEGUARDS = ("adequacy", "dpf", "scc", "derogation")
VOID = ("privacy_shield",)
#: What else a word in `never` rules out.
_FORBIDS = {
    "profiling": {"dpv:Personalisation"},
    "rent": {"dpv:SellDataToThirdParties"},
    "trade": {"dpv:SellDataToThirdParties"},
}


@check("never.forbidden-purpose")
def forbidden_purpose(case: Case) -> Iterator[Complaint]:
    forbidden = {term: word for word in case.policy.never for term in (word, *_FORBIDS.get(word, ()))}
    for name, purpose in case.policy.purposes.items():
        if purpose.term in forbidden:
            wrong = f"`never` says “{forbidden[purpose.term]}”, and this does it."
            yield ("purposes", name, "is"), wrong, "Drop the purpose, or stop promising never to do it."


@check("never.contradiction")
def contradiction(case: Case) -> Iterator[Complaint]:
    """A seed never shares what identifies people without consent, and shares it with processors and authorities."""
    if "identifiable_without_consent" not in case.policy.never:
        return
    for name, recipient in case.policy.recipients.items():
        if recipient.when != "consent" and any(_identifies(case, data) for data in recipient.gets):
            wrong = f"`never` promises consent first, but “{name}” receives identifying data without it."
            yield ("never",), wrong, "Write `identifiable_without_basis`: never without consent, contract or law."


def _identifies(case: Case, name: str) -> bool:
    return name in case.policy.data and bool(terms.vocabulary().identifying & set(case.policy.data[name].terms))


@check("transfer.banned-safeguard")
def banned_safeguard(case: Case) -> Iterator[Complaint]:
    for name, recipient in case.policy.recipients.items():
        if recipient.safeguard in {*VOID, *case.policy.transfers.banned}:
            wrong = f"“{recipient.safeguard}” protects nothing any more."
            yield ("recipients", name, "safeguard"), wrong, "Write scc, adequacy, dpf or derogation."
        elif recipient.safeguard and recipient.safeguard not in SAFEGUARDS:
            wrong = f"“{recipient.safeguard}” is no safeguard."
            yield ("recipients", name, "safeguard"), wrong, f"Write one of: {', '.join(SAFEGUARDS)}."


@check("transfer.without-safeguard")
def without_safeguard(case: Case) -> Iterator[Complaint]:
    home = case.policy.parties.venue.law
    for name, recipient in case.policy.recipients.items():
        abroad = [country for country in recipient.countries if country != home]
        if abroad and not recipient.safeguard:
            wrong = f"Data goes to {', '.join(abroad)} without a safeguard."
            yield ("recipients", name), wrong, "Add `safeguard: scc`, or another that you have in writing."


@check("recipient.without-contract")
def without_contract(case: Case) -> Iterator[Complaint]:
    for name, recipient in case.policy.recipients.items():
        if recipient.term == "dpv:DataProcessor" and recipient.contract != "required":
            yield (
                ("recipients", name),
                f"“{name}” handles data for us without a contract.",
                "Write `contract: required`.",
            )


@check("recipient.unnamed-partner")
def unnamed_partner(case: Case) -> Iterator[Complaint]:
    """A third party with ends of its own receives data only after it was named and the person said yes."""
    for name, recipient in case.policy.recipients.items():
        if recipient.term == "dpv:ThirdParty" and not (recipient.when == "consent" and recipient.named):
            wrong = f"“{name}” would receive data that nobody agreed to give it."
            yield ("recipients", name), wrong, "Write `when: consent, named: true`."
