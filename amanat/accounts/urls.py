"""Routes of sign-in, workspaces, settings. The sign-in library's views are declared one by one: its own URL list is not used."""

from __future__ import annotations

from functools import partial

from django.urls import include, path

from amanat.accounts import account_views, members_views, settings_views, sign_in_views, views
from amanat.accounts.access import CODES, DOOR, SECRETS, anyone, at_the_door, member, members, signed_in
from amanat.accounts.pages import act, form, page
from amanat.accounts.permissions import May

#: Where a secret is typed: signed out, and signed in, when it is asked for again. Tries are counted in `guessing` besides.
secret = partial(form, rule=anyone, limits=CODES)
again = partial(form, rule=at_the_door, limits=CODES)

#: Names without namespace, because the library reverses them.
sign_in_routes = [
    secret("login/", sign_in_views.SignInView, "account_login", limits=DOOR),
    secret("signup/", sign_in_views.SignUpView, "account_signup", limits=SECRETS),
    secret("confirm-email/", sign_in_views.EmailCodeView, "account_email_verification_sent"),
    secret("login/code/", sign_in_views.RequestCodeView, "account_request_login_code", limits=SECRETS),
    secret("login/code/confirm/", sign_in_views.SignInCodeView, "account_confirm_login_code"),
    secret("password/reset/", sign_in_views.ResetView, "account_reset_password", limits=SECRETS),
    secret("password/reset/confirm/", sign_in_views.ResetCodeView, "account_confirm_password_reset_code"),
    secret("password/reset/complete/", sign_in_views.NewPasswordView, "account_complete_password_reset"),
    page("password/reset/done/", sign_in_views.ResetDoneView, "account_password_reset_completed", anyone),
    secret("phone/verify/", sign_in_views.verify_phone, "account_verify_phone"),
    secret("2fa/authenticate/", sign_in_views.SecondFactorView, "mfa_authenticate"),
    secret("2fa/passkeys/login/", sign_in_views.passkey_sign_in, "mfa_login_webauthn", limits=DOOR),
    page("inactive/", sign_in_views.InactiveView, "account_inactive", anyone),
    form("logout/", sign_in_views.SignOutView, "account_logout", anyone, limits=()),
    again("reauthenticate/", sign_in_views.ReauthenticateView, "account_reauthenticate"),
    again("2fa/reauthenticate/", sign_in_views.SecondFactorAgainView, "mfa_reauthenticate"),
    again("2fa/passkeys/reauthenticate/", sign_in_views.PasskeyAgainView, "mfa_reauthenticate_webauthn"),
    again("email/", sign_in_views.EmailView, "account_email", fresh=True),
    again("phone/change/", sign_in_views.PhoneView, "account_change_phone", fresh=True),
    again("password/change/", sign_in_views.ChangePasswordView, "account_change_password"),
    again("password/set/", sign_in_views.SetPasswordView, "account_set_password", fresh=True),
    page("2fa/", sign_in_views.FactorsView, "mfa_index", signed_in),
    again("2fa/totp/activate/", sign_in_views.ActivateAppView, "mfa_activate_totp", fresh=True),
    form("2fa/totp/deactivate/", sign_in_views.DeactivateAppView, "mfa_deactivate_totp", signed_in, fresh=True),
    page("2fa/recovery-codes/", sign_in_views.RecoveryCodesView, "mfa_view_recovery_codes", signed_in, fresh=True),
    form(
        "2fa/recovery-codes/generate/", sign_in_views.NewRecoveryCodesView, "mfa_generate_recovery_codes", signed_in,
        fresh=True,
    ),
    page(
        "2fa/recovery-codes/download/", sign_in_views.RecoveryCodesFileView, "mfa_download_recovery_codes", signed_in,
        fresh=True,
    ),
    page("2fa/passkeys/", sign_in_views.PasskeysView, "mfa_list_webauthn", signed_in),
    form("2fa/passkeys/add/", sign_in_views.AddPasskeyView, "mfa_add_webauthn", signed_in, fresh=True),
    form("2fa/passkeys/<int:pk>/remove/", sign_in_views.RemovePasskeyView, "mfa_remove_webauthn", signed_in, fresh=True),
    form("2fa/passkeys/<int:pk>/edit/", sign_in_views.EditPasskeyView, "mfa_edit_webauthn", signed_in, fresh=True),
]  # fmt: skip

