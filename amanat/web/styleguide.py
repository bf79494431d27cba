"""Every component with demonstration text, and whole pages made of them: for reading, copying markup, screenshots and accessibility tests.

Included in the site only when Django's DEBUG is on. Nothing here touches a database; the people are made up.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from amanat.core import clock
from amanat.core.routes import anyone, route
from amanat.web import charts, sprite
from amanat.web.formatting import rupees
from amanat.web.navigation import Shown

NOW = datetime(2026, 11, 21, 4, 40, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DemoWorkspace:
    name: str
    place: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class DemoMember:
    name: str
    get_role_display: str
    pk: int = 7

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class DemoContact:
    name: str
    organisation: str
    phone: str
    stage: str
    owner: str
    reached_by: str
    trust: str
    seen_at: datetime
    pk: int = field(default=0)


def _contact(number: int, row: str) -> DemoContact:
    name, organisation, phone, stage, owner, reached_by, trust, days = row.split("|")
    return DemoContact(
        name, organisation, phone, stage, owner, reached_by, trust, NOW - timedelta(days=int(days)), pk=number
    )


CONTACTS = [
    _contact(number, row)
    for number, row in enumerate(
        """Sunita Deshmukh|Deshmukh Dairy|+919822041736|Customer|Rekha|WhatsApp · SMS|in_order|0
Arjun Mehta|Mehta Traders|+919970155018|Lead|Prakash|E-mail|in_order|1
Farhana Khan||+917722090341|Customer|Rekha|WhatsApp|notice_due|2
Vishal Shinde|Shinde Agro|+919011027364|Lead|Asha||in_order|3
Lakshmi Nair|Nair Clinic|+919447011829|Customer|Asha|WhatsApp · E-mail|in_order|5
Gurpreet Pannu|Pannu Motors|+919814066712|Supplier|Prakash|E-mail|in_order|9
Ramesh Bhosale||+918605073321|Customer|Rekha|SMS|in_order|12
Tanvi Desai|Desai Textiles|+919825038274|Lead|Asha|E-mail|in_order|14
Mohammed Iqbal|Iqbal Travels|+919923014567|Customer|Prakash|WhatsApp|notice_due|19
Kavita Jadhav||+919158060093|Customer|Rekha|WhatsApp · SMS|in_order|24
Suresh Naik|Naik Constructions|+919890072215|Lead|Asha||in_order|31""".splitlines(),
        start=1,
    )
]
HINDI_CONTACTS = [
    _contact(number, row)
    for number, row in enumerate(
        """सुनीता देशमुख|देशमुख डेयरी|+919822041736|ग्राहक|रेखा|व्हाट्सऐप · एसएमएस|in_order|0
