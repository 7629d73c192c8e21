"""One roster written in every format that an organization may send it in."""

import gzip
import io
import json
import zipfile
from email.message import EmailMessage

import polars as pl
import xlsxwriter

COLUMNS = {
    "First Name": "given",
    "Last Name": "family",
    "Suffix": "suffix",
    "Date of Birth": "born",
    "SSN": "ssn",
    "Member ID": "member",
    "Address": "line",
    "City": "city",
    "State": "state",
    "ZIP": "zip",
    "Phone": "phone",
    "Email": "email",
    "Diagnosis Code": "diagnosis",
}


def cells(row):
    return [getattr(row, name) for name in COLUMNS.values()]


def delimited(rows, delimiter=",", *, header=True, quoted=False, encoding="utf-8"):
    quote = '"{}"'.format if quoted else "{}".format
    lines = [list(COLUMNS)] if header else []
    lines += [cells(row) for row in rows]
    return "".join(delimiter.join(map(quote, line)) + "\r\n" for line in lines).encode(encoding, "replace")


def fixed(rows):
    widths = [max([len(title), *(len(cells(row)[at]) for row in rows)]) + 2 for at, title in enumerate(COLUMNS)]
    lines = [list(COLUMNS)] + [cells(row) for row in rows]
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + "\n" for line in lines
    ).encode()


def records(rows):
    return [{title: cell for title, cell in zip(COLUMNS, cells(row), strict=True) if cell} for row in rows]


def json_list(rows):
    return json.dumps(records(rows), ensure_ascii=False).encode()


def json_object(rows):
    return json.dumps({"exported": "2026-01-31", "members": records(rows)}, indent=1).encode()


def json_lines(rows):
    return "".join(json.dumps(record) + "\n" for record in records(rows)).encode()


def xlsx(rows):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Members")
        for down, line in enumerate([list(COLUMNS)] + [cells(row) for row in rows]):
            for across, cell in enumerate(line):
                sheet.write_string(down, across, cell)
    return out.getvalue()


def parquet(rows):
    out = io.BytesIO()
    pl.DataFrame({title: [cells(row)[at] for row in rows] for at, title in enumerate(COLUMNS)}).write_parquet(out)
    return out.getvalue()


def interchange(kind, version, body):
    segments = [
        "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260401*1200*^*00501*000000001*0*T*:",
        f"GS*XX*SENDER*RECEIVER*20260401*1200*1*X*{version}",
        f"ST*{kind}*0001*{version}",
        *body,
        f"SE*{len(body) + 2}*0001",
        "GE*1*1",
        "IEA*1*000000001",
    ]
    return "~\n".join(segments).encode() + b"~\n"


def x12_834(rows):
    body = ["BGN*00*1*20260401", "N1*P5*ACME*FI*123456780", "N1*IN*BEST HEALTH PLAN*FI*987654320"]
    for row in rows:
        body += ["INS*Y*18*021*XN*A*C**FT"]
        body += [f"REF*0F*{row.member}"] if row.member else []
        number = f"*34*{row.ssn}" if row.ssn else ""
        body += [f"NM1*IL*1*{row.family}*{row.given}***{row.suffix}{number}"]
        body += [f"PER*IP**TE*{row.phone}"] if row.phone else []
        body += [f"N3*{row.line}", f"N4*{row.city}*{row.state}*{row.zip}", f"DMG*D8*{row.born.replace('-', '')}*F"]
    return interchange("834", "005010X220A1", body)


def x12_837(rows):
    body = ["BHT*0019*00*1*20260401*1200*CH", "NM1*41*2*BILLER*****46*1", "NM1*40*2*PLAN*****46*2"]
    for place, row in enumerate(rows):
        body += [f"HL*{2 * place + 1}**20*1", "NM1*85*1*KILDARE*BEN****XX*1999996666", "N3*1 PROVIDER WAY"]
        body += [f"HL*{2 * place + 2}*{2 * place + 1}*22*0", "SBR*P*18*******CI"]
        number = f"*MI*{row.member}" if row.member else ""
        body += [f"NM1*IL*1*{row.family}*{row.given}***{row.suffix}{number}", f"N3*{row.line}"]
        body += [f"N4*{row.city}*{row.state}*{row.zip}", f"DMG*D8*{row.born.replace('-', '')}*F"]
        body += [f"REF*SY*{row.ssn}"] if row.ssn else []
        body += ["NM1*PR*2*PLAN*****PI*1", "CLM*1*100***11:B:1*Y*A*Y*Y", "HI*BK:4779"]
        body += ["NM1*82*1*WELBY*MARCUS****XX*1112223338", "LX*1", "SV1*HC:99213*100*UN*1***1"]
    return interchange("837", "005010X222A1", body)


