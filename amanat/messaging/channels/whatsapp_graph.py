"""pywa as our adapter uses it: its requests leave by a session of ours, its errors are ours."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from pywa.api import GraphAPI
from pywa.errors import WhatsAppError

from amanat.core import outgoing
from amanat.messaging.channels.whatsapp_errors import GraphError

# It writes numbers and texts of people into the log at levels below.
logging.getLogger("pywa").setLevel(logging.ERROR)


class Graph(GraphAPI):
    """pywa's client, whose messages take the short way. Its own errors are frozen and cannot travel through a context manager."""

    def _request(self, method: str, endpoint: str, **options: Any) -> Any:
        try:
            if method == "POST" and options.keys() == {"json"}:
                return self._posted(endpoint, options["json"])
            return super()._request(method, endpoint, **options)
        except WhatsAppError as error:
            raise _ours(error) from None

    def _posted(self, endpoint: str, content: Any) -> Any:
        session: outgoing.Session = self._session  # type: ignore[assignment]  # pywa asks for a client; ours can do more
        answer = session.exchange("POST", endpoint, json=content)
        if answer.status >= 400:
            response = answer.for_libraries()
            raise WhatsAppError.from_dict(error=self._extract_error(response), response=response)
        return answer.json()


def _ours(error: WhatsAppError) -> GraphError:
    response = error.raw_response
    return GraphError(
        error.code,
        subcode=error.subcode,
        status=error.status_code or 0,
        retry_after=_retry_after(response.headers.get("retry-after", "")) if response is not None else None,
        detail=str(error.user_msg or error.details or error.message),
    )


def _retry_after(text: str) -> timedelta | None:
    """Seconds only; Meta sends no dates. A wish beyond a day is taken for a day."""
    return timedelta(seconds=min(int(text), 86_400)) if text.isdigit() else None
