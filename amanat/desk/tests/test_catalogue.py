from __future__ import annotations

import json
from typing import Any

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import make_workspace, owner_of
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.desk import catalogue, packfiles
from amanat.desk.catalogue import Installed
from amanat.desk.models import Service
from amanat.desk.packfiles import PackInvalid
from amanat.desk.tests.factories import NOW, make_record, make_service
from amanat.people.models import Stage, Tag


def words() -> Any:
    return json.loads((packfiles.FOLDER / "words.json").read_text(encoding="utf-8"))


def csc() -> Any:
    return json.loads((packfiles.FOLDER / "csc.json").read_text(encoding="utf-8"))


def test_there_is_a_pack_for_every_kind_of_business_but_other() -> None:
    assert set(packfiles.all_packs()) == set(Workspace.Kind.values) - {"other"}


def test_the_csc_pack_has_the_services_of_a_centre_in_three_languages() -> None:
    pack = packfiles.all_packs()["csc"]
    assert len(pack.services) >= 25
    passport = next(service for service in pack.services if service.key == "passport")
    assert passport.name == {"en": "Passport application", "hi": "पासपोर्ट आवेदन", "mr": "पासपोर्ट अर्ज"}
    assert (passport.validity_months, passport.fee_paise) == (120, 180_000)


@pytest.mark.parametrize("key", sorted(packfiles.all_packs()))
def test_every_pack_has_stages_tags_and_short_enough_texts(key: str) -> None:
    pack = packfiles.all_packs()[key]
    assert len({stage.key for stage in pack.stages}) == len(pack.stages) >= 3
    assert pack.tags
    for service in pack.services:
        assert all(len(text) <= 120 for text in service.name.values())
        assert all(len(text) <= 80 for each in service.documents for text in each.values())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pack: pack.update(colour="green"),
        lambda pack: pack.pop("stages"),
        lambda pack: pack["services"][0].update(price=3),
        lambda pack: pack["services"][0].update(fee_paise="250"),
        lambda pack: pack["services"][0].update(fee_paise=-1),
        lambda pack: pack["services"][0]["documents"].append("driving-seat"),
        lambda pack: pack["services"][0]["name"].pop("mr"),
        lambda pack: pack["services"][0]["name"].update(mr=""),
        lambda pack: pack["services"].append(pack["services"][0]),
        lambda pack: pack["stages"][0].update(is_open=True),
    ],
)
def test_a_slip_in_a_pack_is_an_error(spoil: Any) -> None:
    pack = csc()
    packfiles.read(pack, words(), place="csc")
    spoil(pack)
    with pytest.raises(PackInvalid):
        packfiles.read(pack, words(), place="csc")


def test_install_fills_catalogue_stages_and_tags_and_may_be_repeated(db: None) -> None:
    shop = make_workspace(kind="csc", language="mr")
    owner, pack = owner_of(shop), packfiles.all_packs()["csc"]
    with tenancy.inside(shop):
        assert catalogue.pack_for(shop) == pack
        done = catalogue.install(workspace=shop, pack=pack, by=owner, at=NOW)
        assert done == Installed(len(pack.services), len(pack.stages), len(pack.tags))
        assert catalogue.install(workspace=shop, pack=pack, by=owner, at=NOW) == Installed(0, 0, 0)
        pan = Service.objects.of(shop).get(key="pan-correction")
        assert (pan.name, pan.documents[0], pan.names["en"]) == ("पॅन दुरुस्ती", "आधार कार्ड", "PAN correction")
        assert list(Stage.objects.of(shop).order_by("position").values_list("key", flat=True)) == [
            stage.key for stage in pack.stages
        ]
        assert Tag.objects.of(shop).filter(name="शेतकरी").exists()


def test_install_leaves_what_the_shop_has_changed(db: None) -> None:
    shop = make_workspace(kind="csc")
    owner, pack = owner_of(shop), packfiles.all_packs()["csc"]
    with tenancy.inside(shop):
        catalogue.install(workspace=shop, pack=pack, by=owner, at=NOW)
        pan = Service.objects.of(shop).get(key="pan-new")
        catalogue.change(service=pan, by=owner, at=NOW, fee_paise=30_000)
        catalogue.install(workspace=shop, pack=pack, by=owner, at=NOW)
        assert Service.objects.of(shop).get(key="pan-new").fee_paise == 30_000


def test_change_leaves_records_as_they_were_made(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        service = make_service(shree)
        record = make_record(rekha, service=service)
        catalogue.change(service=service, by=rekha, at=NOW, name="PAN 2.0", fee_paise=99_900, steps=[])
        record.refresh_from_db()
        assert (record.title, record.fee_paise, len(record.steps)) == ("PAN correction", 25_000, 2)
        assert LedgerEntry.objects.of(shree).get(event="desk.service.changed").facts == {
            "fields": ["fee_paise", "name", "steps"]
        }


def test_add_finds_a_free_key_also_for_names_without_latin_letters(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        for name in ("Photo print", "Photo print", "छायाप्रत", "झेरॉक्स"):
            catalogue.add(workspace=shree, by=rekha, at=NOW, name=name)
        found = Service.objects.of(shree).order_by("position").values_list("key", "position")
        assert list(found) == [("photo-print", 0), ("photo-print-2", 1), ("service", 2), ("service-2", 3)]


def test_retire_and_bring_back(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        service = make_service(shree)
        catalogue.retire(service=service, by=rekha, at=NOW)
        catalogue.retire(service=service, by=rekha, at=NOW)
        assert not Service.objects.of(shree).get().is_active
        catalogue.bring_back(service=service, by=rekha, at=NOW)
        assert Service.objects.of(shree).get().is_active
        assert LedgerEntry.objects.of(shree).filter(event="desk.service.retired").count() == 1


def test_move_changes_places_and_stops_at_the_ends(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        made = [make_service(shree, name, position=place) for place, name in enumerate("ABC")]

        def order() -> str:
            return "".join(Service.objects.of(shree).order_by("position").values_list("name", flat=True))

        catalogue.move(service=made[2], places=-1, by=rekha, at=NOW)
        assert order() == "ACB"
        catalogue.move(service=made[0], places=-1, by=rekha, at=NOW)
        assert order() == "ACB"
        catalogue.move(service=made[0], places=1, by=rekha, at=NOW)
        assert order() == "CAB"
