{{ config(tags=['measurements']) }}

select {{ series_of('told.member') }} as series_key, {{ series_date_of('told.member') }} as reading_date
from ({{ touched('reading_days', 'series_day') }}) as told

union

select facts.series_key, {{ day_of('facts.measured_at') }}
from {{ ref('fact_measurements') }} as facts
where {{ is_never_built('reading_days') }}
