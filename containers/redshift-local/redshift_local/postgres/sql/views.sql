-- Look-alikes of the system views that clients ask. Columns as in the manual's "System tables and views reference".
SET allow_system_table_mods = on;

CREATE OR REPLACE VIEW redshift_local.relation AS
SELECT c.oid, c.relowner, current_database()::text AS database_name, n.nspname::text AS schema_name,
    c.relname::text AS table_name, c.relkind, c.reltuples, obj_description(c.oid, 'pg_class') AS remarks,
    coalesce(d.diststyle, 'auto') AS diststyle, d.distkey, coalesce(d.sortstyle, 'auto') AS sortstyle,
    coalesce(d.sortkeys, '{}') AS sortkeys, coalesce(d.encodings, '{}') AS encodings,
    coalesce(d.autorefresh, false) AS autorefresh
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN redshift_local.design AS d ON d.relation = c.oid
WHERE c.relkind IN ('r', 'v', 'm') AND n.nspname NOT LIKE E'pg\\_toast%' AND n.nspname <> 'redshift_local';

CREATE OR REPLACE VIEW redshift_local.attribute AS
SELECT r.oid, r.database_name, r.schema_name, r.table_name, r.relkind, a.attname::text AS column_name,
    row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum)::integer AS ordinal_position,
    pg_get_expr(e.adbin, e.adrelid) AS column_default, CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
    format_type(a.atttypid, NULL)::text AS data_type, format_type(a.atttypid, a.atttypmod)::text AS full_type,
    information_schema._pg_char_max_length(a.atttypid, a.atttypmod)::integer AS character_maximum_length,
    information_schema._pg_numeric_precision(a.atttypid, a.atttypmod)::integer AS numeric_precision,
    information_schema._pg_numeric_scale(a.atttypid, a.atttypmod)::integer AS numeric_scale,
    coalesce(r.encodings ->> a.attname::text, 'none') AS encoding, coalesce(a.attname = r.distkey, false) AS distkey,
    coalesce(array_position(r.sortkeys, a.attname::text), 0) * CASE WHEN r.sortstyle = 'interleaved'
        AND array_position(r.sortkeys, a.attname::text) % 2 = 0 THEN -1 ELSE 1 END AS sortkey,
    a.attnotnull AS not_null, col_description(r.oid, a.attnum) AS remarks
FROM redshift_local.relation AS r
JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS e ON e.adrelid = a.attrelid AND e.adnum = a.attnum;

CREATE OR REPLACE VIEW pg_catalog.svv_all_schemas AS
SELECT current_database()::text AS database_name, n.nspname::text AS schema_name, n.nspowner::integer AS schema_owner,
    'local'::text AS schema_type, NULL::text AS schema_acl, NULL::text AS source_database, NULL::text AS schema_option
FROM pg_namespace AS n WHERE n.nspname <> 'redshift_local';
CREATE OR REPLACE VIEW pg_catalog.svv_redshift_schemas AS
SELECT database_name, schema_name, schema_owner, schema_type, schema_acl, schema_option FROM pg_catalog.svv_all_schemas;

CREATE OR REPLACE VIEW pg_catalog.svv_all_tables AS
SELECT database_name, schema_name, table_name, CASE WHEN relkind = 'r' THEN 'TABLE' ELSE 'VIEW' END AS table_type,
    NULL::text AS table_acl, remarks
FROM redshift_local.relation;
CREATE OR REPLACE VIEW pg_catalog.svv_redshift_tables AS SELECT * FROM pg_catalog.svv_all_tables;
CREATE OR REPLACE VIEW pg_catalog.svv_tables AS
SELECT database_name AS table_catalog, schema_name AS table_schema, table_name,
    CASE WHEN relkind = 'r' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type, remarks
FROM redshift_local.relation;

CREATE OR REPLACE VIEW pg_catalog.svv_all_columns AS
SELECT database_name, schema_name, table_name, column_name, ordinal_position, column_default, is_nullable, data_type,
    character_maximum_length, numeric_precision, numeric_scale, remarks
FROM redshift_local.attribute;
CREATE OR REPLACE VIEW pg_catalog.svv_redshift_columns AS
SELECT database_name, schema_name, table_name, column_name, ordinal_position, full_type AS data_type, column_default,
    is_nullable, encoding, distkey, sortkey, NULL::text AS column_acl, remarks
FROM redshift_local.attribute;
CREATE OR REPLACE VIEW pg_catalog.svv_columns AS
SELECT database_name AS table_catalog, schema_name AS table_schema, table_name, column_name, ordinal_position,
    column_default, is_nullable, data_type, character_maximum_length, numeric_precision, numeric_scale, remarks
