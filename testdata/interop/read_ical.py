#!/usr/bin/python3
"""Reads calendars with icalendar and expands series with dateutil; prints what it understands of each as a line of JSON.

usage: read_ical.py < NAMES   a line of input names a file
"""
import datetime
import io
import json
import sys

import dateutil.rrule
import dateutil.tz
import icalendar


def epoch(value):
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.timezone.utc)
    return int(value.timestamp())


def moment(prop, zones):
    """The moment of a property, in the VTIMEZONE of the file as dateutil reads it."""
    value, name = prop.dt, prop.params.get('TZID')
    if name:
        value = value.replace(tzinfo=zones.get(name))
    return value


for path in sys.stdin.read().split('\n'):
    with open(path, 'rb') as file:
        source = file.read()
    calendar = icalendar.Calendar.from_ical(source)
    zones = dateutil.tz.tzical(io.StringIO(source.decode().replace('\r\n', '\n'))) if b'BEGIN:VTIMEZONE' in source else None
    main = [c for c in calendar.walk() if c.name in ('VEVENT', 'VTODO')]
    first = main[0]
    start = moment(first['DTSTART'], zones) if 'DTSTART' in first else None
    instances = []
    if 'RRULE' in first:
        instances = [start]
        naive = datetime.datetime(start.year, start.month, start.day, getattr(start, 'hour', 0), getattr(start, 'minute', 0))
        line = [l for l in source.decode().replace('\r\n ', '').split('\r\n') if l.startswith('RRULE:')]
        rule = line[-1]
        zone = getattr(start, 'tzinfo', None)
        found = dateutil.rrule.rrulestr(rule, dtstart=naive.replace(tzinfo=zone) if zone else naive, ignoretz=zone is None)
        instances = [i if zone else i.replace(tzinfo=datetime.timezone.utc) for i, _ in zip(found, range(20))]
    print(json.dumps({
        'kind': first.name, 'summary': str(first.get('SUMMARY', '')), 'location': str(first.get('LOCATION', '')),
        'start': epoch(start) if start else 0,
        'method': str(calendar.get('METHOD', '')), 'instances': [epoch(i) for i in instances], 'changed': len(main) - 1,
    }))
