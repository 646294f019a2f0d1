{{ config(tags=['events']) }}

select streams.member as stream
from ({{ touched('event_actors', 'streams') }}) as streams

union

select {{ stream_of('facts.') }}
from {{ ref('fact_events') }} as facts
where {{ is_never_built('event_actors') }}
