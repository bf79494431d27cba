"""Jobs of e-mail."""

from __future__ import annotations

from uuid import UUID

from amanat.accounts import access
from amanat.core import clock, jobs, tenancy
from amanat.messaging.channels import mail_arriving, mail_sign_in_ending

FETCH = "messaging.mail.fetch"


@jobs.periodic(
    "messaging.mail.look", "* * * * *", purpose="Look every minute into the mailboxes that workspaces connected"
)
def look() -> None:
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            for account_id in mail_arriving.waiting(workspace_id):
                jobs.enqueue(FETCH, workspace=workspace_id, once=f"{FETCH} {account_id}", account=str(account_id))


@jobs.job(FETCH, purpose="Take in the mails that people wrote to a mailbox of the workspace", tries=2)
def fetch(workspace_id: UUID, account: str) -> None:
    mail_arriving.fetch(workspace_id, UUID(account), at=clock.now())


@jobs.job(mail_sign_in_ending.END, purpose="Let this site into a mailbox whose owner has signed in at its provider")
def end_sign_in(workspace_id: UUID, account: str, by: str) -> None:
    mail_sign_in_ending.carry_out(workspace_id, UUID(account), by=UUID(by))
