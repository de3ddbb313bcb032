{{ change_events(source('mongo', 'lyrics__changes')) }}
