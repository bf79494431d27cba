"""The filters of the lists: what each asks of a record, what it refuses, and how its values are said in words.

A value reaches the database but as the value of a parameter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Case, DateTimeField, Exists, OuterRef, Q, QuerySet, When
from django.db.models.fields.json import KT, KeyTransform
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.people import custom_fields, drafts
from amanat.people.models import Address, Company, Contact, CustomField, Source
from amanat.people.vocabulary import FieldWord, Vocabulary
from amanat.web import formatting

NONE, ME = "none", "me"
#: Kinds of custom fields whose values have an order, and the two ends of a stretch of it.
RANGED = frozenset({CustomField.Kind.NUMBER, CustomField.Kind.MONEY, CustomField.Kind.DATE, CustomField.Kind.TIME})
SIDES = ("from", "to")
#: A moment that PostgreSQL reads without an error, which a cast of 31 February would be: of its versions the oldest cannot ask first.
_MOMENT = (
    "^((?!0000)[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29)"
    r"T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?$"
)


class Refused(ValueError):
    """The definition asks for something that does not exist; the text says what, in the reader's words."""


@dataclass(frozen=True)
class Context:
    """Who asks, and in which words."""

    member: Member
    words: Vocabulary
    on: str

    @property
    def model(self) -> type[Contact] | type[Company]:
        return Contact if self.on == "contact" else Company

    def custom_field(self, name: str) -> FieldWord | None:
        return custom_names(self.words.fields_on(self.on)).get(name, (None, ""))[0]


@dataclass(frozen=True)
class Filter:
    """One filter. `kind` tells the panel how to draw it; `test` makes its condition and refuses bad values."""

    label: Any
    kind: str
    test: Callable[[Context, Sequence[str]], Q]
    on: tuple[str, ...] = ("contact", "company")


def _id_filter(column: str, known: Callable[[Vocabulary], Iterable[UUID]]) -> Callable[[Context, Sequence[str]], Q]:
    def test(context: Context, values: Sequence[str]) -> Q:
        found, condition = [], Q()
        for value in values:
            if value == NONE:
                condition |= Q(**{f"{column}__isnull": True})
            elif value == ME and column == "owner_id":
                found.append(context.member.pk)
            else:
                found.append(_uuid(value, known(context.words)))
        return condition | Q(**{f"{column}__in": found}) if found else condition

    return test


def _tag(context: Context, values: Sequence[str]) -> Q:
    if list(values) == [NONE]:
        return Q(tag_ids=[])
    return Q(tag_ids__overlap=[_uuid(value, context.words.tags) for value in values])


def _source(context: Context, values: Sequence[str]) -> Q:
    return Q(source__in=[_one_of(value, Source.values) for value in values])


def _company(context: Context, values: Sequence[str]) -> Q:
    condition = Q()
    for value in values:
        try:
            condition |= Q(company_id=UUID(value))
        except ValueError:
            alike = Company.objects.of(context.member.workspace_id).filter(
                sort_name=drafts.sort_name(drafts.plain(value))
            )
            condition |= Q(company_id__in=alike.values("pk"))
    return condition


def _city(context: Context, values: Sequence[str]) -> Q:
    # As people write it: an exact comparison may use the index underneath row-level security, a folded one may not.
    plain = [drafts.plain(value) for value in values]
    spellings = {form for value in plain for form in (value, value.lower(), value.title(), value.upper())}
    addresses = Address.objects.of(context.member.workspace_id).filter(**{f"{context.on}_id": OuterRef("pk")})
    return Q(Exists(addresses.filter(city__in=sorted(spellings))))


def _follow_up(context: Context, values: Sequence[str]) -> Q:
    today = timezone.localtime(clock.now()).date()
    tests = {
        "due": Q(follow_up_on__lte=today),
        "week": Q(follow_up_on__gt=today, follow_up_on__lte=today + timedelta(days=7)),
        "later": Q(follow_up_on__gt=today + timedelta(days=7)),
        "none": Q(follow_up_on__isnull=True),
    }
    condition = Q()
    for value in values:
        condition |= tests[_one_of(value, tests)]
    return condition


