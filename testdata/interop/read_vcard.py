#!/usr/bin/python3
"""Reads vCards with vobject and prints what it understands of each as a line of JSON.

usage: read_vcard.py < NAMES   a line of input names a file
"""
import base64
import hashlib
import json
import re
import sys

import vobject


def text(value):
    return ' '.join(value) if isinstance(value, list) else value


def describe(card, source):
    def values(name):
        return [text(v.value) for v in card.contents.get(name, [])]

    def first(name):
        return (values(name) or [''])[0]

    name = card.n.value if 'n' in card.contents else vobject.vcard.Name()
    members = values('member') + values('x-addressbookserver-member')
    photo = b''
    for p in card.contents.get('photo', []):
        photo = p.value
        if not isinstance(photo, bytes):  # vobject knows 3.0, and cuts the URI of 4.0 at its comma
            photo = base64.b64decode(re.search('^PHOTO:data:[^,]*,(.*)$', source.replace('\r\n ', ''), re.M).group(1))
    return {
        'fn': first('fn'), 'family': text(name.family), 'given': text(name.given),
        'org': card.org.value if 'org' in card.contents else [],
        'title': first('title'), 'note': first('note'),
        'emails': values('email'), 'phones': values('tel'),
        'cities': [text(a.value.city) for a in card.contents.get('adr', [])],
        'birthday': first('bday').replace('-', ''), 'uid': first('uid'),
        'categories': [c for v in card.contents.get('categories', []) for c in v.value],
        'kind': first('kind') or first('x-addressbookserver-kind'), 'members': members,
        'photo': hashlib.sha256(photo).hexdigest() if photo else '',
    }


for path in sys.stdin.read().split('\n'):
    with open(path, encoding='utf-8', newline='') as file:
        source = file.read()
    cards = list(vobject.readComponents(source))
    if len(cards) != 1:
        sys.exit('%s holds %d cards' % (path, len(cards)))
    print(json.dumps(describe(cards[0], source)))
