"""The calls of the double of WhatsApp: several events in one, signed as Meta signs."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amanat.messaging.sandbox.calls import Event

#: Events in one call.
MOST = 25


@dataclass
class Number:
    """A number of a business, as it was registered with the double."""

    id: str
    waba_id: str
    token: str
    app_secret: str
    display: str = ""
    callback: str = ""
    host: str = ""  #: the name under which the callback is asked, where it is not its own
    quality: str = "GREEN"
    tier: str = "TIER_250"
    #: until when (seconds of the clock) who wrote before the double knew the number may be answered freely: nobody here knows who did
    past_until: float = 0

    @property
    def has_past(self) -> bool:
        """It was in use before the double knew it: nor does anybody here know which templates were approved then."""
        return self.past_until > 0


def written(number: Number, batch: Sequence[Event]) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of a call with these events."""
    entries: dict[int, dict[str, Any]] = {}
    for event in batch:
        entry = entries.setdefault(event.entry_time, {"id": number.waba_id, "changes": []})
        if event.entry_time:
            entry["time"] = event.entry_time
        entry["changes"].append({"field": event.field, "value": event.value})
    body = json.dumps({"object": "whatsapp_business_account", "entry": list(entries.values())}).encode()
    signature = hmac.new(number.app_secret.encode(), body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-hub-signature-256": f"sha256={signature}"}, body
