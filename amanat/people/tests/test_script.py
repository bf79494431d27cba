"""Names that are the same to people must meet in search; names that are not must not."""

import itertools
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amanat.people import script

LATIN = """
राम ram|सुनीता sunita|देशमुख deshmukh|कुलकर्णी kulkarni|नाईक naik|प्रकाश prakash|लक्ष्मी lakshmi|इक़बाल iqbal|शेख shekh|सिंह singh
चन्द्र chandra|मिश्र mishra|मिश्रा mishra|आनंद anand|आनन्द anand|मुंबई mumbai|रामचन्द्र ramchandra|गणपत ganpat|नगरकर nagarkar|संजय sanjay
विजय vijay|प्रिया priya|कृष्ण krishna|गर्ग garg|धर्म dharm|शुक्ल shukla|दत्त datt|बच्चन bachchan|गुप्ता gupta|जाधव jadhav|ऋषि rishi
फ़ातिमा fatima|ज़ुबेर zuber|पढ़ाई parhai|ज्ञान gyan|अंबिका ambika|चाँद chand|पाँडे pande|ॲना ana|गोविंद govind|उषा usha|ॐ om
সুনীল sunil|চন্দ্র chandra|ব্যানার্জী banarji|মুখার্জী mukharji|রায় ray|দাস das|সিংহ singh|ঘোষ ghosh
પટેલ patel|શાહ shah|સુનીતા sunita|રમેશ ramesh|મહેતા maheta|ગાંધી gandhi
ਸਿੰਘ singh|ਕੌਰ kaur|ਸਿੱਧੂ siddhu|ਸ਼ਰਮਾ sharma|ਗਿੱਲ gill|ਹਰਜੀਤ harjit
ସୁନୀଲ sunil|ମହାପାତ୍ର mahapatra|ଦାସ das|ପଟ୍ଟନାୟକ pattanayak
சுனிதா sunitha|முருகன் murugan|ஆனந்த் anand|நந்தினி nandini|கோவிந்தன் kovindan|அம்பிகா ambiga|மீனாட்சி minatchi|ராஜா raja
வெற்றி vetri|சரவணன் saravanan|அய்யர் ayyar|பழனி pazhani|ரங்கநாதன் ranganathan
వెంకటేశ్ venkatesh|సునీత sunita|సుబ్రహ్మణ్యం subrahmanyam|రెడ్డి reddi|రావు ravu|నరసింహ narasimha|లక్ష్మి lakshmi
ಗೌಡ gauda|ಕೃಷ್ಣ krishna|ಸುರೇಶ್ suresh|ಮಂಜುನಾಥ manjunatha|ಹೆಗ್ಡೆ hegde
നായർ nayar|സുനിൽ sunil|കൃഷ്ണൻ krishnan|മേനോൻ menon|ഉണ്ണി unni|പിള്ള pilla|ചന്ദ്രൻ chandran
"""  # fmt: skip