def _moment(column: str, side: str) -> Callable[[Context, Sequence[str]], Q]:
    def test(context: Context, values: Sequence[str]) -> Q:
        day = _date(values[-1])
        start = datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
        return Q(**{f"{column}__{side}": start})

    return test


def _has(column: str) -> Callable[[Context, Sequence[str]], Q]:
    def test(context: Context, values: Sequence[str]) -> Q:
        wanted = {_one_of(value, ("yes", "no")) for value in values}
        return Q() if len(wanted) == 2 else Q(**{column: ""}) if "no" in wanted else ~Q(**{column: ""})

    return test


def custom_names(fields: Iterable[FieldWord]) -> dict[str, tuple[FieldWord, str]]:
    """The filters of custom fields by their names: `custom.<key>`, and `.from` and `.to` behind it where values have an order."""
    found = {}
    for word in fields:
        found[f"custom.{word.key}"] = (word, "")
        if word.kind in RANGED:
            found |= {f"custom.{word.key}.{side}": (word, side) for side in SIDES}
    return found


def masked_name(name: str) -> str:
    """The name that `masking` knows the field of a custom filter by."""
    key = name.removeprefix("custom.").removesuffix(".from").removesuffix(".to")  # a key has no dot
    return f"custom-{key}"


def custom(context: Context, name: str, values: Sequence[str]) -> Q:
    word, side = custom_names(context.words.fields_on(context.on)).get(name, (None, ""))
    if word is None:
        raise Refused(_("There is no filter “%(name)s”.") % {"name": name[:40]})
    return custom_condition(word, values, side=side, holders=context.model.objects.of(context.member.workspace_id))


def custom_condition(word: FieldWord, values: Sequence[str], *, holders: QuerySet[Any], side: str = "") -> Q:
    """Rows with any of these values in a custom field, or from or to the last of them; `holders` are all of its table. Raises
    Refused for a value that cannot be."""
    if side:
        return Q(pk__in=_beside(word, values[-1], side, holders).values("pk"))
    kinds, condition = CustomField.Kind, Q()
    for value in values:
        # Containment, not a path: the key of a field may be spelled like a lookup.
        if word.kind == kinds.YES_NO:
            condition |= Q(custom__contains={word.key: _one_of(value, ("yes", "no")) == "yes"})
        elif word.kind == kinds.CHOICE:
            condition |= Q(custom__contains={word.key: _one_of(value, word.choices)})
        elif word.kind == kinds.CHOICES:
            condition |= Q(custom__contains={word.key: [_one_of(value, word.choices)]})
        elif word.kind in {kinds.NUMBER, kinds.MONEY}:
            condition |= Q(custom__contains={word.key: custom_limit(word, value)})
        else:
            piece = _digits(value) if word.kind == kinds.PHONE else value
            held = holders.alias(_held=KT(f"custom__{word.key}")).filter(_held__icontains=piece)
            condition |= Q(pk__in=held.values("pk"))
    return condition


def _beside(word: FieldWord, value: str, side: str, holders: QuerySet[Any]) -> QuerySet[Any]:
    """Rows whose value is not before, or not behind, a number, an amount or a day."""
    held: QuerySet[Any]
    limit = custom_limit(word, value)
    if word.kind != CustomField.Kind.TIME:
        # JSON with JSON: numbers are compared as numbers, days as the texts they are.
        limit = limit.isoformat() if isinstance(limit, date) else limit
        held = holders.alias(_held=KeyTransform(word.key, "custom"))
        held = held.filter(**{"_held__gte" if side == "from" else "_held__lte": limit})
        return held
    day = limit + timedelta(days=0 if side == "from" else 1)
    moment = datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
    # What was written by another hand may not be a moment, and is not read as one.
    text = KT(f"custom__{word.key}")
    held = holders.alias(_text=text).filter(_text__regex=_MOMENT)
    held = held.alias(_held=Case(When(_text__regex=_MOMENT, then=Cast(text, DateTimeField()))))
    held = held.filter(**{"_held__gte" if side == "from" else "_held__lt": moment})
    return held


def custom_limit(word: FieldWord, value: str) -> Any:
    """The number, the paise or the day that somebody typed as a limit. Raises Refused."""
    if word.kind in {CustomField.Kind.DATE, CustomField.Kind.TIME}:
        return _date(value)
    try:
        return custom_fields.cleaned(word, value)
    except ValidationError as problem:
        raise Refused(" ".join(problem.messages)) from None


