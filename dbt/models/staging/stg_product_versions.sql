{{ versions(source('raw', 'products'), 'product_id', [
    'description', 'brand', 'manufacturer_id', 'department', 'category', 'subcategory', 'package_size',
    'list_price', 'currency',
], touched=ref('touched_dim_product'), deleted='is_deleted') }}