FROM redshift_local.attribute;

CREATE OR REPLACE VIEW pg_catalog.pg_table_def AS
SELECT schema_name::name AS schemaname, table_name::name AS tablename, column_name::name AS "column", full_type AS type,
    encoding, distkey, sortkey, not_null AS "notnull"
FROM redshift_local.attribute
WHERE relkind = 'r' AND schema_name = ANY (current_schemas(true));

CREATE OR REPLACE FUNCTION redshift_local.encodings() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY['none', 'raw', 'az64', 'zstd', 'lzo', 'bytedict', 'delta', 'delta32k', 'mostly8', 'mostly16', 'mostly32',
        'runlength', 'text255', 'text32k', 'auto']
$$;
-- Redshift has these as columns of pg_attribute.
CREATE OR REPLACE FUNCTION redshift_local.attisdistkey(relation oid, name name) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT a.distkey FROM redshift_local.attribute AS a WHERE a.oid = $1 AND a.column_name = $2), false)
$$;
CREATE OR REPLACE FUNCTION redshift_local.attsortkeyord(relation oid, name name) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT a.sortkey FROM redshift_local.attribute AS a WHERE a.oid = $1 AND a.column_name = $2), 0)
$$;

-- The numbers are our own; only format_encoding reads them.
CREATE OR REPLACE FUNCTION redshift_local.attencodingtype(relation oid, name name) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT array_position(redshift_local.encodings(), coalesce(
        (SELECT a.encoding FROM redshift_local.attribute AS a WHERE a.oid = $1 AND a.column_name = $2), 'none'))
$$;
CREATE OR REPLACE FUNCTION pg_catalog.format_encoding(encoding integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (redshift_local.encodings())[$1]
$$;

-- What Redshift would measure on its disks (skew, unsorted rows, statistics) is null.
CREATE OR REPLACE VIEW pg_catalog.svv_table_info AS
SELECT r.database_name AS "database", r.schema_name AS "schema", r.oid::integer AS table_id, r.table_name AS "table",
    CASE WHEN r.encodings = '{}' THEN 'N' ELSE 'Y' END AS encoded,
    CASE r.diststyle
        WHEN 'key' THEN 'KEY(' || r.distkey || ')'
        WHEN 'auto' THEN 'AUTO(ALL)'
        ELSE upper(r.diststyle)
    END AS diststyle,
    CASE
        WHEN r.sortkeys = '{}' AND r.sortstyle = 'auto' THEN 'AUTO(SORTKEY)'
        WHEN r.sortstyle = 'interleaved' THEN 'INTERLEAVED'
        ELSE r.sortkeys[1]
    END AS sortkey1,
    (SELECT max(a.character_maximum_length) FROM redshift_local.attribute AS a WHERE a.oid = r.oid) AS max_varchar,
    r.encodings ->> r.sortkeys[1] AS sortkey1_enc, cardinality(r.sortkeys) AS sortkey_num,
    ceil(pg_total_relation_size(r.oid) / 1048576.0)::bigint AS size, 0::numeric(10, 4) AS pct_used, 0::bigint AS empty,
    NULL::numeric(5, 2) AS unsorted, NULL::numeric(5, 2) AS stats_off,
    greatest(r.reltuples, 0)::numeric(38, 0) AS tbl_rows, NULL::numeric(19, 2) AS skew_sortkey1,
    NULL::numeric(19, 2) AS skew_rows, greatest(r.reltuples, 0)::numeric(38, 0) AS estimated_visible_rows,
    NULL::text AS risk_event, NULL::numeric(19, 2) AS vacuum_sort_benefit
FROM redshift_local.relation AS r
WHERE r.relkind IN ('r', 'm') AND r.schema_name NOT IN ('pg_catalog', 'information_schema');

-- Redshift lists materialized views among the views, with the statement that made them.
CREATE OR REPLACE FUNCTION redshift_local.definition(view oid, kind "char") RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN $2 = 'v' THEN pg_get_viewdef($1) ELSE (
        SELECT format('create materialized view %I.%I as (%s);', n.nspname, c.relname, rtrim(pg_get_viewdef($1), ';'))
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $1
    ) END
$$;
CREATE OR REPLACE VIEW pg_catalog.pg_views AS
SELECT n.nspname AS schemaname, c.relname AS viewname, pg_get_userbyid(c.relowner) AS viewowner,
    redshift_local.definition(c.oid, c.relkind) AS definition
FROM pg_class AS c LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm');
CREATE OR REPLACE VIEW information_schema.views AS
SELECT current_database()::information_schema.sql_identifier AS table_catalog,
    n.nspname::information_schema.sql_identifier AS table_schema, c.relname::information_schema.sql_identifier AS table_name,
    CASE WHEN pg_has_role(c.relowner, 'USAGE') THEN redshift_local.definition(c.oid, c.relkind) END
        ::information_schema.character_data AS view_definition,
    'NONE'::information_schema.character_data AS check_option, 'NO'::information_schema.yes_or_no AS is_updatable,
    'NO'::information_schema.yes_or_no AS is_insertable_into, 'NO'::information_schema.yes_or_no AS is_trigger_updatable,
    'NO'::information_schema.yes_or_no AS is_trigger_deletable,
    'NO'::information_schema.yes_or_no AS is_trigger_insertable_into
FROM pg_namespace AS n JOIN pg_class AS c ON c.relnamespace = n.oid
WHERE c.relkind IN ('v', 'm') AND NOT pg_is_other_temp_schema(n.oid)
    AND (pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'SELECT'));

