"""Tables of the ways to reach a contact or company."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models_records import Company, Contact, Source


class Reach(WorkspaceRow):
    """A way to reach a contact or a company: it belongs to exactly one of them."""

    contact = WorkspaceForeignKey(Contact, null=True, related_name="%(class)ss")
    company = WorkspaceForeignKey(Company, null=True, related_name="%(class)ss")
    label = models.CharField(_("label"), max_length=30, blank=True, db_default="", default="")
    position = models.SmallIntegerField(default=0, db_default=0)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.FORM)
    verified_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=False, company__isnull=True)
                | Q(contact__isnull=True, company__isnull=False),
                name="%(class)s_has_one_holder",
            ),
        ]


class Phone(Reach):
    number = models.CharField(_("number"), max_length=20)  #: E.164
    extension = models.CharField(max_length=10, blank=True, db_default="", default="")
    is_whatsapp = models.BooleanField(null=True)

    class Meta:
        constraints = [
            *Reach.Meta.constraints,
            models.CheckConstraint(condition=Q(number__startswith="+"), name="phone_is_e164"),
            models.UniqueConstraint(fields=["workspace_id", "contact", "number"], name="phone_once_a_contact"),
            # Few are a company's: those of people need not stand in its index.
            models.UniqueConstraint(
                fields=["workspace_id", "company", "number"],
                name="phone_once_a_company",
                condition=Q(company__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["workspace_id", "number"], name="phone_by_number")]


class Email(Reach):
    address = models.CharField(_("address"), max_length=254)  #: lower-case

    class Meta:
        constraints = [
            *Reach.Meta.constraints,
            models.UniqueConstraint(fields=["workspace_id", "contact", "address"], name="email_once_a_contact"),
            # Few are a company's: those of people need not stand in its index.
            models.UniqueConstraint(
                fields=["workspace_id", "company", "address"],
                name="email_once_a_company",
                condition=Q(company__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["workspace_id", "address"], name="email_by_address")]


class Address(Reach):
    contact = WorkspaceForeignKey(Contact, null=True, related_name="addresses")
    company = WorkspaceForeignKey(Company, null=True, related_name="addresses")
    street = models.CharField(_("street"), max_length=300, blank=True, db_default="", default="")
    locality = models.CharField(_("village or area"), max_length=120, blank=True, db_default="", default="")
    city = models.CharField(_("town"), max_length=120, blank=True, db_default="", default="")
    district = models.CharField(_("district"), max_length=120, blank=True, db_default="", default="")
    state = models.CharField(_("state"), max_length=120, blank=True, db_default="", default="")
    postal_code = models.CharField(_("PIN code"), max_length=20, blank=True, db_default="", default="")
    country = models.CharField(_("country"), max_length=60, blank=True, db_default="", default="")

    class Meta:
        constraints = Reach.Meta.constraints
        indexes = [
            models.Index(fields=["workspace_id", "contact"], name="address_by_contact"),
            models.Index(
                fields=["workspace_id", "company"], name="address_by_company", condition=Q(company__isnull=False)
            ),
            models.Index(fields=["workspace_id", "city"], name="address_by_city"),
        ]

    def __str__(self) -> str:
        parts = (self.street, self.locality, self.city, self.district, self.state, self.postal_code, self.country)
        return ", ".join(part for part in parts if part)
