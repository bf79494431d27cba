"""Who receives data, where, on which condition; and does it agree with what is never done?"""

from __future__ import annotations

from collections.abc import Iterator

from amanat.policy import terms
from amanat.policy.linting.findings import Case, Complaint, check
from amanat.policy.telling import _, told

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
            wrong = told(_("`never` says “{words}”, and this does it."), words=forbidden[purpose.term])
            yield ("purposes", name, "is"), wrong, told(_("Drop the purpose, or stop promising never to do it."))


@check("never.contradiction")
def contradiction(case: Case) -> Iterator[Complaint]:
    """A seed never shares what identifies people without consent, and shares it with processors and authorities."""
    if "identifiable_without_consent" not in case.policy.never:
        return
    for name, recipient in case.policy.recipients.items():
        if recipient.when != "consent" and any(_identifies(case, data) for data in recipient.gets):
            wrong = told(
                _("`never` promises consent first, but “{name}” receives identifying data without it."), name=name
            )
            yield (
                ("never",),
                wrong,
                told(_("Write `identifiable_without_basis`: never without consent, contract or law.")),
            )


def _identifies(case: Case, name: str) -> bool:
    return name in case.policy.data and bool(terms.vocabulary().identifying & set(case.policy.data[name].terms))


@check("transfer.banned-safeguard")
def banned_safeguard(case: Case) -> Iterator[Complaint]:
    for name, recipient in case.policy.recipients.items():
        if recipient.safeguard in {*VOID, *case.policy.transfers.banned}:
            wrong = told(_("“{safeguard}” protects nothing any more."), safeguard=recipient.safeguard)
            yield ("recipients", name, "safeguard"), wrong, told(_("Write scc, adequacy, dpf or derogation."))
        elif recipient.safeguard and recipient.safeguard not in SAFEGUARDS:
            wrong = told(_("“{safeguard}” is no safeguard."), safeguard=recipient.safeguard)
            yield ("recipients", name, "safeguard"), wrong, told(_("Write one of: {all}."), all=", ".join(SAFEGUARDS))


@check("transfer.without-safeguard")
def without_safeguard(case: Case) -> Iterator[Complaint]:
    home = case.policy.parties.venue.law
    for name, recipient in case.policy.recipients.items():
        abroad = [country for country in recipient.countries if country != home]
        if abroad and not recipient.safeguard:
            wrong = told(_("Data goes to {all} without a safeguard."), all=", ".join(abroad))
            yield ("recipients", name), wrong, told(_("Add `safeguard: scc`, or another that you have in writing."))


@check("recipient.without-contract")
def without_contract(case: Case) -> Iterator[Complaint]:
    for name, recipient in case.policy.recipients.items():
        if recipient.term == "dpv:DataProcessor" and recipient.contract != "required":
            yield (
                ("recipients", name),
                told(_("“{name}” handles data for us without a contract."), name=name),
                told(_("Write `contract: required`.")),
            )


@check("recipient.unnamed-partner")
def unnamed_partner(case: Case) -> Iterator[Complaint]:
    """A third party with ends of its own receives data only after it was named and the person said yes."""
    for name, recipient in case.policy.recipients.items():
        if recipient.term == "dpv:ThirdParty" and not (recipient.when == "consent" and recipient.named):
            wrong = told(_("“{name}” would receive data that nobody agreed to give it."), name=name)
            yield ("recipients", name), wrong, told(_("Write `when: consent, named: true`."))
