-- What was declared of a table that PostgreSQL has no place for: distribution, sorting, encoding, unenforced keys.
-- The front leaves it, in base64, in a comment of the statement; it is kept here in the statement's own transaction.

CREATE TABLE IF NOT EXISTS redshift_local.design (
    relation oid PRIMARY KEY,
    diststyle text NOT NULL,
    distkey text,
    sortstyle text NOT NULL,
    sortkeys text[] NOT NULL,
    encodings jsonb NOT NULL,
    autorefresh boolean NOT NULL
);
CREATE TABLE IF NOT EXISTS redshift_local.keys (
    relation oid NOT NULL,
    kind text NOT NULL,
    name text,
    columns text[] NOT NULL,
    referenced text
);
CREATE TABLE IF NOT EXISTS redshift_local.load_errors (
    userid integer NOT NULL,
    tbl integer NOT NULL,
    starttime timestamp NOT NULL DEFAULT clock_timestamp()::timestamp,
    session integer NOT NULL,
    query integer NOT NULL,
    filename text NOT NULL,
    line_number bigint NOT NULL,
    colname text NOT NULL,
    type text NOT NULL,
    raw_line text NOT NULL,
    raw_field_value text NOT NULL,
    err_code integer NOT NULL,
    err_reason text NOT NULL
);
CREATE SEQUENCE IF NOT EXISTS redshift_local.query_id;

CREATE OR REPLACE FUNCTION redshift_local.remember(relation oid, declared jsonb) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO redshift_local.design
    VALUES (
        relation,
        coalesce(declared ->> 'diststyle', 'auto'),
        declared ->> 'distkey',
        coalesce(declared ->> 'sortstyle', 'auto'),
        ARRAY(SELECT jsonb_array_elements_text(coalesce(declared -> 'sortkeys', '[]'))),
        coalesce(declared -> 'encodings', '{}'),
        coalesce((declared ->> 'autorefresh')::boolean, false)
    )
    ON CONFLICT ON CONSTRAINT design_pkey DO NOTHING;
    INSERT INTO redshift_local.keys
    SELECT relation, key ->> 'kind', key ->> 'name', ARRAY(SELECT jsonb_array_elements_text(key -> 'columns')),
        key ->> 'references'
    FROM jsonb_array_elements(coalesce(declared -> 'keys', '[]')) AS key
$$;
REVOKE ALL ON FUNCTION redshift_local.remember FROM public;

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
            PERFORM redshift_local.remember(made.oid, declared);
        END LOOP;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION redshift_local.after_drop() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM redshift_local.design WHERE relation IN (SELECT objid FROM pg_event_trigger_dropped_objects());
    DELETE FROM redshift_local.keys WHERE relation IN (SELECT objid FROM pg_event_trigger_dropped_objects());
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
    PERFORM redshift_local.remember(relation, jsonb_build_object('keys', coalesce(changed -> 'keys', '[]')));
    UPDATE redshift_local.design AS d SET
        diststyle = coalesce(changed ->> 'diststyle', d.diststyle),
        distkey = CASE WHEN changed ? 'diststyle' THEN changed ->> 'distkey' ELSE d.distkey END,
        sortstyle = coalesce(changed ->> 'sortstyle', d.sortstyle),
        sortkeys = CASE WHEN changed ? 'sortkeys'
            THEN ARRAY(SELECT jsonb_array_elements_text(changed -> 'sortkeys')) ELSE d.sortkeys END,
        encodings = d.encodings || coalesce(changed -> 'encodings', '{}')
    WHERE d.relation = redesign.relation;
END
$$;
