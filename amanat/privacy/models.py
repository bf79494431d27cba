"""All tables of the package, each written beside the part that uses it."""

from amanat.privacy.closing.models import *  # noqa: F403
from amanat.privacy.copies.models import *  # noqa: F403
from amanat.privacy.erasure.models import *  # noqa: F403
from amanat.privacy.incidents.models import *  # noqa: F403
from amanat.privacy.registers.models import *  # noqa: F403
from amanat.privacy.requests.models import *  # noqa: F403
from amanat.privacy.retention.models import *  # noqa: F403
from amanat.privacy.vault.models import *  # noqa: F403
