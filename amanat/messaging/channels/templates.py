"""Texts with variables that may be sent unasked: written, checked, filled in.

The rules of a text are Meta's for every channel of ours, as they are the strictest, so that one text serves all; what a
channel asks beside them is in `_OF_CHANNEL`. A text that no provider has to look at is ready as soon as it is saved.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.basis import hours, rules, wording
from amanat.core import ids, ledger
from amanat.messaging.channels import sms, sms_register, stop_words
from amanat.messaging.channels.contract import TemplateNews
from amanat.messaging.channels.models import Channel, ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.channels.sms_register import Fit

_VARIABLE = re.compile(r"\{\{\s*(\d{1,2})\s*\}\}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_TOUCHING = re.compile(r"\}\}\s*\{\{")
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
#: Words of an offer, in the languages our texts are written in: a text with one is marketing, whatever it is called.
_OFFER = re.compile(
    r"(?i)\b(?:discount|offers?|sale|coupon|cashback|free gift|% ?off|flat ₹? ?\d+ off|deal of|lucky draw)\b|\d+ ?% ?(?:off|छूट|सूट)"
    r"|छूट|ऑफ़र|ऑफर|सेल\b|कूपन|कैशबैक|सवलत|सूट मिळ"
)
_FANCY = re.compile(r"[\U0001F000-\U0001FAFF\u2600-\u27BF*_~`\n]")
LONGEST_BODY = {Channel.WHATSAPP: 1_024, Channel.SMS: 1_000, Channel.EMAIL: 4_096}
_MOST_BUTTONS = 10
_State = TemplateText.State
_Category = MessageTemplate.Category


class TemplateRefused(ValueError):
    """The template cannot be saved or submitted so; `problems` are sentences by field."""

    def __init__(self, problems: Mapping[str, Sequence[str]]) -> None:
        super().__init__(" ".join(sentence for sentences in problems.values() for sentence in sentences))
        self.problems = problems


def text_for(template: MessageTemplate, language: str) -> TemplateText | None:
    """The text that may be sent to who reads `language`: in it, in its plainer form, in English, or none."""
    wanted = [language, re.split("[-_]", language, maxsplit=1)[0], "en"]
    found = {
        text.language: text
        for text in TemplateText.objects.of(template.workspace_id).filter(
            template=template, state=_State.APPROVED, language__in=wanted
        )
    }
    return next((found[one] for one in wanted if one in found), None)


def body_with(text: TemplateText, values: Sequence[str]) -> str:
    """The body alone, its variables filled. Raises IndexError when a value is missing."""
    return _VARIABLE.sub(lambda found: values[int(found.group(1)) - 1], text.body)


def filled(text: TemplateText, values: Sequence[str]) -> str:
    """The text as it is read: header, body with its variables, footer. Raises IndexError when a value is missing."""
    return "\n\n".join(part for part in (text.header, body_with(text, values), text.footer) if part)


def variables_in(body: str) -> list[int]:
    """The numbers of the variables, each once, in their order in the text."""
    return list(dict.fromkeys(int(number) for number in _VARIABLE.findall(body)))


def problems(template: MessageTemplate, text: TemplateText) -> dict[str, list[str]]:
    """What the provider would refuse, by field, in sentences; empty when the text may be submitted."""
    found: dict[str, list[str]] = {}

    def say(field: str, is_wrong: object, sentence: str) -> None:
        if is_wrong:
            found.setdefault(field, []).append(sentence)

    say("name", not _NAME.fullmatch(template.name), _("Only small letters, digits and underscores, a letter first."))
    if template.category == _Category.AUTHENTICATION:
        return found  # its words are the provider's own
    numbers = variables_in(text.body)
    longest = LONGEST_BODY[Channel(template.channel)]
    say("body", not text.body.strip(), _("Write what is to be said."))
    say("body", len(text.body) > longest, _("At most %(count)s characters.") % {"count": longest})
    say("body", "\n\n\n" in text.body, _("At most one empty line between paragraphs."))
    _say_of_variables(say, text, numbers)
    say("header", _FANCY.search(text.header), _("A heading is one line, without emoji and formatting."))
    say("header", "{{" in text.header, _("Variables stand in the text, not in the heading."))
    say("footer", "{{" in text.footer, _("Variables stand in the text, not in the last line."))
    is_offer = template.category != _Category.MARKETING and _OFFER.search(f"{text.header} {text.body} {text.footer}")
    say("body", is_offer, _("This reads like an offer. Make the template an offer, or leave the offer out."))
    say("subject", template.channel == Channel.EMAIL and not text.subject, _("An e-mail needs a subject."))
    if template.channel == Channel.SMS:
        _say_of_sms(say, template, text)
    for sentence in _problems_of_buttons(text.buttons):
        say("buttons", True, sentence)
    return found


def _say_of_variables(say: Any, text: TemplateText, numbers: Sequence[int]) -> None:
    body = text.body.strip()
    # A {name} in single braces would reach the person as it stands here.
    say("body", set("{}") & set(_VARIABLE.sub("", body)), _("Variables are written {{1}}, {{2}} and so on."))
    expected = list(range(1, len(numbers) + 1))
    say("body", sorted(numbers) != expected, _("Number the variables from 1 without a gap."))
    ends = _VARIABLE.match(body) or (body.endswith("}}") and stop_words.VARIABLE not in text.variables)
    say("body", ends, _("A variable cannot be the first or the last word."))
    say("body", _TOUCHING.search(body), _("Between two variables there must be words."))
    words = len(_WORD.findall(_VARIABLE.sub(" ", body)))
    say("body", numbers and words < 2 * len(numbers) + 1, _("There are too many variables for so short a text."))
    named, shown = len(text.variables), len([one for one in text.examples if one.strip()])
    say("variables", named != len(numbers), _("Say of each variable what it is."))
    say("examples", shown != len(numbers), _("Give an example for each variable."))


def _say_of_sms(say: Any, template: MessageTemplate, text: TemplateText) -> None:
    """What the register of the operators asks (law.md, section 5), and how long a text may get."""
    say("provider_id", not text.provider_id, _("Write the id of this text in the register of your operator (DLT)."))
    fit = sms_register.fits(text.registered, text.body) if text.registered.strip() else Fit()
    say("registered", fit.difference, fit.difference)
    for place, example in enumerate(text.examples):
        most = fit.limits[place] if place < len(fit.limits) else sms.MOST_OF_A_VARIABLE
        facts = {"example": example, "count": len(example), "most": most}
        words = _("“%(example)s” has %(count)d characters; the register takes %(most)d there.") % facts
        say("examples", len(example) > most, words)
    parts = sms.measure(text.body, text.examples, fit.limits).shown.parts
    say("body", parts > sms.MOST_PARTS, _("The text is longer than ten parts."))
    is_offer = template.category == _Category.MARKETING
    named = [place for place, name in enumerate(text.variables, 1) if name == stop_words.VARIABLE]
    links = [stop_words.stands_in(text.body, place) for place in named]
    facts = {"line": stop_words.sentence(len(text.variables) + 1), "name": stop_words.VARIABLE}
    is_endless = is_offer and not stop_words.are_in(text.body)
    say(
        "body",
        is_endless,
        _("An offer must say how such messages end. Add “%(line)s” and call that variable %(name)s.") % facts,
    )
    facts = {"link": stop_words.address(), "name": stop_words.VARIABLE}
    say("body", not all(links), _("Write %(link)s directly before the variable %(name)s.") % facts)


def _problems_of_buttons(buttons: Sequence[Mapping[str, Any]]) -> list[str]:
    kinds = [str(button.get("type")) for button in buttons]
    found = []
    if len(buttons) > _MOST_BUTTONS or kinds.count("url") > 2 or kinds.count("phone") > 1:
        found.append(_("At most ten buttons; two of them may open a page and one may call."))
    if any(not 1 <= len(str(button.get("text", ""))) <= 25 for button in buttons):
        found.append(_("A button says something in 25 characters or fewer."))
    switches = sum((one == "quick_reply") != (two == "quick_reply") for one, two in itertools.pairwise(kinds))
    if switches > 1:
        found.append(_("Put the buttons that answer beside each other."))
    if any(button.get("type") == "url" and not str(button.get("url", "")).startswith("https://") for button in buttons):
        found.append(_("A page that a button opens begins with https://."))
    if any(button.get("type") == "phone" and not str(button.get("phone", "")).startswith("+") for button in buttons):
        found.append(_("A number that a button calls begins with + and the country."))
    return found


def make(
    *,
    account: ChannelAccount | None,
    by: Member,
    at: datetime,
    name: str,
    title: str,
    channel: str,
    purpose: str,
    category: str,
) -> MessageTemplate:
    """A template without a text yet. Raises TemplateRefused when its name is taken or malformed, an offer is for a purpose
    that nobody agrees to offers for, or `account` is of another channel."""
    if not _NAME.fullmatch(name):
        raise TemplateRefused({"name": [_("Only small letters, digits and underscores, a letter first.")]})
    if account is not None and account.channel != channel:
        raise TemplateRefused({"account": [_("%(name)s is of another channel.") % {"name": account.name}]})
    if category == _Category.MARKETING:
        _check_purpose(by.workspace_id, purpose)
    template = MessageTemplate(
        id=ids.new(),
        workspace_id=by.workspace_id,
        name=name,
        title=title,
        channel=channel,
        account=account,
        purpose=purpose,
        category=category,
        made_by=by,
        created_at=at,
    )
    try:
        with transaction.atomic():
            template.save(force_insert=True)
    except IntegrityError:
        raise TemplateRefused({"name": [_("Another template has this name.")]}) from None
    ledger.write("template.made", workspace=by.workspace_id, by=by, about=template, at=at, channel=channel)
    return template


def _check_purpose(workspace_id: UUID, purpose: str) -> None:
    """An offer goes to who agreed to offers, whatever else a firm may write to her for. Raises TemplateRefused."""
    policy = rules.of(workspace_id).policy
    offers = [name for name, known in policy.purposes.items() if known.term in hours.PROMOTION]
    if purpose in offers:
        return
    if not offers:
        raise TemplateRefused(
            {"category": [_("Your policy has no purpose for offers: it promises that you make none.")]}
        )
    words = wording.purpose(policy, offers[0], get_language() or "en")
    sentence = _("An offer goes only to people who agreed to offers: choose the purpose “%(purpose)s”.")
    raise TemplateRefused({"purpose": [sentence % {"purpose": words}]})


def write(
    *,
    template: MessageTemplate,
    language: str,
    by: Member,
    at: datetime,
    body: str,
    header: str = "",
    footer: str = "",
    subject: str = "",
    buttons: Sequence[Mapping[str, Any]] = (),
    variables: Sequence[str] = (),
    examples: Sequence[str] = (),
    provider_id: str = "",
    registered: str = "",
) -> TemplateText:
    """Save the text of a language. A WhatsApp text becomes a draft again; others may be sent at once.

    Raises TemplateRefused with every problem by field; nothing is saved then.
    """
    text = TemplateText.objects.of(template.workspace_id).filter(template=template, language=language).first()
    if text is None:
        text = TemplateText(id=ids.new(), workspace_id=template.workspace_id, template=template, language=language)
    needs_approval = template.channel == Channel.WHATSAPP
    text.body, text.header, text.footer, text.subject = body, header, footer, subject
    text.buttons, text.variables, text.examples = list(buttons), list(variables), list(examples)
    text.provider_id, text.registered = provider_id or text.provider_id, registered
    text.state, text.reason = (_State.DRAFT if needs_approval else _State.APPROVED), ""
    wrong = problems(template, text)
    if wrong:
        raise TemplateRefused(wrong)
    text.save()
    ledger.write("template.written", workspace=by.workspace_id, by=by, about=template, at=at, language=language)
    return text


def end(*, template: MessageTemplate, by: Member, at: datetime) -> None:
    """Use the template no more; what was sent with it keeps its words."""
    template.ended_at = at
    template.save(update_fields=["ended_at"])
    ledger.write("template.ended", workspace=by.workspace_id, by=by, about=template, at=at)


def submitted(*, text: TemplateText, provider_id: str, state: str, by: Member | None, at: datetime) -> None:
    """The provider has the text and said how it stands."""
    text.provider_id, text.state, text.synced_at, text.reason = provider_id, state, at, ""
    text.save(update_fields=["provider_id", "state", "synced_at", "reason"])
    ledger.write("template.submitted", workspace=text.workspace_id, by=by, about=text.template_id, at=at)


def apply(*, account: ChannelAccount, news: TemplateNews, at: datetime) -> TemplateText | None:
    """The provider's word about a text of ours, found by its id there or by name and language; None for others'."""
    texts = TemplateText.objects.of(account.workspace_id).filter(template__channel=account.channel)
    texts = texts.filter(
        Q(template__account=None) | Q(template__account__settings__waba_id=account.settings.get("waba_id"))
    )
    texts = texts.select_related("template")
    text = texts.filter(provider_id=news.provider_id).first() if news.provider_id else None
    text = text or texts.filter(template__name=news.name, language=news.language).first()
    if text is None or (text.synced_at is not None and text.synced_at > at):
        return None
    counted_as = news.category or text.counted_as
    told: Any = {"workspace": text.workspace_id, "about": text.template_id, "at": at, "language": text.language}
    if news.state and news.state != text.state:
        ledger.write("template.judged", state=news.state, **told)
    if counted_as != (text.counted_as or text.template.category):
        ledger.write("template.recategorized", category=counted_as, **told)
    if news.state:
        text.state, text.reason = news.state, news.reason[:300]
    text.counted_as, text.synced_at = counted_as, at
    text.provider_id = news.provider_id or text.provider_id
    text.save(update_fields=["state", "reason", "counted_as", "synced_at", "provider_id"])
    return text
