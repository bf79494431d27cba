"""Ways to spoil the default policy, and who must find each."""

from __future__ import annotations

#: What is changed (old, new), the checks that must find it, and a piece of what the first finding says.
MUTATIONS: list[tuple[str, list[tuple[str, str]], set[str], str]] = [
    # The fourteen of the design.
    ("age under 18 in India", [("min_age: 18", "min_age: 16")], {"children.age"}, "under 18"),
    (
        "banned safeguard",
        [("safeguard: scc", "safeguard: privacy_shield")],
        {"transfer.banned-safeguard"},
        "protects nothing",
    ),
    (
        "typed number",
        [("within {breach.people} at", "within 72 hours of {breach.people} at")],
        {"sentence.typed-number"},
        "“7”",
    ),
    ("empty e-mail", [("email: privacy@business.example", "email: ''")], {"contact.missing"}, "email"),
    (
        "forbidden purpose",
        [("is: dpv:ServiceUsageAnalytics", "is: dpv:SellDataToThirdParties")],
        {"never.forbidden-purpose", "cookie.consent"},
        "`never` says",
    ),
    (
        "data without purpose",
        [("uses: [identity, secret, proof, security]", "uses: [identity, proof, security]")],
        {"data.without-purpose"},
        "“secret”",
    ),
    (
        "data without retention",
        [("of: [identity, secret, proof]", "of: [identity, secret]")],
        {"data.without-retention"},
        "“proof”",
    ),
    ("unknown term", [("[pd:CallLog,", "[pd:CallLogs,")], {"term.unknown", "reference.missing"}, "pd:CallLogs"),
    ("clause on nothing", [("rests: [security.training_every], ", "")], {"clause.rests-on-nothing"}, "No rule"),
    ("undisclosed rule", [("rests: [keep.support]", "rests: [keep.requests]")], {"rule.undisclosed"}, "No clause"),
    (
        "no ground under one law",
        [("{in-dpdp: s7a, eu-gdpr: A6-1-f, us-ccpa: notice}", "{in-dpdp: s7a, us-ccpa: notice}")],
        {"purpose.without-basis"},
        "General Data",
    ),
    (
        "implied consent",
        [("uses: [usage], basis: consent", "uses: [usage], basis: implied")],
        {"consent.implied", "cookie.consent"},
        "clear act",
    ),
    ("abroad without safeguard", [("in: [US], safeguard: scc", "in: [US]")], {"transfer.without-safeguard"}, "US"),
    (
        "processor without contract",
        [
            (
                "gets: [identity, content, talk], in: [IN], contract: required",
                "gets: [identity, content, talk], in: [IN]",
            )
        ],
        {"recipient.without-contract"},
        "“carrier”",
    ),
    (
        "missing reference",
        [("{keep.support.until.case_closed}", "{keep.support.until.closed}")],
        {"reference.missing", "translation.differs"},
        "no rule",
    ),
    # The seeds' own defects, as rules.
    ("no phone though it is a way", [('phone: "+91 120 000 0000"', 'phone: ""')], {"contact.missing"}, "phone"),
    (
        "blank post",
        [('post: "Business Park, Sector 142, Noida 201305, India"', 'post: " "')],
        {"contact.missing"},
        "post",
    ),
    ("officer without address", [("email: officer@business.example", "email: ''")], {"contact.missing"}, "officer"),
    (
        "TLS at rest",
        [("at_rest: envelope_per_tenant", "at_rest: tls")],
        {"security.at-rest", "reference.missing"},
        "way",
    ),
    (
        "IP address called anonymous",
        [("is: [pd:IPAddress,", "anonymous: true, is: [pd:IPAddress,")],
        {"data.not-anonymous"},
        "pd:IPAddress",
    ),
    ("silence accepts", [('silence_is: "no"', 'silence_is: "yes"')], {"consent.implied"}, "silence"),
    ("seven years alone", [("floor: [in-cgst-36, in-companies-128-5]", "floor: []")], {"keep.below-floor"}, "CGST"),
    (
        "seven years for a company",
        [("floor: [in-cgst-36, in-companies-128-5]", "floor: [in-cgst-36]")],
        {"keep.below-floor"},
        "128(5)",
    ),
    (
        "never shares, and shares",
        [("identifiable_without_basis", "identifiable_without_consent")],
        {"never.contradiction"},
        "consent first",
    ),
    # Names and words.
    ("unknown kind in a purpose", [("uses: [usage],", "uses: [usages],")], {"name.unknown"}, "“usages”"),
    ("unknown kind at a recipient", [("gets: [billing], in", "gets: [bills], in")], {"name.unknown"}, "“bills”"),
    (
        "unknown trigger",
        [("{case_closed: P2Y}", "{case_close: P2Y}")],
        {"trigger.unknown", "reference.missing"},
        "“case_close”",
    ),
    ("unknown channel", [("per: [email, sms,", "per: [fax, sms,")], {"word.unknown", "reference.missing"}, "“fax”"),
    ("unknown right", [("kinds: [access,", "kinds: [acces,")], {"word.unknown", "reference.missing"}, "“acces”"),
    ("unknown way", [("by: [self_service,", "by: [telegram,")], {"word.unknown", "reference.missing"}, "“telegram”"),
    (
        "unknown word of never",
        [("[dpv:SellDataToThirdParties, rent,", "[dpv:SellDataToThirdParties, lend,")],
        {"word.unknown", "reference.missing"},
        "“lend”",
    ),
    ("unknown law pack", [("[in-2026.11, ", "[in-2026.11, in-2031.01, ")], {"law.unknown"}, "in-2031.01"),
    ("regime without its pack", [("eu-2026.11, ", "")], {"law.unknown"}, "eu-gdpr"),
    (
        "unknown regime",
        [("[in-dpdp, eu-gdpr, us-ccpa], law", "[in-dpdp, eu-gdpr, us-ccpa, br-lgpd], law")],
        {"law.unknown"},
        "br-lgpd",
    ),
    (
        "unknown floor",
        [("floor: [in-certin-180d,", "floor: [in-certin-200d,")],
        {"keep.floor-unknown"},
        "in-certin-200d",
    ),
    ("unknown safeguard", [("safeguard: scc", "safeguard: promise")], {"transfer.banned-safeguard"}, "no safeguard"),
    (
        "own word without a label",
        [("  mail:      {is", "  printer:   {is")],
        {"reference.missing"},
        "recipients.printer",
    ),
    (
        "two clauses of one name",
        [("{id: people,", "{id: premises,")],
        {"clause.twice", "translation.stray"},
        "clauses are called",
    ),
    (
        "a part left out",
        [("{id: collect, in: collect", "{id: collect, in: use"), ("{id: voice, in: collect", "{id: voice, in: use")],
        {"page.parts"},
        "“collect”",
    ),
    # Consent.
    (
        "marketing without consent",
        [
            (
                "basis: consent, per: [email, sms, whatsapp",
                "basis: {in-dpdp: s7a, eu-gdpr: A6-1-f, us-ccpa: notice}, per: [email, sms, whatsapp",
            )
        ],
        {"consent.needed", "cookie.consent"},
        "yes from everyone",
    ),
    (
        "one yes for all channels",
        [(", per: [email, sms, whatsapp, call, newsletter, product_updates, study_materials, survey]", "")],
        {"consent.needed"},
        "every channel",
    ),
    ("recording asks one side", [(", asks: both_parties", "")], {"consent.needed"}, "other person"),
    ("recording on by default", [(", off_by_default: true", "")], {"recording.on"}, "unless somebody stops it"),
    (
        "opt-out to send",
        [("basis: consent, per: [whatsapp", "basis: opt_out, per: [whatsapp")],
        {"consent.implied"},
        "“opt_out”",
    ),
    (
        "no ground at all",
        [("uses: [voice], basis: consent,", "uses: [voice],")],
        {"purpose.without-basis", "consent.needed"},
        "no ground",
    ),
    ("ground of another law", [("{in-dpdp: s7d,", "{in-dpdp: A6-1-c,")], {"purpose.without-basis"}, "“A6-1-c”"),
    (
        "a word that is no ground",
        [("uses: [usage, support], basis: consent", "uses: [usage, support], basis: because")],
        {"purpose.without-basis"},
        "“because”",
    ),
    (
        "tracker of two years",
        [("usage:   {kind: analytics, life: P6M}", "usage:   {kind: analytics, life: P2Y}")],
        {"cookie.life"},
        "13 months",
    ),
    ("slow opt-out", [("opt_out_effect: PT60S", "opt_out_effect: P10D")], {"stop.slow"}, "10 days"),
    # Sharing.
    (
        "partner without consent",
        [("when: consent, named: true", "when: always, named: true")],
        {"recipient.unnamed-partner"},
        "“partner”",
    ),
    (
        "partner without a name",
        [("when: consent, named: true", "when: consent")],
        {"recipient.unnamed-partner"},
        "“partner”",
    ),
    (
        "profiling promised never",
        [("is: dpv:ServiceUsageAnalytics", "is: dpv:Personalisation")],
        {"never.forbidden-purpose", "cookie.consent"},
        "“profiling”",
    ),
    # Numbers of the law.
    ("warning too short", [("warn: PT48H", "warn: PT24H")], {"keep.warning-short"}, "48 hours"),
    ("no warning", [(", warn: PT48H", "")], {"keep.warning-short", "reference.missing"}, "48 hours"),
    (
        "no vault",
        [
            (
                "vault: {when: floor_exceeds_promise, subjects: [IN], key: separate, readers: two_person_legal, shred: P1Y}\n",
                "",
            )
        ],
        {"vault.missing", "reference.missing", "clause.rests-on-nothing"},
        "8(3)",
    ),
    ("vault for too long", [("shred: P1Y", "shred: P3Y")], {"vault.missing"}, "1 year"),
    ("answer too late", [("due: P30D", "due: P60D")], {"rights.slow"}, "60 days"),
    ("answer a day too late", [("due: P30D", "due: P31D")], {"rights.slow"}, "31 days"),
    ("limit above the law", [("in-dpdp: P90D", "in-dpdp: P120D")], {"rights.slow"}, "120 days"),
    ("extension above the law", [("eu-gdpr: P1M+P2M", "eu-gdpr: P1M+P3M")], {"rights.slow"}, "at most 3 months more"),
    (
        "limit of one law missing",
        [("regimes: {in-dpdp: P90D, eu-gdpr: P1M+P2M, us-ccpa", "regimes: {in-dpdp: P90D, us-ccpa")],
        {"rights.slow"},
        "eu-gdpr",
    ),
    ("people told late", [("people: PT72H", "people: P7D")], {"breach.slow"}, "7 days"),
    ("CERT-In told late", [("certin: PT6H", "certin: PT12H")], {"breach.slow"}, "12 hours"),
    ("Europe not told", [("eu_authority: PT72H, ", "")], {"breach.slow", "reference.missing"}, "Nobody is told"),
    (
        "logs too short",
        [
            (
                "{of: [security], until: {seen: P1Y}, floor: [in-certin-180d, in-dpdp-8-3]}",
                "{of: [security], until: {seen: P30D}}",
            )
        ],
        {"keep.below-floor"},
        "CERT-In",
    ),
    (
        "a sentence shorter than the law",
        [("security:  {of: [security], until: {seen: P1Y}", "security:  {of: [security], until: {seen: P10D}")],
        {"keep.law-unsaid"},
        "would say 10 days, and the law keeps it longer",
    ),
    ("password in the open", [(", store: argon2id", "")], {"data.password-readable"}, "Passwords"),
    # Sentences.
    ("probe left out", [(", probe: [S-TRAIN]", "")], {"clause.without-probe"}, "Nothing shows"),
    (
        "rests on a missing rule",
        [("rests: [security.training_every]", "rests: [security.lessons_every]")],
        {"clause.rests-on-nothing"},
        "security.lessons_every",
    ),
    ("a brace alone", [("Nothing else.", "Nothing else}.")], {"sentence.braces"}, "brace"),
    (
        "a whole block in a sentence",
        [("Nothing else.", "Nothing else but {keep}.")],
        {"reference.missing", "translation.differs"},
        "no words",
    ),
    (
        "star of no group",
        [("Nothing else.", "Nothing else but {keep.*}.")],
        {"reference.missing", "translation.differs"},
        "no rule",
    ),
    (
        "translation left out",
        [('    links: "लिंक', '    linkz: "लिंक')],
        {"translation.missing", "translation.stray"},
        "“links”",
    ),
    ("translation drops a number", [("अधिकतम {breach.people} में", "जल्दी")], {"translation.differs"}, "left out"),
    (
        "translation types a number",
        [("अधिकतम {breach.people} में", "७२ घंटे {breach.people} में")],
        {"sentence.typed-number"},
        "“७”",
    ),
    (
        "translation adds a rule",
        [("कोई भी प्रणाली पूरी तरह", "कोई भी प्रणाली {breach.people} पूरी तरह")],
        {"translation.differs"},
        "added",
    ),
    (
        "label of nothing",
        [("\ntranslations:", "\nlabels: {recipients.nobody: Nobody}\n\ntranslations:")],
        {"translation.stray"},
        "recipients.nobody",
    ),
]
