-- What was declared of a table that PostgreSQL has no place for: distribution, sorting, encoding, unenforced keys.
-- The front leaves it, in base64, in a comment of the statement; it is kept here in the statement's own transaction.

-- It is kept as JSON in pg_description, under a class of its own: PostgreSQL tracks no reads and writes of its system
-- catalogs, so that two transactions that make tables at once don't look like a serializable isolation violation.
SET allow_system_table_mods = on;

CREATE OR REPLACE FUNCTION redshift_local.keep(relation oid, kind integer, kept jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    DELETE FROM pg_description
    WHERE objoid = relation AND classoid = 'pg_namespace'::regclass AND objsubid = kind;
    INSERT INTO pg_description SELECT relation, 'pg_namespace'::regclass, kind, kept WHERE kept IS NOT NULL;
$$;
REVOKE ALL ON FUNCTION redshift_local.keep FROM public;
-- Kinds of what is kept: 1 is a table's design, 2 a late-binding view.

CREATE OR REPLACE VIEW redshift_local.design AS
SELECT d.objoid AS relation, coalesce(j.kept ->> 'diststyle', 'auto') AS diststyle, j.kept ->> 'distkey' AS distkey,
    coalesce(j.kept ->> 'sortstyle', 'auto') AS sortstyle,
    ARRAY(SELECT jsonb_array_elements_text(coalesce(j.kept -> 'sortkeys', '[]'))) AS sortkeys,
    coalesce(j.kept -> 'encodings', '{}') AS encodings,
    coalesce((j.kept ->> 'autorefresh')::boolean, false) AS autorefresh,
    coalesce(j.kept -> 'keys', '[]') AS keys, j.kept
FROM pg_description AS d, LATERAL (SELECT d.description::jsonb AS kept OFFSET 0) AS j
WHERE d.classoid = 'pg_namespace'::regclass AND d.objsubid = 1;

-- The rows that COPY left out. They stand in a file of the front's, which every transaction sees at once and none rolls
-- back, as Redshift's logs are.
CREATE OR REPLACE FUNCTION redshift_local.load_errors() RETURNS TABLE (
    userid integer, tbl integer, starttime timestamp, session integer, filename text, line_number bigint, colname text,
    type text, col_length text, raw_line text, raw_field_value text, err_code integer, err_reason text
) LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT r.userid, r.tbl, r.starttime, r.session, r.filename, r.line_number, r.colname, r.type, r.col_length,
        r.raw_line, r.raw_field_value, r.err_code, r.err_reason
    FROM regexp_split_to_table(pg_read_file('redshift_local_load_errors.jsonl', 0, 536870912, true), E'\n') AS line,
        jsonb_to_record(line::jsonb) AS r (
            database text, userid integer, tbl integer, starttime timestamp, session integer, filename text,
            line_number bigint, colname text, type text, col_length text, raw_line text, raw_field_value text,
            err_code integer, err_reason text)
    WHERE line <> '' AND r.database = current_database()
$$;

CREATE OR REPLACE FUNCTION redshift_local.after_ddl() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    mark text[];
    made record;
    declared jsonb;
BEGIN
    FOR mark IN SELECT regexp_matches(current_query(), E'/\\*redshift_local:([A-Za-z0-9+/=]+)\\*/', 'g') LOOP
        declared := convert_from(decode(mark[1], 'base64'), 'UTF8')::jsonb;
        FOR made IN
            SELECT c.oid
            FROM pg_event_trigger_ddl_commands() AS e
            JOIN pg_class AS c ON c.oid = e.objid AND e.classid = 'pg_class'::regclass
            WHERE c.relkind IN ('r', 'm') AND c.relname = declared ->> 'table'
                AND e.command_tag LIKE 'CREATE %'
        LOOP
            PERFORM redshift_local.keep(made.oid, 1, declared);
        END LOOP;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION redshift_local.after_drop() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM pg_description
    WHERE classoid = 'pg_namespace'::regclass AND objsubid IN (1, 2)
        AND objoid IN (SELECT objid FROM pg_event_trigger_dropped_objects() WHERE classid = 'pg_class'::regclass);
END
$$;

DROP EVENT TRIGGER IF EXISTS redshift_local_after_ddl;
CREATE EVENT TRIGGER redshift_local_after_ddl ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'CREATE MATERIALIZED VIEW')
    EXECUTE FUNCTION redshift_local.after_ddl();
DROP EVENT TRIGGER IF EXISTS redshift_local_after_drop;
CREATE EVENT TRIGGER redshift_local_after_drop ON sql_drop EXECUTE FUNCTION redshift_local.after_drop();

-- For ALTER TABLE … ALTER DISTKEY and the like, by the owner alone.
CREATE OR REPLACE FUNCTION redshift_local.redesign(relation regclass, changed jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    wanted text;
    before jsonb;
BEGIN
    IF NOT (SELECT pg_has_role(session_user, relowner, 'USAGE') FROM pg_class WHERE oid = relation) THEN
        RAISE EXCEPTION 'must be owner of relation %', relation USING errcode = '42501';
    END IF;
    FOR wanted IN
        SELECT jsonb_array_elements_text(coalesce(changed -> 'sortkeys', '[]'))
        UNION SELECT changed ->> 'distkey'
        UNION SELECT jsonb_array_elements_text(key -> 'columns')
        FROM jsonb_array_elements(coalesce(changed -> 'keys', '[]')) AS key
        UNION SELECT jsonb_object_keys(coalesce(changed -> 'encodings', '{}'))
    LOOP
        IF wanted IS NOT NULL AND NOT EXISTS (
            SELECT FROM pg_attribute WHERE attrelid = relation AND attname = wanted AND NOT attisdropped
        ) THEN
            RAISE EXCEPTION 'column "%" of relation "%" does not exist', wanted, relation USING errcode = '42703';
        END IF;
    END LOOP;
    SELECT d.kept INTO before FROM redshift_local.design AS d WHERE d.relation = redesign.relation;
    before := coalesce(before, '{}');
    PERFORM redshift_local.keep(relation, 1, before
        || CASE WHEN changed ? 'diststyle' THEN jsonb_build_object('distkey', NULL) ELSE '{}' END
        || (changed - 'keys' - 'encodings')
        || jsonb_build_object(
            'keys', coalesce(before -> 'keys', '[]') || coalesce(changed -> 'keys', '[]'),
            'encodings', coalesce(before -> 'encodings', '{}') || coalesce(changed -> 'encodings', '{}')));
END
$$;
