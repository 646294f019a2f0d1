{{ config(schema='staging', meta={'by': ['series_key'], 'touches': [
    {'models': ['measurement_gaps', 'measurements_daily'], 'kind': 'series', 'member': 'series_key',
     'of': ['interval_seconds', 'is_interval_declared'], 'also_new': true},
]}) }}

-- What is declared of a sensor counts, else what is of its metric, else what is learnt. A gap makes one step of a day
-- longer, and the median of the day stays what it is; a day that is nearly all gap is one of many days.
with intervals as (
    select
        days.series_key,
        count(*) as days,
        cast(case
            {{ declared_intervals('max(days.sensor_id)', 'max(days.metric)') }}
            when false then 0
        end as bigint) as declared,
        case
            when sum(moments) >= 4 then nullif(cast(
                floor(percentile_cont(0.5) within group (order by middle_step_seconds) + 0.5) as bigint
            ), 0)
        end as learnt
    from {{ ref('reading_days') }} as days
    inner join {{ ref('touched_series_intervals') }} as touched on touched.series_key = days.series_key
    group by days.series_key
)

select
    series_key,
    days,
    coalesce(declared, learnt) as interval_seconds,
    case when declared is not null then true when learnt is not null then false end as is_interval_declared
from intervals
