"""What proof adds to the site: entries of the navigation, words of the ledger, kinds of files, probes."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from django.apps import apps
from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.core import files, ledger_words, schema
from amanat.core.filetypes import MEGABYTE, PICTURES, FileType
from amanat.proof import attesting, coverage, handshakes, probes_records, seals
from amanat.proof import ledger_words as own_words
from amanat.proof import schema as own
from amanat.publishing import inventory
from amanat.publishing import seals as public_seals
from amanat.web.navigation import Entry
from amanat.web.navigation import register as show


def register() -> None:
    """Called once, when the site starts."""
    schema.add_sql("workspaces_to_probe", own.WORKSPACES_TO_PROBE)
    schema.add_definer_function("workspaces_to_probe", "ids only, for the job that has promises checked")
    schema.add_sql("thin_evidence", own.THIN_EVIDENCE)
    schema.add_definer_function("thin_evidence", "takes out old evidence that repeats itself, by bounds of its own")
    ledger_words.register(own_words.SENTENCES, own_words.TABLES)
    files.register_kind(
        attesting.KIND, allowed=PICTURES | {FileType.PDF, FileType.DOCX, FileType.TXT}, most_bytes=10 * MEGABYTE
    )
    public_seals.provide(seals.of)
    inventory.shows(coverage.names)
    handshakes.register()
    load_probes()
    show(Entry("trust", 10, _("Promises"), "shield-check", "proof:board", May.READ_TRUST.value))


def load_probes() -> None:
    """Import every module called `probes` or `probes_…` of every package: each registers its own."""
    for config in apps.get_app_configs():
        if config.name.startswith("amanat."):
            for path in sorted(Path(config.path).rglob("probes*.py")):
                inside = path.relative_to(config.path).with_suffix("").parts
                if "tests" not in inside:
                    import_module(".".join([config.name, *inside]))
    probes_records.register_kinds(coverage.kinds_of_data())
