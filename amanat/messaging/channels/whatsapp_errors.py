"""Error codes of the WhatsApp Cloud API: what each means for the message, for the account, and for a person who reads it.

Codes are those of Meta's page "Error codes" (Cloud API, version 23). A code that is not in the table ends the message
where the request was at fault (4xx) and leaves it unclear where the server was (5xx).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from amanat.messaging.channels.contract import Answer, Outcome

type _Words = str | Promise


@dataclass(frozen=True, slots=True)
class Meaning:
    """`wait` where another try makes sense; `stops` the whole account; `opts_out`: the person said no."""

    says: _Words
    advice: _Words
    outcome: Outcome = Outcome.REFUSED
    wait: timedelta | None = None
    stops: bool = False
    opts_out: bool = False


_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_AGAIN = _("It is tried again by itself.")
_TOKEN = _("Make a new access token in Meta's Business settings and enter it under Settings, Channels.")
_PERMISSION = _("Give the token the permissions whatsapp_business_messaging and whatsapp_business_management.")
_TEMPLATE = _("Look at the template under Settings, Message templates.")
_OTHER_WAY = _("Call, or use SMS or e-mail.")
_META = _("Look into Meta's WhatsApp Manager, which says why.")


def _stopped(says: _Words, advice: _Words) -> Meaning:
    """Nothing of the account goes out until a person mends it; the message itself may be sent then."""
    return Meaning(says, advice, Outcome.LATER, stops=True)


def _later(says: _Words, wait: timedelta, *, stops: bool = False) -> Meaning:
    return Meaning(says, _AGAIN, Outcome.LATER, wait, stops)


def _refused(says: _Words, advice: _Words) -> Meaning:
    return Meaning(says, advice)


_EXPIRED = _stopped(_("WhatsApp does not accept the access token."), _TOKEN)
_FORBIDDEN = _stopped(_("The access token may not send for this number."), _PERMISSION)
_BLOCKED = _stopped(_("Meta has restricted or locked this WhatsApp account."), _META)
_BUSY = _later(_("WhatsApp is overloaded."), 30 * _SECOND)
_MISMATCH = _refused(_("The template is not approved in this language, or its variables differ."), _TEMPLATE)

MEANINGS: dict[int, Meaning] = {
    0: _EXPIRED,
    190: _EXPIRED,
    3: _FORBIDDEN,
    10: _FORBIDDEN,
    131005: _FORBIDDEN,
    33: _stopped(_("WhatsApp does not know this phone number id."), _("Compare the ids under Settings, Channels.")),
    368: _BLOCKED,
    131031: _BLOCKED,
    130497: _refused(_("Meta does not let this business write to that country."), _OTHER_WAY),
    131042: _stopped(_("Meta cannot charge this WhatsApp account."), _("Mend the way of paying in Meta's billing.")),
    131045: _stopped(
        _("The number is not registered well with WhatsApp."), _("Register it again in WhatsApp Manager.")
    ),
    133010: _stopped(_("The number is not registered with WhatsApp."), _("Register it in WhatsApp Manager.")),
    131037: _stopped(_("The display name is not approved."), _("Ask for its approval in WhatsApp Manager.")),
    131064: _stopped(_("The account reached its limit, for templates were called by a wrong category."), _META),
    2: _BUSY,
    131000: _later(_("WhatsApp could not send it and does not say why."), 30 * _SECOND),
    131016: _BUSY,
    133004: _BUSY,
    131057: _later(_("WhatsApp maintains the account just now."), 5 * _MINUTE, stops=True),
    4: _later(_("This app asked WhatsApp too often."), 5 * _MINUTE, stops=True),
    80007: _later(_("This account asked WhatsApp too often."), 5 * _MINUTE, stops=True),
    130429: _later(_("More messages a second than WhatsApp takes from this number."), 2 * _SECOND, stops=True),
    131048: _later(_("WhatsApp holds this number back, because people blocked or reported it."), 6 * _HOUR, stops=True),
    131056: _later(_("Too many messages to this one person within a short time."), _MINUTE),
    131021: _refused(_("The message would go to its own number."), _("Check the person's number.")),
    131026: _refused(_("This number cannot receive it: no WhatsApp, an old version, or blocked."), _OTHER_WAY),
    131030: _refused(_("A test number reaches listed people only."), _("Add the person's number in WhatsApp Manager.")),
    131047: _refused(_("More than 24 hours passed since the person wrote."), _("Send an approved template instead.")),
    131049: _refused(_("Meta held it back: the person got many offers from businesses lately."), _OTHER_WAY),
    130472: _refused(_("Meta held it back as part of an experiment."), _OTHER_WAY),
    131050: Meaning(
        _("The person stopped offers from you on WhatsApp."), _("They get no offers any more."), opts_out=True
    ),
    131051: _refused(_("WhatsApp does not know this kind of message."), _("Send it as text or as a document.")),
    131052: _refused(_("WhatsApp could not fetch the file."), _("Ask the person to send it again.")),
    131053: _refused(_("WhatsApp did not take the file."), _("Send a JPEG, PNG or PDF of at most 16 MB.")),
    131008: _refused(_("WhatsApp misses a part of the message."), _TEMPLATE),
    131009: _refused(_("WhatsApp does not accept a part of the message."), _TEMPLATE),
    100: _refused(_("WhatsApp does not accept a part of the message."), _TEMPLATE),
    132000: _MISMATCH,
    132001: _MISMATCH,
    132005: _refused(_("With its variables the template is too long."), _TEMPLATE),
    132007: _refused(_("The template breaks a rule of WhatsApp."), _TEMPLATE),
    132008: _MISMATCH,
    132012: _MISMATCH,
    132015: _refused(_("WhatsApp paused the template, because people did not like it."), _TEMPLATE),
    132016: _refused(_("WhatsApp switched the template off for good."), _TEMPLATE),
    135000: _refused(_("WhatsApp could not make sense of the message."), _TEMPLATE),
}
#: Our own words, for what happens before or beside the provider.
OWN: dict[str, Meaning] = {
    "one_file": _refused(_("WhatsApp takes one file with a message."), _("Send each file by itself.")),
    "file_with_choices": _refused(_("A file does not go with buttons or a list."), _("Send each file by itself.")),
    "unreached": _later(_("WhatsApp could not be reached."), 30 * _SECOND),
    "not_allowed": _refused(_("This installation may not reach that address."), _("Ask who runs it.")),
}
_UNKNOWN = Meaning(_("WhatsApp refused it with the code %(code)s."), _("Look the code up in Meta's list of errors."))
_LOST = Meaning(_("No clear answer came from WhatsApp."), _("It shows here once WhatsApp reports it."))


#: Why Meta refused a text, by its word ("message_template_status_update", `reason`), and what to do.
REJECTIONS: dict[str, _Words] = {
    "ABUSIVE_CONTENT": _("It reads as a threat or an insult. Write it otherwise and hand it in again."),
    "INVALID_FORMAT": _(
        "Its form is wrong: a variable, a link or a sign in a wrong place. Mend it and hand it in again."
    ),
    "PROMOTIONAL": _("It reads like an offer. Make it a template of the kind Offer, or leave the offer out."),
    "INCORRECT_CATEGORY": _("It reads like another kind. Make it a template of that kind, or change the words."),
    "TAG_CONTENT_MISMATCH": _("Its language or its kind is not what it says. Write it in the language that it is for."),
    "SCAM": _("It reads like a fraud to WhatsApp. Say who you are, and ask for no card numbers or codes."),
    "CATEGORY_NOT_AVAILABLE": _("This account may not use that kind. WhatsApp Manager says why."),
}
PAUSED = _(
    "People blocked or reported it. It goes on by itself after some hours; paused a third time, it is switched off: change the words."
)


def rejection(reason: str) -> str:
    """Meta's word about a text in words; what nobody here knows as it came."""
    return str(REJECTIONS.get(reason, reason))


