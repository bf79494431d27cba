"""The phones, e-mails and addresses that a row of a file brings to a contact or company."""

from typing import Any

from amanat.core import ids
from amanat.people.importing.drafts import ADDRESS_PARTS, Draft
from amanat.people.importing.matching import Known

_NO_PARTS = dict.fromkeys(ADDRESS_PARTS, "")


def add(known: Known, draft: Draft, *, holder: str, at: str) -> bool:
    """Give it those that it does not have; returns whether there were any. `holder` is the column of its id."""

    def row(label: str, position: int, **columns: Any) -> dict[str, Any]:
        return {
            "id": ids.text(), holder: known.id, "label": label[:30], "position": position, "source": "file",
            "created_at": at, **columns,
        }  # fmt: skip

    before = len(known.new_phones) + len(known.new_emails) + len(known.new_addresses)
    for phone in draft.phones:
        if phone.number not in known.phones:
            besides = {"number": phone.number, "extension": phone.extension[:10], "is_whatsapp": phone.is_whatsapp}
            known.new_phones.append(row(phone.label, len(known.phones), **besides))
            known.phones[phone.number] = phone.label
    for email in draft.emails:
        if email.address not in known.emails:
            known.new_emails.append(row(email.label, len(known.emails), address=email.address))
            known.emails[email.address] = email.label
    if not known.has_address:
        for place, address in enumerate(draft.addresses):
            known.new_addresses.append(row(address.label, place, **(_NO_PARTS | address.parts)))
            known.has_address = True
    return len(known.new_phones) + len(known.new_emails) + len(known.new_addresses) > before
