"""The rules of the route table: anyone, someone signed in, a member with a permission.

A member's request is one transaction inside her workspace. An answer of 400 or more rolls it back, so a refused request
changes no row; what must survive a refusal (a count of tries, a failed sign-in) is written outside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import cast
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from amanat.accounts import second_factors
from amanat.accounts.models import Member, User, Workspace
from amanat.accounts.permissions import May, Role
from amanat.accounts.session_store import SessionStore
from amanat.core import routes, tally, tenancy
from amanat.core.limits import Limit
from amanat.core.routes import Route, anyone
from amanat.core.rows import Reader
from amanat.web.templatetags.amanat import IN_WORKSPACE, WORKSPACE_HEADER

Run = Callable[[], HttpResponseBase]

#: The button by which a form that was refused goes back to its own workspace.
ENTER_AGAIN = "enter_again"
#: Limits that many routes share. Beside these stand the finer ones of `guessing`: per account, per code, per user.
SECRETS = (Limit(20, timedelta(hours=1), per="account"), Limit(60, timedelta(hours=1), per="address"))
DOOR = (Limit(120, timedelta(hours=1), per="address"),)
CODES = (Limit(20, timedelta(minutes=15), per="session"), Limit(120, timedelta(hours=1), per="address"))
WRITES = (Limit(600, timedelta(minutes=1), per="member"),)


class MemberRequest(HttpRequest):
    """A request that the rule `Members` admitted."""

    user: User
    member: Member
    workspace: Workspace
    purpose: str  #: why personal data is read here, as the route declares it


class UserRequest(HttpRequest):
    """A request that the rule `SignedIn` admitted."""

    user: User


@dataclass(frozen=True)
class SignedIn:
    """Somebody signed in, whatever her workspaces: her own account's pages.

    Where a password or code is asked for (`keeps_tries`), a refusal is not rolled back: the failed try itself is counted
    and written into the history, and nothing else was written. Such views answer without touching a workspace.
    """

    name: str = "signed in"
    keeps_tries: bool = False

    def admit(self, request: HttpRequest, route: Route, run: Run) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        if route.fresh and not is_fresh(request):
            return to_reauthentication(request)
        seat = _seat_for_the_shell(cast(MemberRequest, request), request.user)
        with transaction.atomic():
            response = run()
            if response.status_code >= 400 and not self.keeps_tries:
                transaction.set_rollback(True)
        if seat is not None and _is_unrendered(response):
            # The page's frame asks the workspace (counts in the sidebar); the view itself ran outside of it.
            with tenancy.inside(seat.workspace_id):
                response = cast(SimpleTemplateResponse, response).render()
        return response


def _seat_for_the_shell(request: MemberRequest, user: User) -> Member | None:
    """The member in whose workspace this browser is, so that account pages keep sidebar and menus; None without one."""
    workspace_id = chosen_workspace(request, user)
    if workspace_id is None:
        return None
    with tenancy.inside(workspace_id):
        seat = seat_of(user, workspace_id)
    if seat is None:
        forget_workspace(request)
    else:
        request.member, request.workspace = seat, seat.workspace
    return seat


def _is_unrendered(response: HttpResponseBase) -> bool:
    return isinstance(response, SimpleTemplateResponse) and not response.is_rendered


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session proved who it is within the last 15 minutes, by signing in or by signing in again."""
    if not request.user.is_authenticated:
        return False
    # The sign-in library stamps its records with time.time(), hence not our clock, which may be moved.
    records = get_authentication_records(request, request.user)
    return bool(records) and 0 <= time.time() - records[-1]["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


@dataclass(frozen=True)
class Members:
    """A member of the workspace that this browser is in, with a permission if one is named."""

    permission: May | None = None

    @property
    def name(self) -> str:
        return f"member who may {self.permission.value}" if self.permission else "member"

    def admit(self, request: HttpRequest, route: Route, run: Run) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        user = request.user
        workspace_id = chosen_workspace(request, user)
        if workspace_id is None:
            return _redirect(request, reverse("accounts:workspaces"))
        if is_of_another(request, workspace_id):
            seat = _seat_of_the_form(request, user)
            if seat is None or ENTER_AGAIN not in request.POST:
                return _elsewhere(request, seat)
            workspace_id = seat.workspace_id
            choose_workspace(request, workspace_id)
        with tenancy.inside(workspace_id):
            response = self._admit_inside(cast(MemberRequest, request), user, workspace_id, route, run)
            if response.status_code >= 400:
                transaction.set_rollback(True)
        return response

    def _admit_inside(
        self, request: MemberRequest, user: User, workspace_id: UUID, route: Route, run: Run
    ) -> HttpResponseBase:
        member = seat_of(user, workspace_id, acts=request.method not in ("GET", "HEAD"))
        if member is None:
            forget_workspace(request)
            return _redirect(request, reverse("accounts:workspaces"))
        request.member, request.workspace, request.purpose = member, member.workspace, route.purpose
        if self.permission is not None and not member.may(self.permission):
            return routes.refusal(request, 403)
        if is_closing(member.workspace, request) and route.name not in _open_while_closing:
            return routes.refusal(request, 423)
        if member.workspace.requires_mfa and not second_factors.has_one(user.pk):
            return _by_way_of(request, "accounts:second_factor_needed")
        if route.fresh and not is_fresh(request):
            return to_reauthentication(request)
        with timezone.override(ZoneInfo(member.workspace.time_zone)):
            response = run()
            if _is_unrendered(response):  # or it would render after the transaction
                response = cast(SimpleTemplateResponse, response).render()
        return response


def is_of_another(request: HttpRequest, workspace_id: UUID) -> bool:
    """Whether the page that the request came from was opened in another workspace than the one this browser is in by now.

    A browser is in one workspace at a time, its tabs may show several. The form's own field comes before the page's header: a form that
    htmx fetched belongs to where it was fetched.
    """
    acts = request.method not in ("GET", "HEAD")
    told = (request.POST.get(IN_WORKSPACE) if acts else None) or request.headers.get(WORKSPACE_HEADER)
    return bool(told) and told != str(workspace_id)


def _seat_of_the_form(request: HttpRequest, user: User) -> Seat | None:
    """Her seat in the workspace in which the form was opened."""
    told = request.POST.get(IN_WORKSPACE, "")
    return next((seat for seat in seats_of(user) if str(seat.workspace_id) == told), None) if told else None


def _elsewhere(request: HttpRequest, seat: Seat | None) -> HttpResponse:
    """What acts is refused and changes nothing; a part of a page that is only read comes with the whole page around it.

    The answer holds what was sent, because a browser does not keep it: pages are not stored. One press goes back to the form's workspace
    and sends it again. Files cannot be carried.
    """
    if request.method in ("GET", "HEAD"):
        return HttpResponseClientRefresh()
    if seat is None or getattr(request, "htmx", False):
        return routes.refusal(request, 412)
    fields = [
        (name, value) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken" for value in values
    ]
    context = {"seat": seat, "fields": fields, "again": ENTER_AGAIN, "has_files": bool(request.FILES)}
    return render(request, "412.html", context, status=412)


#: Routes that may still change something in a workspace that is being closed.
_open_while_closing: set[str] = set()


def stays_open(*names: str) -> None:
    """Name routes by which a workspace that is being closed can be taken along or taken back."""
    _open_while_closing.update(names)


def is_closing(workspace: Workspace, request: HttpRequest) -> bool:
    """Whether the request would change something in a workspace that its owner has closed."""
    return workspace.closing_at is not None and request.method not in ("GET", "HEAD")


def seat_of(user: User, workspace_id: UUID, *, acts: bool = False) -> Member | None:
    """The member that `user` is in the workspace of the open transaction, with the workspace and the ids of her teams.

    With `acts`, the same statement tells the database who acts, for the ledger's trigger.
    """
    members, workspaces = _readers()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {members.columns}, {workspaces.columns}, ARRAY(SELECT t.team_id FROM accounts_teammember t "  # noqa: S608
            "WHERE t.workspace_id = m.workspace_id AND t.member_id = m.id), "
            "ARRAY(SELECT (SELECT coalesce(sum(y.change), 0)::bigint FROM core_tally y WHERE y.workspace_id = m.workspace_id "
            "AND y.what = k.what) FROM unnest(%s::text[]) WITH ORDINALITY AS k(what, place) ORDER BY k.place), "
            "CASE WHEN %s THEN set_config('app.actor', m.id::text, true) END "
            "FROM accounts_member m "
            "JOIN accounts_workspace w ON w.workspace_id = m.workspace_id AND w.id = m.workspace_id "
            "WHERE m.workspace_id = %s AND m.user_id = %s AND m.ended_at IS NULL",
            [_counted, acts, workspace_id, user.pk],
        )
        values = cursor.fetchone()
    if values is None:
        return None
    found = members.row(values[: members.width])
    found.workspace = workspaces.row(values[members.width : -3])
    found.team_ids = values[-3]
    found.kept_counts = dict(zip(_counted, values[-2], strict=True))
    return found


#: Kept counts that the frame of every page shows.
_counted: list[str] = []


def count_in_the_frame(what: str) -> None:
    """Read a kept count (`core.tally`) with the member, at no further statement. Called in AppConfig.ready()."""
    if what not in _counted:
        _counted.append(what)


def kept_count(member: Member, what: str) -> int:
    """How many there were when the request began, or now where nothing was read with the member."""
    counts: Mapping[str, int] = getattr(member, "kept_counts", {})
    return counts[what] if what in counts else tally.count(what, workspace=member.workspace_id)


@cache
def _readers() -> tuple[Reader[Member], Reader[Workspace]]:
    return Reader(Member, "m"), Reader(Workspace, "w")


def name_actor(member_id: UUID) -> None:
    """Tell the database who acts, for the ledger's trigger."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL app.actor = %s", [str(member_id)])


def chosen_workspace(request: HttpRequest, user: User) -> UUID | None:
    """The workspace this browser is in; the only one there is, when none was chosen yet."""
    session = cast(SessionStore, request.session)
    if session.row is not None and session.row.workspace_id is not None:
        return session.row.workspace_id
    seats = seats_of(user)
    if len(seats) == 1:
        choose_workspace(request, seats[0].workspace_id)
        return seats[0].workspace_id
    return None


def choose_workspace(request: HttpRequest, workspace_id: UUID | None) -> None:
    """Put this browser into a workspace; the caller has checked that the user sits in it."""
    cast(SessionStore, request.session).choose_workspace(workspace_id)


def forget_workspace(request: HttpRequest) -> None:
    choose_workspace(request, None)


@dataclass(frozen=True)
class Seat:
    """One workspace a user may enter."""

    workspace_id: UUID
    member_id: UUID
    name: str
    place: str
    role: str

    @property
    def role_name(self) -> str:
        return str(Role(self.role).label)


def seats_of(user: User) -> list[Seat]:
    """All workspaces of a user, by name. Asked before a workspace is named, hence through a function of the owner's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspace_id, member_id, name, place, role FROM memberships(%s)", [user.pk])
        return [Seat(*row) for row in cursor.fetchall()]


def workspace_ids() -> list[UUID]:
    """Ids of all workspaces, for sweeps that then enter one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspace_ids()")
        return [row[0] for row in cursor.fetchall()]


def workspaces_to_seal() -> list[UUID]:
    """Ids of the workspaces whose ledgers have entries without a number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspaces_to_seal()")
        return [row[0] for row in cursor.fetchall()]


def sent(request: HttpRequest) -> QueryDict | None:
    """What a form was sent with; an empty form that was sent is checked too, hence not `request.POST or None`."""
    return request.POST if request.method == "POST" else None


def see_other(url: str) -> HttpResponseRedirect:
    """Where to go after an act: 303, so that the next request is a GET in every browser."""
    return HttpResponseRedirect(url, status=303)


def _redirect(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect that htmx follows as a whole page."""
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(url)
    return HttpResponseRedirect(url)


def _here(request: HttpRequest) -> str:
    """The page to come back to: the one asked for, or the one shown while a form was sent or a part of it fetched."""
    if request.method == "GET" and not getattr(request, "htmx", False):
        return request.get_full_path()
    shown = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    try:
        parts = urlsplit(shown)
    except ValueError:
        return "/"
    path = urlunsplit(("", "", parts.path, parts.query, ""))
    return path if path.startswith("/") and not path.startswith("//") else "/"


def _by_way_of(request: HttpRequest, url_name: str) -> HttpResponse:
    """Send somebody to a page that leads back to this one."""
    return _redirect(request, f"{reverse(url_name)}?next={quote(_here(request))}")


def to_sign_in(request: HttpRequest) -> HttpResponse:
    return _by_way_of(request, "account_login")


def to_reauthentication(request: HttpRequest) -> HttpResponse:
    return _by_way_of(request, "account_reauthenticate")


def signed_in_by(request: HttpRequest) -> list[str]:
    """What this session was signed in with: "password", "code", and of a second factor which: "totp", "webauthn", "recovery_codes"."""
    return [
        record.get("type") or record["method"]
        for record in get_authentication_records(request, cast(User, request.user))
    ]


__all__ = ["CODES", "DOOR", "SECRETS", "WRITES", "anyone", "at_the_door", "member", "members", "signed_in"]

signed_in = SignedIn()
at_the_door = SignedIn("signed in, tries are kept", keeps_tries=True)
member = Members()


def members(permission: May) -> Members:
    return Members(permission)
