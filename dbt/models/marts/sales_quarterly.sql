{{ config(meta={'by': ['quarter_start']}) }}

{{ sales_by('quarter', 'quarter_start', 'sales_quarterly') }}