def hl7(rows):
    out = []
    for place, row in enumerate(rows):
        person, born = f"{row.family}^{row.given}^^{row.suffix}", row.born.replace("-", "")
        address = f"{row.line}^^{row.city}^{row.state}^{row.zip}"
        out += [
            f"MSH|^~\\&|APP|GENERAL HOSPITAL|RCV|RCV|20260401||ADT^A01|{place}|P|2.5",
            f"PID|1||{row.member}^^^GH^MR||{person}||{born}|F|||{address}||{row.phone}||||||{row.ssn}",
            "PV1|1|I|||||1234^WELBY^MARCUS",
            *([f"DG1|1||{row.diagnosis}"] if row.diagnosis else []),
        ]
    return "\r".join(out).encode() + b"\r"


def fhir(rows):
    lines = []
    for place, row in enumerate(rows):
        identifiers = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": row.ssn}] if row.ssn else []
        if row.member:
            identifiers.append({"type": {"coding": [{"code": "MR"}]}, "system": "urn:gh", "value": row.member})
        patient = {
            "resourceType": "Patient",
            "id": f"row-{place}",
            "identifier": identifiers,
            "name": [{"family": row.family, "given": [row.given], "suffix": [row.suffix] if row.suffix else []}],
            "birthDate": row.born,
            "telecom": [{"system": "phone", "value": row.phone}] if row.phone else [],
            "address": [{"line": [row.line], "city": row.city, "state": row.state, "postalCode": row.zip}],
        }
        lines.append(json.dumps(patient))
    return "\n".join(lines).encode()


def text(rows):
    return "".join(
        f"Name: {row.given} {row.family}{' ' + row.suffix if row.suffix else ''}\nDate of birth: {row.born}\n"
        + (f"SSN: {row.ssn[:3]}-{row.ssn[3:5]}-{row.ssn[5:]}\n" if row.ssn else "")
        + (f"Member ID: {row.member}\n" if row.member else "")
        + f"Address: {row.line}\nCity: {row.city}\nState: {row.state}\nZIP: {row.zip}\n\n"
        for row in rows
    ).encode()


def message(rows):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "noreply@example.org", "noreply@example.com", "members"
    mail.set_content("See the attachment.")
    mail.add_attachment(delimited(rows), maintype="text", subtype="csv", filename="members.csv")
    return bytes(mail)


def archive(rows):
    out = io.BytesIO()
    half = len(rows) // 2
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("one/members.csv", delimited(rows[:half]))
        made.writestr("two.csv.gz", gzip.compress(delimited(rows[half:])))
    return out.getvalue()


WRITERS = {
    "csv": (delimited, "csv"),
    "tsv": (lambda rows: delimited(rows, "\t"), "csv"),
    "pipes": (lambda rows: delimited(rows, "|"), "csv"),
    "quoted": (lambda rows: delimited(rows, ";", quoted=True), "csv"),
    "utf16": (lambda rows: delimited(rows, encoding="utf-16"), "csv"),
    "fixed": (fixed, "fixed"),
    "xlsx": (xlsx, "xlsx"),
    "parquet": (parquet, "parquet"),
    "json": (json_list, "json"),
    "json-object": (json_object, "json"),
    "ndjson": (json_lines, "ndjson"),
    "834": (x12_834, "x12-834"),
    "837": (x12_837, "x12-837"),
    "hl7": (hl7, "hl7v2"),
    "fhir": (fhir, "fhir"),
    "text": (text, "text"),
    "email": (message, "email"),
    "archive": (archive, "archive"),
}
