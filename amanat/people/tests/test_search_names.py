"""The search on real names: each is found however it is spelled, in whatever script, and its neighbors are not."""

from __future__ import annotations

from uuid import UUID

import pytest

from amanat.accounts.models import Workspace
from amanat.core import tenancy
from amanat.people import search
from amanat.people.search import Entry
from amanat.people.tests.factories import owner

#: A name as it was written down, ways in which people ask for it, and ways that mean somebody else.
NAMES: list[tuple[str, list[str], list[str]]] = [
    ("Lakshmi Narayanan", ["laxmi", "lakshmi", "Luxmi", "lakshmi narayan", "narayanan", "लक्ष्मी", "LAKSHMI N"], ["lalita", "narendra"]),
    ("Mohammed Irfan Shaikh", ["mohammad irfan", "mohd irfan", "muhammad", "md shaikh", "sheikh irfan", "mohamed"], ["milind", "irshad"]),
    ("Krishna Kulkarni", ["krushna", "krishna kulk", "कृष्णा", "kulkarni krishna"], ["krupa", "karnik"]),
    ("Jyoti Chaudhari", ["jyoti", "choudhary", "chowdhury", "chaudhary jyoti", "chaudhri"], ["jyotsna patil", "chavhan"]),
    ("Prakash Wagh", ["prakash", "parkash", "vagh", "prakash vagh", "प्रकाश", "wag"], ["prashant", "waghmare"]),
    ("Sunita Deshmukh", ["suneeta", "sunitha", "sunita deshmuk", "सुनीता देशमुख", "deshmukh", "sunita d"], ["sumita", "deshpande"]),
    ("Ganesh Joshi", ["ganes", "ganesh", "गणेश", "zoshi", "joshi ganesh"], ["gangesh", "jotish"]),
    ("Vaishali Bhosale", ["vaishali", "waishali", "bhosle", "bhosale", "वैशाली भोसले", "bosale"], ["vaibhav", "bhise"]),
    ("Shubhangi Thakare", ["shubhangi", "subhangi", "thakre", "shubangi"], ["sharad"]),
    ("Dnyaneshwar More", ["dnyaneshwar", "gyaneshwar", "dnyaneshvar", "ज्ञानेश्वर"], ["dinesh"]),
    ("Aishwarya Iyer", ["aishwarya", "aishvarya", "ऐश्वर्या", "iyer"], ["ayesha"]),
    ("Raghunath Pawar", ["raghunath", "ragunath", "pavar", "रघुनाथ पवार", "pawar r"], ["raghu rao", "powai"]),
    ("Fatima Qureshi", ["fatima", "phatima", "qureshi", "kureshi", "फातिमा"], ["fathers"]),
    ("Vishwanath Savant", ["vishwanath", "vishvanath", "sawant", "विश्वनाथ सावंत"], ["vishal", "savita"]),
    ("Rajesh Gaikwad", ["rajesh", "gaikwad", "gaikvad", "gayakwad", "राजेश गायकवाड"], ["rajendra", "gaurav"]),
    ("Balasaheb Shinde", ["balasaheb", "shinde", "शिंदे", "shinde bala"], ["balkrishna", "shingare"]),
    ("Zubeida Khan", ["zubeida", "jubeida", "khan z", "zubeda"], ["zakir"]),
    ("Subrahmanyam Pillai", ["subrahmanyam", "subramanyam", "pillai", "subrahmanyam p"], ["subodh"]),
    ("Harpreet Kaur", ["harpreet", "harprit", "kaur", "kour"], ["harish", "kavita"]),
    ("Ashok Sharma", ["ashok", "asok", "sharma", "sarma", "अशोक शर्मा", "sharma ji"], ["ashwin", "sharad"]),
    ("Bhagyashree Kadam", ["bhagyashree", "bhagyashri", "kadam", "भाग्यश्री कदम"], ["bhagat"]),
    ("Ramesh Traders", ["ramesh traders", "ramesh treders", "ramesh trader"], ["ramesh stores"]),
    ("Om Sai Enterprises", ["om sai", "om sai enterprise", "sai enterprises"], ["om ganesh"]),
    ("Dr. Sachin Tendulkar", ["sachin", "dr sachin", "tendulkar", "सचिन तेंडुलकर"], ["samir"]),
    ("श्री विठ्ठल पाटील", ["vitthal", "vithal patil", "विठ्ठल", "patil vitthal", "shri patil"], ["vilas", "pathan"]),
    ("सौ. मंगल जाधव", ["mangal", "mangal jadhav", "जाधव", "jadhav m"], ["mangesh"]),
    ("પ્રકાશ પટેલ", ["prakash", "patel", "પટેલ", "prakash patel", "प्रकाश पटेल"], ["pratap"]),
    ("রবীন্দ্রনাথ সেন", ["rabindranath", "sen", "রবীন্দ্রনাথ", "rabindra"], ["rahul"]),
    ("ਹਰਪ੍ਰੀਤ ਸਿੰਘ", ["harpreet", "singh", "ਸਿੰਘ", "harprit singh"], ["harish"]),
    ("முருகன்", ["murugan", "முருகன்", "muruga"], ["murali"]),
    ("వెంకటేష్", ["venkatesh", "venkates", "వెంకటేష్"], ["vinay"]),
    ("ರಾಜೇಶ್ ಗೌಡ", ["rajesh", "gowda", "ರಾಜೇಶ್"], ["rajani"]),
    ("Иван Петров", ["иван", "петров", "ПЕТРОВ иван"], ["анна"]),
    ("O'Brien-D'Souza", ["obrien", "o'brien", "dsouza", "d'souza", "souza"], ["o'neil"]),
    ("José García", ["jose", "josé", "garcia", "García"], ["joshua"]),
]  # fmt: skip


