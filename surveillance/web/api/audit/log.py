"""The audit log, for administrators: who did what, when and why. Whoever looks stands in it afterwards."""

from surveillance.operations.audit import log
from surveillance.operations.audit.log import Entry, Query
from surveillance.web.access import Permission
from surveillance.web.api import paging
from surveillance.web.api.call import Call
from surveillance.web.api.models.work import AuditChange, AuditPublic, AuditSearch
from surveillance.web.api.paging import Page, Paging
from surveillance.web.api.routing import Endpoints

endpoints = Endpoints("Audit")


@endpoints.look_up("/audit/search", needs=Permission.ADMINISTER)
def search_audit(call: Call, wanted: AuditSearch) -> Page[AuditPublic]:
    """What happened at the sites that the token's user administers, the newest first."""
    sites = [call.site(wanted.site_id)] if wanted.site_id else call.sites
    query = Query(**wanted.model_dump(include=set(Query.__slots__)))
    last = paging.after(call, Paging(wanted.limit, wanted.cursor), [int])
    page = log.search(call.work, sites, query, last[0] if last else None, wanted.limit)
    call.afterwards.append(lambda work: log.looked(work, sites, query))
    following = paging.cursor(call, page.next) if page.next is not None else None
    return Page(items=[_public(entry) for entry in page.entries], next=following)


def _public(entry: Entry) -> AuditPublic:
    changes = [AuditChange(name=name, before=before, after=after) for name, before, after in entry.changes]
    return AuditPublic(
        number=entry.number,
        at=entry.at,
        site=entry.site,
        who=entry.who,
        account=entry.account,
        action=entry.action,
        did=entry.did,
        patient_id=entry.patient_id,
        patient=entry.patient,
        reason=entry.reason,
        changes=changes,
    )
