"""Every setting and every limit, each with its unit and default. A number that bounds something stands here or nowhere.

The limits of reading files are no settings of a node; they stand in `exposure/limits.py`.
How they are given, and what is out of bounds, is told in `configuration.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sealane.errors import Invalid

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB

SLOT_BYTES = 256 * KIB
"""Plaintext bytes of a full slot. Part of the stored format (docs/formats/segment.md), therefore not a setting."""


class SettingInvalid(Invalid):
    """A setting is unknown or has an impossible value."""

    code = "setting-invalid"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a node. Names end in their unit."""

    given: tuple[str, ...] = field(default=(), compare=False)
    """No setting: which of them the file, the environment or a flag has set; no page changes those."""

    # Where it listens. Clear HTTP is only allowed on loopback.
    http: str = "127.0.0.1:8080"
    sftp: str = "127.0.0.1:2022"
    tls_cert: str = ""
    tls_key: str = ""
    workers: int = 1
    """SFTP workers and HTTP workers, each."""
    accounts: str = ""
    """In which accounts the processes run: `NAME` for `NAME-keeper`, `NAME-doors` …; a number for the ids from it on;
    empty for all in one. Needs root to start. See `system_accounts.py`."""

    # What it stands on. Empty: SQLite and local blobs inside the data directory.
    database: str = ""
    """`postgresql://…`, or empty for SQLite."""
    blob_store: str = ""
    """`s3://bucket/prefix`, or empty for the data directory's `blobs/`."""
    blob_store_endpoint: str = ""
    blob_store_region: str = "us-east-1"
    blob_store_access_key: str = field(default="", repr=False)
    blob_store_secret_key: str = field(default="", repr=False)

    # Sign-in.
    login_grace_seconds: int = 120
    unused_exchange_keep_seconds: int = 90 * 86400
    """An SSH exchange for which nobody signed in is remembered this long, so that it is not signed again."""
    sign_in_failures_max: int = 10
    """Failures of one account name within the window before passwords are no longer tried for it."""
    sign_in_range_failures_max: int = 50
    """Likewise of one address range (/24, /64), behind which many people may sit."""
    sign_in_window_seconds: int = 600
    sign_in_lock_seconds: int = 900
    sign_in_slow_after: int = 3
    """Failures after which each further try waits, doubling from a quarter of a second to four seconds."""
    password_hash_threads: int = 2
    password_hash_queue_max: int = 64
    password_characters_min: int = 8
    password_characters_max: int = 1024
    password_score_min: int = 3
    """Of a password that its owner chooses: zxcvbn's score, 0 to 4; 3 is ten thousand million guesses."""
    account_name_characters_max: int = 64
    ended_sessions_told_seconds: int = 900
    """A door that connects to the keeper is told which sessions ended this lately."""
    ended_sessions_told_max: int = 20_000
    session_idle_seconds: int = 3600
    session_lifetime_seconds: int = 7 * 86400
    web_session_lifetime_seconds: int = 12 * 3600
    proof_seconds: int = 900
    sign_in_ticket_seconds: int = 300
    sign_in_ticket_tries_max: int = 5
    link_seconds: int = 3 * 86400
    one_time_rows_max: int = 10_000
    passkeys_per_user_max: int = 20

    # Packages and requests.
    share_seconds: int = 14 * 86400
    """When one ends that its sender gave no end."""
    share_seconds_max: int = 90 * 86400
    share_guests_max: int = 50
    shares_per_user_max: int = 500
    guest_keep_seconds: int = 90 * 86400
    """A package or request is forgotten with its guests, note and replies so long after its end."""
    share_visits_per_hour_max: int = 200
    """Sessions that the guests of one share may open."""
    share_code_seconds: int = 600
    share_codes_per_hour_max: int = 20
    note_characters_max: int = 4000
    reply_files_max: int = 100
    """Files that the guests of one package may send back together, where its sender said nothing else."""
    reply_bytes_max: int = 1_000_000_000

    # Mail. It goes out where a mail server and `public_url` are set; without, pages show links to pass on.
    smtp: str = ""
    """`HOST:PORT` of the mail server that takes what is to go out."""
    smtp_security: str = "starttls"
    """`starttls`, `tls` (from the first byte), or `none`, on loopback only."""
    smtp_ca: str = ""
    """PEM file that signed the mail server's certificate; empty: those of the system."""
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_from: str = ""
    """`files@example.org`: whom mail is from."""
    smtp_wait_seconds: int = 30
    mail_lease_seconds: int = 300
    mail_retry_seconds: int = 60
    """The first pause before a mail is tried again; each is twice the one before, an hour at most."""
    mail_keep_seconds: int = 2 * 86400
    """After this a mail is given up."""
    mails_waiting_max: int = 10_000
    token_session_seconds: int = 900
    """A session that a bearer token opened; the door opens the next one by itself."""
    sign_in_waits_max: int = 1000
    """Refused sign-ins that may be kept waiting for their answer at once."""
    ssh_rsa_host_key_bits: int = 3072
    """Size of the RSA host key made on first start for old clients; 0 makes none."""
    sessions_per_user_max: int = 1000
    unauthenticated_connections_max: int = 500
    unauthenticated_connections_per_range_max: int = 50
    """Of one address range (IPv4 /24, IPv6 /64), each worker. Of HTTP only those without a request under way."""
    sign_in_tries_per_connection_max: int = 10

    # The keeper's socket.
    frame_bytes_max: int = 8 * MIB
    """One operation."""
    answer_bytes_max: int = 64 * MIB
    """One answer: a version of 5 TiB is told as some hundred thousand extents and segments."""
    batch_operations_max: int = 128
    queued_operations_max: int = 20_000
    connection_operations_max: int = 4_000
    """Unanswered operations of one connection; past it the keeper reads no more from it until some are answered."""
    callers_kept_max: int = 20_000
    """Sessions whose user the keeper remembers without looking them up again."""
    refusals_recorded_per_minute_max: int = 60
    """Refusals of one session that are written to the ledger one by one in a minute; the rest are counted."""
    keeper_wait_seconds: int = 60
    """How long a door waits for a keeper that is being restarted before it gives up."""
    keeper_retry_seconds_max: int = 1
    """The longest pause between two tries to reach a keeper that is away."""
    caller_operations_max: int = 10_000
    """Operations of one process that wait for their answer; past it, more are refused at once."""

    # Files and folders.
    file_bytes_max: int = 5 * TIB
    page_entries_max: int = 2000
    folder_entries_max: int = 1_000_000
    views_kept_max: int = 10_000
    """Users whose grants are kept in memory at once."""
    watches_per_connection_max: int = 4096
    """Folders of which the keeper tells one door when something in them may have changed."""
    uploads_ahead_max: int = 32
    """Uploads that are begun for a session before it names them, in a folder to which it sends many."""
    folders_kept_max: int = 100_000
    """Folders that the keeper remembers at once."""
    extents_max: int = 200_000
    segments_per_record_max: int = 512
    inline_bytes_max: int = 64 * KIB
    """Contents up to this size are kept, as ciphertext, in the catalogue itself."""
    segment_bytes_max: int = 32 * MIB
    """Plaintext bytes of one segment; also how much of an upload can be lost unacknowledged by a crash."""
    version_keep_seconds: int = 30 * 86400
    """How long a version that was replaced or deleted is kept."""
    kept_versions_percent: int = 100
    """How much they may take, in percent of each quota above them; past it the oldest of a folder go earlier."""
    kept_versions_of_name_max: int = 1000
    """How many are kept of one name; past it the oldest go earlier."""
    kept_versions_of_folder_max: int = 100_000
    """How many are kept of one folder, those below it apart; likewise."""
    upload_keep_seconds: int = 7 * 86400
    """How long an interrupted upload can be resumed."""
    finished_upload_keep_seconds: int = 86400
    """How long an upload that is finished still answers for itself (a client that lost the answer asks again)."""
    uploads_per_user_max: int = 10_000
    receipt_transfers_max: int = 1000
    quota_bytes: int = 0
    """Default for new organizations; 0 means no quota."""
    quota_files: int = 0
    failures_kept_rows_max: int = 10_000
    """Accounts and address ranges whose failures are remembered; past it the oldest is forgotten."""
    strangers_kept_rows_max: int = 10_000
    """Address ranges and minutes of strangers' refusals kept apart; past it they are counted together."""

    # Doors.
    idle_seconds: int = 600
    """An SFTP session that says nothing for this long is ended."""
    body_idle_seconds: int = 60
    body_rate_bytes_per_second_min: int = 512
    """A body slower than this over `body_idle_seconds` is ended; it can be resumed."""
    ranges_max: int = 8
    public_url: str = ""
    """What the addresses of uploads, and links in mail, begin with (`https://files.example.org`); empty: addresses are
    told relative, and no mail goes out."""
    metrics: str = ""
    """Where HTTP workers answer `/metrics`, on loopback: `127.0.0.1:9464`. The next worker takes the next port."""
    http_connections_max: int = 2000
    """Open connections of one HTTP worker; past it new ones wait to be accepted."""
    http_first_request_seconds: int = 30
    """An HTTP connection that has not brought a whole request head by then is closed."""
    http_idle_seconds: int = 75
    """Likewise one that was used and has not brought its next one; counted from when its client has the last answer."""
    http2_window_bytes: int = 16 * MIB
    """Bytes of request body that a client may send ahead on one HTTP/2 connection."""
    token_sessions_max: int = 10_000
    """Tokens, by client address, whose session an HTTP worker remembers."""
    web_page_rows: int = 100
    web_listing_entries_max: int = 20_000
    undo_seconds: int = 3600
    """So long somebody may undo a removal of their own at a page."""
    archive_files_max: int = 1000
    """Files that can be had as one ZIP archive from a page."""
    own_recipients_max: int = 10
    """Public keys that somebody may add to themselves at a browser."""
    web_passphrase_work_factor: int = 18
    """Base-two logarithm of scrypt's N for keys that are made at a browser: how dear guessing their passphrase is."""
    json_body_bytes_max: int = 64 * KIB
    """A request body that is no file."""
    refused_body_bytes_max: int = 16 * MIB
    """What is read off of a body that was refused, so that its client reads the answer before a broken line."""
    refused_body_seconds: int = 5
    upload_parts_max: int = 1000
    """Parts that one tus request may join."""
    ready_seconds: int = 5
    """How long an answer of `/readyz` holds: strangers may ask it, and it writes to the disk."""
    sftp_packet_bytes_max: int = 256 * KIB + 1024
    sftp_express: int = 1
    """1: data packets of AES-GCM sessions take the express path; 0: everything goes through asyncssh."""
    sftp_handles_max: int = 1024
    sftp_remembered_entries_max: int = 200_000
    """Names that a worker remembers of what its sessions have listed, to say them again (some 150 bytes each)."""
    sftp_sessions_per_connection_max: int = 10
    sftp_window_bytes: int = 4 * MIB
    """Bytes a client may send ahead on one channel before it is read."""
    sftp_replies_bytes_max: int = 1 * MIB
    """Reply bytes that may wait for a client that does not read before its requests wait too."""
    sftp_rekey_bytes: int = 1 * GIB
    """Bytes sent under one SSH key before new keys are agreed (RFC 4253, 9)."""
    sftp_ciphers_older: str = ""
    """SSH ciphers offered beyond the good ones, for partners who have nothing better; comma-separated."""
    sftp_macs_older: str = ""
    data_threads: int = 16
    """Threads of a door that encrypt, hash, and wait for the blob store."""
    door_slots_max: int = 1024
    """Slots (256 KiB) that all transfers of a door process hold in memory; past it each has one, and waits."""
    upload_slots_max: int = 12
    """Slots of one upload that were received and are not yet encrypted and hashed; past it its client waits."""
    upload_segments_ahead_max: int = 2
    """Segments of one upload that are being made durable and recorded while the next one fills."""
    edits_per_record_max: int = 4096
    """Places that a client wrote to within one segment; past it the segment is closed."""
    read_ahead_slots: int = 8
    """Slots read at once for a client that reads in order and quickly; as many again are read ahead. A slow one: 1."""
    download_ranges_max: int = 64
    """Ranges by which a download is described at its end; past it neighbours are told as one."""
    header_bytes_max: int = 64 * KIB
    drain_seconds: int = 30

    # The keeper's clock.
    sweep_seconds: int = 300
    strangers_seconds: int = 60
    """How often strangers' refusals, counted by address range, are written to the ledger."""
    # The ledger.
    checkpoint_seconds: int = 60
    """How often the ledger is signed while it grows; what was written since is under no signature yet."""
    signing_key_seconds: int = 3600
    """How long one key signs before it appoints the next and is destroyed."""
    witnesses: str = ""
    """Witnesses to ask for cosignatures: `URL VKEY`, several separated by commas."""
    witness_seconds: int = 60
    """How often witnesses are asked, where there is something new for them."""
    witness_wait_seconds: int = 20
    """How long one answer of a witness, or of the time-stamping authority, is waited for."""
    time_stamps: str = ""
    """The URL of an authority (RFC 3161) that stamps the ledger's checkpoints with its time."""
    time_stamps_ca: str = ""
    """A file of certificates (PEM), roots and those below them, by which its time stamps are proven."""
    time_stamp_seconds: int = 3600
    """How often, while the ledger grows."""
    ledger_reserve_bytes: int = 256 * MIB
    """Room on the disk of the database (SQLite) that uploads leave alone, so that what is fetched can be recorded."""
    released_session_files_max: int = 100_000
    """Files whose keys one session may be given in an hour; past it nothing more is released to it, with an alarm."""
    released_session_bytes_max: int = 20 * TIB
    released_files_max: int = 1_000_000
    """Likewise of all sessions of the node together."""
    released_bytes_max: int = 100 * TIB
    syslog: str = ""
    """`HOST:PORT` of a collector of logs, which gets every entry as syslog (RFC 5424) over TLS (RFC 5425)."""
    syslog_ca: str = ""
    """A file of certificates (PEM) by which it is known; empty: those of the system."""
    audit_folders_max: int = 2000
    """Folders that one question to the ledger may name: a folder and all below it."""
    # Inspector.
    inspectors: int = 0
    """Processes that read what arrived; of several, one takes only what is small. 0: by processors, two at least."""
    inspector_small_bytes_max: int = 8 * MIB
    inspector_small_seconds_max: int = 20
    """How long a small arrival may take whoever takes only these; another one reads it then."""
    inspector_batch: int = 16
    inspector_batch_bytes: int = 64 * MIB
    """What is leased together has no more bytes, so that little waits behind another; one arrival may be larger."""
    inspector_turn_bytes: int = GIB
    """How much of one arrival is hashed or sealed before others have theirs. Whose data is in it is read at once."""
    payload_digest_at_once: int = 0
    """1: the digest of the payload of what is sealed here is worked out when it is sealed; 0: when somebody asks."""
    inspector_lease_seconds: int = 3600
    """How long the inspector may take over an arrival before it is given again; a terabyte is read in this time."""
    inspector_poll_seconds: int = 60
    """How often the inspector asks for arrivals when nothing told it to; leases that ran out are found so."""
    exposure_read: int = 1
    """1: whose data is in what arrives is read, unless a folder says else; 0: nothing is, and coverage says so."""
    reading_behind_files_max: int = 20_000
    """Closed uploads that wait for the inspector before folders which publish after reading take no more."""
    reading_behind_bytes_max: int = 512 * GIB
    reading_behind_everywhere: int = 0
    """1: then no folder that is read takes more, and what is published and waits to be read counts too."""
    reading_behind_wait_seconds: int = 30
    """How long opening a file for writing waits by SFTP before it fails with that."""
    reader_memory_bytes_max: int = 2 * GIB
    """What the process that reads one file may hold; past it that file is not read, and coverage says so."""
    reader_seconds_max: int = 3000
    """How long one file may be read; less than `inspector_lease_seconds`."""
    people_list_bytes_max: int = 8 * GIB
    """A sealed people list; some 200 million individuals."""
    people_list_keep_seconds: int = 10 * 365 * 86400
    """How long what is known of whose data was in a file is kept, its people list too, once the file is not stored."""
    unreadable_parts_told_max: int = 1000
    """Parts of one file that are told one by one as not read; past it a last entry stands for the rest."""
    settle_seconds: int = 60
    """How long a file that came by SFTP into a sealed folder stays open to its sender, unless the folder says else."""
    former_header_keep_seconds: int = 7 * 86400
    """How long a sealed file's former headers are kept once the present one leaves out somebody whom they let in."""

    # Clearing up.
    sweep_dead_bytes: int = 64 * MIB
    """Once so much in the store is needed by nothing any more, it is deleted at once and not by the next sweep."""
    sweep_rows_max: int = 500
    """Rows that one transaction of the sweep clears of each kind, so that nobody waits long behind it."""
    ended_session_keep_seconds: int = 86400
    """How long the row of a session that is over is kept; the ledger keeps its record for good."""
    unnamed_blob_keep_seconds: int = 86400
    """How long a blob that no row names is left alone: it may be of an upload that is just about to be recorded."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Limits of the user's side (`client/`). They belong to the user's machine and are no settings of a node."""

    parallel: int = 4
    """Connections that carry file bytes at once."""
    whole_file_bytes_max: int = 8 * MIB
    """Files up to this size go in one request; larger ones in parts."""
    part_bytes_min: int = 16 * MIB
    part_bytes_max: int = 256 * MIB
    sealed_ahead_bytes_max: int = 128 * MIB
    """How much of what was sealed and sent is kept in memory for its digest, which follows in order."""
    parts_max: int = 1000
    """A larger file has larger parts: their addresses must fit one request's headers."""
    block_bytes: int = MIB
    connect_seconds: int = 20
    silence_seconds: int = 120
    """A connection that moves nothing for this long is taken for broken."""
    pause_seconds_max: int = 10
    """Pauses between tries double up to this."""
    give_up_seconds: int = 900
    """Tries end when no byte has moved for this long."""
    digest_wait_seconds: int = 600
    """How long to wait for the server's digest of record where it is still owed; a large file may take longer."""
    digest_bytes_per_second_min: int = 50 * MIB
    """What a server hashes at least; a file of n bytes is waited for n divided by this longer."""
    page_entries: int = 1000
    listing_entries_max: int = 5_000_000
    answer_bytes_max: int = 16 * MIB
    rate_window_seconds: int = 10
    plain_line_seconds: int = 10
    """Where there is no terminal: a line at most this often."""
    journal_seconds: float = 1.0
    """How often what was fetched is written into the journal."""
    journal_keep_days: int = 30
    recipients_max: int = 500
    header_batch_bytes_max: int = 4 * MIB
    identity_file_bytes_max: int = 256 * KIB
    identities_max: int = 100
    passphrase_characters_min: int = 12
