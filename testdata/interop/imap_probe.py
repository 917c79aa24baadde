#!/usr/bin/python3
"""Logs in to an IMAP server and prints its folders, the size of the Inbox and one message as JSON.

usage: IMAP_PASSWORD=... imap_probe.py PORT USER [NEW-FOLDER]
"""
import email
import email.policy
import imaplib
import json
import os
import sys

imaplib._MAXLINE = 10_000_000
port, user = int(sys.argv[1]), sys.argv[2]
server = imaplib.IMAP4('127.0.0.1', port, timeout=60)
server.login('"%s"' % user.replace('\\', '\\\\'), os.environ['IMAP_PASSWORD'])
seen = {'folders': [line.decode() for line in server.list('""', '*')[1]]}
seen['messages'] = int(server.select('INBOX')[1][0])
uids = server.uid('search', None, 'ALL')[1][0].split()
seen['uids'] = len(uids)
if uids:
    raw = server.uid('fetch', uids[0].decode(), '(BODY.PEEK[])')[1][0][1]
    message = email.message_from_bytes(raw, policy=email.policy.default)
    seen['subject'], seen['from'], seen['bytes'] = str(message['subject']), str(message['from']), len(raw)
if len(sys.argv) > 3:
    seen['created'] = server.create('"%s"' % sys.argv[3])[0]
server.logout()
json.dump(seen, sys.stdout)
