"""Columns of known programs, of shop lists in several languages, and of files that say nothing."""

import json

import pytest

from amanat.core import spreadsheets
from amanat.people.importing import layouts
from amanat.people.importing.layouts import Mapping, Target
from amanat.people.importing.readers import open_table


def guess(text: str, filename: str = "a.csv") -> Mapping:
    return layouts.guess(open_table(text.encode(), filename))


def meanings(mapping: Mapping) -> dict[str, str]:
    return {match.column: match.target.value for match in mapping.columns if match.target is not Target.IGNORE}


GOOGLE_OLD = "Name,Given Name,Additional Name,Family Name,Yomi Name,Birthday,Notes,Photo,Group Membership,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value,Address 1 - Type,Address 1 - Formatted,Address 1 - Street,Address 1 - City,Address 1 - Region,Address 1 - Postal Code,Organization 1 - Type,Organization 1 - Name,Organization 1 - Title,Website 1 - Type,Website 1 - Value"
GOOGLE_NEW = "First Name,Middle Name,Last Name,Phonetic First Name,Name Prefix,Name Suffix,Nickname,File As,Organization Name,Organization Title,Birthday,Notes,Photo,Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,Address 1 - Street,Address 1 - City,Address 2 - City"
OUTLOOK = "First Name,Middle Name,Last Name,Title,Suffix,Company,Department,Job Title,Business Street,Business City,Business State,Business Postal Code,Business Country/Region,Home Street,Home City,Home Postal Code,Business Fax,Business Phone,Home Phone,Mobile Phone,Birthday,E-mail Address,E-mail Type,E-mail 2 Address,Notes,Categories,Web Page"
ZOHO = "Record Id,Contact Owner.id,Contact Owner,Lead Source,First Name,Last Name,Account Name.id,Account Name,Email,Phone,Mobile,Date of Birth,Mailing Street,Mailing City,Mailing State,Mailing Zip,Mailing Country,Description,Tag,Created Time,Modified Time"
HUBSPOT = "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lead Status,Lifecycle Stage,Create Date,Associated Company"
SALESFORCE = "Id,IsDeleted,AccountId,LastName,FirstName,Salutation,MailingStreet,MailingCity,MailingState,MailingPostalCode,Phone,MobilePhone,Email,Title,LeadSource,Birthdate,OwnerId,CreatedDate"


@pytest.mark.parametrize(
    ("layout", "heading"),
    [
        ("google", GOOGLE_OLD),
        ("google", GOOGLE_NEW),
        ("outlook", OUTLOOK),
        ("zoho", ZOHO),
        ("hubspot", HUBSPOT),
        ("salesforce", SALESFORCE),
        ("list", "Name,Mobile,Village"),
    ],
)
def test_programs_are_recognized_by_their_headings(layout: str, heading: str) -> None:
    assert layouts.recognized(heading.split(",")) == layout
    assert guess(heading + "\n" + "x," * heading.count(",") + "x\n").layout == layout


def test_google_before_2024() -> None:
    found = guess(GOOGLE_OLD + "\n" + "," * GOOGLE_OLD.count(",") + "\n")
    assert meanings(found) == {
        "Name": "name", "Given Name": "first_name", "Additional Name": "middle_name", "Family Name": "last_name", "Birthday": "birthday",
        "Notes": "notes", "Group Membership": "tags", "E-mail 1 - Value": "email", "Phone 1 - Value": "phone", "Phone 2 - Value": "phone",
        "Address 1 - Street": "street", "Address 1 - City": "city", "Address 1 - Region": "state", "Address 1 - Postal Code": "postal_code",
        "Organization 1 - Name": "company", "Organization 1 - Title": "job_title", "Website 1 - Value": "custom",
    }  # fmt: skip
    phone = next(match for match in found.columns if match.column == "Phone 2 - Value")
    assert found.columns[int(phone.options["label_from"])].column == "Phone 2 - Type"


