{{ config(tags=['transactions']) }}

select distinct landed._batch_id as batch_id
from {{ source('raw', 'transactions') }} as landed
where {{ is_new('batch_days', 'landed') }}
/*later*/
union

select told.member from ({{ touched('batch_days', 'batches') }}) as told

union

select landed._batch_id
from {{ source('raw', 'transactions') }} as landed
inner join ({{ touched('batch_days', 'stores') }}) as told on told.member = landed.store_id
/*end later*/
