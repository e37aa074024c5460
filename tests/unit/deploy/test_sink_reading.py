"""What the demo's inbox shows of a mail."""

from email.message import EmailMessage

from deploy.local.sink.reading import view


def test_links_are_listed_with_the_lines_that_announce_them() -> None:
    mail = EmailMessage()
    mail["Subject"] = "You are registered"
    mail.set_content(
        "Your seat is confirmed: see http://127.0.0.1:8000/programme now\n\n"
        "Join online:\nhttp://127.0.0.1:8000/j/a\n\n"
        "Voir mon inscription\N{NO-BREAK SPACE}:\nhttp://127.0.0.1:8000/r/b\n\n"
        "查看我的报名：\nhttp://127.0.0.1:8000/r/c\n"
    )
    assert view("1", mail.as_bytes()).links == {
        "http://127.0.0.1:8000/programme": "",
        "http://127.0.0.1:8000/j/a": "Join online",
        "http://127.0.0.1:8000/r/b": "Voir mon inscription",
        "http://127.0.0.1:8000/r/c": "查看我的报名",
    }
