"""Contact cards as phones and address books write them: 2.1, 3.0 and 4.0 with all their habits."""

from __future__ import annotations

import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.people.importing import layouts, values, vcards
from amanat.people.importing.readers import FileRefused, Limits, open_table
from amanat.people.importing.values import Options, Record
from amanat.people.tests.test_importing_cells import TODAY


def card(*lines: str, version: str = "3.0", end: str = "\r\n") -> str:
    return end.join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])


def read(text: str | bytes) -> list[Record]:
    table = open_table(text.encode() if isinstance(text, str) else text, "people.vcf")
    assert (table.kind, table.columns) == ("vcard", vcards.COLUMNS)
    mapping = layouts.guess(table)
    found = [values.convert(row, mapping, Options(today=TODAY)) for row in table.rows()]
    return [one.record for one in found if one.record is not None]


def one(*lines: str, version: str = "3.0") -> Record:
    (found,) = read(card(*lines, version=version))
    return found


SUNITA = "=E0=A4=B8=E0=A5=81=E0=A4=A8=E0=A5=80=E0=A4=A4=E0=A4=BE"


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("version", ["2.1", "3.0", "4.0"])
def test_every_version_with_every_line_end(version: str, end: str) -> None:
    (found,) = read(card("FN:Asha Menon", "TEL:9823012345", version=version, end=end))
    assert (found.name, found.phones[0].number) == ("Asha Menon", "+919823012345")


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("TEL;CELL:9823012345", "mobile"), ("TEL;TYPE=CELL:9823012345", "mobile"), ("TEL;type=cell,voice:9823012345", "mobile"),
        ("TEL;TYPE=HOME;TYPE=VOICE:9823012345", "home"), ("TEL;WORK;VOICE:9823012345", "work"), ('TEL;TYPE="work,voice":9823012345', "work"),
        ("TEL;TYPE=FAX,WORK:9823012345", "fax"), ("TEL;X-WHATSAPP:9823012345", "whatsapp"), ("TEL;TYPE=iPhone:9823012345", "mobile"),
        ("TEL;VALUE=uri;TYPE=cell:tel:+919823012345", "mobile"), ("TEL;PREF;CELL:9823012345", "mobile"), ("TEL:9823012345", ""),
        ("item1.TEL:9823012345\r\nitem1.X-ABLabel:_$!<Mobile>!$_", "mobile"), ("item2.TEL:9823012345\r\nitem2.X-ABLabel:WhatsApp", "whatsapp"),
        ("item1.X-ABLabel:_$!<Work>!$_\r\nitem1.TEL:9823012345", "work"), ("tel;type=cell:9823012345", "mobile"),
    ],
)  # fmt: skip
def test_labels_of_phones(line: str, label: str) -> None:
    phone = one("FN:Asha", line).phones[0]
    assert (phone.number, phone.label) == ("+919823012345", label)


def test_quoted_printable_folded_over_lines() -> None:
    folded = SUNITA[:30] + "=\r\n" + SUNITA[30:]
    assert (
        one(f"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{folded}", "TEL;CELL:9823012345", version="2.1").name
        == "सुनीता"
    )


@pytest.mark.parametrize(
    ("head", "value", "name"),
    [
        ("FN;ENCODING=QUOTED-PRINTABLE", SUNITA, "सुनीता"), ("FN;QUOTED-PRINTABLE;CHARSET=UTF-8", SUNITA, "सुनीता"),
        ("FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE", "Jos=E9", "José"), ("FN;CHARSET=NONSENSE;ENCODING=QUOTED-PRINTABLE", "Jos=C3=A9", "José"),
        ("FN;ENCODING=QUOTED-PRINTABLE", "Asha=20Menon", "Asha Menon"), ("FN;ENCODING=8BIT", "Asha", "Asha"), ("FN;ENCODING=QUOTED-PRINTABLE", "A=ZZ", "A=ZZ"),
    ],
)  # fmt: skip
def test_quoted_printable_in_every_spelling(head: str, value: str, name: str) -> None:
    assert one(f"{head}:{value}", version="2.1").name == name


def test_lines_folded_with_a_space_or_a_tab() -> None:
    found = one("NOTE:first half and\r\n  second\r\n\t half", "FN:Asha")
    assert found.notes == "first half and second half"


def test_a_name_in_parts_when_there_is_no_full_one() -> None:
    found = one("N:Menon;Asha;R;Smt.;", "TEL:9823012345")
    assert (found.name, found.last_name, found.first_name) == ("Smt. Asha R Menon", "Menon", "Asha")


@pytest.mark.parametrize("kind", ["PHOTO", "LOGO", "SOUND", "KEY", "item1.PHOTO"])
@pytest.mark.parametrize("fashion", [";ENCODING=b;TYPE=JPEG:", ";BASE64:", ":data:image/jpeg;base64,"])
def test_pictures_sounds_and_keys_are_skipped_however_long(kind: str, fashion: str) -> None:
    picture = "\r\n ".join(["QUJD" * 18] * 400)
    found = one("FN:Asha", f"{kind}{fashion}{picture}", "TEL:9823012345")
    assert (found.name, len(found.phones), found.notes, found.custom) == ("Asha", 1, "", {})


