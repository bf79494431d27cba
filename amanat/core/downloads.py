"""Files that are made for whoever asks and kept nowhere on their way."""

from collections.abc import Iterable

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header


def download(pieces: Iterable[bytes], name: str, content_type: str) -> StreamingHttpResponse:
    """A file that no browser shows as a page of ours, guesses at or keeps."""
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = str(content_disposition_header(True, name))
    response["Cache-Control"] = "no-store, private"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    return response
