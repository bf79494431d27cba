"""Contacts for tests, written by the rule that writes them in life."""

from __future__ import annotations

from amanat.accounts.models import Workspace
from amanat.people.models import Contact, Email, Phone


def make_contact(workspace: Workspace, name: str, *, phone: str = "", email: str = "", **fields: object) -> Contact:
    contact = Contact.objects.create(workspace_id=workspace.pk, name=name, main_phone=phone, main_email=email, **fields)
    if phone:
        Phone.objects.create(workspace_id=workspace.pk, contact=contact, number=phone)
    if email:
        Email.objects.create(workspace_id=workspace.pk, contact=contact, address=email)
    return contact
