"""SQL of this part that `core.schema` applies after each migration."""

from __future__ import annotations

from django.apps import apps

#: Append-only tables whose rows may go when the policy's time for them is over. The ledger, the published policies and the evidence of
#: probes are not among them: they go with the workspace alone.
PROOFS = (
    "basis.ConsentRecord",
    "basis.Objection",
    "basis.Restriction",
    "basis.Guardianship",
    "basis.Asking",
    "basis.Decision",
    "basis.Opening",
    "basis.Withholding",
    "desk.PaperOpening",
    "privacy.RequestStep",
    "privacy.ErasureCertificate",
    "privacy.AuthorityApproval",
)

_FORGET = """
CREATE OR REPLACE FUNCTION forget_proofs(of_table text, these uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    here uuid := nullif(current_setting('app.workspace', true), '')::uuid;
    gone bigint;
BEGIN
    IF here IS NULL OR NOT of_table = ANY (ARRAY[{tables}]) THEN
        RAISE EXCEPTION 'nothing of this table is forgotten' USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('DELETE FROM public.%%I WHERE workspace_id = $1 AND id = ANY ($2)', of_table) USING here, these;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION forget_proofs(text, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_proofs(text, uuid[]) TO amanat_app;
"""


def forget_proofs() -> str:
    """The function that deletes from append-only tables, for those named here and the workspace of the transaction alone."""
    tables = ", ".join(f"'{apps.get_model(label)._meta.db_table}'" for label in PROOFS)
    return _FORGET.replace("{tables}", tables).replace("%%I", "%I")
