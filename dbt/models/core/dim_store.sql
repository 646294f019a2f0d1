{{ config(tags=['transactions'], meta={'by': ['store_id'], 'touches': [
    {'models': ['fact_transactions', 'fact_events', 'fact_measurements'], 'kind': 'stores', 'member': 'store_id', 'of': ['store_id', 'store_key', 'time_zone', 'day_starts']},
    {'models': ['batch_days'], 'kind': 'stores', 'member': 'store_id', 'of': ['store_id', 'time_zone', 'day_starts', 'valid_from']},
]}) }}
{% set facts = {'transactions': ['transaction_id', 'line_number'], 'events': ['event_id'], 'measurements': ['measurement_id']} %}

with versions as (
    select * from {{ ref('stg_store_versions') }}
),

inferred as (
    {{ inferred('versions', 'store_id', ref('touched_dim_store'), facts) }}
),

members as (
    select
        store_id, name, street, city, state, postal_code, country, time_zone, day_starts,
        false as is_inferred, valid_from, valid_to, is_current
    from versions

    union all

    select
        store_id, null, null, null, null, null, null, null, null,
        true as is_inferred, valid_from, valid_to, true as is_current
    from inferred
)

select
    {{ surrogate_key('store_id', 'valid_from') }} as store_key,
    store_id,
    name,
    street,
    city,
    state,
    postal_code,
    country,
    time_zone,
    day_starts,
    is_inferred,
    valid_from,
    valid_to,
    is_current
from members
