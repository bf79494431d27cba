"""Words of the editor for what the format names: units, choices, blocks, rules."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language, gettext, gettext_lazy, pgettext_lazy

from amanat.policy import references, strictness, telling, terms
from amanat.policy.format import PARTS, Policy
from amanat.policy.questions import Kind, Question

UNITS: dict[str, Any] = {
    "TS": gettext_lazy("seconds"),
    "TM": gettext_lazy("minutes"),
    "TH": gettext_lazy("hours"),
    "D": gettext_lazy("days"),
    "W": gettext_lazy("weeks"),
    "M": gettext_lazy("months"),
    "Y": gettext_lazy("years"),
}
CHOICES: dict[str, Any] = {
    "operator": gettext_lazy("We who run the service"),
    "tenant": gettext_lazy("The business that stores it"),
    "plain": gettext_lazy("As it is, encrypted with the disk"),
    "sealed": gettext_lazy("Sealed with a key of its own"),
    "argon2id": gettext_lazy("As a one-way hash that cannot be read"),
    "aggregate": gettext_lazy("Sums only, nobody by themselves"),
    "person": gettext_lazy("Each person"),
    "both_parties": gettext_lazy("Everyone on the call"),
    "required": gettext_lazy("A contract is required"),
    "none": gettext_lazy("None"),
    "always": gettext_lazy("Always"),
    "law": gettext_lazy("When a law demands it"),
    "consent": gettext_lazy("Only with consent"),
    "grounds": gettext_lazy("On other grounds, law by law"),
    "pinned": gettext_lazy("In the region you chose"),
    "free": gettext_lazy("Anywhere"),
    "nothing": gettext_lazy("Nothing"),
    "suppression_hmac": gettext_lazy("A code that blocks sending again"),
    "client_contract": gettext_lazy("A written contract may say longer"),
    "essential": gettext_lazy("Needed for the page to work"),
    "functional": gettext_lazy("A setting somebody chose"),
    "analytics": gettext_lazy("To see how the pages are used"),
    "marketing": gettext_lazy("For marketing"),
    "material": gettext_lazy("Those that matter to people"),
    "any": gettext_lazy("All"),
    "never": gettext_lazy("None"),
    "public": gettext_lazy("Everyone"),
    "on_request": gettext_lazy("Who asks"),
    "disk": gettext_lazy("With the disk"),
    "envelope_per_tenant": gettext_lazy("With a key for each workspace"),
    "scc": gettext_lazy("Standard contractual clauses"),
    "adequacy": gettext_lazy("A decision of adequacy"),
    "dpf": gettext_lazy("Data Privacy Framework"),
    "derogation": gettext_lazy("Consent to the transfer"),
    "privacy_shield": gettext_lazy("Privacy Shield (void since 2020)"),
    "totp": gettext_lazy("Code from an app"),
    "passkey": gettext_lazy("Passkey"),
    "admin": gettext_lazy("Administrators"),
    "sec-gpc": gettext_lazy("Global Privacy Control"),
    "dnt": gettext_lazy("Do Not Track"),
    "": pgettext_lazy("nothing is chosen", "None"),
}
BLOCKS: dict[str, Any] = {
    "data": gettext_lazy("Kind of data"),
    "purposes": gettext_lazy("Purpose"),
    "recipients": gettext_lazy("Recipient"),
    "products": gettext_lazy("Product"),
    "keep": gettext_lazy("Rule of keeping"),
    "clauses": gettext_lazy("Clause"),
}
TRADES: dict[str, tuple[Any, Any]] = {
    "default": (
        gettext_lazy("The strictest of all"),
        gettext_lazy("Every promise of the five below, each as strict as the strictest. Right when in doubt."),
    ),
    "csc-centre": (
        gettext_lazy("Service centre"),
        gettext_lazy(
            "Common service centres and shops: registration numbers, one-time codes, reminders over WhatsApp."
        ),
    ),
    "agency": (
        gettext_lazy("Agency"),
        gettext_lazy("Works on its clients' data and shares nothing with partners."),
    ),
    "sales-crm": (
        gettext_lazy("Sales and software firm"),
        gettext_lazy("Sells under several brands; an analyst sees figures about nobody."),
    ),
    "ai-crm": (
        gettext_lazy("Software for the world"),
        gettext_lazy("Hosted in Europe and the United States, with certificates and study materials."),
    ),
    "calling": (
        gettext_lazy("Calls and messages"),
        gettext_lazy("A calling application: recordings where switched on, carriers, permissions of a device."),
    ),
}


def language() -> str:
    """The reader's, as far as a policy has words in it."""
    code = (get_language() or "en").split("-")[0]
    return code if code in terms.LANGUAGES else "en"


def rule(question: Question) -> str:
    """What is asked: "How long content is kept after closure"."""
    steps = question.path.split(".")
    if len(steps) == 4 and steps[2] == "basis":
        return gettext("The ground under %(law)s") % {"law": steps[3]}
    found = strictness.rule_for(question.path)
    told = telling.in_words(strictness.in_words(found, question.path)) if found else question.path
    return told[:1].upper() + told[1:]


def choice(policy: Policy, question: Question, value: str) -> str:
    """A choice as a person reads it."""
    leaf, spoken = question.path.rpartition(".")[2], language()
    words = references.vocabulary(spoken)
    section = {"per": "channels", "kinds": "kinds", "by": "ways", "never": "never"}.get(leaf, "")
    if leaf in {"uses", "gets", "of"} and question.kind is Kind.CHOICES:
        said = data_kind(policy, value)
    elif terms.is_known(value):
        said = terms.in_words(value, spoken)
    elif section and value in words[section]:
        said = str(words[section][value])
    elif value and leaf in {"in", "subjects", "log_copy"}:
        said = str(words["countries"].get(value, value))
    else:
        said = str(CHOICES.get(value, value))
    return said


def data_kind(policy: Policy, name: str) -> str:
    """ "identity (name, e-mail address, …)"."""
    spoken = language()
    known = [terms.in_words(term, spoken) for term in policy.data[name].terms if terms.is_known(term)]
    more = ", …" if len(known) > 2 else ""
    return f"{telling.name(name)} ({', '.join(known[:2])}{more})"


def value(policy: Policy, question: Question) -> str:
    """What a rule says now, short."""
    now = question.value
    if now is None or now in ((), ""):
        return str(CHOICES[""])
    match question.kind:
        case Kind.DURATION | Kind.PERIOD:
            said = now.in_words(language())
        case Kind.YES:
            said = gettext("yes") if now else gettext("no")
        case Kind.BASIS:
            said = choice(policy, question, "consent" if now == "consent" else "grounds")
        case Kind.CHOICES:
            said = ", ".join(choice(policy, question, one) for one in now)
        case Kind.WORDS:
            said = ", ".join(now)
        case Kind.CHOICE:
            said = choice(policy, question, str(now))
        case _:
            said = str(now)
    return str(said)


def part(name: str) -> str:
    return str(references.vocabulary(language())["parts"][name])


__all__ = ["PARTS"]
