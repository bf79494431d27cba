"""The API of people: contacts, companies, the workspace's words, imports and exports."""

from __future__ import annotations

from ninja import Router

from amanat.people import api_companies, api_contacts, api_exports, api_imports, api_words

router = Router()
router.add_router("", api_contacts.router)
router.add_router("", api_companies.router)
router.add_router("", api_words.router)
router.add_router("", api_imports.router)
router.add_router("", api_exports.router)
