"""Why a ready policy says a promise of a published one otherwise, or leaves it out: the words of the maps, in the reader's language.

The maps stand in `*.clauses.yaml`; a test holds their words to these.
"""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

REASONS = (
    _("18 instead of 16: the law in India."),
    _("A change that matters is mailed before it holds."),
    _("An identifier on a device is personal."),
    _("Anonymous only as figures about nobody; all else counts as personal."),
    _("Beside browser settings there is a question before anything that is not essential."),
    _("Encrypted where it lies with a key for each workspace; TLS protects the way only."),
    _("Going on to use a service accepts nothing; silence is no."),
    _("Listed as personal."),
    _("Never without consent, contract or law: read literally it contradicts the processors of the same page."),
    _("On its way; not “at rest”."),
    _("Only a partner named to the person, and only after a yes."),
    _("Only a partner named to the person."),
    _("Privacy Shield has been void since July 2020."),
    _("Public, not upon request."),
    _("Staying away is no answer and staying is no consent; terms are accepted by a tick, data by consent."),
    _("Staying away is no answer; refusing a purpose does not shut anyone out."),
    _("The court is named; complaints to an authority stay possible."),
    _("Using a service agrees to nothing; terms are accepted by a tick, data by consent."),
    _("What is tied to an IP address or a device is personal."),
    _("With notice before, and no personal data during negotiations."),
)


def told(reason: str) -> str:
    """The reason in the language of the reader; "" for none."""
    return gettext(reason) if reason else ""
