"""Staff and years as pages show them: handing over, coming of age, approving anew, and the last one who leaves."""

from staff import HERE, Staffed, Visitor

from surveillance.operations.accounts import users
from surveillance.operations.board import worklist
from surveillance.operations.board.worklist import Worklist, WorklistRow


def rows(staffed: Staffed, name: Worklist) -> list[WorklistRow]:
    return staffed.look(lambda work: worklist.rows(work, [staffed.site_id()], name))


def user_id(staffed: Staffed, name: str) -> str:
    return str(staffed.look(lambda work: users.user_named(work, name).id))


def act(visitor: Visitor, row: WorklistRow, what: str, **fields: object) -> int:
    return visitor.post(f"/board/{row.list.value}/{row.subject}/{what}", **fields).status_code


def test_patients_of_a_closed_account_are_work_and_are_handed_over_on_its_page(staffed: Staffed) -> None:
    admin, ivan = staffed.client("admin"), user_id(staffed, "ivan")
    assert "looks after" in admin.get(f"/admin/users/{ivan}").text
    admin.post(f"/admin/users/{ivan}/disable", reason="left the clinic")
    found = rows(staffed, Worklist.OWNER_GONE)
    assert found
    assert "does not act here any more" in staffed.client("grace").get("/?list=owner_gone").text
    grace = user_id(staffed, "grace")
    assert act(staffed.client("helen"), found[0], "owner", owner=grace) == 303
    assert len(rows(staffed, Worklist.OWNER_GONE)) == len(found) - 1
    admin.post(f"/admin/users/{ivan}/hand-over", site=HERE, to=grace)
    assert rows(staffed, Worklist.OWNER_GONE) == []


def test_the_last_clinician_of_a_live_site_leaves_only_after_a_tick(staffed: Staffed) -> None:
    admin, helen = staffed.client("admin"), user_id(staffed, "helen")
    page = admin.get(f"/admin/users/{helen}").text
    assert 'name="leave_empty"' not in page
    refused = admin.post(f"/admin/users/{helen}/disable", reason="left")
    assert refused.status_code == 422
    assert "is the last clinician who acts at RIVERSIDE" in refused.text
    assert 'name="leave_empty"' in refused.text
    role = admin.post(f"/admin/users/{helen}/role", site=HERE, role="viewer")
    assert role.status_code == 422
    assert admin.post(f"/admin/users/{helen}/disable", reason="left", leave_empty="yes").status_code == 303
    assert [row.what for row in rows(staffed, Worklist.CLINIC) if row.kind == "without_clinician"] == ["no clinician"]
    assert "obody reviews, decides or signs here" in staffed.client("grace").get("/?list=clinic").text


def test_an_old_approval_is_given_anew_by_a_clinician_in_its_row(staffed: Staffed) -> None:
    staffed.later(days=800)
    (row,) = [each for each in rows(staffed, Worklist.CLINIC) if each.kind == "approval"]
    assert act(staffed.client("grace"), row, "approve") in (403, 422)
    helen = staffed.client("helen")
    assert act(helen, row, "approve") == 422  # its sources were not read in a dated edition
    assert act(helen, row, "approve", **{"source-read": "yes"}) == 303
    assert [each for each in rows(staffed, Worklist.CLINIC) if each.kind == "approval"] == []


def test_a_child_who_came_of_age_is_reviewed_in_the_row(staffed: Staffed) -> None:
    while not rows(staffed, Worklist.OF_AGE):
        staffed.later(days=365)
        assert staffed.now.year < 2050
    grace = staffed.client("grace")
    (row, *_) = rows(staffed, Worklist.OF_AGE)
    assert act(grace, row, "of_age") == 422
    assert act(grace, row, "of_age", of_age="writes to himself, SMS agreed") == 303
    assert row.subject not in {each.subject for each in rows(staffed, Worklist.OF_AGE)}


def test_an_owner_must_act_at_the_site(staffed: Staffed) -> None:
    staffed.do(lambda work: users.disable(work, users.user_named(work, "ivan"), "left"))
    found = rows(staffed, Worklist.OWNER_GONE)[0]
    assert act(staffed.client("grace"), found, "owner", owner=user_id(staffed, "visitor")) == 422
