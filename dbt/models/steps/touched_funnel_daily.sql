{{ config(tags=['events']) }}

select cast(days.member as date) as session_date
from ({{ touched('funnel_daily', 'day') }}) as days

union

select events.session_date
from {{ ref('event_sessions') }} as events
where {{ is_never_built('funnel_daily') }}
