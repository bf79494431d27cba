"""Words that stand over columns, in English, Hindi and Marathi (and the usual ones in other Indian languages), and their meaning."""

import re
import unicodedata

from amanat.people.importing.mapping import Target as T

#: Headings as `normalized` leaves them, best known first. A target with options is written "phone:whatsapp".
_WORDS: dict[str, str] = {
    "name": "name|full name|fullname|contact name|customer name|client name|party name|person name|party|customer|display name|"
    "name of customer|name of the customer|patient name|student name|member name|applicant name|farmer name|beneficiary name|"
    "नाम|पूरा नाम|ग्राहक का नाम|ग्राहक|नाव|पूर्ण नाव|संपूर्ण नाव|ग्राहकाचे नाव|व्यक्ती|নাম|નામ|ਨਾਮ|பெயர்|పేరు|ಹೆಸರು|പേര്|ନାମ|naam|nav",
    "first_name": "first name|firstname|given name|forename|first|पहला नाम|प्रथम नाम|पहिले नाव|स्वतःचे नाव",
    "middle_name": "middle name|middlename|additional name|father name|fathers name|father s name|husband name|मध्य नाम|वडिलांचे नाव|मधले नाव|पिता का नाम",
    "last_name": "last name|lastname|surname|family name|last|उपनाम|कुलनाम|आडनाव|सरनेम",
    "name_prefix": "name prefix|prefix|salutation|honorific|title prefix",
    "name_suffix": "name suffix|suffix",
    "phone:mobile": "mobile|mobile no|mobile number|mobile phone|mob|mob no|cell|cell phone|cell no|mobile 1|contact mobile|phone mobile|"
    "primary mobile|मोबाइल|मोबाईल|मोबाइल नंबर|मोबाईल नंबर|मोबाइल न|मोबाईल क्रमांक|मोबाइल नम्बर|भ्रमणध्वनी|मोबाइल संख्या|মোবাইল|મોબાઇલ|மொபைல்|మొబైల్|ಮೊಬೈಲ್|മൊബൈൽ",
    "phone": "phone|phone no|phone number|phone 1|telephone|tel|tel no|contact|contact no|contact number|contact phone|number|ph|ph no|primary phone|"
    "other phone|phone 2|alternate number|alternate no|alternate phone|alternate mobile|alt no|alt mobile|mobile 2|mobile no 2|mobile phone 2|"
    "second number|dusra number|फोन|फ़ोन|फोन नंबर|फ़ोन नंबर|दूरध्वनी|संपर्क|संपर्क नंबर|संपर्क क्रमांक|नंबर|ফোন|ફોન|ਫ਼ੋਨ|ਫੋਨ|தொலைபேசி|ఫోన్|ಫೋನ್|ഫോൺ",
    "phone:whatsapp": "whatsapp|whatsapp no|whatsapp number|whats app|whats app no|wa no|wa number|wa|whatsapp mobile|व्हाट्सएप|व्हाट्सऐप|व्हॉट्सअ‍ॅप|व्हाट्सअप|व्हॉट्सॲप|व्हाट्सएप नंबर",
    "phone:work": "work phone|business phone|office phone|office no|company phone|company main phone|business phone 2|work number|कार्यालय फोन",
    "phone:home": "home phone|home phone 2|residence phone|residence no|landline|land line|landline no|घर का फोन",
    "phone:fax": "fax|business fax|home fax|other fax|fax number",
    "email": "email|e mail|email id|e mail id|mail|mail id|email address|e mail address|primary email|secondary email|email 1|email 2|additional emails|"
    "e mail 2 address|e mail 3 address|other email|personal email|ईमेल|ई मेल|ई मेल आईडी|ईमेल आईडी|মেইল|ઇમેઇલ|மின்னஞ்சல்|ఇమెయిల్|ಇಮೇಲ್|ഇമെയിൽ",
    "email:work": "work email|office email|business email|company email",
    "company": "company|company name|organization|organisation|organization name|organisation name|firm|firm name|shop|shop name|business|business name|"
    "account|account name|associated company|associated company name|employer|कंपनी|कम्पनी|दुकान|दुकान का नाम|दुकानाचे नाव|संस्था|फर्म|व्यवसाय का नाम",
    "job_title": "job title|jobtitle|title|designation|role|position|organization title|post|पद|पदनाम|हुद्दा",
    "street": "address|street|street address|full address|postal address|address line 1|address line1|address 1|business street|home street|other street|"
    "mailing street|mailing address|residential address|house no|business address|home address|पता|पत्ता|पूरा पता|संपूर्ण पत्ता|ठिकाणा|ঠিকানা|સરનામું|ਪਤਾ|முகவரி|చిరునామా|ವಿಳಾಸ|വിലാസം|ଠିକଣା",
    "locality": "locality|area|landmark|address line 2|address line2|address 2|mohalla|colony|sector|ward|taluka|tehsil|tahsil|block|post office|"
    "mailing street 2|इलाका|मोहल्ला|तालुका|तहसील|परिसर|क्षेत्र|ब्लॉक",
    "city": "city|town|village|city town|city village|village name|town city|business city|home city|other city|mailing city|place|गाँव|गांव|गाव|गावाचे नाव|"
    "शहर|ग्राम|नगर|শহর|গ্রাম|ગામ|શહેર|ਪਿੰਡ|ਸ਼ਹਿਰ|ஊர்|గ్రామం|ಊರು|ഗ്രാമം",
    "district": "district|dist|जिला|ज़िला|जिल्हा|জেলা|જિલ્લો|ਜ਼ਿਲ੍ਹਾ|மாவட்டம்|జిల్లా|ಜಿಲ್ಲೆ|ജില്ല",
    "state": "state|state region|province|region|business state|home state|other state|mailing state|mailing state province|राज्य|প্রদেশ|રાજ્ય|மாநிலம்|రాష్ట్రం|ರಾಜ್ಯ|സംസ്ഥാനം",
    "postal_code": "pin|pincode|pin code|postal code|postcode|zip|zip code|zip postal code|business postal code|home postal code|other postal code|"
    "mailing zip|mailing zip postal code|mailing code|mailing postal code|पिन|पिनकोड|पिन कोड|डाक कोड|পিন কোড|પિનકોડ",
    "country": "country|country region|business country region|business country|home country region|home country|mailing country|देश",
    "tags": "tags|tag|labels|label|groups|group|group membership|categories|category|keywords|segment|type of customer|टैग|टॅग|वर्ग|श्रेणी|समूह|गट|प्रकार",
    "notes": "notes|note|remark|remarks|comment|comments|description|details|memo|टिप्पणी|टिप्पणियाँ|टीप|शेरा|रिमार्क|विवरण|नोट|नोट्स|तपशील",
    "birthday": "birthday|birth date|birthdate|date of birth|dob|d o b|जन्मतिथि|जन्म तिथि|जन्म दिनांक|जन्मतारीख|जन्म तारीख|जन्मदिनांक|जन्मदिन|জন্ম তারিখ|જન્મ તારીખ|பிறந்த தேதி|పుట్టిన తేదీ|ಜನ್ಮ ದಿನಾಂಕ|ജനനത്തീയതി",
    "language": "language|preferred language|mother tongue|भाषा|পছন্দের ভাষা|ભાષા|மொழி|భాష|ಭಾಷೆ",
    "stage": "stage|lead status|status|lifecycle stage|contact stage|lead stage|स्थिति|अवस्था|स्थिती",
    "owner_email": "owner email|contact owner email|lead owner email|assigned to email|owner|contact owner|lead owner|record owner|hubspot owner|assigned to",
    "external_id": "external id|id|record id|contact id|lead id|customer id|client id|customer code|uid|customer no|member no|recordid|ग्राहक क्रमांक|आईडी",
    "gstin": "gstin|gst|gst no|gst number|gstin no|gstin number|gst in|gstin uin|gst identification number|जीएसटी|जीएसटी नंबर|जीएसटीआईएन|जीएसटी क्रमांक",
    "source": "source|lead source|original source|how did you hear|reference|referred by|स्रोत|स्त्रोत|संदर्भ",
    "created_on": "created on|created|created date|created time|create date|date created|date added|added on|entry date|registration date|joining date|"
    "date of joining|बनाने की तारीख|नोंदणी दिनांक|पंजीकरण तिथि",
}  # fmt: skip

_SEPARATORS = re.compile(r"[\s_\-./\\:#()\[\]*'’\"“”&,?]+")
_DATA = re.compile(r"\+?[0-9][0-9 ().-]{6,}|[^@\s]+@[^@\s]+\.[^@\s]+|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}")


def normalized(heading: str) -> str:
    """Lower-case words, camel case taken apart, punctuation gone."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFC", heading))
    return _SEPARATORS.sub(" ", parted.casefold()).replace("\u200d", "").strip()


def meaning(heading: str) -> tuple[T, str] | None:
    """The target and label a heading names ("" when none), or None when it is not a known word."""
    return _MEANINGS.get(normalized(heading))


def looks_like_data(cells: list[str]) -> bool:
    """Whether the first line is already a person, not a heading: it has a number, an address or a date and no heading word."""
    if any(meaning(cell) for cell in cells):
        return False
    return any(_DATA.fullmatch(cell.strip()) for cell in cells)


def _meanings() -> dict[str, tuple[T, str]]:
    found: dict[str, tuple[T, str]] = {}
    for target, words in _WORDS.items():
        name, _colon, label = target.partition(":")
        for word in words.split("|"):
            found.setdefault(normalized(word), (T(name), label))
    return found


_MEANINGS = _meanings()
