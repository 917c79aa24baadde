#!/usr/bin/python3
"""Reads mails with Python's email package and prints what it understands of each as a line of JSON.

usage: read_mail.py < NAMES   a line of input names a file
"""
import email
import email.policy
import hashlib
import json
import sys


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def people(message, name):
    header = message[name]
    return [{'name': a.display_name, 'address': a.addr_spec} for a in header.addresses] if header else []


def text(message, name):
    return str(message[name]) if message[name] is not None else ''


def describe(message, defects):
    mail = {name: people(message, name.replace('_', '-')) for name in ('from', 'to', 'cc', 'bcc', 'reply_to')}
    mail.update({name: text(message, name.replace('_', '-')) for name in ('subject', 'message_id', 'in_reply_to', 'references')})
    mail['date'] = int(message['date'].datetime.timestamp()) if message['date'] else 0
    mail['bodies'], mail['attachments'] = [], []
    collect(message, mail, defects)
    return mail


def collect(part, mail, defects):
    defects += [repr(d) for d in part.defects]
    for name, header in part.items():
        # Long ids and what other people's programs wrote are no business of ours.
        if name.lower() in OURS:
            defects += ['%s: %r' % (name, d) for d in header.defects]
    kind, disposition = part.get_content_type(), part.get_content_disposition()
    if part.get_content_maintype() == 'multipart':
        for child in part.iter_parts():
            collect(child, mail, defects)
    elif kind == 'message/rfc822':
        mail['attachments'].append({'name': part.get_filename() or '', 'message': describe(part.get_content(), defects)})
    elif disposition is None:
        body = part.get_payload(decode=True).decode(part.get_content_charset('ascii'))
        body = body.replace('\r\n', '\n').replace('\r', '\n')
        mail['bodies'].append({'type': kind, 'sha256': sha256(body.encode())})
    else:
        data = part.get_payload(decode=True)
        mail['attachments'].append({'name': part.get_filename() or '', 'type': kind, 'size': len(data), 'sha256': sha256(data),
                                    'inline': disposition == 'inline', 'content_id': (part['content-id'] or '').strip('<>')})


OURS = {'from', 'sender', 'to', 'cc', 'bcc', 'reply-to', 'subject', 'date', 'mime-version', 'content-type', 'content-disposition', 'content-transfer-encoding'}
for line in sys.stdin:
    with open(line.rstrip('\n'), 'rb') as f:
        message = email.message_from_binary_file(f, policy=email.policy.default)
    defects = []
    mail = describe(message, defects)
    print(json.dumps({'mail': mail, 'defects': defects}))
