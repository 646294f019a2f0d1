{{ config(schema='marts', meta={'by': ['actor']}) }}

select
    session_key,
    events.actor,
    max(customer_id) as customer_id,
    session_date,
    started_at,
    max(event_timestamp) as ended_at,
    {{ dbt.datediff('started_at', 'max(event_timestamp)', 'second') }} as seconds,
    channel,
    count(*) as events,
    count(case when is_stitched then 1 end) as stitched_events,
    coalesce(max(case when is_in_order then step_number end), 0) as steps_in_order,
    count(case when step_number = {{ funnel_steps() | length }} then 1 end) > 0 as is_converted
from {{ ref('event_sessions') }} as events
inner join {{ ref('touched_sessions') }} as touched on touched.actor = events.actor
group by session_key, events.actor, session_date, started_at, channel
