with

days as (

    -- Without a zone: a server's own has days that begin twice, or not at midnight.
    select
        generate_series(
            '1970-01-01'::timestamp, '2050-12-31'::timestamp, '1 day'
        )::date as date_day

),

final as (

    select
        date_day,
        extract(year from date_day)::integer as year_number,
        extract(quarter from date_day)::integer as quarter_number,
        extract(month from date_day)::integer as month_number,
        date_trunc('month', date_day::timestamp)::date as month_start,
        extract(isoyear from date_day)::integer as iso_year,
        extract(week from date_day)::integer as iso_week,
        extract(isodow from date_day)::integer as iso_weekday,
        (array[
            'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'
        ])[extract(isodow from date_day)::integer] as day_name,
        extract(isodow from date_day) >= 6 as is_weekend
    from days

)

select * from final
