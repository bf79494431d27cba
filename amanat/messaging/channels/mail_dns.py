"""SPF, DKIM and DMARC of a sending domain: what is published, and in words what to publish.

Nothing here is asked of the name servers unless a person asks for it: the page of the account has a button, `doctor --mail-dns` does it
for all accounts. Only the domain is named to them, never a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from amanat.accounts import access
from amanat.core import tenancy
from amanat.messaging.channels.models import Channel, ChannelAccount

#: Answers the TXT records of a name; none where there are none. Raises LookupError where no name server answered.
type Resolver = Callable[[str], Sequence[str]]
_SECONDS = 4.0
#: What each provider's mails are signed and allowed by: (words for SPF, selectors of DKIM).
_PROVIDERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ses": ("include:amazonses.com", ()),
    "postmark": ("include:spf.mtasv.net", ("pm", "20230601")),
    "mailgun": ("include:mailgun.org", ("mx", "k1", "smtp", "email")),
    "brevo": ("include:spf.brevo.com", ("brevo1", "brevo2", "mail")),
    "smtp.gmail.com": ("include:_spf.google.com", ("google",)),
    "smtp.zoho.in": ("include:zoho.in", ("zoho", "zmail")),
    "smtp.office365.com": ("include:spf.protection.outlook.com", ("selector1", "selector2")),
}
_USUAL_SELECTORS = ("default", "dkim", "mail", "s1", "s2", "k1")


@dataclass(frozen=True, slots=True)
class Found:
    """One of the three: whether it is good, what is there, and what to do."""

    name: str
    is_good: bool
    sentence: str
    advice: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Sender:
    """A domain from which a workspace sends mail, and by whom."""

    domain: str
    provider: str
    host: str


def senders() -> list[Sender]:
    """All of this installation, each once, without saying whose they are. For the operator's `doctor`."""
    found: set[Sender] = set()
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            for account in ChannelAccount.objects.of(workspace_id).filter(channel=Channel.EMAIL, is_sandbox=False):
                host = str(account.settings.get("smtp_host", ""))
                found.add(Sender(account.address.rpartition("@")[2].lower(), account.provider, host))
    return sorted(found)


def examine(
    domain: str, *, provider: str = "smtp", host: str = "", selector: str = "", txt: Resolver | None = None
) -> list[Found]:
    """What the domain publishes. `selector` is of DKIM, where the owner knows it; raises LookupError when no name server answers."""
    ask = txt or resolve
    name = domain.strip().lower().rstrip(".")
    if not re.fullmatch(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", name):
        raise ValueError("no domain")
    words, selectors = _PROVIDERS.get(provider) or _PROVIDERS.get(host.lower()) or ("", ())
    return [
        _spf(name, words, ask),
        _dkim(name, (selector, *selectors) if selector else (*selectors, *_USUAL_SELECTORS), ask),
        _dmarc(name, ask),
    ]


def _spf(domain: str, words: str, ask: Resolver) -> Found:
    records = [one for one in ask(domain) if one.lower().startswith("v=spf1")]
    wanted = f"v=spf1 {words or _('(what your mail provider names)')} ~all"
    if not records:
        return Found(
            "SPF",
            False,
            _("%(domain)s does not say who may send its mail.") % {"domain": domain},
            _publish(domain, wanted),
        )
    if len(records) > 1:
        return Found(
            "SPF", False, _("There are several SPF records, so none counts."), _("Join them into one TXT record.")
        )
    if words and words not in records[0]:
        advice = _("Add %(words)s to the SPF record of %(domain)s.") % {"words": words, "domain": domain}
        return Found("SPF", False, _("The SPF record does not name your mail provider."), advice)
    if re.search(r"[+]?all$", records[0]) and not re.search(r"[-~?]all$", records[0]):
        return Found("SPF", False, _("The SPF record lets everybody send."), _publish(domain, wanted))
    return Found("SPF", True, _("The SPF record is there."))


def _dkim(domain: str, selectors: Sequence[str], ask: Resolver) -> Found:
    for selector in dict.fromkeys(selectors):
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,63}", selector):
            continue
        if any("p=" in one and not re.search(r"p=\s*(;|$)", one) for one in ask(f"{selector}._domainkey.{domain}")):
            return Found("DKIM", True, _("A DKIM key is there, under the name %(name)s.") % {"name": selector})
    advice = _("Switch DKIM on at your mail provider and publish the TXT record that it shows, at %(place)s.")
    return Found("DKIM", False, _("No DKIM key was found."), advice % {"place": f"(name)._domainkey.{domain}"})


def _dmarc(domain: str, ask: Resolver) -> Found:
    """Of the domain itself, or of the domain above it, whose record holds for it too (RFC 7489)."""
    parents = [domain, *([domain.split(".", 1)[1]] if domain.count(".") > 1 else [])]
    for name in parents:
        for one in ask(f"_dmarc.{name}"):
            if one.lower().startswith("v=dmarc1"):
                return Found("DMARC", True, _("The DMARC record is there."))
    wanted = f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}"
    return Found("DMARC", False, _("There is no DMARC record."), _publish(f"_dmarc.{domain}", wanted))


def _publish(place: str, text: str) -> str:
    return _("Publish at your domain's provider, under %(place)s, the TXT record: %(text)s") % {
        "place": place,
        "text": text,
    }


def resolve(name: str) -> list[str]:
    """The TXT records of a name, of the machine's own name servers. Raises LookupError when none answers."""
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=_SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise LookupError(name) from error
    return [b"".join(one.strings).decode("utf-8", "replace")[:4_000] for one in answer]
