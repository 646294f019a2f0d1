{{ config(tags=['measurements']) }}

-- Where readings of a day change, so may the gap that ends there: it began on the last day before with any.
with told as (
    {{ told_series_days('measurement_gaps') }}
)

select series_key, reading_date, reading_date as gap_date from told

union

select told.series_key, max(days.reading_date), max(days.reading_date)
from told
inner join {{ ref('reading_days') }} as days
    on days.series_key = told.series_key and days.reading_date < told.reading_date
group by told.series_key, told.reading_date