def test_google_of_2024() -> None:
    found = guess(GOOGLE_NEW + "\n" + "," * GOOGLE_NEW.count(",") + "\n")
    assert meanings(found) == {
        "First Name": "first_name", "Middle Name": "middle_name", "Last Name": "last_name", "Name Prefix": "name_prefix", "Name Suffix": "name_suffix",
        "Organization Name": "company", "Organization Title": "job_title", "Birthday": "birthday", "Notes": "notes", "Labels": "tags",
        "E-mail 1 - Value": "email", "Phone 1 - Value": "phone", "Address 1 - Street": "street", "Address 1 - City": "city", "Address 2 - City": "city",
    }  # fmt: skip


def test_outlook() -> None:
    assert meanings(guess(OUTLOOK + "\n" + "," * OUTLOOK.count(",") + "\n")) == {
        "First Name": "first_name", "Middle Name": "middle_name", "Last Name": "last_name", "Title": "name_prefix", "Suffix": "name_suffix",
        "Company": "company", "Department": "custom", "Job Title": "job_title", "Business Street": "street", "Business City": "city",
        "Business State": "state", "Business Postal Code": "postal_code", "Business Country/Region": "country", "Home Street": "street",
        "Home City": "city", "Home Postal Code": "postal_code", "Business Fax": "phone", "Business Phone": "phone", "Home Phone": "phone",
        "Mobile Phone": "phone", "Birthday": "birthday", "E-mail Address": "email", "E-mail 2 Address": "email", "Notes": "notes",
        "Categories": "tags", "Web Page": "custom",
    }  # fmt: skip


def test_zoho_hubspot_and_salesforce() -> None:
    zoho = meanings(guess(ZOHO + "\n" + "," * ZOHO.count(",") + "\n"))
    assert zoho["Record Id"] == "external_id"
    assert (zoho["Account Name"], zoho["Mailing Zip"], zoho["Tag"], zoho["Lead Source"]) == (
        "company",
        "postal_code",
        "tags",
        "source",
    )
    assert "Modified Time" not in zoho
    hubspot = meanings(
        guess(HUBSPOT + "\n1,Asha,Menon,asha@example.in,9822041736,ravi@example.in,New,Lead,2024-01-05,Menon Clinic\n")
    )
    assert hubspot == {
        "Record ID": "external_id", "First Name": "first_name", "Last Name": "last_name", "Email": "email", "Phone Number": "phone",
        "Contact owner": "owner_email", "Lead Status": "custom", "Lifecycle Stage": "stage", "Create Date": "created_on", "Associated Company": "company",
    }  # fmt: skip
    salesforce = meanings(guess(SALESFORCE + "\n" + "," * SALESFORCE.count(",") + "\n"))
    assert (salesforce["Id"], salesforce["MailingPostalCode"], salesforce["Title"]) == (
        "external_id",
        "postal_code",
        "job_title",
    )
    assert "OwnerId" not in salesforce


def test_owner_column_with_names_is_no_owner_email() -> None:
    assert meanings(guess(HUBSPOT + "\n1,Asha,Menon,a@example.in,,Ravi Iyer,,,,\n"))["Contact owner"] == "custom"


@pytest.mark.parametrize(
    ("heading", "targets"),
    [
        ("Name;Mobile No.;Village;Birth date;Service;Fee;Remark", "name phone city birthday custom custom notes"),
        ("नाम;मोबाइल नंबर;गाँव;जन्मतिथि;सेवा;शुल्क;टिप्पणी", "name phone city birthday custom custom notes"),
        ("नाव;मोबाईल;पत्ता;गाव;तालुका;जिल्हा;शेरा", "name phone street city locality district notes"),
        (
            "CUSTOMER NAME;WhatsApp No;E-mail ID;PIN Code;GST No.;Tags;DOB",
            "name phone email postal_code gstin tags birthday",
        ),
        (
            "Full_Name;contactNo;city/town;STATE;Company Name;Designation;Lead Source",
            "name phone city state company job_title source",
        ),
        ("பெயர்;மொபைல்;முகவரி;ஊர்;x;y;z", "name phone street city custom custom custom"),
    ],
)
def test_shop_lists_in_several_languages(heading: str, targets: str) -> None:
    found = guess(heading + "\n" + ";".join("abcdefg") + "\n")
    assert [match.target.value for match in found.columns] == targets.split()


