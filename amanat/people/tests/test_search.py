"""The search: scripts, spellings, digits, who may see what, and that its index is used behind the wall."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection

from amanat.accounts.models import Member, Workspace
from amanat.core import clock, tenancy
from amanat.people import masking, search
from amanat.people.schema import SAMPLE
from amanat.people.search import Entry
from amanat.people.tests.factories import make_company, make_contact, make_team, narrow_member, owner


def _names(workspace: Workspace, query: str, member: Member | None = None, **options: object) -> list[str]:
    from amanat.people.models import SearchEntry

    with tenancy.inside(workspace):
        hits = search.find(query, member=member or owner(workspace), **options)  # type: ignore[arg-type]
        texts = dict(SearchEntry.objects.of(workspace).values_list("pk", "text"))
        return [texts[hit.id].split()[0] for hit in hits]


@pytest.mark.parametrize(
    "query",
    [
        "sunita",
        "Sunita Deshmukh",
        "सुनीता",
        "सुनीता देशमुख",
        "sunee",
        "deshmukh sunita",
        "Sunitha",
        "SUN",
        "su",
        "Smt. Sunita",
    ],
)
def test_a_name_is_found_in_every_script_and_spelling(shree: Workspace, query: str) -> None:
    make_contact(shree, "Sunita Deshmukh")
    make_contact(shree, "Prakash Jadhav")
    assert _names(shree, query) == ["sunita"]


@pytest.mark.parametrize("query", ["sunita", "सुनीता", "Suneeta"])
def test_a_name_written_in_devanagari_is_found_in_latin(shree: Workspace, query: str) -> None:
    make_contact(shree, "सुनीता देशमुख")
    assert len(_names(shree, query)) == 1


def test_words_of_scripts_without_latin_forms_are_found(shree: Workspace) -> None:
    make_contact(shree, "Иван Петров")
    assert len(_names(shree, "петр")) == 1
    assert _names(shree, "анна") == []


@pytest.mark.parametrize(
    "query", ["9822041736", "98220 41736", "+91 98220-41736", "0 98220 41736", "041736", "2204", "९८२२०"]
)
def test_digits_are_found_from_the_middle(shree: Workspace, query: str) -> None:
    make_contact(shree, "Sunita", phone="+919822041736")
    make_contact(shree, "Other", phone="+917000000000")
    assert _names(shree, query) == ["sunita"]


def test_name_and_digits_together_narrow(shree: Workspace) -> None:
    make_contact(shree, "Sunita", phone="+919822041736")
    make_contact(shree, "Sunita", phone="+917000000000")
    assert len(_names(shree, "sunita 4173")) == 1


def test_a_word_start_comes_before_a_middle_and_the_shorter_first(shree: Workspace) -> None:
    for name in ("Sitaram Patil", "Ram Patil Deshmukh", "Ramesh", "Ram"):
        make_contact(shree, name, phone="")
    assert _names(shree, "ram") == ["ram", "ram", "ramesh", "sitaram"]


def test_a_slip_of_the_finger_is_forgiven_only_when_little_is_found(shree: Workspace) -> None:
    make_contact(shree, "Deshpande")
    assert len(_names(shree, "deshpanday")) == 1
    assert _names(shree, "kulkarni") == []


def test_a_member_of_a_team_finds_only_what_she_may_see(shree: Workspace) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    make_contact(shree, "Sunita Hidden", phone="+919822041736")
    make_contact(shree, "Sunita Team", team=team.pk)
    make_contact(shree, "Sunita Own", owner=narrow.pk)
    assert len(_names(shree, "sunita", narrow)) == 2
    assert _names(shree, "9822041736", narrow) == []
    assert _names(shree, "sunitaa", narrow_member(shree, "Nobody")) == []
    assert len(_names(shree, "sunita")) == 3


def test_another_workspace_finds_nothing(shree: Workspace, other: Workspace) -> None:
    make_contact(shree, "Sunita")
    assert _names(other, "sunita") == []
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT count(*) FROM find_records(\'[{"starts": ["sunita"], "fuzzy": []}]\', NULL, NULL, NULL, 10, 5)'
        )
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "%",
        "_",
        "'; DROP TABLE people_contact; --",
        "\\",
        "a" * 5000,
        "\x00",
        "%%%sunita",
        "(",
        "१" * 300,
        "😀",
    ],
)
def test_hostile_queries_find_nothing_and_break_nothing(shree: Workspace, query: str) -> None:
    make_contact(shree, "Prakash")
    assert _names(shree, query) == []


def test_kinds_and_limit_narrow(shree: Workspace) -> None:
    make_contact(shree, "Deshmukh")
    make_company(shree, "Deshmukh Dairy")
    with tenancy.inside(shree):
        member = owner(shree)
        assert {hit.kind for hit in search.find("deshmukh", member=member)} == {"contact", "company"}
        assert [hit.kind for hit in search.find("deshmukh", member=member, kinds=["company"])] == ["company"]
        assert len(search.find("deshmukh", member=member, limit=1)) == 1
        assert search.find("deshmukh", member=member, kinds=[]) == []


def test_indexing_again_renews_and_forgetting_takes_out(shree: Workspace) -> None:
    contact = make_contact(shree, "Sunita")
    with tenancy.inside(shree):
        search.index([Entry("contact", contact.pk, shree.pk, ["Lakshmi"], ["12345678"])])
        assert search.find("sunita", member=owner(shree)) == []
        assert [hit.id for hit in search.find("लक्ष्मी", member=owner(shree))] == [contact.pk]
        search.forget([contact.pk], workspace=shree)
        assert search.find("lakshmi", member=owner(shree)) == []


def _many(workspace: Workspace) -> dict[str, UUID]:
    """A workspace larger than the sample: common names everywhere, rare ones between the places the sample looks at."""
    now, count = int(clock.now().timestamp() * 1000), SAMPLE + SAMPLE // 2
    rare = {500: "Zubeida Qureshi", 501: "Kulkarni Zubeida", 502: "Rajzubeida Naik"}
    entries = [
        Entry(
            "contact", UUID(f"{now - number * 60_000:012x}70008000{number:012x}"), workspace.pk,
            [rare.get(number, f"Sunita {number}")], [f"+9198{number:08d}"],
        )
        for number in range(count, 0, -1)
    ]  # fmt: skip
    with tenancy.inside(workspace):
        # An hour of many records: its newest quarter of the sample ends before the rare ones.
        search.index(entries)
    return {name: UUID(f"{now - number * 60_000:012x}70008000{number:012x}") for number, name in rare.items()}


@pytest.mark.slow
def test_beyond_the_sample_rare_words_are_found_by_their_beginning_middle_and_a_slip(shree: Workspace) -> None:
    rare = _many(shree)
    start, second, middle = rare.values()
    with tenancy.inside(shree):
        member = owner(shree)
        assert [hit.id for hit in search.find("zubeida", member=member)] == [start, second, middle]
        assert {hit.id for hit in search.find("ubeid", member=member)} == set(rare.values())
        assert {hit.id for hit in search.find("zubeidaa", member=member)} >= {start, second}
        assert [hit.id for hit in search.find("zubeida kulkarni", member=member)] == [second]
        assert len(search.find("98000005", member=member)) == 20
        assert [hit.id for hit in search.find("9800000501", member=member)] == [second]


@pytest.mark.slow
def test_beyond_the_sample_common_words_are_found_newest_first(shree: Workspace) -> None:
    _many(shree)
    with tenancy.inside(shree):
        member = owner(shree)
        assert len(search.find("sunita", member=member, limit=50)) == 50
        assert len(search.find("unit", member=member, limit=50)) == 50
        assert [hit.id.int % 16**12 for hit in search.find("sunita 11999", member=member)] == [11999]


@pytest.mark.slow
def test_a_narrow_member_finds_her_own_among_many(shree: Workspace) -> None:
    narrow = narrow_member(shree, "Prakash Jadhav", make_team(shree))
    with tenancy.inside(shree):
        hers = make_contact(shree, "Sunita Own", owner=narrow.pk)
    _many(shree)
    with tenancy.inside(shree):
        assert [hit.id for hit in search.find("sunita", member=narrow)] == [hers.pk]


def test_of_a_short_word_the_best_come_first_and_the_loose_only_when_little_else_is_there(shree: Workspace) -> None:
    for name in ("Sunita Deshmukh", "Vasundhara Naik", "Hirabai Sonawane", "Anil Sutar", "Sukhdev Gupta"):
        make_contact(shree, name, phone="")
    make_company(shree, "Sunrise Traders")
    # Names that begin with it, then names with a word that begins or sounds so, then those that have it inside.
    assert _names(shree, "su") == ["sukhdev", "sunita", "sunrise", "anil", "hirabai"]
    assert _names(shree, "sun") == ["sunita", "sunrise", "hirabai", "vasundhara"]
    for number in range(search.ENOUGH - 3):
        make_contact(shree, f"Sunil Pawar {number}", phone="")
    assert sorted(_names(shree, "sun")) == ["hirabai", "sunil", "sunil", "sunita", "sunrise"]
    assert "vasundhara" in _names(shree, "vasun") and "vasundhara" in _names(shree, "sund")


def test_a_short_word_means_people_before_services(shree: Workspace) -> None:
    make_contact(shree, "Kavita Ramrao Deshmukh Patil of the Ration Shop")
    with tenancy.inside(shree):
        service = Entry("service", UUID(int=7), shree.pk, ["Ration card"], ["39"])
        search.index([service])
        hits = [hit.kind for hit in search.find("ra", member=owner(shree))]
        assert hits == ["contact", "service"]
        # A longer word says more, and the shorter text is nearer to it.
        assert [hit.kind for hit in search.find("ration", member=owner(shree))] == ["service", "contact"]


def test_a_short_form_of_a_name_finds_its_long_ones(shree: Workspace) -> None:
    make_contact(shree, "Mohammed Irfan")
    make_contact(shree, "Md Salim")
    assert _names(shree, "md") == ["md", "mohammed"]
    assert _names(shree, "md irfan") == ["mohammed"]


@pytest.mark.parametrize("query", ["9", "98", "982", "9822", "९८"])
def test_the_first_digits_of_a_number_are_found_without_its_country(shree: Workspace, query: str) -> None:
    make_contact(shree, "Middle", phone="+917098220000")
    make_contact(shree, "Sunita", phone="+919822041736")
    make_contact(shree, "Abroad", phone="+447911123456")
    assert _names(shree, query)[0] == "sunita"
    assert "abroad" not in _names(shree, query)


class _Hides:
    """A policy that hides fields, and restricts people."""

    def __init__(self, *fields: str, restricted: frozenset[UUID] = frozenset()) -> None:
        self.held = masking.Guard("service", masked=frozenset(fields), restricted=restricted)

    def guard(self, **_asked: object) -> masking.Guard:
        return self.held


@pytest.mark.sampled
@pytest.mark.parametrize("is_restricted", [False, True])
def test_hidden_addresses_and_numbers_are_not_found_by_their_parts(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, is_restricted: bool
) -> None:
    person = make_contact(
        shree, "Sunita Deshmukh", phones=[("+919822041736", "")], emails=[("marigold1980@example.in", "")]
    )
    parts = ("marigold", "marigol", "marygold", "sunita marigold", "1980", "822041", "sunita 1980")
    #: her name, and what is whole: who has all of an address or a number learns no more of it
    openly = ("sunita", "सुनीता", "sunitha deshmuk", "marigold1980@example.in", "98220 41736", "sunita 9822041736")
    for query in parts + openly:
        assert _names(shree, query) == ["sunita"], f"who sees all finds her by {query}"
    hides = _Hides(restricted=frozenset({person.pk})) if is_restricted else _Hides("phones", "emails")
    monkeypatch.setattr(masking, "_providers", [hides])
    assert [query for query in parts if _names(shree, query)] == []
    assert [query for query in openly if not _names(shree, query)] == []


def test_hidden_addresses_leave_out_nobody_found_by_the_name(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        make_contact(shree, f"Rohan Pawar {number}", emails=[(f"rohan{number}@marigold.example", "")])
    make_contact(shree, "Marigold Traders")
    monkeypatch.setattr(masking, "_providers", [_Hides("emails")])
    assert _names(shree, "marigold", limit=2) == ["marigold"]
    assert len(_names(shree, "rohan", limit=2)) == 2
