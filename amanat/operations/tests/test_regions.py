"""A machine serves no workspace that is bound to another region."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings
from django.test import override_settings

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.operations import Refused, preparing
from amanat.privacy.registers import residency


def test_a_machine_in_another_region_refuses_to_start(shree: Workspace) -> None:
    with tenancy.inside(shree):
        residency.pin(workspace_id=shree.pk, region="IN", by=None, at=clock.now())
    preparing.refuse_elsewhere()
    abroad = replace(settings.CONFIGURATION, region="DE")
    with override_settings(CONFIGURATION=abroad), pytest.raises(Refused, match=f"{shree.pk} to IN"):
        preparing.refuse_elsewhere()


def test_workspaces_that_are_bound_to_nothing_run_anywhere(shree: Workspace) -> None:
    with override_settings(CONFIGURATION=replace(settings.CONFIGURATION, region="DE")):
        preparing.refuse_elsewhere()
