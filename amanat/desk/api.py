"""The API of the desk: services, payments, papers, tasks, support cases, and the search over everything."""

from __future__ import annotations

from ninja import Router

from amanat.desk import api_payments, api_search, api_services, api_tasks
from amanat.desk.cases import api as api_cases

router = Router()
router.add_router("", api_services.router)
router.add_router("", api_payments.router)
router.add_router("", api_tasks.router)
router.add_router("", api_cases.router)
router.add_router("", api_search.router)