अर्जुन मेहता|मेहता ट्रेडर्स|+919970155018|पूछताछ|प्रकाश|ई-मेल|in_order|1
फ़रहाना ख़ान||+917722090341|ग्राहक|रेखा|व्हाट्सऐप|notice_due|2
विशाल शिंदे|शिंदे ऐग्रो|+919011027364|पूछताछ|आशा||in_order|3
लक्ष्मी नायर|नायर क्लिनिक|+919447011829|ग्राहक|आशा|व्हाट्सऐप · ई-मेल|in_order|5""".splitlines(),
        start=1,
    )
]

MONTHS = ("Nov", "Dec", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct")
COLLECTED = (31, 38, 34, 50, 55, 43, 60, 65, 52, 72, 69, 82)
WORK = (
    ("home", _("Home"), "house", None),
    ("contacts", _("Contacts"), "users", None),
    ("deals", _("Deals"), "square-kanban", None),
    ("services", _("Services"), "clipboard-list", None),
    ("inbox", _("Inbox"), "message-circle", 4),
    ("calls", _("Calls"), "phone", None),
    ("reminders", _("Reminders"), "bell-ring", 12),
    ("campaigns", _("Campaigns"), "megaphone", None),
    ("support", _("Support"), "life-buoy", None),
    ("billing", _("Billing"), "receipt-indian-rupee", None),
    ("reports", _("Reports"), "chart-column", None),
)
TRUST = (
    ("promises", _("Promises"), "shield-check", None),
    ("requests", _("Requests"), "inbox", 2),
    ("consent", _("Consent"), "hand-heart", None),
    ("retention", _("Retention"), "hourglass", None),
    ("incidents", _("Incidents"), "siren", None),
    ("ledger", _("Ledger"), "scroll-text", None),
)


class DemoForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("As on the papers."))
    mobile = forms.CharField(label=_("Mobile"), widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel"}))
    fee = forms.CharField(
        label=_("Fee"), required=False, widget=forms.TextInput(attrs={"inputmode": "decimal", "data-money": ""})
    )
    due_on = forms.DateField(label=_("Due on"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    stage = forms.ChoiceField(label=_("Stage"), choices=[("lead", _("Lead")), ("customer", _("Customer"))])
    language = forms.ChoiceField(
        label=_("Language"), widget=forms.RadioSelect, choices=[("hi", "हिन्दी"), ("mr", "मराठी"), ("en", "English")]
    )
    note = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 3}))
    is_adult = forms.BooleanField(
        label=_("This person is 18 or older"), help_text=_("For a child we need a parent's consent.")
    )


def _entries(rows: tuple[tuple[str, Any, str, int | None], ...], here: str) -> list[Shown]:
    return [
        Shown(label, icon, f"/styleguide/{name}/", badge, is_current=name == here) for name, label, icon, badge in rows
    ]


def _page(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    with clock.standing_at(NOW):
        return render(request, template, context)


def _frame(here: str) -> dict[str, object]:
    """The shell with everything switched on, as a member of a busy workspace sees it."""
    work = _entries(WORK, here)
    return {
        "member": DemoMember("Rekha Kulkarni", "Counter agent"),
        "workspace": DemoWorkspace("Shree CSC Kendra", "Nashik · Growth plan"),
        "navigation": {
            "work": work,
            "trust": _entries(TRUST, here),
            "workspace": [
                Shown(_("Workspace settings"), "settings", "#"),
                Shown(_("Members and roles"), "users-round", "#"),
            ],
            "member": [
                Shown(_("Your account"), "circle-user", "#"),
                Shown(_("Sign out"), "log-out", "#", by_post=True),
            ],
        },
        "phone_bar": [work[0], work[1], work[4]],
        "offers": [
            Shown(_("Contact"), "user-plus", "#"),
            Shown(_("Service"), "clipboard-list", "#"),
            Shown(_("Reminder"), "bell-plus", "#"),
        ],
        "languages": settings.LANGUAGES,
        "now": NOW,
    }


def components(request: HttpRequest) -> HttpResponse:
    filled = DemoForm(
        {"name": "सुनीता देशमुख", "mobile": "98220", "fee": "1206500", "stage": "lead", "language": "mr", "is_adult": "on"}
    )
    filled.add_error("mobile", _("A mobile number has 10 digits; this one has 5."))
    filled.add_error(None, _("Nothing was saved. Correct the field that is marked."))
    first = date(2026, 11, 1) - timedelta(days=6)
    cells = [first + timedelta(days=place) for place in range(42)]
    items = {
        date(2026, 11, 23): [{"label": "11:30 Sunita", "url": "#"}],
        date(2026, 11, 30): [{"label": "PMFBY", "url": "#", "is_due": True}],
    }
    days = [
        {"date": one, "is_today": one == NOW.date(), "is_outside": one.month != 11, "items": items.get(one, [])}
        for one in cells
    ]
    shown = _frame("home") | {
        "form": filled,
        "fresh_form": DemoForm(),
        "icons": sprite.NAMES,
        "chart": _collected(),
        "day_names": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        "weeks": [days[place : place + 7] for place in range(0, 42, 7)],
        "menu_items": [
            {"label": _("Merge"), "icon": "merge", "url": "#"},
            {
                "label": _("Erase"),
                "icon": "trash-2",
                "url": "#",
                "by_post": True,
                "is_danger": True,
                "confirm": _("1 person and 14 messages are erased for good."),
            },
        ],
        "counts": [
            {"label": _("New"), "figure": 1180, "tone": "ok"},
            {"label": _("Skipped"), "figure": 12, "tone": "warn"},
        ],
        "chips": _chips(),
        "tabs": _tabs(),
        "tones": range(8),
    }
    return _page(request, "web/styleguide/components.html", shown)


def home(request: HttpRequest) -> HttpResponse:
    return _page(request, "web/styleguide/home.html", _frame("home") | {"chart": _collected()})


def contacts(request: HttpRequest) -> HttpResponse:
    return _page(
        request,
        "web/styleguide/contacts.html",
        _frame("contacts") | {"contacts": CONTACTS, "chips": _chips(), "tabs": _tabs()},
    )


def hindi(request: HttpRequest) -> HttpResponse:
    return _page(request, "web/styleguide/hindi.html", _frame("contacts") | {"contacts": HINDI_CONTACTS})


def person(request: HttpRequest) -> HttpResponse:
    tabs = [
        {"label": _("All"), "url": "#", "is_current": True},
        {"label": _("Messages"), "url": "#", "count": 14},
        {"label": _("Calls"), "url": "#", "count": 6},
        {"label": _("Notes"), "url": "#", "count": 3},
        {"label": _("Services"), "url": "#", "count": 3},
        {"label": _("Tickets"), "url": "#"},
        {"label": _("Details"), "url": "#details", "is_phone_only": True},
        {"label": _("Trust"), "url": "#trust", "is_phone_only": True},
    ]
    day = NOW.replace(hour=4, minute=32)
    times = {
        "read": day,
        "call": day - timedelta(hours=17, minutes=21),
        "sent": day - timedelta(hours=17, minutes=7),
        "consent": datetime(2026, 3, 14, 5, 50, tzinfo=UTC),
    }
    return _page(
        request,
        "web/styleguide/person.html",
        _frame("contacts") | {"tabs": tabs, "contact": CONTACTS[0], "times": times},
    )


def policy(request: HttpRequest) -> HttpResponse:
    return _page(request, "web/styleguide/policy.html", {"languages": settings.LANGUAGES})


def sign_in(request: HttpRequest) -> HttpResponse:
    return _page(request, "web/styleguide/sign_in.html", {"form": DemoForm()})


def receipt(request: HttpRequest) -> HttpResponse:
    return _page(request, "web/styleguide/receipt.html", {"paid_at": NOW})


def error(request: HttpRequest, status: int) -> HttpResponse:
    return _page(request, f"{status}.html", {"wait_minutes": 2})


def _collected() -> charts.BarChart:
    return charts.bars(
        [(month, value, rupees(value * 100_000)) for month, value in zip(MONTHS, COLLECTED, strict=True)]
    )


def _chips() -> list[dict[str, object]]:
    return [
        {"label": _("Stage"), "relation": _("is any of"), "value": "Lead, Customer, Supplier", "remove_url": "#"},
        {"label": _("Last contact"), "relation": _("after"), "value": "1 Oct 2026", "remove_url": "#"},
    ]


def _tabs() -> list[dict[str, object]]:
    return [
        {"label": _("All contacts"), "url": "#", "is_current": True},
        {"label": _("My leads"), "url": "#"},
        {"label": _("Renewals this month"), "url": "#"},
        {"label": _("No consent yet"), "url": "#"},
    ]


app_name = "styleguide"
urlpatterns = [
    route(pattern, view, name=f"styleguide_{view.__name__}", rule=anyone, methods=["GET", "POST"])
    for pattern, view in (
        ("", components),
        ("home/", home),
        ("contacts/", contacts),
        ("person/", person),
        ("hindi/", hindi),
        ("policy/", policy),
        ("sign-in/", sign_in),
        ("receipt/", receipt),
        ("errors/<int:status>/", error),
    )
]
