"""The texts of the mails that sign-in sends: short, plain, each with what to do when it was not you."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Text = str | Promise

_CODE = gettext_lazy(
    "Your code is:\n\n%(code)s\n\nType it on the page that asked for it. It works for %(minutes)s minutes. Tell it to nobody: "
    "Amanat never asks for it by phone.\n\nIf you did not ask for it, do nothing."
)
_NOT_YOU = gettext_lazy(
    "It was done from %(ip)s.\n\nIf it was not you, set a new password at once: %(reset_url)s\nThat signs out every device."
)

#: Name of the sign-in library's mail: subject, text.
TEXTS: dict[str, tuple[Text, Text]] = {
    "account/email/email_confirmation_signup": (gettext_lazy("%(code)s is your code for Amanat"), _CODE),
    "account/email/email_confirmation": (gettext_lazy("%(code)s is your code for Amanat"), _CODE),
    "account/email/login_code": (gettext_lazy("%(code)s is your code to sign in to Amanat"), _CODE),
    "account/email/password_reset_code": (gettext_lazy("%(code)s is your code for a new password"), _CODE),
    "account/email/unknown_account": (
        gettext_lazy("No Amanat account with this e-mail"),
        gettext_lazy(
            "Somebody tried to sign in with this address, but no account has it. If it was you, sign up here: "
            "%(signup_url)s\n\nIf it was not you, do nothing."
        ),
    ),
    "account/email/account_already_exists": (
        gettext_lazy("You already have an Amanat account"),
        gettext_lazy(
            "Somebody tried to sign up with this address, but you have an account already. If it was you, sign in, or set "
            "a new password here: %(password_reset_url)s\n\nIf it was not you, do nothing."
        ),
    ),
    "account/email/email_changed": (
        gettext_lazy("Your e-mail at Amanat was changed"),
        gettext_lazy("Your account now uses %(to_email)s instead of %(from_email)s."),
    ),
    "account/email/email_deleted": (
        gettext_lazy("An e-mail was removed from your Amanat account"),
        gettext_lazy("%(deleted_email)s no longer belongs to your account."),
    ),
    "account/email/password_changed": (
        gettext_lazy("Your password was changed"),
        gettext_lazy("You have a new password."),
    ),
    "account/email/password_set": (gettext_lazy("Your password was set"), gettext_lazy("You have a password now.")),
    "account/email/password_reset": (
        gettext_lazy("Your password was changed"),
        gettext_lazy("A new password was set with a code sent to this address."),
    ),
    "mfa/email/totp_activated": (
        gettext_lazy("Authenticator app switched on"),
        gettext_lazy("Signing in now also asks for a code of your authenticator app."),
    ),
    "mfa/email/totp_deactivated": (
        gettext_lazy("Authenticator app switched off"),
        gettext_lazy("Signing in no longer asks for a code of your authenticator app."),
    ),
    "mfa/email/webauthn_added": (gettext_lazy("A passkey was added"), gettext_lazy("Your account has a new passkey.")),
    "mfa/email/webauthn_removed": (
        gettext_lazy("A passkey was removed"),
        gettext_lazy("A passkey of your account is gone."),
    ),
    "mfa/email/recovery_codes_generated": (
        gettext_lazy("New recovery codes"),
        gettext_lazy("Your account has new recovery codes. The old ones no longer work."),
    ),
}


def written(name: str, facts: dict[str, Any]) -> tuple[str, str]:
    """Subject and body of the mail `name`; `facts` are what its texts name."""
    subject, text = TEXTS[name]
    parts = [_("Namaste,"), str(text) % facts]
    if "ip" in facts:
        parts.append(str(_NOT_YOU) % facts)
    parts.append(_("Amanat at %(site)s") % facts)
    return " ".join((str(subject) % facts).split()), "\n\n".join(parts) + "\n"


def invitation(*, workspace: str, by: str, role: str, url: str, days: int) -> tuple[str, str]:
    """Subject and body of an invitation into a workspace."""
    facts = {"workspace": workspace, "by": by, "role": role, "url": url, "days": days}
    subject = _("%(by)s invites you to %(workspace)s") % facts
    body = _(
        "Namaste,\n\n%(by)s invites you to work in %(workspace)s on Amanat. Your role: %(role)s.\n\nOpen this link to join:\n"
        "%(url)s\n\nIt works once, within %(days)s days, for this e-mail address. If you do not know the sender, do nothing.\n"
    )
    return " ".join(subject.split()), body % facts
