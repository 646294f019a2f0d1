{{ config(schema='marts', meta={'by': ['session_date']}) }}

with events as (
    select sessions.session_date, sessions.channel, session_key, step_number, is_in_order
    from {{ ref('event_sessions') }} as sessions
    where sessions.session_date in (select session_date from {{ ref('touched_funnel_daily') }})
),

steps as (
    select 0 as step_number, 'session' as step
    {%- for name, _ in funnel_steps() %}
    union all
    select {{ loop.index }}, '{{ name }}'
    {%- endfor %}
),

counted as (
    select
        session_date, channel, 0 as step_number,
        count(distinct session_key) as sessions, count(distinct session_key) as in_order
    from events
    group by session_date, channel

    union all

    select
        session_date, channel, step_number,
        count(distinct session_key), count(distinct case when is_in_order then session_key end)
    from events
    where step_number is not null
    group by session_date, channel, step_number
),

-- A step that no session made is told, too.
complete as (
    select
        days.session_date,
        days.channel,
        steps.step_number,
        steps.step,
        coalesce(counted.sessions, 0) as sessions,
        coalesce(counted.in_order, 0) as in_order
    from (select distinct session_date, channel from counted) as days
    cross join steps
    left join counted
        on counted.session_date = days.session_date
        and counted.channel = days.channel
        and counted.step_number = steps.step_number
),

compared as (
    select
        complete.*,
        lag(in_order) over (partition by session_date, channel order by step_number) as before,
        max(case when step_number = 0 then in_order end) over (partition by session_date, channel) as of_all
    from complete
)

select
    session_date,
    channel,
    step_number,
    step,
    sessions,
    in_order,
    case when before > 0 then cast(in_order as double precision) / cast(before as double precision) end as conversion,
    cast(in_order as double precision) / cast(of_all as double precision) as conversion_of_all
from compared
