"""What the desk puts into the shell: entries of the sidebar, offers of the New menu, kinds of lines of the timeline."""

from __future__ import annotations

from django.utils.functional import Promise, lazy
from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.desk import onpeople, searching
from amanat.desk.cases import searching as case_searching
from amanat.desk.models import Paper, Payment, ServiceRecord
from amanat.people import cards, search_views, timeline
from amanat.people.cards import Card
from amanat.people.timeline import Kind
from amanat.web import navigation
from amanat.web.navigation import Entry, Offer


def _lowered(label: str | Promise) -> str:
    return str(label).lower()


_lower = lazy(_lowered, str)


def register() -> None:
    timeline.register(
        Kind(
            "service", _("Services"), "clipboard-check", "marigold", is_contact=True,
            sentences={
                "begun": _("%(title)s begun"),
                "begun_paid": _("%(title)s begun, %(amount)s paid"),
                "moved": _("%(title)s: %(status)s"),
            },
            words={"status": {value: _lower(label) for value, label in ServiceRecord.Status.choices}},
        )
    )  # fmt: skip
    timeline.register(
        Kind(
            "payment", _("Payments"), "indian-rupee", "green", tab="service",
            sentences={
                "paid": _("%(amount)s paid by %(method)s"),
                "cancelled": _("Payment of %(amount)s by %(method)s cancelled"),
            },
            words={"method": dict(Payment.Method.choices)},
        )
    )  # fmt: skip
    timeline.register(
        Kind(
            "paper", _("Papers"), "id-card", "violet", tab="service",
            sentences={"attached": _("%(kind)s attached"), "deleted": _("%(kind)s deleted")},
            words={"kind": dict(Paper.Kind.choices)},
        )
    )  # fmt: skip
    timeline.register(
        Kind(
            "case", _("Support cases"), "life-buoy", "blue", is_contact=True,
            sentences={
                "taken_up": _("Case #%(number)s: %(subject)s"),
                "noted": _("Case #%(number)s: written down"),
                "noted_waits": _("Case #%(number)s: waiting for the customer"),
                "closed": _("Case #%(number)s closed"),
                "reopened": _("Case #%(number)s reopened"),
            },
        )
    )  # fmt: skip
    timeline.register(Kind("task", _("Tasks"), "circle-check", "blue", is_contact=True))
    navigation.register(Entry("work", 10, _("Home"), "house", "desk:today"))
    navigation.register(Entry("work", 22, _("Services"), "clipboard-list", "desk:services", May.READ_SERVICES))
    navigation.register(Entry("work", 24, _("Support"), "life-buoy", "desk:cases", May.READ_CASES))
    navigation.register(Entry("work", 28, _("Calendar"), "calendar-days", "desk:calendar", May.READ_TASKS))
    navigation.register(Entry("workspace", 40, _("Catalogue"), "list-checks", "desk:catalogue", May.MANAGE_CATALOGUE))
    navigation.offer(Offer(20, _("Service"), "clipboard-list", "desk:service_new", May.WRITE_SERVICES))
    navigation.offer(Offer(30, _("Task"), "bell-plus", "desk:task_new", May.WRITE_TASKS))
    navigation.offer(Offer(25, _("Support case"), "life-buoy", "desk:case_new", May.WRITE_CASES))
    search_views.register(searching.FINDER)
    search_views.register(case_searching.FINDER)
    cards.register(Card(20, "desk/_services_card.html", onpeople.services_card, permission=May.READ_SERVICES))
    cards.register(
        Card(30, "desk/_papers_card.html", onpeople.papers_card, permission=May.READ_SERVICES, on=("contact",))
    )
    cards.register(Card(40, "desk/_tasks_card.html", onpeople.tasks_card, column="right", permission=May.READ_TASKS))
    cards.register(
        Card(
            50, "desk/_cases_card.html", onpeople.cases_card, column="right", permission=May.READ_CASES, on=("contact",)
        )
    )