CREATE OR REPLACE VIEW pg_catalog.svv_mv_info AS
SELECT database_name, schema_name, pg_get_userbyid(relowner)::text AS user_name, table_name AS name,
    NULL::text AS is_stale, 0 AS state, left(autorefresh::text, 1) AS autorefresh, 'f'::text AS autorewrite
FROM redshift_local.relation WHERE relkind = 'm';
CREATE OR REPLACE VIEW pg_catalog.stv_mv_info AS
SELECT database_name AS db_name, schema_name AS schema, name, NULL::bigint AS updated_upto_xid, is_stale, user_name AS
    owner_user_name, state, autorefresh, autorewrite
FROM pg_catalog.svv_mv_info;

CREATE OR REPLACE VIEW pg_catalog.svv_external_schemas AS
SELECT NULL::oid AS esoid, NULL::smallint AS eskind, NULL::text AS schemaname, NULL::integer AS esowner,
    NULL::text AS databasename, NULL::text AS esoptions WHERE false;
CREATE OR REPLACE VIEW pg_catalog.svv_external_tables AS
SELECT NULL::text AS schemaname, NULL::text AS tablename, NULL::text AS location, NULL::text AS tabletype WHERE false;
CREATE OR REPLACE VIEW pg_catalog.svv_external_columns AS
SELECT NULL::text AS schemaname, NULL::text AS tablename, NULL::text AS columnname, NULL::text AS external_type,
    NULL::integer AS columnnum, NULL::integer AS part_key, NULL::text AS is_nullable WHERE false;

CREATE OR REPLACE FUNCTION pg_catalog.pg_get_late_binding_view_cols() RETURNS SETOF record
    LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN; END $$;

CREATE OR REPLACE VIEW pg_catalog.stl_load_errors AS
SELECT userid, 0 AS slice, tbl, starttime, session, 0 AS query, filename, line_number, colname, type, col_length,
    0 AS "position", raw_line, raw_field_value, err_code, err_reason, 0 AS is_partial, 0::bigint AS start_offset
FROM redshift_local.load_errors();
CREATE OR REPLACE VIEW pg_catalog.sys_load_error_detail AS
SELECT userid AS user_id, 0::bigint AS query_id, session AS session_id, starttime AS start_time,
    filename AS file_name, line_number, colname AS column_name, type AS column_type, col_length AS column_length,
    raw_line, raw_field_value, err_code AS error_code, err_reason AS error_message, tbl AS table_id
FROM redshift_local.load_errors();

GRANT SELECT ON
    pg_catalog.svv_all_schemas, pg_catalog.svv_redshift_schemas, pg_catalog.svv_all_tables,
    pg_catalog.svv_redshift_tables, pg_catalog.svv_tables, pg_catalog.svv_all_columns,
    pg_catalog.svv_redshift_columns, pg_catalog.svv_columns, pg_catalog.pg_table_def, pg_catalog.svv_table_info,
    pg_catalog.svv_mv_info, pg_catalog.stv_mv_info, pg_catalog.svv_external_schemas, pg_catalog.svv_external_tables,
    pg_catalog.svv_external_columns, pg_catalog.stl_load_errors, pg_catalog.sys_load_error_detail
TO public;
GRANT SELECT ON redshift_local.attribute, redshift_local.relation TO public;
GRANT USAGE ON SCHEMA redshift_local TO public;
