"""The end of a sign-in: the provider's code is taken to it by a job, so that no transaction waits while it answers.

Until then code and verifier lie sealed with the account's other secrets. Each is good for one try.
"""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import clock, jobs, ledger, tenancy
from amanat.core.outgoing import Refused, Unreachable
from amanat.messaging.channels import accounts, checking, mail, mail_sign_in
from amanat.messaging.channels.mail_sign_in import SignedOut
from amanat.messaging.channels.models import ChannelAccount

END = "messaging.mail.sign_in"
_CODE, _VERIFIER = "sign_in_code", "sign_in_verifier"


def leave(account: ChannelAccount, *, code: str, verifier: str, by: Member) -> None:
    """Have the code taken to the provider once the open transaction is through."""
    accounts.keep_secrets(account=account, secrets={_CODE: code, _VERIFIER: verifier})
    jobs.enqueue(END, workspace=account.workspace_id, account=str(account.pk), by=str(by.pk))


def carry_out(workspace_id: UUID, account_id: UUID, *, by: UUID) -> None:
    """Change the code into tokens, or say on the account's page why there are none. A second time nothing is left to do."""
    with tenancy.inside(workspace_id):
        account = _locked(workspace_id, account_id)
        access = accounts.access(account) if account is not None else None
        house = mail_sign_in.house_of(access) if access is not None else None
        if account is None or access is None or house is None or not access.secrets.get(_CODE):
            return
        accounts.keep_secrets(account=account, secrets={_CODE: "", _VERIFIER: ""})
    try:
        tokens = mail_sign_in.finish(house, access, code=access.secrets[_CODE], verifier=access.secrets[_VERIFIER])
    except SignedOut as gone:
        _failed(workspace_id, account_id, " ".join(mail.words(gone.code)), gone.code)
    except (Unreachable, Refused):
        words = _("%(provider)s could not be reached. Sign in there once more.") % {"provider": house.title}
        _failed(workspace_id, account_id, words, "unreachable")
    else:
        _succeeded(workspace_id, account_id, tokens, by)


def _succeeded(workspace_id: UUID, account_id: UUID, tokens: dict[str, str], by: UUID) -> None:
    with tenancy.inside(workspace_id, actor=by):
        account, member = _locked(workspace_id, account_id), Member.objects.of(workspace_id).filter(pk=by).first()
        if account is None or member is None:
            return
        at = clock.now()
        accounts.keep_secrets(account=account, secrets=tokens)
        ledger.write("channel.account.signed_in", workspace=workspace_id, by=member, about=account, at=at)
        if account.state == ChannelAccount.State.BROKEN:
            accounts.resume(account=account, by=member, at=at)
        checking.ask_soon(account)


def _failed(workspace_id: UUID, account_id: UUID, words: str, code: str) -> None:
    """An account that somebody signed in to before goes on by what it has."""
    with tenancy.inside(workspace_id):
        account = _locked(workspace_id, account_id)
        if account is None:
            return
        if accounts.access(account).secrets.get(mail_sign_in.REFRESH):
            accounts.unreached(account=account, trouble=words, at=clock.now())
        else:
            accounts.broken(account=account, trouble=words, code=code, at=clock.now())


def _locked(workspace_id: UUID, account_id: UUID) -> ChannelAccount | None:
    return ChannelAccount.objects.of(workspace_id).select_for_update().filter(pk=account_id).first()
