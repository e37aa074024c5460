"""What somebody is told who is not let in: for programs a problem, for browsers a page in their language.

Made without looking at anything: it is sent when there is no time.
"""

import json
from html import escape

from shared.web.problems import MEDIA_TYPE

_TITLE = "Too much at once"

_WORDS = {
    "en": (
        "Very many people are here right now",
        "Your request was not taken yet. Please wait {seconds} seconds and load this page again. If your browser asks "
        "whether to send the form once more, say yes: you will not be registered twice.",
    ),
    "fr": (
        "Il y a beaucoup de monde en ce moment",
        "Votre demande n’est pas encore prise. Merci d’attendre {seconds} secondes et de recharger cette page. Si "
        "votre navigateur demande s’il faut renvoyer le formulaire, acceptez : vous ne serez pas inscrit deux fois.",
    ),
    "es": (
        "Hay muchísima gente en este momento",
        "Su solicitud aún no se ha recibido. Espere {seconds} segundos y vuelva a cargar esta página. Si el navegador "
        "pregunta si debe enviar el formulario otra vez, acepte: no quedará inscrito dos veces.",
    ),
    "ru": (
        "Сейчас очень много посетителей",
        "Ваш запрос ещё не принят. Подождите {seconds} секунд и загрузите страницу снова. Если браузер спросит, "
        "отправить ли форму ещё раз, согласитесь: вы не будете зарегистрированы дважды.",
    ),
    "zh": (
        "当前访问人数非常多",
        "您的请求尚未受理。请等待 {seconds} 秒后重新加载本页。"
        "如果浏览器询问是否再次发送表单，请选择是：您不会被重复注册。",
    ),
    "ar": (
        "عدد الزوار كبير جدًا الآن",
        "لم يُقبل طلبك بعد. يرجى الانتظار {seconds} ثوانٍ ثم إعادة تحميل هذه الصفحة. إذا سألك المتصفح عن إرسال النموذج "
        "مرة أخرى فوافق: لن تُسجَّل مرتين.",
    ),
}

POLICY = "default-src 'none'; frame-ancestors *; base-uri 'none'; form-action 'none'"
"""Anybody may frame it, as partners frame the form in whose place it stands: there is nothing in it to click."""

Header = tuple[str, str]


def busy_problem(retry_after_s: int, status: int = 503, code: str = "unavailable") -> tuple[list[Header], bytes]:
    """Headers and body of a problem (RFC 9457)."""
    content = {"type": f"urn:troika:problem:{code}", "title": _TITLE, "status": status, "code": code}
    body = json.dumps(content).encode()
    return _answer(body, MEDIA_TYPE, retry_after_s), body


def busy_page(retry_after_s: int, accepted_languages: str) -> tuple[list[Header], bytes]:
    """Headers and body of a page, in the first language of ``Accept-Language`` if it is one of ours."""
    asked = accepted_languages[:2].lower()
    language = asked if asked in _WORDS else "en"
    title, advice = (escape(words) for words in _WORDS[language])
    direction = "rtl" if language == "ar" else "ltr"
    html = (
        f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title></head>'
        f"<body><main><h1>{title}</h1><p>{advice.format(seconds=retry_after_s)}</p></main></body></html>"
    ).encode()
    headers = _answer(html, "text/html; charset=utf-8", retry_after_s)
    return [*headers, ("Content-Security-Policy", POLICY), ("Content-Language", language)], html


def _answer(body: bytes, content_type: str, retry_after_s: int) -> list[Header]:
    return [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Retry-After", str(retry_after_s)),
    ]
