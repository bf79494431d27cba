"""Routes of messaging: those of its parts."""

from __future__ import annotations

from amanat.messaging.channels.urls import urlpatterns as channels
from amanat.messaging.inbox.urls import urlpatterns as inbox
from amanat.messaging.push.urls import urlpatterns as push
from amanat.messaging.reminders.urls import urlpatterns as reminders
from amanat.messaging.sandbox.urls import urlpatterns as sandbox

app_name = "messaging"
urlpatterns = [*channels, *inbox, *push, *reminders, *sandbox]
