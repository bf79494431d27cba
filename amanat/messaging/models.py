"""All tables of the package, each written beside the part that uses it."""

from amanat.messaging.channels.models import *  # noqa: F403
from amanat.messaging.inbox.models import *  # noqa: F403
from amanat.messaging.outbox.models import *  # noqa: F403
from amanat.messaging.push.models import *  # noqa: F403
from amanat.messaging.reminders.models import *  # noqa: F403
