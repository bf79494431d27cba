"""The web package is tested by itself: its own addresses, static files under their plain names."""

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture(autouse=True)
def _alone(settings: Settings) -> None:
    settings.ROOT_URLCONF = "amanat.web.tests.urls"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
