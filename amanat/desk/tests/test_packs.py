"""The ready packs: every service of every pack, in three languages, through the catalogue, the form and the receipt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_workspace, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk import catalogue, packfiles
from amanat.desk.forms import CatalogueForm
from amanat.desk.models import Service
from amanat.desk.packfiles import Pack, PackInvalid
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record

PACKS = packfiles.all_packs()
LANGUAGES = packfiles.LANGUAGES


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


def texts(pack: Pack) -> Iterator[tuple[str, packfiles.Words, int]]:
    """Every text of a pack with its place and the most characters its column holds."""
    yield "name", pack.name, 120
    yield "about", pack.about, 1_000
    for stage in pack.stages:
        yield f"stage {stage.key}", stage.name, 60
    for tag in pack.tags:
        yield "tag", tag, 60
    for service in pack.services:
        yield f"{service.key} name", service.name, 120
        yield f"{service.key} category", service.category, 60
        for words in service.documents:
            yield f"{service.key} document", words, 80
        for words in service.steps:
            yield f"{service.key} step", words, 120


@pytest.mark.parametrize("key", sorted(PACKS))
def test_every_text_is_there_in_three_languages_and_fits_its_column(key: str) -> None:
    for place, words, most in texts(PACKS[key]):
        assert set(words) == set(LANGUAGES), place
        for language, text in words.items():
            assert text == " ".join(text.split()) and 0 < len(text) <= most, (place, language, text)
            assert not set(text) & set("<>{}\\\x00"), (place, text)


@pytest.mark.parametrize("key", sorted(PACKS))
def test_hindi_and_marathi_are_in_their_own_script(key: str) -> None:
    def is_devanagari(text: str) -> bool:
        return any("\u0900" <= letter <= "\u097f" for letter in text)

    for place, words, _most in texts(PACKS[key]):
        assert not is_devanagari(words["en"]), (place, words)
        for language in ("hi", "mr"):
            # A name that is the same in every language (ECG, GST, PAN) may stand in Latin letters.
            assert is_devanagari(words[language]) or words[language].isupper(), (place, words)


@pytest.mark.parametrize("key", sorted(PACKS))
def test_keys_names_and_lists_are_each_there_once(key: str) -> None:
    pack = PACKS[key]
    for language in LANGUAGES:
        names = [service.name[language] for service in pack.services]
        assert len(set(names)) == len(names), language
        tags = [tag[language].lower() for tag in pack.tags]
        assert len(set(tags)) == len(tags), language
        for service in pack.services:
            for listed in (service.documents, service.steps):
                lines = [words[language] for words in listed]
                assert len(set(lines)) == len(lines) <= 40, service.key
    assert len({stage.key for stage in pack.stages}) == len(pack.stages)
    assert any(stage.is_closed for stage in pack.stages) and any(not stage.is_closed for stage in pack.stages)


@pytest.mark.parametrize("key", sorted(PACKS))
def test_fees_and_terms_make_sense(key: str) -> None:
    for service in PACKS[key].services:
        assert 0 <= service.fee_paise <= 50_00_000 and service.fee_paise % 100 == 0, service.key
        assert service.usual_days is None or 0 <= service.usual_days <= 365, service.key
        assert service.validity_months is None or 1 <= service.validity_months <= 600, service.key
        assert 0 <= service.remind_days_before <= 365, service.key
        assert service.steps, service.key


@pytest.mark.sampled
@pytest.mark.django_db
@pytest.mark.parametrize("key", sorted(PACKS))
def test_every_service_would_pass_the_form_that_changes_it(key: str) -> None:
    for language in LANGUAGES:
        for service in PACKS[key].services:
            asked = {
                "name": service.name[language], "category": service.category[language], "fee_paise": str(service.fee_paise // 100),
                "documents": "\n".join(words[language] for words in service.documents), "steps": "\n".join(words[language] for words in service.steps),
                "usual_days": "" if service.usual_days is None else str(service.usual_days),
                "validity_months": "" if service.validity_months is None else str(service.validity_months), "remind_days_before": str(service.remind_days_before),
            }  # fmt: skip
            form = CatalogueForm(asked)
            assert form.is_valid(), (service.key, language, form.errors)
            assert form.cleaned_data["fee_paise"] == service.fee_paise
            assert form.cleaned_data["steps"] == [words[language] for words in service.steps]


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", sorted(PACKS))
def test_a_pack_is_installed_in_the_shops_language_once(key: str, language: str) -> None:
    shop = make_workspace(kind=key, language=language)
    owner, pack = owner_of(shop), PACKS[key]
    with tenancy.inside(shop):
        first = catalogue.install(workspace=shop, pack=pack, by=owner, at=NOW)
        again = catalogue.install(workspace=shop, pack=pack, by=owner, at=NOW)
        rows = {service.key: service for service in Service.objects.of(shop)}
    assert first.services == len(pack.services) == len(rows) and again.services == again.stages == again.tags == 0
    for each in pack.services:
        row = rows[each.key]
        assert (row.name, row.category, row.fee_paise) == (each.name[language], each.category[language], each.fee_paise)
        assert row.steps == [words[language] for words in each.steps] and row.names == dict(each.name)
    assert sorted(row.position for row in rows.values()) == list(range(len(rows)))


@pytest.mark.slow
@pytest.mark.django_db
def test_every_service_of_every_pack_makes_a_record_with_its_list_and_days(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        contact = make_contact(rekha)
        for pack in PACKS.values():
            catalogue.install(workspace=shree, pack=pack, by=rekha, at=NOW)
        for service in list(Service.objects.of(shree)):
            record = make_record(rekha, contact=contact, service=service)
            assert (record.title, record.fee_paise, record.steps) == (service.name, service.fee_paise, service.steps)
            due = None if service.usual_days is None else (record.due_on - TODAY).days if record.due_on else -1
            assert due == service.usual_days


@pytest.mark.django_db
def test_packs_of_two_kinds_live_side_by_side(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        keys = set()
        for pack in PACKS.values():
            catalogue.install(workspace=shree, pack=pack, by=rekha, at=NOW)
            keys |= {service.key for service in pack.services}
        assert set(Service.objects.of(shree).values_list("key", flat=True)) == keys


@pytest.mark.django_db
def test_a_service_that_was_changed_stays_so_when_the_pack_comes_again(shree: Workspace) -> None:
    rekha, pack = owner_of(shree), PACKS["csc"]
    with tenancy.inside(shree):
        catalogue.install(workspace=shree, pack=pack, by=rekha, at=NOW)
        one = Service.objects.of(shree).order_by("position").first()
        assert one is not None
        catalogue.change(service=one, by=rekha, at=NOW, name="Our own name", fee_paise=1)
        catalogue.retire(service=one, by=rekha, at=NOW)
        catalogue.install(workspace=shree, pack=pack, by=rekha, at=NOW)
        kept = Service.objects.of(shree).get(pk=one.pk)
    assert (kept.name, kept.fee_paise, kept.is_active) == ("Our own name", 1, False)


# --- broken files ----------------------------------------------------------------------------------------------------


def data() -> tuple[Any, Any]:
    folder = packfiles.FOLDER
    return json.loads((folder / "csc.json").read_text(encoding="utf-8")), json.loads(
        (folder / "words.json").read_text(encoding="utf-8")
    )


def broken(change: str) -> Any:  # noqa: C901 (one case a slip)
    pack, _words = data()
    first = pack["services"][0]
    match change:
        case "no key":
            del first["key"]
        case "unknown key":
            first["colour"] = "red"
        case "twice":
            pack["services"].append(dict(first))
        case "fee below nothing":
            first["fee_paise"] = -1
        case "fee in words":
            first["fee_paise"] = "250"
        case "a language is missing":
            del first["name"]["mr"]
        case "a language too many":
            first["name"]["ta"] = "x"
        case "an empty text":
            first["name"]["hi"] = ""
        case "a text that is a number":
            first["name"]["hi"] = 5
        case "an unknown document":
            first["documents"] = ["no-such-paper"]
        case "an unknown step":
            first["steps"] = ["no-such-step"]
        case "an unknown category":
            first["category"] = "no-such"
        case "a stage without a name":
            del pack["stages"][0]["name"]
        case "a pack without tags":
            del pack["tags"]
    return pack


CHANGES = (
    "no key", "unknown key", "twice", "fee below nothing", "fee in words", "a language is missing", "a language too many", "an empty text",
    "a text that is a number", "an unknown document", "an unknown step", "an unknown category", "a stage without a name", "a pack without tags",
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_slip_in_a_file_is_found_as_it_is_read(change: str) -> None:
    with pytest.raises(PackInvalid, match=r"csc\.json"):
        packfiles.read(broken(change), data()[1], place="csc.json")


def test_the_file_as_it_is_reads_well() -> None:
    assert packfiles.read(*data(), place="csc.json") == PACKS["csc"]


@pytest.mark.parametrize(
    ("language", "shown"), [("en", "PAN"), ("hi", "पैन"), ("mr", "पॅन"), ("ta", "PAN"), ("", "PAN"), ("en-gb", "PAN")]
)
def test_a_language_we_do_not_have_reads_english(language: str, shown: str) -> None:
    assert packfiles.in_language({"en": "PAN", "hi": "पैन", "mr": "पॅन"}, language) == shown


# --- the pages -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_page_names_the_packs_in_the_readers_language(shree: Workspace, language: str) -> None:
    rekha: Member = owner_of(shree)
    rekha.user.language = language
    rekha.user.save(update_fields=["language"])
    page = signed_in(rekha).get("/settings/services/")
    assert page.status_code == 200
    for pack in PACKS.values():
        assert pack.name[language] in page.text or pack.name[language].replace("&", "&amp;") in page.text
