{{ loads_of(source('mongo', '_sdc_loads')) }}
