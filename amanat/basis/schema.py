"""SQL of this package that `core.schema` applies after each migration."""

#: HMAC-SHA256 (RFC 2104) with the key as its two pads. PostgreSQL has no HMAC outside an extension, and the gate needs it inside its one
#: query. Names are qualified instead of setting a search path, so that the planner can put the body into the query.
KEYED_HASH = """
CREATE OR REPLACE FUNCTION keyed_hash(inner_pad bytea, outer_pad bytea, said text) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.sha256(outer_pad || pg_catalog.sha256(inner_pad || pg_catalog.convert_to(said, 'UTF8')))
$$
"""

#: Workspaces with a version of which members were mailed in the last month and people are not all told.
WORKSPACES_WITH_PEOPLE_TO_TELL = """
CREATE OR REPLACE FUNCTION workspaces_with_people_to_tell(moment timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT v.workspace_id FROM public.publishing_policyversion v
    WHERE v.published_at > moment - interval '30 days' AND v.replaces > 0
      AND EXISTS (SELECT FROM public.publishing_policymail m WHERE m.workspace_id = v.workspace_id AND m.version_id = v.id)
      AND NOT EXISTS (SELECT FROM public.basis_telling t WHERE t.workspace_id = v.workspace_id AND t.version_id = v.id
          AND (t.done_at IS NOT NULL OR t.due_at > moment))
$$;
REVOKE ALL ON FUNCTION workspaces_with_people_to_tell(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workspaces_with_people_to_tell(timestamptz) TO amanat_app;
"""

#: What the gate knows about people, one row for each of the questions, in their order. A function, because its plan is then made once a
#: connection: planning costs twice as much as answering for one person (and the planner, left to itself, would plan anew each time). It
#: runs with the rights of who asks, so the wall holds. Everything is looked up person by person, the contact too: a plan kept from a day
#: without statistics must not read the whole workspace.
#: Opting out of sale stops what goes to partners (`policy.partners`), until she says yes to one of them afterwards. That she wants none of a
#: purpose (`until_yes`) stops every channel until she herself says yes to that one; a file cannot do that.
KNOWN_OF_PEOPLE = """
DROP FUNCTION IF EXISTS known_of_people(uuid, uuid[], text[], text[], text[], timestamptz, bytea, bytea);
CREATE FUNCTION known_of_people(
    here uuid, contacts uuid[], purposes text[], channels text[], addresses text[], moment timestamptz, inner_pad bytea, outer_pad bytea
) RETURNS TABLE (
    contact uuid, is_known boolean, in_bin boolean, born date, phone varchar, country varchar,
    consent varchar, consent_id uuid, consent_until timestamptz, consent_version integer, guardian_agreed boolean, objects boolean, restricted varchar[], suppressed varchar
)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN RETURN QUERY
    SELECT asked.id, c.id IS NOT NULL, c.deleted_at IS NOT NULL, c.birthday, coalesce(c.main_phone, ''), coalesce(a.country, ''),
        coalesce(s.what, ''), s.id, s.until, coalesce(s.shown_version, 0),
        CASE WHEN s.guardianship_id IS NULL THEN false ELSE coalesce((
            SELECT latest.what = 'named' FROM basis_guardianship named
            JOIN basis_guardianship latest ON latest.workspace_id = here AND latest.contact_id = asked.id
              AND latest.guardian_principal = named.guardian_principal AND latest.at <= moment
            WHERE named.workspace_id = here AND named.id = s.guardianship_id
            ORDER BY latest.at DESC, latest.id DESC LIMIT 1), false) END,
        coalesce((
            SELECT bool_or(latest.what = 'made' AND (latest.purpose <> 'sale' OR latest.at > coalesce(s.at, '-infinity'))
                AND CASE WHEN latest.until_yes THEN NOT coalesce((
                    SELECT own.what = 'given' AND own.at > latest.at FROM basis_consentrecord own
                    WHERE own.workspace_id = here AND own.contact_id = asked.id AND own.purpose = asked.purpose
                      AND own.channel = asked.channel AND own.at <= moment AND NOT (own.method = 'file' AND own.what = 'given')
                    ORDER BY own.at DESC, own.id DESC LIMIT 1), false) ELSE true END) FROM (
                SELECT DISTINCT ON (o.purpose) o.purpose, o.what, o.at, o.until_yes FROM basis_objection o
                WHERE o.workspace_id = here AND o.contact_id = asked.id AND o.at <= moment
                  AND o.purpose IN (asked.purpose, '', CASE WHEN starts_with(asked.purpose, 'to_') THEN 'sale' ELSE '' END)
                ORDER BY o.purpose, o.at DESC, o.id DESC) latest), false),
        (SELECT coalesce(array_agg(latest.ground), '{}') FROM (
            SELECT DISTINCT ON (r.ground) r.ground, r.what FROM basis_restriction r
            WHERE r.workspace_id = here AND r.contact_id = asked.id AND r.at <= moment
            ORDER BY r.ground, r.at DESC, r.id DESC) latest
         WHERE latest.what = 'imposed'),
        coalesce((
            SELECT latest.reason FROM (
                SELECT DISTINCT ON (p.purpose, p.channel) p.what, p.reason FROM basis_suppression p
                WHERE p.workspace_id = here AND p.purpose IN (asked.purpose, '') AND p.channel IN (asked.channel, '') AND p.at <= moment
                  AND p.digest = keyed_hash(inner_pad, outer_pad, CASE asked.address WHEN 'phone' THEN c.main_phone ELSE c.main_email END)
                ORDER BY p.purpose, p.channel, p.at DESC, p.id DESC) latest
            WHERE latest.what = 'added' AND asked.address <> '' LIMIT 1), '')
    FROM unnest(contacts, purposes, channels, addresses)
        WITH ORDINALITY AS asked(id, purpose, channel, address, place)
    LEFT JOIN LATERAL (
        SELECT person.id, person.deleted_at, person.birthday, person.main_phone, person.main_email FROM people_contact person
        WHERE person.workspace_id = here AND person.id = asked.id LIMIT 1) c ON true
    LEFT JOIN LATERAL (
        SELECT address.country FROM people_address address
        WHERE address.workspace_id = here AND address.contact_id = asked.id AND address.country <> ''
        ORDER BY address.position, address.id LIMIT 1) a ON true
    LEFT JOIN LATERAL (
        SELECT consent.id, consent.what, consent.at, consent.until, consent.guardianship_id, coalesce(
            (SELECT shown.policy_version FROM basis_notice shown WHERE shown.workspace_id = here AND shown.id = consent.notice_id),
            (SELECT max(v.number) FROM publishing_policyversion v WHERE v.workspace_id = here AND v.effective_at <= consent.at)
            ) AS shown_version
        FROM basis_consentrecord consent
        WHERE consent.workspace_id = here AND consent.contact_id = asked.id AND consent.purpose = asked.purpose
          AND consent.channel = asked.channel AND consent.at <= moment
        ORDER BY consent.at DESC, consent.id DESC LIMIT 1) s ON true
    ORDER BY asked.place;
END $$
"""
