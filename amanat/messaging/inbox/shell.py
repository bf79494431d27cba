"""What the inbox adds to the site: its entry in the sidebar with what is unread, its search, words, files and sealed columns."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from amanat.accounts import access
from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.core import ledger_words, schema
from amanat.messaging.inbox import arriving, bodies, fetching, onpeople, threads
from amanat.messaging.inbox import ledger_words as own_words
from amanat.messaging.inbox import schema as own_schema
from amanat.messaging.outbox import changes
from amanat.people import cards, merging, timeline
from amanat.people.cards import Card
from amanat.people.timeline import Kind
from amanat.web import formatting, navigation
from amanat.web.navigation import Entry


def register() -> None:
    """Called once, when the site starts."""
    schema.add_sql("find_messages", own_schema.FIND_MESSAGES)
    schema.add_definer_function("find_messages", "ids of messages that have the words; carries the wall itself")
    schema.add_sql("inbox_free_with_seat", own_schema.FREE_WITH_SEAT)
    bodies.declare_sealed()
    arriving.declare_files()
    ledger_words.register(own_words.SENTENCES, own_words.TABLES)
    threads.when_read(fetching.when_read)
    merging.also(before=threads.unite, after_undoing=threads.part)
    timeline.register(Kind("sent", _("Sent by the program"), "bell-ring", "grey", tab="message"))
    access.count_in_the_frame(threads.UNREAD)
    changes.on_change(threads.when_sent)
    cards.register(
        Card(
            15, "messaging/_write_card.html", onpeople.card, column="right", permission=May.READ_CONTACTS, on=("contact",),
            reads=onpeople.reads,
        )
    )  # fmt: skip
    navigation.register(
        Entry(
            "work", 24, _("Inbox"), "message-circle", "messaging:inbox", May.READ_CONTACTS, badge=unread,
            badge_at="messaging:inbox_pulse", is_on_phone=True,
        )
    )  # fmt: skip


def unread(request: HttpRequest) -> int | None:
    """Conversations with something unread: the kept count, or, for who sees some people only, a look at those."""
    member = cast(MemberRequest, request).member
    if member.sees_all:
        count = access.kept_count(member, threads.UNREAD)
    else:
        count = (
            threads.visible(member)
            .filter(unread__gt=0, closed_at__isnull=True)[: formatting.MOST_IN_A_BADGE + 1]
            .count()
        )
    return count if count > 0 else None
