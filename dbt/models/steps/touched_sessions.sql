{{ config(tags=['events']) }}

select actors.member as actor
from ({{ touched('sessions', 'actors') }}) as actors

union

select events.actor
from {{ ref('event_sessions') }} as events
where {{ is_never_built('sessions') }}
