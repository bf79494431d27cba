"""A workspace with its details told, and policies to publish in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import tenancy
from amanat.publishing import beginning, publish
from amanat.publishing.beginning import Details
from amanat.publishing.models import PolicyVersion

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LEAD = timedelta(days=30)  #: what the ready policy promises as `changes.lead`
DETAILS = Details(
    "Shree CSC Kendra", "Satara", "Main Road, Satara 415001", "privacy@shree.test", "+912162234567", NOW.date()
)
SOURCE = beginning.source(DETAILS)

#: Kept for longer than before: people would be protected less.
LONGER = (
    "content:   {of: [content, talk], until: {closure: P30D,",
    "content:   {of: [content, talk], until: {closure: P60D,",
)
SHORTER = (
    "content:   {of: [content, talk], until: {closure: P30D,",
    "content:   {of: [content, talk], until: {closure: P20D,",
)
#: Marketing also looks at how the service was used.
WIDER = (
    "marketing: {is: dpv:DirectMarketing, uses: [identity, choice]",
    "marketing: {is: dpv:DirectMarketing, uses: [identity, choice, usage]",
)
NARROWER = (
    "marketing: {is: dpv:DirectMarketing, uses: [identity, choice]",
    "marketing: {is: dpv:DirectMarketing, uses: [identity]",
)
REWORDED = ("No system is perfectly secure.", "No system can be perfectly secure.")


def changed(*changes: tuple[str, str], source: str = SOURCE) -> str:
    """The sample with pieces of its text replaced; each must be there."""
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def published(
    workspace: Workspace, *changes: tuple[str, str], at: datetime = NOW, by: Member | None = None, source: str = ""
) -> PolicyVersion:
    """A version of the sample with changes, published."""
    with tenancy.inside(workspace):
        version = publish.publish(
            workspace=workspace, source=source or changed(*changes), by=by or owner_of(workspace), at=at
        )
    assert version is not None
    return version
