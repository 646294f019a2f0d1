-- Late-binding views (WITH NO SCHEMA BINDING): a view over a function that runs the query's text, so that nothing
-- depends on the tables beneath. Its columns are found out when it is made and again when a table of a name that its
-- query mentions is made or changed.

CREATE OR REPLACE VIEW redshift_local.late_view AS
SELECT d.objoid AS relation, j.kept ->> 'query' AS query,
    ARRAY(SELECT jsonb_array_elements_text(j.kept -> 'names')) AS names, j.kept -> 'columns' AS columns
FROM pg_description AS d, LATERAL (SELECT d.description::jsonb AS kept OFFSET 0) AS j
WHERE d.classoid = 'pg_namespace'::regclass AND d.objsubid = 2;

CREATE OR REPLACE FUNCTION redshift_local.late(query text) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE query;
END
$$;

-- The columns of a query as [["name", "type"], …]; null where something that it names isn't there, or is being changed.
CREATE OR REPLACE FUNCTION redshift_local.described(query text, names text[]) RETURNS jsonb
    LANGUAGE plpgsql SET lock_timeout = '200ms' SET client_min_messages = error AS $$
DECLARE
    found jsonb;
BEGIN
    EXECUTE format(E'CREATE TEMP VIEW redshift_local_probe AS SELECT * FROM (%s\n) AS probed%s', query,
        redshift_local.named(names));
    SELECT jsonb_agg(jsonb_build_array(attname, format_type(atttypid, atttypmod)) ORDER BY attnum)
    INTO found FROM pg_attribute WHERE attrelid = 'pg_temp.redshift_local_probe'::regclass AND attnum > 0;
    DROP VIEW pg_temp.redshift_local_probe;
    RETURN found;
EXCEPTION WHEN undefined_table OR undefined_column OR invalid_schema_name OR lock_not_available THEN
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION redshift_local.named(names text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce((SELECT '(' || string_agg(quote_ident(name), ', ') || ')' FROM unnest(names) AS name), '')
$$;

-- What the view selects: columns by their names, in the types that the view has.
CREATE OR REPLACE FUNCTION redshift_local.late_select(query text, names text[], columns jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN columns = '[]' THEN
            format('SELECT * FROM redshift_local.late(%L) AS late (redshift_local_unbound text)', query)
        ELSE (
            SELECT format('SELECT * FROM redshift_local.late(%L) AS late (%s)',
                format(E'SELECT %s FROM (%s\n) AS late%s', string_agg(format('%I::%s', c ->> 0, c ->> 1), ', '),
                    query, redshift_local.named(names)),
                string_agg(format('%I %s', c ->> 0, c ->> 1), ', '))
            FROM jsonb_array_elements(columns) AS c
        )
    END
$$;

CREATE OR REPLACE FUNCTION redshift_local.remember_late(view regclass, query text, names text[], columns jsonb)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT (SELECT pg_has_role(session_user, relowner, 'USAGE') FROM pg_class WHERE oid = view) THEN
        RAISE EXCEPTION 'must be owner of view %', view USING errcode = '42501';
    END IF;
    PERFORM redshift_local.keep(view, 2,
        jsonb_build_object('query', query, 'names', to_jsonb(names), 'columns', columns));
END
$$;

CREATE OR REPLACE FUNCTION redshift_local.create_late(view text, replaces boolean, names text[], query text)
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    columns jsonb := coalesce(redshift_local.described(query, names), '[]');
    body text := redshift_local.late_select(query, names, columns);
BEGIN
    IF replaces THEN
        BEGIN
            EXECUTE format('CREATE OR REPLACE VIEW %s AS %s', view, body);
        EXCEPTION WHEN invalid_table_definition THEN
            EXECUTE format('DROP VIEW %s', view);
            EXECUTE format('CREATE VIEW %s AS %s', view, body);
        END;
    ELSE
        EXECUTE format('CREATE VIEW %s AS %s', view, body);
    END IF;
    PERFORM redshift_local.remember_late(view::regclass, query, names, columns);
END
$$;

CREATE OR REPLACE FUNCTION redshift_local.bind_late_views() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    late record;
    columns jsonb;
    view text;
BEGIN
    IF coalesce(current_setting('redshift_local.binding', true), '') = 'on' THEN
        RETURN;
    END IF;
    PERFORM set_config('redshift_local.binding', 'on', true);
    FOR late IN
        SELECT DISTINCT v.relation, v.query, v.names, v.columns
        FROM redshift_local.late_view AS v
        JOIN pg_class AS c ON c.oid = v.relation
        JOIN pg_event_trigger_ddl_commands() AS e ON e.classid = 'pg_class'::regclass AND e.objid <> v.relation
        JOIN pg_class AS made ON made.oid = e.objid AND made.relname <> 'redshift_local_probe'
        WHERE strpos(lower(v.query), made.relname) > 0 AND pg_has_role(c.relowner, 'USAGE')
    LOOP
        columns := redshift_local.described(late.query, late.names);
        IF columns IS NOT NULL AND columns <> late.columns THEN
            view := late.relation::regclass;
            BEGIN
                EXECUTE format('DROP VIEW %s', view);
                EXECUTE format('CREATE VIEW %s AS %s', view,
                    redshift_local.late_select(late.query, late.names, columns));
                PERFORM redshift_local.remember_late(view::regclass, late.query, late.names, columns);
            EXCEPTION WHEN dependent_objects_still_exist THEN
                RAISE WARNING 'view % keeps its columns: other views select from it', view;
            END;
        END IF;
    END LOOP;
    PERFORM set_config('redshift_local.binding', 'off', true);
END
$$;
GRANT SELECT ON redshift_local.late_view TO public;

DROP EVENT TRIGGER IF EXISTS redshift_local_bind_late_views;
CREATE EVENT TRIGGER redshift_local_bind_late_views ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE VIEW',
        'CREATE MATERIALIZED VIEW')
    EXECUTE FUNCTION redshift_local.bind_late_views();
