{{ config(schema='core', meta={'by': ['actor'], 'touches': [
    {'models': ['sessions'], 'kind': 'actors', 'member': 'actor'},
    {'models': ['funnel_daily'], 'kind': 'day', 'member': 'session_date'},
]}) }}

-- A session is what one actor does without a long pause, on whatever device. An event in order is one of whose step
-- every step before was made at its time or before, in order.
with events as (
    select
        actors.*,
        {{ step_number('actors.event_type') }} as step_number,
        lag(actors.event_timestamp) over (
            partition by actors.actor order by actors.event_timestamp, actors.event_id
        ) as previous
    from {{ ref('event_actors') }} as actors
    inner join {{ ref('touched_event_sessions') }} as touched on touched.actor = actors.actor
),

parted as (
    select
        events.*,
        sum(case when {{ begins_session('event_timestamp', 'previous') }} then 1 else 0 end) over (
            partition by actor order by event_timestamp, event_id rows unbounded preceding
        ) as part
    from events
),

placed as (
    select
        parted.*,
        min(event_timestamp) over (partition by actor, part) as started_at,
        row_number() over (partition by actor, part order by event_timestamp, event_id) as event_number,
        count(channel) over (
            partition by actor, part order by event_timestamp, event_id rows unbounded preceding
        ) as channels
    from parted
),

reached_0 as (
    select
        placed.*,
        max(case when channels = 1 then channel end) over (partition by actor, part) as first_channel
    from placed
)
{%- for _ in funnel_steps() %},

reached_{{ loop.index }} as (
    select
        made.*,
        min(case when step_number = {{ loop.index }}{% if loop.index > 1 %} and event_timestamp >= at_{{ loop.index - 1 }}{% endif %} then event_timestamp end) over (
            partition by actor, part
        ) as at_{{ loop.index }}
    from reached_{{ loop.index - 1 }} as made
)
{%- endfor %}

select
    event_id,
    {{ surrogate_key('actor', 'started_at') }} as session_key,
    actor,
    customer_id,
    is_stitched,
    event_timestamp,
    started_at,
    {{ day_of('started_at') }} as session_date,
    event_number,
    coalesce(first_channel, 'unknown') as channel,
    step_number,
    {{ step_name('step_number') }} as step,
    coalesce(
        case step_number
            {%- for _ in funnel_steps() %}
            when {{ loop.index }} then event_timestamp >= at_{{ loop.index }}
            {%- endfor %}
        end,
        false
    ) as is_in_order
from reached_{{ funnel_steps() | length }}
