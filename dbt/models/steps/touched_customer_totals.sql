{{ config(tags=['marts']) }}

select touched.member as person_id
from ({{ touched('customer_totals', 'people') }}) as touched

union

select versions.person_id
from {{ ref('dim_customer') }} as versions
where versions.customer_id in ({{ touched('customer_totals', 'customers') }})
    or {{ is_never_built('customer_totals') }}
