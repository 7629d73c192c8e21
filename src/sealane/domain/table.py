"""Which function performs which operation.

`SESSION_ACTS` are asked by a session and get its `Caller`; `PLAIN_ACTS` are the administrator's, the inspector's and
those asked before there is a session. Signing in takes several steps and is walked by the keeper (`sign_in.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sealane.domain import (
    audit,
    credentials,
    deliver,
    finish,
    folders,
    forecasts,
    forwarding,
    grants,
    headers,
    inspection,
    joining,
    listing,
    moving,
    officers,
    organizations,
    overview,
    people_lists,
    quotas,
    reading,
    receive,
    recipients,
    rescanning,
    resume,
    sealed_folders,
    sealing,
    sessions,
    sign_in,
    sweep,
    users,
    witnesses,
)
from sealane.operations import accounts, files, signing, uploads
from sealane.operations import audit as audit_operations
from sealane.operations import exposures as exposure_operations
from sealane.operations import inspection as inspection_operations
from sealane.operations import sealing as sealing_operations

if TYPE_CHECKING:
    from sealane.operations.envelope import Operation

Act = Callable[..., Any]

SESSION_ACTS: dict[type[Operation], Act] = {
    files.Look: listing.look,
    files.ListFolder: listing.list_folder,
    files.MakeFolder: folders.make_folder,
    files.RemoveFolder: folders.remove_folder,
    files.RemoveFile: folders.remove_file,
    files.Move: moving.move,
    files.SetModified: folders.set_modified,
    files.Space: quotas.space,
    files.OpenVersion: deliver.open_version,
    files.EndDownload: deliver.end_download,
    files.Receipt: deliver.receipt,
    uploads.BeginUpload: receive.begin_upload,
    uploads.RecordSegments: receive.record_segments,
    uploads.FinishUpload: finish.finish_upload,
    uploads.LookUpload: resume.look_upload,
    uploads.TakeUpload: resume.take_upload,
    uploads.SuspendUpload: resume.suspend_upload,
    uploads.AbandonUpload: resume.abandon_upload,
    uploads.JoinUploads: joining.join_uploads,
    uploads.CopyInto: joining.copy_into,
    uploads.OpenPart: joining.open_part,
    sealing_operations.Recipients: recipients.recipients,
    sealing_operations.ListHeaders: headers.list_headers,
    sealing_operations.ReadHeader: headers.read_header,
    sealing_operations.ReplaceHeaders: headers.replace_headers,
    audit_operations.ReadOwnLedger: audit.read_own_ledger,
    audit_operations.LatestCheckpoint: audit.latest_checkpoint,
    audit_operations.ReadTile: audit.read_tile,
    audit_operations.ProveReceipt: audit.prove_receipt,
    exposure_operations.ShowExposure: people_lists.show_exposure,
    exposure_operations.Forecast: forecasts.forecast,
    exposure_operations.ListPeopleLists: people_lists.list_people_lists,
    exposure_operations.OpenPeopleList: people_lists.open_people_list,
    exposure_operations.ReplaceListHeader: people_lists.replace_list_header,
    exposure_operations.ListRecipientsOf: people_lists.list_recipients,
    exposure_operations.KeepPeopleList: people_lists.keep_people_list,
    signing.SignOut: sessions.sign_out,
    signing.KeepAlive: sessions.keep_alive,
}
"""`act(work, caller, operation) -> answer`."""

PLAIN_ACTS: dict[type[Operation], Act] = {
    signing.KeyAcceptable: sign_in.key_acceptable,
    accounts.AddOrganization: organizations.add_organization,
    accounts.SetOrganizationQuota: organizations.set_organization_quota,
    accounts.ListOrganizations: organizations.list_organizations,
    accounts.RotateNodeKey: organizations.rotate_node_key,
    accounts.RotateOrganizationKey: organizations.rotate_organization_key,
    accounts.ListUsers: users.list_users,
    accounts.DisableUser: users.disable_user,
    accounts.EnableUser: users.enable_user,
    accounts.SetRole: users.set_role,
    accounts.AddGroup: users.add_group,
    accounts.ListGroups: users.list_groups,
    accounts.SetMembership: users.set_membership,
    accounts.AddSshKey: credentials.add_ssh_key,
    accounts.RemoveSshKey: credentials.remove_ssh_key,
    accounts.ListSshKeys: credentials.list_ssh_keys,
    accounts.AddToken: credentials.add_token,
    accounts.RevokeToken: credentials.revoke_token,
    accounts.ListTokens: credentials.list_tokens,
    accounts.AddFolder: grants.add_folder,
    accounts.SetFolderQuota: grants.set_folder_quota,
    accounts.ListFolders: grants.list_folders,
    accounts.GrantFolder: grants.grant_folder,
    accounts.RevokeFolder: grants.revoke_folder,
    accounts.SealFolder: sealed_folders.seal_folder,
    accounts.ListSealed: sealed_folders.list_sealed,
    accounts.SetRecipient: users.set_recipient,
    accounts.ListRecipients: users.list_recipients,
    accounts.SetRecovery: sealed_folders.set_recovery,
    accounts.ListSessions: overview.list_sessions,
    accounts.EndSession: overview.end_session,
    accounts.ListUploads: overview.list_uploads,
    accounts.Sweep: sweep.sweep,
    inspection_operations.LeaseArrivals: inspection.lease_arrivals,
    inspection_operations.OpenArrival: inspection.open_arrival,
    inspection_operations.RecordDigest: inspection.record_digest,
    inspection_operations.RecordExposure: inspection.record_exposure,
    inspection_operations.ReportDamage: inspection.report_damage,
    sealing_operations.LeaseSealings: sealing.lease_sealings,
    sealing_operations.OpenSealing: sealing.open_sealing,
    sealing_operations.RecordSealing: sealing.record_sealing,
    sealing_operations.FinishSealing: sealing.finish_sealing,
    sealing_operations.ReportSealingDamage: sealing.report_damage,
    exposure_operations.SetOfficer: officers.set_officer,
    exposure_operations.ListOfficers: officers.list_officers,
    exposure_operations.SetReading: reading.set_reading,
    exposure_operations.ListReading: reading.list_reading,
    exposure_operations.LookQueue: rescanning.look_queue,
    exposure_operations.Rescan: rescanning.rescan,
    exposure_operations.CorrectLayout: reading.correct_layout,
    exposure_operations.ListLayouts: reading.list_layouts,
    exposure_operations.ForecastAll: forecasts.forecast_all,
    audit_operations.ReadLedger: audit.read_ledger,
    audit_operations.LookLedger: audit.look_ledger,
    audit_operations.ReadCheckpoints: audit.read_checkpoints,
    audit_operations.WhatToWitness: witnesses.what_to_witness,
    audit_operations.RecordCosignature: witnesses.record_cosignature,
    audit_operations.WhatToForward: forwarding.what_to_forward,
    audit_operations.ForwardedUpTo: forwarding.forwarded_up_to,
}
"""`act(work, operation) -> answer`."""

ACTS: dict[type[Operation], Act] = SESSION_ACTS | PLAIN_ACTS