def _fill(workspace: Workspace) -> dict[UUID, str]:
    keys = {UUID(int=number + 1): name for number, (name, _found, _not) in enumerate(NAMES)}
    with tenancy.inside(workspace):
        search.index(Entry("contact", key, workspace.pk, [name]) for key, name in keys.items())
    return keys


def _found(workspace: Workspace, keys: dict[UUID, str], query: str) -> list[str]:
    with tenancy.inside(workspace):
        return [keys[hit.id] for hit in search.find(query, member=owner(workspace), limit=50)]


@pytest.mark.slow
def test_every_name_is_found_by_every_spelling_and_by_no_other_name(shree: Workspace) -> None:
    keys = _fill(shree)
    missed = [
        (name, query) for name, queries, _not in NAMES for query in queries if name not in _found(shree, keys, query)
    ]
    wrong = [(name, query) for name, _queries, other in NAMES for query in other if name in _found(shree, keys, query)]
    assert (missed, wrong) == ([], [])


@pytest.mark.slow
def test_the_whole_name_as_written_comes_first(shree: Workspace) -> None:
    keys = _fill(shree)
    assert [name for name, _queries, _not in NAMES if _found(shree, keys, name)[:1] != [name]] == []


def test_every_beginning_of_a_name_finds_it(shree: Workspace) -> None:
    keys = _fill(shree)
    for name in ("Sunita Deshmukh", "Prakash Wagh", "Ganesh Joshi", "Zubeida Khan", "Rajesh Gaikwad"):
        first = name.partition(" ")[0]
        assert [first[:end] for end in range(2, len(first) + 1) if name not in _found(shree, keys, first[:end])] == []


SLIPS = [
    ("Sunita Deshmukh", "sunitta"), ("Sunita Deshmukh", "deshmukhh"), ("Rajesh Gaikwad", "gaikwed"),
    ("Vishwanath Savant", "vishwanathh"), ("Balasaheb Shinde", "balasahib"), ("Subrahmanyam Pillai", "subrahmanyem"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "query"), SLIPS)
def test_one_slip_of_the_finger_is_forgiven(shree: Workspace, name: str, query: str) -> None:
    keys = _fill(shree)
    assert name in _found(shree, keys, query)


NUMBERS: list[tuple[str, list[str], list[str]]] = [
    ("+919822041736", ["9822041736", "+919822041736", "09822041736", "98220 41736", "98-220-41736", "41736", "20417", "9822", "९८२२०४१७३६"], ["9822041737", "51736"]),
    ("+912532345678", ["0253 2345678", "2345678", "+91 253 234 5678", "253"], ["2345679"]),
    ("+14155552671", ["+1 415 555 2671", "4155552671", "555267"], ["4155552672"]),
    ("+447911123456", ["7911 123456", "+44 7911 123456", "447911123456"], ["7911123457"]),
]  # fmt: skip


def test_every_number_is_found_however_it_is_spaced(shree: Workspace) -> None:
    keys = {UUID(int=number + 1): digits for number, (digits, _found, _not) in enumerate(NUMBERS)}
    with tenancy.inside(shree):
        search.index(Entry("contact", key, shree.pk, ["Somebody"], [digits]) for key, digits in keys.items())
    missed = [
        (digits, query)
        for digits, queries, _not in NUMBERS
        for query in queries
        if digits not in _found(shree, keys, query)
    ]
    wrong = [
        (digits, query)
        for digits, _queries, other in NUMBERS
        for query in other
        if digits in _found(shree, keys, query)
    ]
    assert (missed, wrong) == ([], [])


def test_words_together_narrow_and_their_order_is_free(shree: Workspace) -> None:
    keys = _fill(shree)
    assert _found(shree, keys, "jadhav mangal") == _found(shree, keys, "mangal jadhav") == ["सौ. मंगल जाधव"]
    assert _found(shree, keys, "mangal patil") == []
    assert set(_found(shree, keys, "rajesh")) == {"Rajesh Gaikwad", "ರಾಜೇಶ್ ಗೌಡ"}
    assert set(_found(shree, keys, "prakash")) == {"Prakash Wagh", "પ્રકાશ પટેલ"}


def test_an_email_is_found_by_its_parts(shree: Workspace) -> None:
    with tenancy.inside(shree):
        search.index([Entry("contact", UUID(int=1), shree.pk, ["Asha Menon", "asha.menon77@example.in"])])
        for query in ("asha.menon77@example.in", "menon77", "example", "ASHA.MENON77", "asha example"):
            assert len(search.find(query, member=owner(shree))) == 1, query
        assert search.find("menon78@example.in", member=owner(shree)) == []


def test_a_query_of_many_words_asks_for_the_first_eight(shree: Workspace) -> None:
    name = "one two three four five six seven eight"
    with tenancy.inside(shree):
        search.index([Entry("contact", UUID(int=1), shree.pk, [name])])
        assert len(search.find(f"{name} nine ten", member=owner(shree))) == 1
        assert search.find("one two three four five six seven nine", member=owner(shree)) == []