def test_labels_of_phone_columns_come_from_the_heading() -> None:
    found = guess("Name,Mobile,WhatsApp,Office Phone,Landline\nAsha,1,2,3,4\n")
    assert [match.options.get("label") for match in found.columns] == [None, "mobile", "whatsapp", "work", "home"]


def test_columns_without_heading_are_guessed_from_their_values() -> None:
    lines = [
        f"Asha Menon {chr(65 + n)},98220417{n:02},p{n}@example.in,4220{n:02},Sinnar,{n + 13}-02-1975,Rs {n}00"
        for n in range(10)
    ]
    found = guess("\n".join(lines))
    assert [match.target.value for match in found.columns[:4]] == ["name", "phone", "email", "postal_code"]
    assert found.columns[5].options == {"name": "Column 6", "kind": "date", "order": "dmy"}
    assert found.columns[6].options["kind"] == "amount"


def test_unknown_headings_are_guessed_with_less_confidence() -> None:
    found = guess("Who,Reach,Extra\nAsha,9822041736,1\nRavi,9822041737,2\n")
    assert [match.target.value for match in found.columns] == ["custom", "phone", "custom"]
    assert found.columns[1].confidence < guess("Name,Mobile\nAsha,1\n").columns[1].confidence < 1


def test_a_second_column_for_one_value_becomes_a_custom_field() -> None:
    found = guess("Name,Customer Name,City,Village\nAsha,Asha M,Nashik,Sinnar\n")
    assert [match.target.value for match in found.columns] == ["name", "custom", "city", "custom"]
    assert found.columns[1].options["name"] == "Customer Name"


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["05-01-1975", "31-01-1975"], "dmy"),
        (["01/31/1975", "01/05/1975"], "mdy"),
        (["1975-01-05"], "ymd"),
        (["05/01/1975"], "dmy"),
        ([""], "dmy"),
    ],
)
def test_order_of_dates_is_decided_by_the_column(values: list[str], order: str) -> None:
    found = guess("Name,DOB\n" + "".join(f"Asha,{value}\n" for value in values))
    assert found.columns[1].options["order"] == order


def test_fee_with_mixed_writing_is_an_amount() -> None:
    found = guess('Name,Fee,Count\nA,100,1\nB,"Rs 1,100",2\nC,300,3\n')
    assert [match.options.get("kind") for match in found.columns] == [None, "amount", "number"]


def test_own_export_is_recognized() -> None:
    content = b"".join(spreadsheets.write_csv(["Name", "Phone"], [["Asha", "+919822041736"]]))
    assert layouts.guess(open_table(content, "export.csv")).layout == "amanat"


def test_vcards_use_the_same_meanings() -> None:
    found = layouts.guess(open_table(b"BEGIN:VCARD\nFN:Asha\nTEL;CELL:9822041736\nEND:VCARD\n", "a.vcf"))
    assert found.layout == "vcard"
    known = meanings(found)
    assert (known["Name"], known["Phone 1 - Value"], known["UID"], known["Labels"]) == (
        "name",
        "phone",
        "external_id",
        "tags",
    )


def test_mapping_survives_json() -> None:
    found = guess("नाम,Mobile,DOB,Fee\nसुनीता,9822041736,05-01-1975,₹ 100\n")
    assert Mapping.from_json(json.loads(json.dumps(found.to_json()))) == found
    with pytest.raises(ValueError, match="nonsense"):
        Mapping.from_json({"layout": "list", "columns": [{**found.to_json()["columns"][0], "target": "nonsense"}]})


def test_a_person_can_change_the_meaning_of_a_column() -> None:
    found = guess("Who,Mobile\nAsha,9822041736\n").changed(0, Target.NAME)
    assert found.targets() == [Target.NAME, Target.PHONE]
    assert found.columns[0].confidence == 1.0


def test_samples_show_the_first_values() -> None:
    found = guess("Name,City\nAsha,\nRavi,Sinnar\nTara,Pune\nUma,Nashik\n")
    assert found.columns[0].samples == ("Asha", "Ravi", "Tara")
    assert found.columns[1].samples == ("Sinnar", "Pune", "Nashik")
