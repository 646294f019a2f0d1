-- Redshift's functions of dates and times. The parts of a date arrive as strings: the front puts them in quotes.
SET allow_system_table_mods = on;

CREATE OR REPLACE FUNCTION redshift_local.part(name text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    found text;
BEGIN
    found := CASE
        WHEN lower(name) IN ('y', 'yr', 'yrs', 'year', 'years') THEN 'year'
        WHEN lower(name) IN ('qtr', 'qtrs', 'quarter', 'quarters') THEN 'quarter'
        WHEN lower(name) IN ('mon', 'mons', 'month', 'months') THEN 'month'
        WHEN lower(name) IN ('w', 'week', 'weeks') THEN 'week'
        WHEN lower(name) IN ('d', 'day', 'days', 'dayofyear', 'doy', 'dow', 'dayofweek', 'weekday') THEN 'day'
        WHEN lower(name) IN ('h', 'hr', 'hrs', 'hour', 'hours') THEN 'hour'
        WHEN lower(name) IN ('m', 'min', 'mins', 'minute', 'minutes') THEN 'minute'
        WHEN lower(name) IN ('s', 'sec', 'secs', 'second', 'seconds') THEN 'second'
        WHEN lower(name) IN ('ms', 'msec', 'msecs', 'millisecond', 'milliseconds') THEN 'millisecond'
        WHEN lower(name) IN ('us', 'usec', 'usecs', 'microsecond', 'microseconds') THEN 'microsecond'
    END;
    IF found IS NULL THEN
        RAISE EXCEPTION 'dateadd() and datediff() of "%" are not imitated by the local Redshift', name
            USING errcode = '0A000';
    END IF;
    RETURN found;
END
$$;

CREATE OR REPLACE FUNCTION redshift_local.span(part text, count bigint) RETURNS interval
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE redshift_local.part(part)
        WHEN 'quarter' THEN count * interval '3 months'
        WHEN 'year' THEN count * interval '1 year'
        WHEN 'month' THEN count * interval '1 month'
        WHEN 'week' THEN count * interval '7 days'
        WHEN 'day' THEN count * interval '1 day'
        WHEN 'hour' THEN count * interval '1 hour'
        WHEN 'minute' THEN count * interval '1 minute'
        WHEN 'second' THEN count * interval '1 second'
        WHEN 'millisecond' THEN count * interval '1 millisecond'
        WHEN 'microsecond' THEN count * interval '1 microsecond'
    END
$$;

-- An overload for text: PostgreSQL would take a string literal for a timestamp with time zone.
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, count bigint, moment timestamp) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN moment + redshift_local.span(part, count);
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, count bigint, moment timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN moment + redshift_local.span(part, count);
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, count bigint, moment date) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN moment::timestamp + redshift_local.span(part, count);
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, count bigint, moment text) RETURNS timestamp
    LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN moment::timestamp + redshift_local.span(part, count);

-- The number of boundaries between two moments, not the time that passed.
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, earlier timestamp, later timestamp) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE redshift_local.part(part)
        WHEN 'year' THEN extract(year FROM later) - extract(year FROM earlier)
        WHEN 'quarter' THEN (extract(year FROM later) - extract(year FROM earlier)) * 4
            + extract(quarter FROM later) - extract(quarter FROM earlier)
        WHEN 'month' THEN (extract(year FROM later) - extract(year FROM earlier)) * 12
            + extract(month FROM later) - extract(month FROM earlier)
        WHEN 'week' THEN (date_trunc('week', later)::date - date_trunc('week', earlier)::date) / 7
        WHEN 'day' THEN later::date - earlier::date
        WHEN 'hour' THEN floor(extract(epoch FROM later) / 3600) - floor(extract(epoch FROM earlier) / 3600)
        WHEN 'minute' THEN floor(extract(epoch FROM later) / 60) - floor(extract(epoch FROM earlier) / 60)
        WHEN 'second' THEN floor(extract(epoch FROM later)) - floor(extract(epoch FROM earlier))
        WHEN 'millisecond' THEN floor(extract(epoch FROM later) * 1000) - floor(extract(epoch FROM earlier) * 1000)
        WHEN 'microsecond' THEN (extract(epoch FROM later) - extract(epoch FROM earlier)) * 1000000
    END::bigint
$$;
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, earlier date, later date) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN datediff(part, earlier::timestamp, later::timestamp);
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, earlier timestamptz, later timestamptz) RETURNS bigint
    LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN datediff(part, earlier::timestamp, later::timestamp);
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, earlier text, later text) RETURNS bigint
    LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN datediff(part, earlier::timestamp, later::timestamp);

-- PostgreSQL's own would make a timestamp with time zone of a date.
CREATE OR REPLACE FUNCTION pg_catalog.date_trunc(part text, moment date) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN date_trunc(part, moment::timestamp);
CREATE OR REPLACE FUNCTION pg_catalog.trunc(moment timestamp) RETURNS date
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN moment::date;
CREATE OR REPLACE FUNCTION pg_catalog.date_part_year(day date) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN extract(year FROM day)::integer;

CREATE OR REPLACE FUNCTION pg_catalog.sysdate() RETURNS timestamp
    LANGUAGE sql STABLE PARALLEL SAFE RETURN localtimestamp;
CREATE OR REPLACE FUNCTION pg_catalog.getdate() RETURNS timestamp
    LANGUAGE sql STABLE PARALLEL SAFE RETURN date_trunc('second', localtimestamp);

CREATE OR REPLACE FUNCTION pg_catalog.last_day(moment timestamp) RETURNS date
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (date_trunc('month', moment) + interval '1 month' - interval '1 day')::date;
CREATE OR REPLACE FUNCTION pg_catalog.last_day(moment date) RETURNS date
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN last_day(moment::timestamp);

-- The last day of a month stays a last day.
CREATE OR REPLACE FUNCTION pg_catalog.add_months(moment timestamp, count bigint) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN moment::date = last_day(moment)
        THEN last_day(moment + count * interval '1 month') + moment::time
        ELSE moment + count * interval '1 month'
    END
$$;
CREATE OR REPLACE FUNCTION pg_catalog.add_months(moment date, count bigint) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN add_months(moment::timestamp, count);

CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(zone text, moment timestamp) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (moment AT TIME ZONE 'UTC') AT TIME ZONE zone;
CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(zone text, moment timestamptz) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN moment AT TIME ZONE zone;
CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(source text, target text, moment timestamp) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (moment AT TIME ZONE source) AT TIME ZONE target;
