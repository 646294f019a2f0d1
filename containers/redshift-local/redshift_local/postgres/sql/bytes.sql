-- VARCHAR(n) and CHAR(n) hold n bytes, where PostgreSQL counts characters: each such column gets a constraint, made
-- and kept in step with the column's type by an event trigger. The front turns its violation into Redshift's error.

CREATE OR REPLACE FUNCTION redshift_local.hold_to_bytes() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    made regclass;
    changes text;
BEGIN
    FOR made IN
        SELECT DISTINCT e.objid
        FROM pg_event_trigger_ddl_commands() AS e
        JOIN pg_class AS c ON c.oid = e.objid AND c.relkind = 'r'
        WHERE e.classid = 'pg_class'::regclass
    LOOP
        WITH wanted AS (
            SELECT a.attname, format('redshift_local_bytes_%s_%s_%s', a.attnum, t.typname, a.atttypmod - 4) AS name,
                a.atttypmod - 4 AS most
            FROM pg_attribute AS a
            JOIN pg_type AS t ON t.oid = a.atttypid
            WHERE a.attrelid = made AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypmod > 4
                AND a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype)
        ), present AS (
            SELECT conname::text AS name FROM pg_constraint
            WHERE conrelid = made AND conname LIKE E'redshift\\_local\\_bytes\\_%'
        )
        SELECT string_agg(change, ', ' ORDER BY change DESC) INTO changes FROM (
            SELECT format('DROP CONSTRAINT %I', name) FROM present WHERE name NOT IN (SELECT name FROM wanted)
            UNION ALL
            SELECT format('ADD CONSTRAINT %I CHECK (octet_length(%I) <= %s)', name, attname, most)
            FROM wanted WHERE name NOT IN (SELECT name FROM present)
        ) AS needed (change);
        IF changes IS NOT NULL THEN
            EXECUTE format('ALTER TABLE %s %s', made, changes);
        END IF;
    END LOOP;
END
$$;
DROP EVENT TRIGGER IF EXISTS redshift_local_hold_to_bytes;
CREATE EVENT TRIGGER redshift_local_hold_to_bytes ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE')
    EXECUTE FUNCTION redshift_local.hold_to_bytes();