#: Each line: spellings that must have one key.
SAME = """
sunita suneeta suneetha sunitha suneta सुनीता સુનીતા சுனிதா సునీత
deshmukh deshmuk देशमुख
lakshmi laxmi lakshmee luxmi लक्ष्मी లక్ష్మి
vishal wishal vishaal विशाल
choudhary chaudhari chowdhury chaudhary choudhari choudhury chowdary
mohammed muhammad mohd mohammad mohamed md मोहम्मद मुहम्मद
kulkarni kulkarnee कुलकर्णी
prakash prakaash parkash प्रकाश
naik nayak naek नाईक नायक
nair nayar naair നായർ नायर
iyer ayyar aiyar iyyer அய்யர்
banerjee banerji banarji ব্যানার্জী
mukherjee mukherji mukharji মুখার্জী
chatterjee chaterji chatarji চ্যাটার্জী
rahman rehman रहमान
ahmed ahmad ahamed अहमद
aisha ayesha aysha आयशा
ramesh raamesh ramesha-no रमेश રમેશ
suresh sooresh सुरेश ಸುರೇಶ್
pooja puja poojaa पूजा
geeta gita geetha गीता
meena mina मीना
neelam nilam नीलम
rajesh raajesh राजेश
dinesh deenesh दिनेश
ganesh gnesh-no गणेश
verma varma वर्मा
sharma sharmaa शर्मा ਸ਼ਰਮਾ
singh sing सिंह ਸਿੰਘ
kaur cour-no कौर ਕੌਰ
sidhu siddhu sidhoo सिद्धू ਸਿੱਧੂ
gurpreet gurprit गुरप्रीत ਗੁਰਪ੍ਰੀਤ
jadhav jadhaw jaadhav जाधव
yadav yadaw yaadav यादव
pawar pavar powar-no पवार
bhosale bhosle bhonsle-no भोसले
shinde shindey शिंदे
joshi joshee जोशी
patil pateel पाटील
phadke fadke फडके
zubin jubin
faisal phaisal फैसल
asif aasif आसिफ
kamala kamla कमला
sarala sarla सरला
nagaraj nagraj नागराज
jaiprakash jayprakash जयप्रकाश
dnyaneshwar gyaneshwar jnaneshwar ज्ञानेश्वर
gowda gouda ಗೌಡ
reddy reddi redy రెడ్డి
iqbal ikbal इक़बाल इकबाल
shaikh sheikh shekh शेख
qureshi kureshi कुरैशी
khan khaan खान ख़ान
siddiqui siddiqi-no siddikui
krishna krushna कृष्ण
mishra misra मिश्रा
bhatt bhat bhaat भट्ट
agarwal agarval aggarwal अग्रवाल-no
chavan chavhan chawan चव्हाण
wagh vagh वाघ
manjunath manjunatha-no मंजुनाथ
subramanyam subramaniam
anand aanand aanandh ஆனந்த் आनंद
murugan moorugan முருகன்
palani pazhani பழனி
das daas दास দাস
priya pria preeya प्रिया
sonia soniya सोनिया
mehta maheta-no मेहता
tanvi tanwi तन्वी
ashwini asvini अश्विनी
"""

DIFFERENT = """
sunita sunil|ram raj|sharma sharda|sahil sheel|lalit lata|deshmukh deshpande|patil patel-no|anil amit|asha usha|neha nisha|kiran karan
suresh ramesh|mahesh ganesh|gopal bhupal|meena mona|vijay ajay|ravi rekha|arjun arun|kamal vimal|jadhav yadav|naik nair|mehta mishra
sanjay ajay|prakash pankaj|geeta neeta|pooja teja|imran irfan|salim salma|tanvi tanuja|manoj mangesh|deepak dilip|anita sunita
"""


def pairs(table: str) -> list[tuple[str, str]]:
    return [tuple(item.split()) for item in re.split(r"[|\n]", table.strip()) if "-no" not in item]  # type: ignore[misc]


def spellings() -> list[tuple[str, str]]:
    found = []
    for line in SAME.strip().splitlines():
        first, *others = [word for word in line.split() if not word.endswith("-no")]
        found += [(first, other) for other in others]
    return found


ALL_SPELLINGS = spellings()


@pytest.mark.parametrize(("written", "latin"), pairs(LATIN))
def test_latin_is_how_people_spell_it(written: str, latin: str) -> None:
    assert script.latin(written) == latin


def test_the_tables_are_large_enough_to_mean_something() -> None:
    assert len(pairs(LATIN)) >= 90
    assert len(ALL_SPELLINGS) >= 120


@pytest.mark.parametrize(("one", "other"), ALL_SPELLINGS)
def test_spellings_of_one_name_have_one_key(one: str, other: str) -> None:
    assert script.key(one) == script.key(other)


@pytest.mark.parametrize(("one", "other"), pairs(DIFFERENT))
def test_different_names_have_different_keys(one: str, other: str) -> None:
    assert script.key(one) != script.key(other)


@pytest.mark.parametrize(("written", "_latin"), pairs(LATIN))
def test_key_of_the_latin_form_is_the_key_of_the_original(written: str, _latin: str) -> None:
    assert script.key(script.latin(written)) == script.key(written)


def found(query: str, *record: str) -> bool:
    """As the database asks: every word of the query must be there in one of its forms."""
    text = script.search_text(*record)
    return all(any(form in text for form in word.forms) for word in script.query_words(query))


