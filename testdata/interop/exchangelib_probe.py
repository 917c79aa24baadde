#!/usr/bin/python3
"""Drives python3-exchangelib against a simulator and prints what it saw as JSON.

usage: exchangelib_probe.py walk   MAILBOX
       exchangelib_probe.py copy   MAILBOX FOLDER-ID-OR-PATH TO-MAILBOX TO-PATH
       exchangelib_probe.py discover SERVICE MAILBOX...
Environment: EWS_URL, EWS_USER, EWS_PASSWORD, EWS_AUTH (basic, ntlm, or empty to find out),
EWS_VERSION=guess to find out the version, EWS_CA for the certificate to trust.

walk lists each folder, and the items of each as FindItem and as SyncFolderItems tell them.
copy exports the items of a folder and uploads them to another mailbox.
discover asks the Autodiscover service at the address SERVICE about each mailbox.
"""
import json
import os
import sys

import requests.adapters
import exchangelib.autodiscover.protocol
from exchangelib import BASIC, DELEGATE, NTLM, Account, Configuration, Credentials, Folder
from exchangelib.errors import ErrorFolderNotFound
from exchangelib.protocol import BaseProtocol
from exchangelib.version import EXCHANGE_2016, Version


class TrustOne(requests.adapters.HTTPAdapter):
    def cert_verify(self, conn, url, verify, cert):
        super().cert_verify(conn=conn, url=url, verify=os.environ.get('EWS_CA') or True, cert=cert)


def login(mailbox):
    BaseProtocol.HTTP_ADAPTER_CLS = TrustOne
    auth = {'basic': BASIC, 'ntlm': NTLM}.get(os.environ.get('EWS_AUTH', ''))
    options = {} if os.environ.get('EWS_VERSION') == 'guess' else {'version': Version(build=EXCHANGE_2016)}
    config = Configuration(
        service_endpoint=os.environ['EWS_URL'], auth_type=auth,
        credentials=Credentials(os.environ['EWS_USER'], os.environ['EWS_PASSWORD']), **options)
    return Account(mailbox, config=config, autodiscover=False, access_type=DELEGATE)


def at(account, path, make=False):
    folder = account.msg_folder_root
    for name in path.split('/'):
        try:
            folder = folder / name
        except ErrorFolderNotFound:
            if not make:
                raise
            folder = Folder(parent=folder, name=name).save()
    return folder


def listed(folder):
    """(FindItem, SyncFolderItems), each a sorted list of ids."""
    found = sorted(item.id for item in folder.all().only('id', 'changekey'))
    synced = sorted(item.id for kind, item in folder.sync_items(only_fields=('id', 'changekey')) if kind == 'create')
    return found, synced


def walk(mailbox):
    account = login(mailbox)
    rows = []
    for folder in account.root.walk():
        row = {'id': folder.id, 'path': folder.absolute, 'class': folder.folder_class, 'total': folder.total_count}
        if folder.absolute.startswith(account.msg_folder_root.absolute + '/') and folder.total_count:
            row['found'], row['synced'] = listed(folder)
        rows.append(row)
    return rows


def copy(mailbox, path, target, to):
    source, dest = login(mailbox), login(target)
    items = [(item.id, item.changekey) for item in at(source, path).all().only('id', 'changekey')]
    blobs = list(source.export(items, chunk_size=30))
    failed = [repr(b) for b in blobs if not isinstance(b, str)]
    folder = at(dest, to, make=True)
    results = list(dest.upload(((folder, b) for b in blobs if isinstance(b, str)), chunk_size=20))
    failed += [repr(r) for r in results if not isinstance(r, tuple)]
    return {'exported': len(blobs), 'uploaded': [r[0] for r in results if isinstance(r, tuple)], 'failed': failed}


def discover(service, *mailboxes):
    BaseProtocol.HTTP_ADAPTER_CLS = TrustOne
    config = Configuration(
        service_endpoint=service, auth_type=NTLM, version=Version(build=EXCHANGE_2016),
        credentials=Credentials(os.environ['EWS_USER'], os.environ['EWS_PASSWORD']))
    protocol = exchangelib.autodiscover.protocol.AutodiscoverProtocol(config=config)
    rows = []
    for mailbox in mailboxes:
        said = protocol.get_user_settings(user=mailbox)
        rows.append({'code': said.error_code, 'url': None if said.error_code else said.ews_url, 'redirect': said.redirect_address or said.redirect_url})
    return rows


if __name__ == '__main__':
    json.dump({'walk': walk, 'copy': copy, 'discover': discover}[sys.argv[1]](*sys.argv[2:]), sys.stdout)