class GraphError(Exception):
    """An error of the API: its numbers, the pause that it asks for, its words."""

    def __init__(
        self, code: int, *, subcode: int | None, status: int, retry_after: timedelta | None, detail: str
    ) -> None:
        super().__init__(code)
        self.code, self.subcode, self.status = code, subcode, status
        self.retry_after, self.detail = retry_after, detail


def meaning(code: str) -> Meaning | None:
    """What a code stands for; None when nobody here knows it."""
    if not code.isdigit():
        return OWN.get(code)
    number = int(code)
    return _FORBIDDEN if 200 <= number < 300 else MEANINGS.get(number)


def explain(code: str) -> tuple[str, str]:
    """What happened and what to do about it."""
    known = meaning(code)
    if known is None:
        known = _LOST if not code.isdigit() or 500 <= int(code) < 600 else _UNKNOWN
    says = str(known.says)
    return (says % {"code": code} if known is _UNKNOWN else says), str(known.advice)


def answer(*, code: int, subcode: int | None, status: int, retry_after: timedelta | None) -> Answer:
    """What a refusal means for the message. `status` is that of HTTP, 0 where there was none (a report)."""
    if code == 100 and subcode == 33:
        code = 33
    known = meaning(str(code))
    if known is not None:
        return Answer(
            known.outcome,
            code=str(code),
            wait=retry_after or known.wait,
            stops_account=known.stops,
            opts_out=known.opts_out,
        )
    if status == 429:
        return Answer(Outcome.LATER, code=str(code), wait=retry_after or 10 * _SECOND, stops_account=True)
    # 1 is "unknown error" of the API itself: behind it the message may have been taken.
    if status >= 500:
        return Answer(Outcome.UNCLEAR, code=str(code))
    return Answer(Outcome.REFUSED, code=str(code))
