"""A small keep-alive HTTP client that signs in like a browser: cookies and the token of the form, nothing else."""

from __future__ import annotations

import http.client
import re
from http.cookies import SimpleCookie
from urllib.parse import urlencode

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Browser:
    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}
        self.connection = http.client.HTTPConnection("localhost", port, timeout=120)

    def get(self, path: str) -> tuple[int, str]:
        return self._send("GET", path, b"", {})

    def post(self, path: str, fields: list[tuple[str, str]], *, page: str = "") -> tuple[int, str]:
        """Post a form; the hidden token is taken from `page` (default: the form's own address)."""
        token = self.token(page or path)
        body = urlencode([("csrfmiddlewaretoken", token), *fields]).encode()
        return self._send("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def upload(
        self, path: str, name: str, content: bytes, fields: list[tuple[str, str]], *, page: str = ""
    ) -> tuple[int, str]:
        token = self.token(page or path)
        edge = "amanatbenchedge"
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in [("csrfmiddlewaretoken", token), *fields]
        ]
        parts.append(
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'.encode()
            + content
            + f"\r\n--{edge}--\r\n".encode()
        )
        return self._send("POST", path, b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={edge}"})

    def token(self, page: str) -> str:
        found = TOKEN.search(self.get(page)[1])
        if found is None:
            raise RuntimeError(f"the page {page} has no form")
        return found.group(1)

    def send_ready(self, path: str, body: bytes) -> tuple[int, str]:
        """Post a body made before, so that fetching the form is not part of what is measured."""
        return self._send("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        headers = {**headers, "Accept-Language": "en", "Origin": f"http://localhost:{self.port}"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            self.connection.request(method, path, body or None, headers)
            response = self.connection.getresponse()
        except (http.client.HTTPException, OSError):
            self.connection.close()
            self.connection.request(method, path, body or None, headers)
            response = self.connection.getresponse()
        for value in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(value).items():
                self.cookies[name] = morsel.value
        self.location = response.headers.get("Location", "")
        return response.status, response.read().decode("utf-8", "replace")

    def sign_in(self, email: str, password: str) -> None:
        status, _page = self.post("/accounts/login/", [("login", email), ("password", password)])
        if status not in (302, 303):
            raise RuntimeError(f"sign-in answered {status}")
