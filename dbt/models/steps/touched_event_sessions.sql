{{ config(tags=['events']) }}

select actors.member as actor
from ({{ touched('event_sessions', 'actors') }}) as actors

union

select actors.actor
from {{ ref('event_actors') }} as actors
where actors.actor is not null
    and (actors.stream in ({{ touched('event_sessions', 'streams') }}) or {{ is_never_built('event_sessions') }})
