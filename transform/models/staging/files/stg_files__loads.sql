{{ loads_of(source('files', '_sdc_loads')) }}
