"""What the demo consists of: four shops, who sits in them, and invented people whom nobody will meet."""

from __future__ import annotations

from dataclasses import dataclass, field

MARK = "demo"
DOMAIN = "demo.example"


@dataclass(frozen=True)
class Seat:
    name: str
    role: str
    team: str = ""
    sees: str = "all"
    has_totp: bool = False

    @property
    def address_part(self) -> str:
        return self.name.split()[0].lower()


@dataclass(frozen=True)
class Shop:
    """One demo workspace. `contacts` and `services` are how many are invented."""

    key: str
    name: str
    kind: str
    place: str
    language: str
    seats: tuple[Seat, ...]
    contacts: int
    services: int
    companies: tuple[str, ...] = ()
    details: dict[str, str] = field(default_factory=dict)
    #: the ready policy that the shop publishes
    policy: str = "default"


def _reach(key: str, legal_name: str, address: str, phone: str) -> dict[str, str]:
    """How people reach a shop. Its e-mail is below a name that the net has set aside, so that nobody receives it."""
    return {"legal_name": legal_name, "address": address, "phone": phone, "email": f"privacy@{key}.demo.test"}


SHOPS = (
    Shop(
        "csc", "Shree CSC Kendra (demo)", "csc", "Nashik", "en",
        (
            Seat("Rekha Kulkarni", "owner", has_totp=True),
            Seat("Prakash Jadhav", "manager", has_totp=True),
            Seat("Sunil Pagare", "agent", team="Counter"),
            Seat("Asha Menon", "auditor"),
        ),
        contacts=80, services=120,
        details={
            "csc_id": "275300000000", "vle_name": "Rekha Kulkarni", "registration_number": "MH/NSK/DEMO/1",
            **_reach("csc", "Shree CSC Kendra", "Main Road, Panchavati, Nashik 422003", "+912535550142"),
        },
        policy="csc-centre",
    ),
    Shop(
        "sales", "Godavari Solar (demo)", "sales", "Pune", "en",
        (
            Seat("Meera Sawant", "owner", has_totp=True),
            Seat("Vikram Rathod", "manager", team="West", has_totp=True),
            Seat("Neha Chavan", "agent", team="West", sees="team"),
            Seat("Imran Shaikh", "agent", team="East", sees="team"),
        ),
        contacts=140, services=30,
        companies=("Deshmukh Dairy", "Mehta Traders", "Shinde Agro", "Nair Clinic", "Pannu Motors", "Desai Textiles",
                   "Iqbal Travels", "Naik Constructions", "Wagh Cold Storage", "Bhatt Pharma"),
        details=_reach("sales", "Godavari Solar", "River Road, Aundh, Pune 411007", "+912035550142"),
        policy="sales-crm",
    ),
    Shop(
        "agency", "Kite & Co Studio (demo)", "agency", "Mumbai", "hi",
        (Seat("Tanvi Desai", "owner", has_totp=True), Seat("Rahul Verma", "agent", team="Design"), Seat("Pooja Iyer", "agent", team="Web")),
        contacts=40, services=45,
        companies=("Lotus Foods", "Himalaya Treks", "Blue Door Cafe", "Saraswati Classes", "Kaveri Interiors", "Rang Boutique"),
        details=_reach("agency", "Kite & Co Studio", "Hill Road, Bandra, Mumbai 400050", "+912235550142"),
        policy="agency",
    ),
    Shop(
        "calling", "Vaani Calling Desk (demo)", "calling", "Nagpur", "mr",
        (
            Seat("Savita Kamble", "owner", has_totp=True),
            Seat("Jyoti Ahire", "agent", team="Morning", sees="team"),
            Seat("Anil Borse", "agent", team="Evening", sees="team"),
        ),
        contacts=160, services=10,
        details=_reach("calling", "Vaani Calling Desk", "Station Road, Nagpur 440001", "+917125550142"),
        policy="calling",
    ),
)  # fmt: skip

PEOPLE = (
    "Sunita Deshmukh", "Arjun Mehta", "Farhana Khan", "Vishal Shinde", "Lakshmi Nair", "Gurpreet Pannu", "Ramesh Bhosale",
    "Tanvi Patil", "Mohammed Iqbal", "Kavita Jadhav", "Suresh Naik", "सुनीता देशमुख", "रमेश पवार", "Meena Gaikwad", "Anil Kale",
    "Pooja Sawant", "Rahul Kulkarni", "Sneha Joshi", "Vijay Chavan", "Anjali More", "Sanjay Yadav", "Deepa Rao", "Manoj Gupta",
    "Ganesh Wagh", "Usha Borse", "Nilesh Ahire", "Swati Pagare", "Kiran Rathod", "Jyoti Salunkhe", "Amit Verma", "विठ्ठल नाईक",
    "Shubham Thakur", "Priya Sharma", "Dattatray Shirsath", "Savita Kamble", "Imran Ansari", "Harpreet Singh", "Radha Iyer",
    "Joseph Fernandes", "Mary Dsouza", "लक्ष्मी कांबळे", "Abdul Shaikh", "Zubeda Pathan", "Balu Thorat", "Hirabai Sonawane",
)  # fmt: skip
TOWNS = (
    ("Sinnar", "Nashik", "422103"), ("Panchavati", "Nashik", "422003"), ("Niphad", "Nashik", "422303"), ("Dindori", "Nashik", "422202"),
    ("Igatpuri", "Nashik", "422403"), ("Yeola", "Nashik", "423401"), ("Satana", "Nashik", "423301"),
)  # fmt: skip
NOTES = (
    "Asked about papers. Will bring the ration card on Monday.",
    "Phone was busy twice; call in the evening.",
    "Wants the certificate before the school admission.",
    "Came with her son. All papers seen.",
    "Will pay the rest when the card arrives.",
    "Asked for a quotation by e-mail.",
    "Prefers WhatsApp, in Marathi.",
)
TASKS = (
    ("call", "Call about missing papers"), ("visit", "Visits to sign the form"), ("meeting", "Demonstration"),
    ("reminder", "Remind of the renewal"), ("todo", "Print the certificate"),
)  # fmt: skip
#: Support cases: what it is about, what happened, and what was done or asked.
CASES = (
    ("Name is spelled wrong", "The surname on the certificate lacks an h.", ""),
    ("Receipt not received", "Paid by UPI, the receipt never came.", ""),
    ("Form was sent back", "The office wants the address proof once more.", ""),
    ("Amount was taken twice", "Bank shows two payments on the same day.", "Asked for a photo of the bank statement."),
    ("Card never came", "Applied in May, nothing by post.", "The post office had it. Collected."),
    ("Wrong date on the receipt", "The receipt says last year.", "New receipt printed."),
)
