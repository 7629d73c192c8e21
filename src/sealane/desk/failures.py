"""What can go wrong at the desk only."""

from __future__ import annotations

from sealane.errors import Conflict, Integrity, Invalid, Missing, Unavailable, Unsupported


class DeskMissing(Missing):
    """There is no desk in this folder."""

    code = "desk-missing"
    default = "There is no desk in this folder. Make one with 'sealane desk init DIR', or name it with --desk."


class DeskExists(Conflict):
    """There is one already, or something else is."""

    code = "desk-exists"
    default = "There is something in this folder already. A desk is made in an empty one."


class DeskVersionUnsupported(Unsupported):
    """The folder was written by a later version."""

    code = "desk-version-unsupported"
    default = "This desk was written by a later version of Sealane. Use that one."


class DeskDamaged(Integrity):
    """Something in the desk's folder is not what was written there."""

    code = "desk-damaged"
    default = "A file of the desk is damaged or was replaced. Wipe the desk and sync again, or take the folder's copy."


class ListSwapped(Integrity):
    """A people list is not the one that the ledger names for its file."""

    code = "list-swapped"
    default = "A people list is not the one that the ledger names for its file. Nothing of it was taken."


class ListMissing(Missing):
    """A people list that the ledger names is not given out."""

    code = "list-missing"
    default = "A people list that the ledger names is not given out."


class LedgerForked(Integrity):
    """The ledger is not the one that was taken before, grown."""

    code = "ledger-forked"
    default = "The ledger has not only grown since the last sync: entries that were taken are gone or altered."


class TooManyAliases(Invalid):
    """More individuals than ordinals reach."""

    code = "too-many-aliases"
    default = "There are more individuals than one desk can number. Divide the lists among several desks."


class IncidentMissing(Missing):
    """There is no such incident."""

    code = "incident-missing"
    default = "There is no incident of this number. 'sealane desk incident list' names them."


class IncidentInvalid(Invalid):
    """What is to be written down of an incident contradicts itself."""

    code = "incident-invalid"
    default = "This cannot be so."


class AnswerChanged(Integrity):
    """An answer that was kept does not come out the same again."""

    code = "answer-changed"
    default = "The answer does not come out the same again. Do not rely on it; ask for help."


class RulesInvalid(Invalid):
    """The file of legal rules is not one."""

    code = "rules-invalid"
    default = "The file of rules cannot be read."


class PartyInvalid(Invalid):
    """The file that says who writes the notices is not one."""

    code = "party-invalid"
    default = "The file that says who writes the notices cannot be read."


class MailNotTaken(Unavailable):
    """The officer's mail server cannot be reached, or went away."""

    code = "mail-not-taken"
    default = "The mail server cannot be used. Send again: what was sent is on record, and is not sent twice."


class BounceInvalid(Invalid):
    """A file is no mail that says that another did not arrive."""

    code = "bounce-invalid"
    default = "This is no delivery status notification (RFC 3464)."


class OutputExists(Conflict):
    """The folder for what is made is not empty."""

    code = "output-exists"
    default = "There is something in the folder already, and notices are never mixed. Name a new one with --out."


class PageHidden(Integrity):
    """A public page cannot be found by those whom it is for."""

    code = "page-hidden"
    default = "The page is hidden from search engines or cannot be read by everybody."
