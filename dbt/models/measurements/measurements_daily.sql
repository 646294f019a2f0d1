{{ config(schema='marts', meta={'by': ['series_key', 'reading_date']}) }}

with gaps as (
    select
        gaps.series_key,
        gaps.gap_date,
        count(*) as gaps,
        sum(gaps.missing) as missing,
        max(gaps.seconds) as longest_gap_seconds
    from {{ ref('measurement_gaps') }} as gaps
    where gaps.series_key in (select series_key from {{ ref('touched_measurements_daily') }})
    group by gaps.series_key, gaps.gap_date
)

select
    days.series_key,
    days.reading_date,
    days.sensor_id,
    days.store_id,
    days.metric,
    days.unit,
    days.readings,
    days.repeats,
    days.conflicts,
    days.unreadable,
    days.lowest,
    case
        when days.counted > 0 then cast(days.total_value as double precision) / cast(days.counted as double precision)
    end as mean,
    days.highest,
    learnt.interval_seconds,
    coalesce(gaps.gaps, 0) as gaps,
    coalesce(gaps.missing, 0) as missing,
    gaps.longest_gap_seconds,
    learnt.is_interval_declared
from {{ ref('reading_days') }} as days
inner join {{ ref('touched_measurements_daily') }} as touched
    on touched.series_key = days.series_key and touched.reading_date = days.reading_date
left join {{ ref('series_intervals') }} as learnt on learnt.series_key = days.series_key
left join gaps on gaps.series_key = days.series_key and gaps.gap_date = days.reading_date
