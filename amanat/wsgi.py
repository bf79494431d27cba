"""The web process. Threads share a small pool of connections, so that many waiting clients hold few of them."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amanat.settings")

from django.conf import settings

# Only here: with a pool, management commands against a stopped database would wait for half a minute.
settings.DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 10, "timeout": 10}

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
