"""The home of whoever is signed in."""

from fastapi.responses import Response

from surveillance.web.access import Permission
from surveillance.web.desk import Desk
from surveillance.web.pages import Pages

pages = Pages()


@pages.get("/", needs=Permission.VIEW)
def board(desk: Desk) -> Response:
    return desk.page("board/board.html")
