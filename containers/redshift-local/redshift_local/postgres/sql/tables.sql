-- ALTER TABLE … APPEND FROM: moves the rows of one table to another.
CREATE OR REPLACE FUNCTION redshift_local.append_table(target regclass, source regclass, mode text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    shared text;
    extra text;
    missing text;
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid IN (target, source) AND attidentity <> '') THEN
        RAISE EXCEPTION 'ALTER TABLE APPEND with an IDENTITY column is not imitated by the local Redshift'
            USING errcode = '0A000';
    END IF;
    SELECT string_agg(quote_ident(s.attname), ', ' ORDER BY s.attnum) FILTER (WHERE t.attname IS NOT NULL),
        string_agg(s.attname, ', ' ORDER BY s.attnum) FILTER (WHERE t.attname IS NULL),
        (SELECT string_agg(m.attname, ', ' ORDER BY m.attnum) FROM pg_attribute AS m
         WHERE m.attrelid = target AND m.attnum > 0 AND NOT m.attisdropped AND m.attname NOT IN (
             SELECT attname FROM pg_attribute WHERE attrelid = source AND attnum > 0 AND NOT attisdropped))
    INTO shared, extra, missing
    FROM pg_attribute AS s
    LEFT JOIN pg_attribute AS t ON t.attrelid = target AND t.attname = s.attname AND NOT t.attisdropped
        AND t.atttypid = s.atttypid AND t.atttypmod = s.atttypmod
    WHERE s.attrelid = source AND s.attnum > 0 AND NOT s.attisdropped;
    IF extra IS NOT NULL AND mode <> 'ignoreextra' THEN
        RAISE EXCEPTION 'the source has columns that the target lacks or has in another type: %', extra
            USING errcode = '42804', hint = 'IGNOREEXTRA discards them';
    END IF;
    IF missing IS NOT NULL AND mode <> 'filltarget' THEN
        RAISE EXCEPTION 'the target has columns that the source lacks: %', missing
            USING errcode = '42804', hint = 'FILLTARGET fills them with their default or null';
    END IF;
    IF shared IS NULL THEN
        RAISE EXCEPTION 'the tables have no column in common' USING errcode = '42804';
    END IF;
    EXECUTE format('LOCK TABLE %s, %s IN ACCESS EXCLUSIVE MODE', target, source);
    EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM %3$s', target, shared, source);
    EXECUTE format('TRUNCATE %s', source);
END
$$;

-- Redshift has this as a column of pg_class.
CREATE OR REPLACE FUNCTION redshift_local.reldiststyle(relation oid) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE d.diststyle WHEN 'even' THEN 0 WHEN 'key' THEN 1 WHEN 'all' THEN 8 ELSE 9 END
    FROM (SELECT coalesce((SELECT diststyle FROM redshift_local.design WHERE design.relation = $1), 'auto')) AS d (diststyle)
$$;
GRANT SELECT ON redshift_local.design TO public;