def test_addresses_notes_tags_and_days() -> None:
    found = one(
        "FN:Asha", "ADR;TYPE=HOME:;Near the temple;12 Main Road;Sinnar;Maharashtra;422103;India", "NOTE:one\\, two\\; three\\nfour",
        "CATEGORIES:VIP,Family", "BDAY:1980-02-29", "ORG:Menon Traders;Sales", "TITLE:Owner",
    )  # fmt: skip
    (address,) = found.addresses
    assert (address.street, address.locality, address.city, address.postal_code) == (
        "12 Main Road",
        "Near the temple",
        "Sinnar",
        "422103",
    )
    assert found.notes == "one, two; three\nfour"
    assert set(found.tags) == {"VIP", "Family"}
    assert found.birthday is not None and found.birthday.isoformat() == "1980-02-29"
    assert (found.company, found.job_title) == ("Menon Traders, Sales", "Owner")


@pytest.mark.parametrize("day", ["19800229", "1980-02-29", "1980-02-29T00:00:00Z", "1980-02-29T00:00:00+05:30"])
def test_birthdays_in_every_fashion(day: str) -> None:
    found = one("FN:Asha", f"BDAY:{day}")
    assert found.birthday is not None and found.birthday.isoformat() == "1980-02-29"


def test_a_birthday_without_its_year_is_told() -> None:
    table = open_table(card("FN:Asha", "BDAY:--0229", version="4.0").encode(), "a.vcf")
    converted = values.convert(next(iter(table.rows())), layouts.guess(table), Options(today=TODAY))
    assert [problem.column for problem in converted.problems] == ["Birthday"]


def test_more_phones_than_columns_are_all_kept() -> None:
    lines = [f"TEL;CELL:98230123{n:02}" for n in range(9)]
    assert len(one("FN:Asha", *lines).phones) == 9


def test_an_extension_of_a_telephone_uri() -> None:
    found = one("FN:Asha", "TEL;VALUE=uri:tel:+91-253-2570001;ext=12", version="4.0")
    assert found.phones[0].number == "+912532570001"
    assert "12" in found.notes


def test_several_cards_with_rubbish_between_them() -> None:
    text = card("FN:Asha", "TEL:9823012345") + "\r\nhello\r\n" + card("FN:Ravi", "TEL:9823012346", version="2.1")
    assert [found.name for found in read(text)] == ["Asha", "Ravi"]


def test_a_card_that_is_never_closed_ends_where_the_next_begins() -> None:
    text = "BEGIN:VCARD\nFN:Asha\nTEL:9823012345\nBEGIN:VCARD\nFN:Ravi\nTEL:9823012346\n"
    assert [found.name for found in read(text)] == ["Asha", "Ravi"]


def test_a_colon_inside_quotes_ends_no_head() -> None:
    (address,) = one("FN:Asha", 'ADR;LABEL="12: Main Road":;;12 Main Road;Sinnar;;;').addresses
    assert address.city == "Sinnar"


@pytest.mark.parametrize("text", ["BEGIN:VCARD\nEND:VCARD\n", "BEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n" * 3])
def test_cards_that_say_nothing_are_no_people(text: str) -> None:
    try:
        assert read(text) == []
    except FileRefused as refusal:
        assert refusal.reason == "The file holds no contact."


def test_a_line_without_end_is_refused() -> None:
    endless = "BEGIN:VCARD\nNOTE:x" + "\n x" * 60_000 + "\nEND:VCARD\n"
    with pytest.raises(FileRefused):
        list(open_table(endless.encode(), "a.vcf", limits=Limits(line=50_000)).rows())


def test_cards_in_utf_16() -> None:
    (found,) = read("\ufeff".encode("utf-16-le") + card("FN:सुनीता", "TEL:9823012345").encode("utf-16-le"))
    assert found.name == "सुनीता"


def test_hostile_values_are_only_text() -> None:
    found = one("FN:=HYPERLINK(1)", "NOTE:<script>alert(1)</script>", "TEL:9823012345")
    assert (found.name, found.notes) == ("=HYPERLINK(1)", "<script>alert(1)</script>")


_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp", "Zs", "Co", "Cn"]),
    min_size=1,
    max_size=30,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(name=_texts)
def test_any_name_in_quoted_printable_reads_back(name: str) -> None:
    import unicodedata

    encoded = quopri.encodestring(name.encode(), quotetabs=True).decode().replace("=\n", "=\r\n")
    (found,) = read(card(f"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{encoded}", "TEL:9823012345", version="2.1"))
    expected = unicodedata.normalize("NFC", name.replace("\\n", "\n").replace("\\N", "\n").replace("\\", ""))
    if "\\" not in name:
        assert found.name == " ".join(expected.split())
