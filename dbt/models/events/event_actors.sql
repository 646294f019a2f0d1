{{ config(schema='staging', meta={'by': ['stream'], 'touches': [
    {'models': ['event_sessions'], 'kind': 'actors', 'member': 'actor'},
]}) }}

-- Events of a visitor without a long pause are one visit. In it, an event that names no customer is of the one who was
-- named last before it, else of the one who is named first after it.
with events as (
    select events.*, streams.stream
    from {{ ref('fact_events') }} as events
    inner join {{ ref('touched_event_actors') }} as streams on streams.stream = {{ stream_of('events.') }}
),

paused as (
    select
        events.*,
        lag(event_timestamp) over (partition by stream order by event_timestamp, event_id) as previous
    from events
),

visits as (
    select
        paused.*,
        sum(case when {{ begins_session('event_timestamp', 'previous') }} then 1 else 0 end) over (
            partition by stream order by event_timestamp, event_id rows unbounded preceding
        ) as visit
    from paused
),

named as (
    select
        visits.*,
        count(customer_id) over (
            partition by stream, visit order by event_timestamp, event_id rows unbounded preceding
        ) as names
    from visits
),

known as (
    select
        named.*,
        coalesce(
            max(customer_id) over (partition by stream, visit, names),
            max(case when names = 1 then customer_id end) over (partition by stream, visit)
        ) as known_customer
    from named
)

select
    event_id,
    stream,
    coalesce(
        'c:' || known_customer, case when visitor_id is not null or session_id is not null then stream end
    ) as actor,
    known_customer as customer_id,
    customer_id is null and known_customer is not null as is_stitched,
    event_timestamp,
    event_type,
    channel
from known