@pytest.mark.parametrize(
    ("query", "record"),
    [
        ("suneeta", "सुनीता देशमुख"),
        ("सुनीता", "Suneeta Deshmuk"),
        ("सुनी", "सुनीता देशमुख"),
        ("sunee", "Sunita"),
        ("deshm", "सुनीता देशमुख"),
        ("praka", "Prakash"),
        ("laxmi traders", "श्री लक्ष्मी ट्रेडर्स"),
        ("Mohd Iqbal", "मोहम्मद इक़बाल"),
        ("इकबाल", "इक़बाल"),
        ("ganesh", "கணேஷ்"),
        ("balu", "பாலு"),
        ("vijay", "বিজয়"),
        ("p k sharma", "P. K. Sharma"),
        ("sharma", "P. K. Sharma 🙏"),
        ("raaj", "Raj Traders"),
        ("Mr Sharma", "Asha Sharma"),
        ("श्री शर्मा", "Asha Sharma"),
        ("श्री", "श्री"),
        ("jose facade", "José Façade"),
        ("9822", "९८२२० ४१७३६"),
        ("A-1 electricals", "A1 & A-1 Electricals (P) Ltd."),
        ("STRASSE", "Straße"),
        ("o'brien", "O'Brien"),
    ],
)
def test_search_finds(query: str, record: str) -> None:
    assert found(query, record)


@pytest.mark.parametrize(
    ("query", "record"),
    [
        ("sunita", "Sunil Deshmukh"),
        ("ram", "Suresh"),
        ("raj", "Suresh Mirajkar-No".replace("Miraj", "Mir")),
        ("sunita patil", "Sunita Joshi"),
        ("100%", "Ten"),
    ],
)
def test_search_does_not_find(query: str, record: str) -> None:
    assert not found(query, record)


def test_search_text_holds_original_latin_and_key_once_each() -> None:
    assert script.search_text("सुनीता", "Sunita", "सुनीता") == "सुनीता sunita"
    assert script.search_text("Deshmukh") == "deshmukh dismuk"
    assert script.search_text("", "🙂") == ""


def test_short_keys_are_fenced_so_that_they_match_whole_names_only() -> None:
    assert script.search_text("Raj") == "raj .rj."
    assert "rj" not in [form for word in script.query_words("Raj") for form in word.forms]


def test_query_words_carry_no_wildcards_of_like() -> None:
    forms = [form for word in script.query_words("50%_off \\ su_ni%ta") for form in word.forms]
    assert forms
    assert not [form for form in forms if set(form) & set("%_\\")]


def test_query_words_of_a_blank_query_are_none() -> None:
    assert script.query_words("  . , ! ") == []


def test_query_word_tells_its_parts() -> None:
    assert script.query_words("Deshmukh") == [script.QueryWord("deshmukh", "deshmukh", "dismuk")]
    assert script.query_words("सुनीता") == [script.QueryWord("सुनीता", "sunita", "sunit")]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("९८२२०-४१७३६", "9822041736"),
        ("+91 98220 41736", "919822041736"),
        ("৯৮", "98"),
        ("௧௨", "12"),
        ("٣٤", "34"),
        ("a", ""),
        ("５", "5"),
        ("²", ""),
    ],
)
def test_digits_of_any_script(text: str, digits: str) -> None:
    assert script.digits(text) == digits


@given(st.text())
def test_latin_is_idempotent_for_any_text(text: str) -> None:
    once = script.latin(text)
    assert script.latin(once) == once


@given(st.text(alphabet=st.characters(min_codepoint=0x900, max_codepoint=0xD7F)))
def test_indian_text_becomes_ascii(text: str) -> None:
    assert script.latin(text).isascii()


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz ", max_size=30))
@example("xhs")
@example("shhs")
def test_a_key_doubles_no_letter(text: str) -> None:
    key = script.key(text)
    assert [pair for pair in itertools.pairwise(key) if pair[0] == pair[1] != " "] == []


@given(st.text(alphabet=st.characters(codec=None)))
def test_nothing_raises_for_any_text(text: str) -> None:
    calls: list[Any] = [script.latin, script.key, script.search_text, script.query_words, script.digits]
    for call in calls:
        call(text)


@given(st.text())
def test_every_text_is_found_by_itself(text: str) -> None:
    assert found(text, text)