between_routes = [
    page("owner/<str:secret>/", views.owner, "owner", anyone, limits=DOOR, limited=("GET",)),
    page("workspaces/", views.workspace_list, "workspaces", signed_in),
    form("workspaces/new/", views.new_workspace, "new_workspace", signed_in, "workspaces.workspace.created"),
    act("workspaces/<uuid:workspace_id>/enter/", views.enter_workspace, "enter_workspace", signed_in),
    form(
        "join/<uuid:workspace_id>/<str:secret>/", views.join, "join", anyone, "accounts.member.joined",
        limits=DOOR, limited=("GET", "POST"),
    ),
    page("outbox/", account_views.local_outbox, "outbox", anyone),
]  # fmt: skip

account_routes = [
    form("settings/account/", account_views.own_profile, "profile", signed_in),
    page("settings/devices/", account_views.devices, "devices", signed_in),
    act("settings/devices/others/end/", account_views.end_other_devices, "end_other_devices", signed_in),
    act("settings/devices/<str:device_id>/end/", account_views.end_device, "end_device", signed_in),
    page("settings/history/", account_views.login_history, "history", signed_in),
    page("settings/second-factor-needed/", account_views.second_factor_needed, "second_factor_needed", signed_in),
]

_workspace, _members, _tokens = members(May.MANAGE_WORKSPACE), members(May.MANAGE_MEMBERS), members(May.MANAGE_TOKENS)

#: Whatever gives somebody a right, or takes it from somebody else, asks for a fresh sign-in.
settings_routes = [
    page("settings/", settings_views.start, "settings", member),
    page("settings/roles/", settings_views.roles, "roles", member),
    form("settings/workspace/", settings_views.workspace, "workspace", _workspace, "workspaces.workspace.changed"),
    form(
        "settings/security/", settings_views.security, "security", _workspace, "workspaces.workspace.changed", fresh=True
    ),
    page("settings/members/", members_views.member_list, "members", _members),
    form("settings/members/invite/", members_views.invite, "invite", _members, "accounts.invitation.sent", fresh=True),
    form(
        "settings/members/<uuid:member_id>/", members_views.member, "member", _members, "accounts.member.changed",
        fresh=True,
    ),
    act(
        "settings/members/<uuid:member_id>/end/", members_views.end_member, "end_member", _members,
        "accounts.member.ended", fresh=True,
    ),
    act(
        "settings/invitations/<uuid:invitation_id>/again/", members_views.invite_again, "invite_again", _members,
        "accounts.invitation.sent_again", fresh=True,
    ),
    act(
        "settings/invitations/<uuid:invitation_id>/withdraw/", members_views.withdraw_invitation, "withdraw_invitation",
        _members, "accounts.invitation.withdrawn",
    ),
    form("settings/teams/", settings_views.team_list, "teams", _members, "accounts.team.made"),
    form(
        "settings/teams/<uuid:team_id>/", settings_views.team, "team", _members,
        "accounts.team.renamed", "accounts.team.members_changed", fresh=True,
    ),
    act(
        "settings/teams/<uuid:team_id>/delete/", settings_views.delete_team, "delete_team", _members,
        "accounts.team.deleted", fresh=True,
    ),
    page("settings/tokens/", settings_views.token_list, "tokens", _tokens),
    form("settings/tokens/new/", settings_views.new_token, "new_token", _tokens, "accounts.token.made", fresh=True),
    act(
        "settings/tokens/<uuid:token_id>/revoke/", settings_views.revoke_token, "revoke_token", _tokens,
        "accounts.token.revoked",
    ),
]  # fmt: skip

urlpatterns = [
    path("accounts/", include(sign_in_routes)),
    path("", include(([*between_routes, *account_routes, *settings_routes], "accounts"))),
]
