"""How figures, money, telephone numbers and times are written for people. Pure functions; the present moment and the language are passed in.

Times are shown in Django's active time zone, which the shell sets to the workspace's own.
"""

import unicodedata
import zlib
from datetime import date, datetime, timedelta
from decimal import Decimal

import phonenumbers
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

#: Languages whose readers count in thousands and millions. Everyone else here counts in lakh and crore, plain "en" included.
WESTERN_COUNTING = frozenset({"en-us", "en-gb", "en-au", "en-ca"})
MINUS = "\N{MINUS SIGN}"
NARROW_GAP = "\N{NO-BREAK SPACE}"
TONES = 8


def grouped(digits: str, *, indian: bool) -> str:
    """`digits` with commas: 1206500 as 12,06,500 (Indian) or 1,206,500."""
    head, tail = digits[:-3], digits[-3:]
    size = 2 if indian else 3
    parts = [tail]
    while head:
        parts.append(head[-size:])
        head = head[:-size]
    return ",".join(reversed(parts))


def counts_in_lakh(language: str) -> bool:
    return language.lower() not in WESTERN_COUNTING


def number(value: int | float | Decimal, language: str) -> str:
    """A figure with the separators that readers of `language` expect; digits after the point are kept as they are."""
    whole, point, fraction = f"{Decimal(str(value)).copy_abs():f}".partition(".")
    sign = MINUS if value < 0 else ""
    return sign + grouped(whole, indian=counts_in_lakh(language)) + point + fraction


#: The figure in a small badge goes no further.
MOST_IN_A_BADGE = 99


def badge(count: int, language: str) -> str:
    """A figure for a badge: "99+" beyond 99, so who counts for one may stop at a hundred."""
    return number(min(count, MOST_IN_A_BADGE), language) + ("+" if count > MOST_IN_A_BADGE else "")


def rupees(paise: int, *, always_paise: bool = False) -> str:
    """₹ 12,06,500, or ₹ 12,06,500.50 when there are paise. Rupees are grouped the Indian way in every language."""
    whole, rest = divmod(abs(paise), 100)
    fraction = f".{rest:02d}" if rest or always_paise else ""
    return f"{MINUS if paise < 0 else ''}₹{NARROW_GAP}{grouped(str(whole), indian=True)}{fraction}"


def phone(e164: str) -> str:
    """+91 98220 41736. What is no telephone number is given back as it came."""
    try:
        parsed = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def day(value: date | datetime) -> str:
    """21 Nov 2029."""
    return date_format(_local_day(value), "j M Y")


def short_day(value: date | datetime, *, now: datetime) -> str:
    """21 Nov; with its year when that is not this year."""
    local = _local_day(value)
    return date_format(local, "j M" if local.year == timezone.localtime(now).year else "j M Y")


def clock_time(value: datetime) -> str:
    """10:02."""
    return date_format(timezone.localtime(value), "H:i")


def short_time(value: datetime, *, now: datetime) -> str:
    """21 Nov, 10:02."""
    return _("%(day)s, %(time)s") % {"day": short_day(value, now=now), "time": clock_time(value)}


def recent(value: date | datetime, *, now: datetime) -> str:
    """Today, 10:02; Yesterday; Tomorrow; then the day alone. A date without a time says Today."""
    local, today = _local_day(value), timezone.localtime(now).date()
    if local == today:
        return _("Today, %(time)s") % {"time": clock_time(value)} if isinstance(value, datetime) else _("Today")
    if local == today - timedelta(days=1):
        return _("Yesterday")
    if local == today + timedelta(days=1):
        return _("Tomorrow")
    return short_day(value, now=now)


def ago(value: datetime, *, now: datetime) -> str:
    """2 min ago, 19 h ago, 3 days ago, in 9 days; a year or more away is written as its day."""
    seconds = round((now - value).total_seconds())
    past, distance = seconds >= 0, abs(seconds)
    if distance < 60:
        return _("just now") if past else _("in a moment")
    if distance >= 365 * 86400:
        return day(value)
    if distance < 3600:
        span = _("%(count)d min") % {"count": distance // 60}
    elif distance < 86400:
        span = _("%(count)d h") % {"count": distance // 3600}
    else:
        days = distance // 86400
        span = ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    return (_("%(span)s ago") if past else _("in %(span)s")) % {"span": span}


def initials(name: str) -> str:
    """The first letters of the first and the last word: Sunita Deshmukh is SD. In a script without capitals the first alone,
    with its vowel sign, for two would not fit: सुनीता देशमुख is सु."""
    words = [word for word in name.split() if any(character.isalnum() for character in word)]
    chosen = words[:1] + words[-1:] if len(words) > 1 else words
    letters = [_first_letter(word) for word in chosen]
    return "".join(letters if all(letter != letter.lower() for letter in letters) else letters[:1]) or "?"


def avatar_tone(identity: object) -> int:
    """One of eight hues, 0 to 7, the same for the same id on every machine."""
    return zlib.crc32(str(identity).encode()) % TONES


def _first_letter(word: str) -> str:
    start = next(place for place, character in enumerate(word) if character.isalnum())
    end = start + 1
    while end < len(word) and unicodedata.category(word[end]) in {"Mn", "Mc"}:
        end += 1
    return word[start:end].upper()


def _local_day(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value
