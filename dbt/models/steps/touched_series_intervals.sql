{{ config(tags=['measurements']) }}

select cast(told.member as bigint) as series_key
from ({{ touched('series_intervals', 'series') }}) as told

union

select days.series_key
from {{ ref('reading_days') }} as days
where {{ is_never_built('series_intervals') }}
