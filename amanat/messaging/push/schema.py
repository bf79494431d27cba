"""SQL of push devices that `core.schema` applies: a device goes with its sign-in and with the seat, whoever ends them and however."""

from __future__ import annotations

#: A sign-in belongs to no workspace, hence a function with its owner's rights. It takes rows away and gives nothing out.
FORGET_WITH_SESSION = """
CREATE OR REPLACE FUNCTION push_forget_with_session() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    DELETE FROM messaging_pushdevice device USING ended WHERE device.session_key = ended.session_key;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION push_forget_with_session() FROM PUBLIC;
CREATE OR REPLACE TRIGGER push_forget_with_session AFTER DELETE ON accounts_session
    REFERENCING OLD TABLE AS ended FOR EACH STATEMENT EXECUTE FUNCTION push_forget_with_session();
"""

FORGET_WITH_SEAT = """
CREATE OR REPLACE FUNCTION push_forget_with_seat() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    DELETE FROM messaging_pushdevice WHERE workspace_id = NEW.workspace_id AND member_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER push_forget_with_seat AFTER UPDATE OF ended_at ON accounts_member
    FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION push_forget_with_seat();
"""
