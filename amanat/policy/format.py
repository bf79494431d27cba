"""The blocks of a policy file, one class each: the only definition of the format. `schema.json` is made from it.

Unknown names are refused, and a text is not taken for a number nor a number for a text, so a mistyped word is an error and never a silent default.
What is well formed but untrue, unlawful or incomplete is for `linting`.
"""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator

from amanat.policy.durations import Duration

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
ClauseId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Text = Annotated[str, StringConstraints(max_length=500)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,8}$")]
Term = Annotated[str, StringConstraints(pattern=r"^(dpv|pd):[A-Za-z]+$")]
Language = Literal["en", "hi", "mr"]
Translated = Annotated[str, StringConstraints(pattern=r"^(hi|mr)$")]
Names = Annotated[tuple[Name, ...], Field(max_length=50)]
WordList = Annotated[tuple[Word, ...], Field(max_length=50)]
Columns = Annotated[tuple[Word, ...], Field(max_length=1_000)]
#: No policy needs more entries in a block; a longer one would only make every comparison slow.
MOST = 100

PARTS = ("intro", "collect", "use", "share", "protect", "keep", "choices")


def _day(value: Any) -> Any:
    """A day as written in the file. `01/06/2026` is two days, depending on who reads it."""
    if not isinstance(value, str):
        return value
    try:
        if len(value) == len("2026-12-01"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError(f"“{value[:40]}” is no day: write year-month-day, such as 2026-12-01.")


Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]


class Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


class Head(Block):
    """Which policy this is, since when, in which languages, and under which laws."""

    id: ClauseId
    version: Annotated[int, Field(ge=1)]
    effective: Day
    langs: Annotated[tuple[Language, ...], Field(min_length=1)]
    regimes: Annotated[WordList, Field(min_length=1)]
    law: Annotated[WordList, Field(min_length=1)]
    vocab: Literal["dpv-2.3"]


class Operator(Block):
    """Who answers for it: towards people with an account, and towards the contacts its customers store."""

    name: Words
    office: Text
    account: Literal["controller", "processor"] = "controller"
    content: Literal["controller", "processor"] = "processor"
    company: bool = True  #: bound by companies' law, which keeps books longer than tax law


class Contact(Block):
    email: Text = ""
    phone: Text = ""
    post: Text = ""


class Officer(Block):
    title: Words
    email: Text = ""


class Venue(Block):
    """Which law and courts; "statutory" says that complaints to an authority stay possible."""

    law: Country
    court: Words
    saving: Literal["statutory", "none"] = "statutory"


class Parties(Block):
    operator: Operator
    contact: Contact = Contact()
    officer: Officer
    venue: Venue


class Data(Block):
    """A kind of data: what it is, where it lies and enters (filled in when published), whose it is."""

    terms: Annotated[tuple[Term, ...], Field(alias="is", min_length=1, max_length=50)]
    at: Columns = ()
    via: Columns = ()
    of: Literal["operator", "tenant"] = "operator"
    store: Literal["plain", "sealed", "argon2id"] = "plain"
    off_by_default: bool = False
    anonymous: bool = False  #: says nothing about a person, nor can be brought back to one


class Purpose(Block):
    """What data is used for; `basis` is "consent", or the ground under each law in scope."""

    term: Annotated[Term, Field(alias="is")]
    uses: Names
    basis: Word | Annotated[dict[Word, Word], Field(max_length=20)] = Field(default_factory=dict)
    per: Names = ()  #: channels, each agreed to by itself
    grain: Literal["aggregate", "person"] = "person"
    set_by: Literal["operator", "tenant"] = "operator"
    asks: Literal["person", "both_parties"] = "person"


class Recipient(Block):
    """Who receives data: which, in which countries, on which condition."""

    term: Annotated[Term, Field(alias="is")]
    gets: Names
    countries: Annotated[tuple[Country, ...], Field(alias="in", max_length=50)] = ()
    safeguard: Text = ""
    contract: Literal["required", "none"] = "none"
    host: Host | None = None
    when: Literal["always", "law", "consent"] = "always"
    named: bool = False  #: the person is told the name before agreeing
    approvers: Annotated[int, Field(ge=0, le=9)] = 0
    name: Text = ""  #: a proper name, shown instead of the word for the role


class Transfers(Block):
    region: Literal["pinned", "free"] = "free"
    log_copy: Country | None = None
    banned: Names = ()
    notice_before_sale: Duration


