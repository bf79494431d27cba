"""Tables of users (global) and of workspaces with their members (behind the wall)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts import permissions
from amanat.accounts.permissions import May, Role
from amanat.core import clock, ids
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A human's sign-in: e-mail, mobile number, password, second factors. Belongs to no workspace."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120)
    phone = models.CharField(_("mobile number"), max_length=20, null=True, blank=True)
    phone_verified_at = models.DateTimeField(null=True, blank=True)
    #: one of the setting LANGUAGES, which grows with the files in amanat/locale; forms check it
    language = models.CharField(_("language"), max_length=10, default="en")
    theme = models.CharField(
        max_length=5, default="", blank=True, choices=[("", "system"), ("light", "light"), ("dark", "dark")]
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects = UserManager()

    def __str__(self) -> str:
        return self.name or self.email


class Session(AbstractBaseSession):
    """A signed-in browser. The key column holds the SHA-256 of the cookie's key, so a stolen table opens nothing."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    workspace_id = models.UUIDField(null=True)
    address = models.GenericIPAddressField(null=True)
    device = models.CharField(max_length=200, blank=True)
    signed_in_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["user", "-last_seen_at"], name="session_by_user")]

    @classmethod
    def get_session_store_class(cls) -> type[Any]:
        from amanat.accounts.session_store import SessionStore

        return SessionStore


class SignIn(models.Model):
    """One line of the login history: a try to sign in, good or bad, and when its session ended.

    A failure for an address nobody has keeps no user and no address: who guesses must learn nothing, nor may we store
    what strangers type.
    """

    class Outcome(models.TextChoices):
        SIGNED_IN = "signed in", _("Signed in")
        WRONG_PASSWORD = "wrong password", _("Wrong password")
        WRONG_CODE = "wrong code", _("Wrong code")
        REFUSED = "refused", _("Refused")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    method = models.CharField(max_length=30, blank=True)
    at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=20, blank=True)
    address = models.GenericIPAddressField(null=True)
    device = models.CharField(max_length=200, blank=True)
    session_key = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-at"], name="sign_in_by_user")]

    @property
    def means(self) -> str:
        """What was used, in words: "password, authenticator app"."""
        return ", ".join(str(_MEANS.get(one, one)) for one in self.method.split(", ") if one)

    @property
    def ending(self) -> str:
        """Why the session ended, in words."""
        return str(_ENDINGS.get(self.ended_by, ""))

    @property
    def lasted(self) -> timedelta | None:
        return self.ended_at - self.at if self.ended_at else None


_MEANS = {
    "password": _("password"), "code": _("code by e-mail"), "totp": _("authenticator app"), "webauthn": _("passkey"),
    "recovery_codes": _("recovery code"), "mfa": _("second factor"), "sign-up": _("sign-up"),
}  # fmt: skip
_ENDINGS = {
    "sign-out": _("signed out"), "revoked": _("signed out from another device"), "password": _("password changed"),
    "second factor": _("second factor set up"), "expired": _("not used for long"),
}  # fmt: skip


class Workspace(WorkspaceRow):
    """The tenant. Its own row carries its own id as workspace, so that the same wall stands around it."""

    class Kind(models.TextChoices):
        CSC = "csc", _("CSC centre")
        INSURANCE = "insurance", _("Insurance agent")
        COACHING = "coaching", _("Coaching class")
        CLINIC = "clinic", _("Clinic")
        AGENCY = "agency", _("Agency")
        SALES = "sales", _("Sales team")
        CALLING = "calling", _("Calling team")
        OTHER = "other", _("Something else")

    name = models.CharField(_("name of the shop or firm"), max_length=120)
    kind = models.CharField(_("kind of business"), max_length=20, choices=Kind.choices, default=Kind.OTHER)
    place = models.CharField(_("place"), max_length=80, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=40, default="Asia/Kolkata")
    #: one of the setting LANGUAGES, which grows with the files in amanat/locale; forms check it
    language = models.CharField(_("language"), max_length=10, default="en")
    csc_id = models.CharField(_("CSC centre id"), max_length=20, blank=True)
    registration_number = models.CharField(_("registration number"), max_length=40, blank=True)
    vle_name = models.CharField(_("VLE name"), max_length=120, blank=True)
    legal_name = models.CharField(_("legal name"), max_length=160, blank=True)
    gstin = models.CharField(_("GSTIN"), max_length=15, blank=True)
    address = models.TextField(_("address"), max_length=500, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    requires_mfa = models.BooleanField(_("members need a second factor"), default=False)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)
    #: when everything here is deleted, because the owner closed the workspace; until then it can only be read
    closing_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=F("workspace_id")), name="workspace_is_its_own_tenant")]

    def __str__(self) -> str:
        return self.name

    @property
    def subtitle(self) -> str:
        """What stands under the name in the sidebar."""
        return self.place or self.get_kind_display()


