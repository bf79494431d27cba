"""What accounts hold about users and members, field by field; the tables of the sign-in library too."""

from __future__ import annotations

from amanat.core.personal_data import Held, OnErasure, Personal

_SIGN_UP, _SIGN_IN = ("sign-up", "my account"), ("sign-in",)

HELD = [
    Held(
        model="accounts.User",
        whose="user",
        clause="keep.account",
        personal={
            "email": Personal("pd:EmailAddress"),
            "name": Personal("pd:Name"),
            "phone": Personal("pd:TelephoneNumber"),
            "phone_verified_at": Personal("pd:TelephoneNumber"),
            "password": Personal("pd:Password"),
            "last_login": Personal("pd:ServiceConsumptionBehaviour"),
            "language": Personal("pd:Language"),
        },
        not_personal=frozenset(["id", "theme", "is_active", "created_at"]),
        via=_SIGN_UP,
        counted_from={"last_login": "last_login"},
    ),
    Held(
        model="accounts.Session",
        whose="user",
        clause="keep.security",
        counted_from={"seen": "last_seen_at"},
        personal={
            "user": Personal("pd:Identifying"),
            "session_data": Personal("pd:ServiceConsumptionBehaviour"),
            "address": Personal("pd:IPAddress"),
            "device": Personal("pd:DeviceBased"),
            "signed_in_at": Personal("pd:ServiceConsumptionBehaviour"),
            "last_seen_at": Personal("pd:ServiceConsumptionBehaviour"),
        },
        not_personal=frozenset(["session_key", "expire_date", "workspace_id"]),
        via=_SIGN_IN,
    ),
    Held(
        model="accounts.SignIn",
        whose="user",
        clause="keep.security",
        counted_from={"seen": "at"},
        personal={
            "user": Personal("pd:Identifying"),
            "at": Personal("pd:ServiceConsumptionBehaviour"),
            "ended_at": Personal("pd:ServiceConsumptionBehaviour"),
            "address": Personal("pd:IPAddress"),
            "device": Personal("pd:DeviceBased"),
        },
        not_personal=frozenset(["id", "outcome", "method", "ended_by", "session_key"]),
        via=_SIGN_IN,
    ),
    Held(
        model="accounts.Workspace",
        whose="nobody",
        clause="keep.content",
        # A firm's details; those of a shop of one person are that person's.
        personal={
            "vle_name": Personal("pd:Name", OnErasure.BLANK),
            "legal_name": Personal("pd:Name", OnErasure.BLANK),
            "phone": Personal("pd:TelephoneNumber", OnErasure.BLANK),
            "email": Personal("pd:EmailAddress", OnErasure.BLANK),
            "address": Personal("pd:PhysicalAddress", OnErasure.BLANK),
        },
        not_personal=frozenset(
            [
                "id",
                "workspace_id",
                "name",
                "kind",
                "place",
                "time_zone",
                "language",
                "csc_id",
                "registration_number",
                "gstin",
                "requires_mfa",
                "is_demo",
                "created_at",
                "closing_at",
            ]
        ),
        via=("settings",),
    ),
    Held(
        model="accounts.Team",
        whose="nobody",
        clause="keep.content",
        not_personal=frozenset(["id", "workspace_id", "name", "created_at"]),
    ),
    Held(
        model="accounts.Member",
        whose="member",
        clause="keep.content",
        # The name stays with what she wrote: the records of the workspace must say who took money and papers.
        personal={
            "user": Personal("pd:Identifying", OnErasure.KEEP),
            "name": Personal("pd:Name", OnErasure.KEEP),
            "joined_at": Personal("pd:EmploymentHistory", OnErasure.KEEP),
            "ended_at": Personal("pd:EmploymentHistory", OnErasure.KEEP),
        },
        not_personal=frozenset(["id", "workspace_id", "role", "sees", "feed_secret"]),
        via=("invitations",),
    ),
    Held(
        model="accounts.TeamMember",
        whose="member",
        clause="keep.content",
        personal={"member": Personal("pd:Identifying")},
        not_personal=frozenset(["id", "workspace_id", "team"]),
    ),
    Held(
        model="accounts.Invitation",
        whose="member",
        clause="keep.working",
        counted_from={"made": "created_at"},
        personal={
            "email": Personal("pd:EmailAddress"),
            "name": Personal("pd:Name"),
            "invited_by": Personal("pd:Identifying"),
        },
        not_personal=frozenset(
            [
                "id",
                "workspace_id",
                "role",
                "sees",
                "team",
                "secret_hash",
                "created_at",
                "expires_at",
                "accepted_at",
                "withdrawn_at",
            ]
        ),
        via=("settings",),
    ),
    Held(
        model="accounts.ApiToken",
        whose="member",
        clause="keep.content",
        personal={
            "member": Personal("pd:Identifying"),
            "last_used_at": Personal("pd:ServiceConsumptionBehaviour"),
        },
        not_personal=frozenset(
            ["id", "workspace_id", "name", "secret_hash", "scopes", "created_at", "expires_at", "revoked_at"]
        ),
        via=("settings",),
    ),
    Held(
        model="accounts.OwnerLink",
        whose="nobody",
        clause="keep.security",
        not_personal=frozenset(["secret_hash", "created_at", "used_at"]),
    ),
    Held(
        model="account.EmailAddress",
        whose="user",
        clause="keep.account",
        personal={"user": Personal("pd:Identifying"), "email": Personal("pd:EmailAddress")},
        not_personal=frozenset(["id", "verified", "primary"]),
        via=_SIGN_UP,
    ),
    Held(
        model="account.EmailConfirmation",
        whose="user",
        clause="keep.account",
        personal={"email_address": Personal("pd:EmailAddress")},
        not_personal=frozenset(["id", "created", "sent", "key"]),
    ),
    Held(
        model="mfa.Authenticator",
        whose="user",
        clause="keep.account",
        personal={
            "user": Personal("pd:Identifying"),
            "data": Personal("pd:Authenticating", sealed=True),
            "last_used_at": Personal("pd:ServiceConsumptionBehaviour"),
        },
        not_personal=frozenset(["id", "type", "created_at"]),
        via=("my account",),
    ),
]
