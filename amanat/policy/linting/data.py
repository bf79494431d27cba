"""Is every kind of data named truly, used for something, and ended some day?"""

from __future__ import annotations

from collections.abc import Iterator

from amanat.policy import terms
from amanat.policy.linting.findings import Case, Complaint, check
from amanat.policy.telling import _, told

#: How data can lie encrypted. TLS is not among them: it protects the way, not the place.
AT_REST = ("envelope_per_tenant", "disk")


@check("term.unknown")
def term_unknown(case: Case) -> Iterator[Complaint]:
    policy = case.policy
    used = [
        *((("data", name, "is"), term) for name, data in policy.data.items() for term in data.terms),
        *((("purposes", name, "is"), purpose.term) for name, purpose in policy.purposes.items()),
        *((("recipients", name, "is"), recipient.term) for name, recipient in policy.recipients.items()),
        *((("never",), word) for word in policy.never if ":" in word),
    ]
    for place, term in used:
        if not terms.is_known(term):
            nearest = terms.nearest(term)
            advice = (
                told(_("Write {nearest}."), nearest=nearest)
                if nearest
                else told(_("Look it up at w3id.org/dpv and in terms.yaml."))
            )
            yield (
                place,
                told(
                    _("“{term}” is no term of {version} that is known here."),
                    term=term,
                    version=terms.vocabulary().version,
                ),
                advice,
            )


@check("data.without-purpose")
def without_purpose(case: Case) -> Iterator[Complaint]:
    used = {name for purpose in case.policy.purposes.values() for name in purpose.uses}
    for name in case.policy.data:
        if name not in used:
            yield (
                ("data", name),
                told(_("“{name}” is collected and used for nothing."), name=name),
                told(_("Name it in a purpose, or do not collect it.")),
            )


@check("data.without-retention")
def without_retention(case: Case) -> Iterator[Complaint]:
    kept = {name for keep in case.policy.keep.values() for name in keep.of}
    for name in case.policy.data:
        if name not in kept:
            yield (
                ("data", name),
                told(_("“{name}” would be kept for ever."), name=name),
                told(_("Name it in a rule of `keep`.")),
            )


@check("data.not-anonymous")
def not_anonymous(case: Case) -> Iterator[Complaint]:
    """A seed calls IP addresses non-personal; the other four, and the law, do not."""
    for name, data in case.policy.data.items():
        identifying = sorted(terms.vocabulary().identifying & set(data.terms))
        if data.anonymous and identifying:
            wrong = told(_("{all} can be brought back to a person."), all=", ".join(identifying))
            yield ("data", name, "anonymous"), wrong, told(_("Leave out `anonymous: true`."))


@check("data.password-readable")
def password_readable(case: Case) -> Iterator[Complaint]:
    for name, data in case.policy.data.items():
        if "pd:Password" in data.terms and data.store != "argon2id":
            yield ("data", name, "store"), told(_("Passwords could be read.")), told(_("Write `store: argon2id`."))


@check("security.at-rest")
def at_rest(case: Case) -> Iterator[Complaint]:
    """A seed promises "SSL/TLS encryption for data at rest", which there is not."""
    if case.policy.security.at_rest not in AT_REST:
        wrong = told(
            _("“{at_rest}” does not encrypt data where it lies; TLS protects it on its way."),
            at_rest=case.policy.security.at_rest,
        )
        yield ("security", "at_rest"), wrong, told(_("Write one of: {all}."), all=", ".join(AT_REST))
