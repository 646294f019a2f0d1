{{ config(tags=['transactions']) }}

with versions as (
    select * from {{ ref('stg_store_versions') }}
),

inferred as (
    {{ inferred('versions', 'store_id', {
        'transactions': ['transaction_id', 'line_number'], 'events': ['event_id'],
        'measurements': ['measurement_id'],
    }) }}
),

members as (
    select
        store_id, name, street, city, state, postal_code, country,
        false as is_inferred, valid_from, valid_to, is_current
    from versions

    union all

    select
        store_id, null, null, null, null, null, null,
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
    is_inferred,
    valid_from,
    valid_to,
    is_current
from members
