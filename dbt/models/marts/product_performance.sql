with sold as (
  select product_id, count(*) as lines, sum(case when quantity < 0 then 1 else 0 end) as return_lines,
         count(distinct customer_id) as customers, sum(quantity) as quantity,
         coalesce(sum(net_amount_reporting), 0) as net_amount_reporting,
         min(transaction_date) as first_sold, max(transaction_date) as last_sold
  from {{ ref('retail_sales') }} group by product_id
),
newest as (
  select * from (
    select *, row_number() over (partition by product_id order by valid_from desc) as age
    from {{ ref('dim_product') }}
  ) as aged where age = 1
),
ranked as (
  select sold.*, n.description, n.department, n.category, n.subcategory, n.brand,
         row_number() over (
           partition by n.department order by sold.net_amount_reporting desc, sold.product_id
         ) as rank_in_department
  from sold inner join newest as n on n.product_id = sold.product_id
)
select {{ as_declared('marts.product_performance') }} from ranked
