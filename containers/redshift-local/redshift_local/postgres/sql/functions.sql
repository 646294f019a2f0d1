-- Functions of Redshift's that PostgreSQL doesn't have. They stand in pg_catalog, where every search path finds them.
SET allow_system_table_mods = on;

CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT 'PostgreSQL 8.0.2 on x86_64-pc-linux-gnu, Redshift 1.0.0 (local look-alike on PostgreSQL '
        || current_setting('server_version') || ')'
$$;

CREATE OR REPLACE FUNCTION pg_catalog.strtol(digits text, base integer) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    result numeric := 0;
    place integer;
    rest text := lower(trim(digits));
    negative boolean := left(rest, 1) = '-';
BEGIN
    IF base NOT BETWEEN 2 AND 36 THEN
        RAISE EXCEPTION 'strtol() takes a base from 2 to 36, not %', base USING errcode = '22023';
    END IF;
    rest := ltrim(rest, '+-');
    IF base = 16 AND left(rest, 2) = '0x' THEN
        rest := substr(rest, 3);
    END IF;
    FOR at IN 1 .. length(rest) LOOP
        place := strpos('0123456789abcdefghijklmnopqrstuvwxyz', substr(rest, at, 1)) - 1;
        IF place < 0 OR place >= base THEN
            RAISE EXCEPTION 'The input % is not valid to be converted to base %', digits, base USING errcode = '22023';
        END IF;
        result := result * base + place;
    END LOOP;
    RETURN CASE WHEN negative THEN -result ELSE result END;
END
$$;

CREATE OR REPLACE FUNCTION pg_catalog.charindex(part text, whole text) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN strpos(whole, part);

CREATE OR REPLACE FUNCTION pg_catalog.sha2(value text, bits integer) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN encode(
        CASE bits
            WHEN 0 THEN sha256(convert_to(value, 'UTF8'))
            WHEN 224 THEN sha224(convert_to(value, 'UTF8'))
            WHEN 256 THEN sha256(convert_to(value, 'UTF8'))
            WHEN 384 THEN sha384(convert_to(value, 'UTF8'))
            WHEN 512 THEN sha512(convert_to(value, 'UTF8'))
        END, 'hex');
END
$$;

CREATE OR REPLACE FUNCTION pg_catalog.is_valid_json(value text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN json_typeof(value::json) = 'object';
EXCEPTION WHEN invalid_text_representation THEN
    RETURN false;
END
$$;

CREATE OR REPLACE FUNCTION pg_catalog.is_valid_json_array(value text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN json_typeof(value::json) = 'array';
EXCEPTION WHEN invalid_text_representation THEN
    RETURN false;
END
$$;

-- Redshift answers an empty string for a path that isn't there.
CREATE OR REPLACE FUNCTION pg_catalog.json_extract_path_text(value text, VARIADIC path text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN value IS NOT NULL THEN coalesce(value::json #>> path, '') END
$$;

-- Only double precision: numeric has its own.
CREATE OR REPLACE FUNCTION pg_catalog.round(value double precision, places integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN round(value::numeric, places)::double precision;

CREATE OR REPLACE FUNCTION redshift_local.first_of(kept anyelement, next anyelement) RETURNS anyelement
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT kept $$;
CREATE OR REPLACE AGGREGATE pg_catalog.any_value(anyelement) (
    SFUNC = redshift_local.first_of, STYPE = anyelement, PARALLEL = SAFE
);
