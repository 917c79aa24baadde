#!/usr/bin/python3
"""exchangelib doing mailferry's job: export a mailbox into files, or upload the files.

usage: exchangelib.py export MAILBOX DIR | upload MAILBOX DIR
environment: EWS_URL EWS_USER EWS_PASSWORD
"""
import os
import pathlib
import sys

from exchangelib import BASIC, IMPERSONATION, Account, Configuration, Credentials
from exchangelib.version import EXCHANGE_2016, Version


def main(command, mailbox, folder):
    folder = pathlib.Path(folder)
    account = Account(
        mailbox, autodiscover=False, access_type=IMPERSONATION,
        config=Configuration(
            service_endpoint=os.environ["EWS_URL"], auth_type=BASIC, version=Version(build=EXCHANGE_2016),
            credentials=Credentials(os.environ["EWS_USER"], os.environ["EWS_PASSWORD"])))
    size = int(os.environ.get("CHUNK", "100"))
    if command == "export":
        folder.mkdir(parents=True, exist_ok=True)
        number = 0
        for place in account.msg_folder_root.walk():
            ids = list(place.all().only("id", "changekey").values_list("id", "changekey"))
            for at in range(0, len(ids), size):
                for blob in account.export(ids[at:at + size]):
                    if not isinstance(blob, str):
                        raise blob
                    with open(folder / f"{number:06}.b64", "w") as f:
                        f.write(blob)
                        f.flush()
                        os.fsync(f.fileno())
                    number += 1
    else:
        files = sorted(folder.glob("*.b64"))
        for at in range(0, len(files), size):
            for answer in account.upload([(account.inbox, f.read_text()) for f in files[at:at + size]]):
                if isinstance(answer, Exception):
                    raise answer


main(*sys.argv[1:])
