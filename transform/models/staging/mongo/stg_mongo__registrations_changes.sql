{{ change_events(source('mongo', 'registrations__changes')) }}
