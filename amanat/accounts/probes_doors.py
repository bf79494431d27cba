"""Probes of the doors themselves: what the table of routes says is carried out. Invented people knock at an invented page.

They and the page exist inside the probe's savepoint alone, which is taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test.client import RequestFactory
from django.utils.translation import gettext_lazy as _

from amanat.accounts import access
from amanat.accounts.models import Member, Session, User, Workspace
from amanat.accounts.permissions import May, Role
from amanat.accounts.session_store import SessionStore
from amanat.core import ids, routes
from amanat.core.limits import Limit
from amanat.core.routes import Route, Rule, anyone
from amanat.policy.probing import Asked, Finding, probe

#: Whoever asks for it as a program is answered without a page around it.
_PLACE = "/api/xqzprobe/"
_OPEN = 200


@probe(
    "accounts.doors",
    _("Who may not enter a page is turned away"),
    keys=("S-ACCESS", "S-AUTHN", "S-NEED", "S-MFA", "F-FRAUD"),
    rules=("security.access",),
    minutes=6 * 60,
)
def doors(asked: Asked) -> Finding:
    """A stranger, a member without the permission, one who left, an owner without a second factor where one is asked for, and somebody
    who comes too often: each by the rules that stand before every page. An owner with all of it gets in."""
    agent, gone, owner = (_invented(asked, role) for role in (Role.AGENT, Role.OWNER, Role.OWNER))
    Member.objects.of(asked.workspace_id).filter(pk=gone.pk).update(ended_at=asked.at)
    here = Workspace.objects.of(asked.workspace_id).filter(pk=asked.workspace_id)
    trusted = access.members(May.MANAGE_POLICY)
    here.update(requires_mfa=False)
    facts = {
        "stranger": _opens(access.signed_in) or _opens(access.member),
        "agent": _opens(trusted, agent),
        "gone": _opens(access.member, gone),
        "owner": _opens(trusted, owner),
        "hurried": _opens_twice(),
    }
    here.update(requires_mfa=True)
    facts["unproved"] = _opens(access.member, owner)
    wrongly = sum(facts[name] for name in ("stranger", "agent", "gone", "unproved", "hurried"))
    return Finding(
        not wrongly and facts["owner"],
        _(
            "An invented page let in: a stranger {stranger}, a member without the permission {agent}, somebody who left {gone}, an owner without the second factor {unproved}, somebody who came too often {hurried}; and an owner, who may: {owner}"
        ),
        facts,
    )


def _invented(asked: Asked, role: Role) -> Member:
    user = User(email=f"xqzprobe-{ids.new()}@canary.example", name="Xqzprobe Vwkcanary")
    user.set_unusable_password()
    user.save(force_insert=True)
    return Member.objects.create(workspace_id=asked.workspace_id, user=user, role=role)


def _opens(rule: Rule, member: Member | None = None) -> bool:
    """Whether a page with this rule is shown to the member; None is nobody."""
    request: Any = RequestFactory().get(_PLACE)
    request.user, request.session, request.htmx = AnonymousUser(), SessionStore(), False
    if member is not None:
        request.user = member.user
        request.session.row = Session(user=member.user, workspace_id=member.workspace_id)
    return bool(_page(rule)(request).status_code == _OPEN)


def _opens_twice() -> bool:
    """Whether a page that one may ask for once is shown a second time."""
    page = _page(anyone, Limit(1, timedelta(minutes=1), name=f"xqzprobe {ids.new()}"))
    return [page(RequestFactory().get(_PLACE)).status_code for _time in range(2)] != [_OPEN, 429]


def _page(rule: Rule, *limited: Limit) -> Callable[..., Any]:
    """A view behind the same wall as every other."""
    return routes.guarded(
        Route("xqzprobe", "", rule, ("GET",), limited, limited=("GET",), view=lambda request: HttpResponse())
    )