class Keep(Block):
    """How long kinds of data are kept: until the first of its triggers, but never less than the named floors of the law."""

    of: Annotated[Names, Field(min_length=1)]
    until: Annotated[dict[Name, Duration], Field(min_length=1, max_length=20)]
    floor: WordList = ()
    warn: Duration | None = None
    leave: Literal["nothing", "suppression_hmac"] = "nothing"
    override: Literal["none", "client_contract"] = "none"
    append_only: bool = False
    ip_truncate: Duration | None = None

    @field_validator("until", mode="before")
    @classmethod
    def _has_triggers(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(
                f"“{value[:40]}” has no trigger, so nobody can say when it begins: write {{closure: {value[:40]}}}."
            )
        return value


class Vault(Block):
    """The sealed store for what a law forces us to keep after an erasure."""

    when: Literal["floor_exceeds_promise"]
    subjects: Annotated[tuple[Country, ...], Field(max_length=50)]
    key: Literal["separate"]
    readers: Literal["two_person_legal"]
    shred: Duration


class Rights(Block):
    due: Duration
    regimes: Annotated[dict[Word, Duration], Field(max_length=20)]
    kinds: Annotated[Names, Field(min_length=1)]
    by: Annotated[Names, Field(min_length=1)]
    opt_out_effect: Duration
    stop_words: Annotated[WordList, Field(min_length=1)]


class StorageKey(Block):
    """What is put on a reader's device; `at` are the names it has there, by default its own."""

    kind: Literal["essential", "functional", "analytics", "marketing"]
    life: Duration
    at: WordList = ()


class Storage(Block):
    keys: Annotated[dict[Name, StorageKey], Field(max_length=MOST)]
    signals: tuple[Literal["sec-gpc", "dnt"], ...] = ()


class Attestation(Block):
    """What no program can show. Its sentence is on the page while the evidence is valid."""

    evidence: Text = ""
    until: Day | None = None

    def is_valid(self, on: date) -> bool:
        return bool(self.evidence) and self.until is not None and on <= self.until


class Security(Block):
    tls: Literal["1.2", "1.3"]
    at_rest: Word
    password: Literal["argon2id"]
    mfa: Names
    mfa_required: Names = ()
    access: Literal["deny_by_default", "allow_by_default"]
    egress: Literal["recipients_only", "open"]
    audit_every: Duration
    update_every: Duration
    pentest_every: Duration
    training_every: Duration
    backup_every: Duration
    restore_test_every: Duration
    attest: Annotated[dict[Name, Attestation], Field(max_length=MOST)] = Field(default_factory=dict)


class Breach(Block):
    """Who hears of a leak, and how soon after it is known."""

    people: Duration
    board_first: Duration | None = None
    board_detail: Duration | None = None
    eu_authority: Duration | None = None
    certin: Duration | None = None


class Children(Block):
    min_age: Annotated[int, Field(ge=0, le=21)]
    freeze: Duration
    erase: Duration


class Changes(Block):
    post: bool
    email_if: Literal["material", "any", "never"]
    lead: Duration
    archive: Literal["public", "on_request", "none"]
    silence_is: Word


class Clause(Block):
    """One sentence or more of the page. Numbers and names come in through {references} to the rules it rests on."""

    id: ClauseId
    part: Annotated[Literal["intro", "collect", "use", "share", "protect", "keep", "choices"], Field(alias="in")]
    say: Words
    rests: WordList = ()
    probe: WordList = ()
    kind: Literal["rule", "attested", "disclaimer"] = "rule"


class Policy(Block):
    """A policy file."""

    amanat: Literal[1]
    head: Annotated[Head, Field(alias="policy")]
    parties: Parties
    products: Annotated[
        dict[Name, Annotated[tuple[Host, ...], Field(max_length=50)]], Field(min_length=1, max_length=MOST)
    ]
    data: Annotated[dict[Name, Data], Field(min_length=1, max_length=MOST)]
    purposes: Annotated[dict[Name, Purpose], Field(min_length=1, max_length=MOST)]
    never: WordList
    recipients: Annotated[dict[Name, Recipient], Field(max_length=MOST)]
    transfers: Transfers
    keep: Annotated[dict[Name, Keep], Field(max_length=MOST)]
    vault: Vault | None = None
    rights: Rights
    storage: Storage
    security: Security
    breach: Breach
    children: Children
    changes: Changes
    clauses: Annotated[tuple[Clause, ...], Field(min_length=1, max_length=MOST)]
    labels: Annotated[dict[Word, Words], Field(max_length=500)] = Field(
        default_factory=dict
    )  #: path: English words for a name of one's own
    translations: dict[Translated, Annotated[dict[Word, Words], Field(max_length=500)]] = Field(
        default_factory=dict
    )  #: clause or path: words

    @cached_property
    def tree(self) -> dict[str, Any]:
        """The rules as plain values under the names of the file, with what was left out filled in; durations are Durations."""
        tree: dict[str, Any] = _plain(self)
        return tree

    def as_document(self) -> dict[str, Any]:
        """The policy as plain JSON, what equals the default left out: one form for one meaning, whatever file it came from."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Block):
        fields = type(value).model_fields
        held = ((field.alias or name, getattr(value, name)) for name, field in fields.items())
        return {name: _plain(below) for name, below in held if below is not None}
    if isinstance(value, dict):
        return {name: _plain(below) for name, below in value.items()}
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value
