-- Redshift's functions of regular expressions, where PostgreSQL's of the same name answer otherwise: all matches are
-- replaced, and where nothing matches the answer is an empty string. The front sends calls of those names here.

CREATE OR REPLACE FUNCTION redshift_local.flags(parameters text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF parameters !~ '^[icep]*$' THEN
        RAISE EXCEPTION 'a regular expression takes the parameters c, i, e and p, not %', parameters
            USING errcode = '22023';
    END IF;
    RETURN CASE WHEN parameters LIKE '%i%' THEN 'i' ELSE '' END;
END
$$;

CREATE OR REPLACE FUNCTION redshift_local.regexp_replace(
    source text, pattern text, replacement text DEFAULT '', place integer DEFAULT 1, parameters text DEFAULT 'c'
) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.regexp_replace(source, pattern,
        pg_catalog.regexp_replace(replacement, E'\\$(\\d)', E'\\\\\\1', 'g'), place, 0, redshift_local.flags(parameters))
$$;

CREATE OR REPLACE FUNCTION redshift_local.regexp_substr(
    source text, pattern text, place integer DEFAULT 1, occurrence integer DEFAULT 1, parameters text DEFAULT 'c'
) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(pg_catalog.regexp_substr(source, pattern, place, occurrence, redshift_local.flags(parameters),
        CASE WHEN parameters LIKE '%e%' THEN 1 ELSE 0 END), '')
$$;

CREATE OR REPLACE FUNCTION redshift_local.regexp_instr(
    source text, pattern text, place integer DEFAULT 1, occurrence integer DEFAULT 1, past integer DEFAULT 0,
    parameters text DEFAULT 'c'
) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.regexp_instr(source, pattern, place, occurrence, past, redshift_local.flags(parameters),
        CASE WHEN parameters LIKE '%e%' THEN 1 ELSE 0 END)
$$;

CREATE OR REPLACE FUNCTION redshift_local.regexp_count(
    source text, pattern text, place integer DEFAULT 1, parameters text DEFAULT 'c'
) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.regexp_count(source, pattern, place, redshift_local.flags(parameters))
$$;

CREATE OR REPLACE FUNCTION redshift_local.json_path(value text, forgiving boolean, VARIADIC path text[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE WHEN value IS NOT NULL THEN coalesce(value::json #>> path, '') END;
EXCEPTION WHEN invalid_text_representation THEN
    IF forgiving THEN
        RETURN NULL;
    END IF;
    RAISE;
END
$$;

CREATE OR REPLACE FUNCTION redshift_local.json_element(value text, place integer, forgiving boolean DEFAULT false)
    RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE WHEN value IS NOT NULL THEN coalesce(value::json ->> place, '') END;
EXCEPTION WHEN invalid_text_representation THEN
    IF forgiving THEN
        RETURN NULL;
    END IF;
    RAISE;
END
$$;

CREATE OR REPLACE FUNCTION redshift_local.json_length(value text, forgiving boolean DEFAULT false) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN json_array_length(value::json);
EXCEPTION WHEN invalid_text_representation OR invalid_parameter_value THEN
    IF forgiving THEN
        RETURN NULL;
    END IF;
    RAISE;
END
$$;