class Team(WorkspaceRow):
    name = models.CharField(_("name"), max_length=80)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "name"], name="team_name_once_a_workspace")]

    def __str__(self) -> str:
        return self.name


class Member(WorkspaceRow):
    """A user's seat in a workspace. Never deleted while records name it: it ends (`ended_at`)."""

    class Sees(models.TextChoices):
        ALL = "all", _("All contacts")
        TEAM = "team", _("Only contacts of their teams and their own")

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="seats")
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    sees = models.CharField(_("sees"), max_length=10, choices=Sees.choices, default=Sees.ALL)
    name = models.CharField(_("name"), max_length=120)
    joined_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    feed_secret = models.CharField(max_length=64, blank=True)
    #: The same column read as a relation, so that seat and workspace come in one query.
    workspace = models.ForeignObject(
        Workspace, models.DO_NOTHING, from_fields=["workspace_id"], to_fields=["id"], related_name="seats"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "user"], condition=Q(ended_at__isnull=True), name="member_one_seat_a_workspace"
            ),
        ]
        indexes = [models.Index(fields=["user"], name="member_by_user")]

    if TYPE_CHECKING:
        user_id: UUID
        #: the teams this member belongs to, filled by `access.seat_of`
        team_ids: list[UUID]
        #: the kept counts of the frame, filled there too
        kept_counts: dict[str, int]

    def __str__(self) -> str:
        return self.name

    def may(self, permission: May | str) -> bool:
        return permissions.may(self.role, May(permission))

    @property
    def sees_all(self) -> bool:
        return self.sees == self.Sees.ALL or self.role in {Role.OWNER, Role.MANAGER, Role.AUDITOR}

    @property
    def is_active(self) -> bool:
        return self.ended_at is None

    @property
    def is_owner(self) -> bool:
        return self.role == Role.OWNER

    @property
    def role_name(self) -> str:
        return self.get_role_display()


class TeamMember(WorkspaceRow):
    team = WorkspaceForeignKey(Team, related_name="seats")
    member = WorkspaceForeignKey(Member, related_name="team_seats")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "team", "member"], name="team_member_once"),
        ]
        indexes = [models.Index(fields=["workspace_id", "member"], name="team_member_by_member")]


class Invitation(WorkspaceRow):
    """An invitation by link. The link holds the workspace and a secret; here lies only the secret's hash."""

    email = models.EmailField(_("e-mail"))
    name = models.CharField(_("name"), max_length=120, blank=True)
    role = models.CharField(_("role"), max_length=20, choices=Role.choices, default=Role.AGENT)
    sees = models.CharField(max_length=10, choices=Member.Sees.choices, default=Member.Sees.ALL)
    team = WorkspaceForeignKey(Team, null=True, blank=True)
    secret_hash = models.CharField(max_length=64)
    invited_by = WorkspaceForeignKey(Member, null=True)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "-created_at"], name="invitation_newest_first")]

    def is_open(self, at: datetime) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None and self.expires_at > at


class ApiToken(WorkspaceRow):
    """A key for programs: named, scoped, expiring; acts as the member who made it and never beyond her rights."""

    watched = False  # its rules write to the ledger themselves; the time of use would add a line a minute

    member = WorkspaceForeignKey(Member, related_name="tokens")
    name = models.CharField(_("name"), max_length=80)
    secret_hash = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=40))
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "member"], name="token_by_member")]
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "secret_hash"], name="token_secret_is_unique"),
        ]


class OwnerLink(models.Model):
    """The one-time link printed at the first start, by which the first owner signs up. Single use."""

    secret_hash = models.CharField(max_length=64, primary_key=True)
    created_at = models.DateTimeField(default=clock.now)
    used_at = models.DateTimeField(null=True)
