"""Prints what pypff, another implementation, reads from a PST file: a line of
JSON a message, with its folder's path and all its properties, and those of its
attachments. Numbers and times are as stored, strings as UTF-8, binary values
as their SHA-256; a key is property id and type in hexadecimal digits."""

import hashlib
import json
import sys

import pypff

INT16, INT32, DOUBLE, BOOLEAN, INT64, STRING8, STRING, TIME = 2, 3, 5, 0x0B, 0x14, 0x1E, 0x1F, 0x40


def value(entry):
    data = entry.data or b""
    if entry.value_type in (STRING8, STRING):
        return entry.data_as_string or ""
    if entry.value_type == BOOLEAN:
        return bool(data[0])
    if entry.value_type in (INT16, INT32, INT64, TIME):
        return int.from_bytes(data, "little", signed=True)
    return hashlib.sha256(data).hexdigest()


def properties(thing):
    return {
        "%04X%04X" % (entry.entry_type, entry.value_type): value(entry)
        for records in thing.record_sets
        for entry in records.entries
        if entry.entry_type is not None
    }


def attachments(message):
    for i in range(message.number_of_attachments):
        attachment = message.get_attachment(i)
        data = attachment.read_buffer(attachment.size) if attachment.size else b""
        yield {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "properties": properties(attachment)}


def walk(folder, path):
    for i in range(folder.number_of_sub_messages):
        message = folder.get_sub_message(i)
        body = message.plain_text_body
        print(json.dumps({
            "folder": path,
            "subject": message.subject or "",
            "sender": message.sender_name or "",
            "submitted": message.get_client_submit_time_as_integer(),
            "delivered": message.get_delivery_time_as_integer(),
            "body": hashlib.sha256(body or b"").hexdigest(),
            "properties": properties(message),
            "attachments": list(attachments(message)),
        }))
    for i in range(folder.number_of_sub_folders):
        child = folder.get_sub_folder(i)
        walk(child, path + "/" + (child.name or ""))


pst = pypff.file()
pst.open(sys.argv[1])
walk(pst.get_root_folder(), "")