def _digits(value: str) -> str:
    """A part of a number as it lies in E.164, however it is typed; a text without digits stays."""
    digits = "".join(str(unicodedata.digit(one)) for one in value if one.isdigit())
    return digits.lstrip("0") or value


FILTERS: dict[str, Filter] = {
    "stage": Filter(gettext_lazy("Stage"), "stage", _id_filter("stage_id", lambda words: words.stages), ("contact",)),
    "owner": Filter(pgettext_lazy("contact", "Owner"), "owner", _id_filter("owner_id", lambda words: words.members)),
    "team": Filter(gettext_lazy("Team"), "team", _id_filter("team_id", lambda words: words.teams)),
    "tag": Filter(gettext_lazy("Tag"), "tag", _tag),
    "source": Filter(gettext_lazy("Source"), "source", _source),
    "company": Filter(gettext_lazy("Company"), "text", _company, ("contact",)),
    "city": Filter(gettext_lazy("Town"), "text", _city),
    "follow_up": Filter(gettext_lazy("Follow-up"), "follow_up", _follow_up),
    "last_contact_after": Filter(gettext_lazy("Last contact from"), "day", _moment("last_contact_at", "gte")),
    "last_contact_before": Filter(gettext_lazy("Last contact before"), "day", _moment("last_contact_at", "lt")),
    "created_after": Filter(gettext_lazy("Added from"), "day", _moment("created_at", "gte")),
    "created_before": Filter(gettext_lazy("Added before"), "day", _moment("created_at", "lt")),
    "has_phone": Filter(gettext_lazy("Has a phone"), "yes_no", _has("main_phone"), ("contact",)),
    "has_email": Filter(gettext_lazy("Has an e-mail"), "yes_no", _has("main_email"), ("contact",)),
}


def in_words(context: Context, name: str, values: Sequence[str]) -> str:
    """The values of a filter as a chip shows them."""
    return ", ".join(_in_words(context, name, value) for value in values)


def _in_words(context: Context, name: str, value: str) -> str:
    words = context.words
    fixed = {
        NONE: _("none"), ME: _("me"), "yes": _("yes"), "no": _("no"), "due": _("due"), "week": _("in 7 days"), "later": _("later"),
    }  # fmt: skip
    if value in fixed:
        return fixed[value]
    if name in FILTERS and FILTERS[name].kind == "day":
        return formatting.day(_date(value))
    if name.startswith("custom."):
        return custom_in_words(context.custom_field(name), value)
    if name == "source":
        return str(dict(Source.choices).get(value, value))
    try:
        identity = UUID(value)
    except ValueError:
        return value
    tag = words.tags.get(identity)
    return (
        words.stage_name(identity)
        or words.member_name(identity)
        or words.teams.get(identity, "")
        or (tag.name if tag else _("chosen"))
    )


def custom_in_words(word: FieldWord | None, value: str) -> str:
    """A value of a filter of a custom field: what was typed, as such values are shown."""
    if word is None or word.kind not in RANGED:
        return value
    try:
        if word.kind in {CustomField.Kind.DATE, CustomField.Kind.TIME}:
            return formatting.day(date.fromisoformat(value))
        return custom_fields.shown(word, custom_fields.cleaned(word, value))
    except (ValidationError, ValueError):
        return value


def _uuid(value: str, known: Iterable[UUID]) -> UUID:
    try:
        identity = UUID(value)
    except ValueError:
        identity = None
    if identity is None or identity not in known:
        raise Refused(_("“%(value)s” is not known here.") % {"value": value[:40]})
    return identity


def _one_of(value: str, known: Iterable[str]) -> str:
    if value not in known:
        raise Refused(_("“%(value)s” is not known here.") % {"value": value[:40]})
    return value


def _date(value: str) -> date:
    try:
        day = date.fromisoformat(value)
        if not 1900 <= day.year <= 2200:
            raise ValueError
    except ValueError:
        raise Refused(_("“%(value)s” is not a date.") % {"value": value[:40]}) from None
    return day
