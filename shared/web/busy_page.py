"""What somebody is told who is not let in: for programs a problem, for browsers a page in their language.

Made without looking at anything: it is sent when there is no time.
"""

import json
import re
from collections.abc import Mapping
from html import escape
from math import ceil
from typing import TYPE_CHECKING

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from shared.web.languages import preferred_language
from shared.web.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_TITLES = {408: "Too much at once", 429: "Too many requests", 503: "Too much at once"}

_NAMED = re.compile(r"(?:^|&)lang=([A-Za-z]{2})(?=[-_&]|$)")
_LONGEST_ACCEPTED = 200
"""Characters of the header that are looked at: who is not let in must cost little."""

Words = Mapping[str, tuple[str, str]]
"""Title and advice by language."""

BUSY: Words = {
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

TOO_MANY: Words = {
    "en": (
        "Too many requests from your connection",
        "In a short time more has come from your connection than we can take: you may share it with many others. This "
        "request was not taken. Please load this page again in {minutes} min. If your browser asks whether to send the "
        "form once more, say yes: you will not be registered twice.",
    ),
    "fr": (
        "Trop de demandes depuis votre connexion",
        "En peu de temps, votre connexion a envoyé plus que nous ne pouvons accepter : vous la partagez peut-être avec "
        "beaucoup d’autres. Cette demande n’est pas prise. Merci de recharger cette page dans {minutes} min. Si votre "
        "navigateur demande s’il faut renvoyer le formulaire, acceptez : vous ne serez pas inscrit deux fois.",
    ),
    "es": (
        "Demasiadas solicitudes desde su conexión",
        "En poco tiempo ha llegado de su conexión más de lo que podemos aceptar: quizá la comparta con muchas otras "
        "personas. Esta solicitud no se ha recibido. Vuelva a cargar esta página dentro de {minutes} min. Si el "
        "navegador pregunta si debe enviar el formulario otra vez, acepte: no quedará inscrito dos veces.",
    ),
    "ru": (
        "Слишком много запросов с вашего подключения",
        "За короткое время с вашего подключения пришло больше, чем мы можем принять: возможно, им пользуется много "
        "людей. Этот запрос не принят. Загрузите страницу снова через {minutes} мин. Если браузер спросит, отправить "
        "ли форму ещё раз, согласитесь: вы не будете зарегистрированы дважды.",
    ),
    "zh": (
        "来自您的网络连接的请求过多",
        "短时间内来自您的网络连接的请求超出了我们可受理的数量：您可能与许多人共用同一连接。此请求尚未受理。"
        "请在 {minutes} 分钟后重新加载本页。如果浏览器询问是否再次发送表单，请选择是：您不会被重复注册。",
    ),
    "ar": (
        "طلبات كثيرة جدًا من اتصالك",
        "وصل من اتصالك في وقت قصير أكثر مما يمكننا قبوله، وربما يشاركك فيه كثيرون. لم يُقبل هذا الطلب. يرجى إعادة تحميل "
        "هذه الصفحة بعد {minutes} د. إذا سألك المتصفح عن إرسال النموذج مرة أخرى فوافق: لن تُسجَّل مرتين.",
    ),
}

POLICY = "default-src 'none'; frame-ancestors *; base-uri 'none'; form-action 'none'"
"""Anybody may frame it, as partners frame the form in whose place it stands: there is nothing in it to click."""

Header = tuple[str, str]


def busy_problem(retry_after_s: int, status: int = 503, code: str = "unavailable") -> tuple[list[Header], bytes]:
    """Headers and body of a problem (RFC 9457)."""
    content = {"type": f"urn:troika:problem:{code}", "title": _TITLES[status], "status": status, "code": code}
    body = json.dumps(content).encode()
    return _answer(body, MEDIA_TYPE, retry_after_s), body


def asked_language(environ: "WSGIEnvironment") -> str:
    """The language to answer a request in: that of its address, as everywhere, else the browser's, else English."""
    named = _NAMED.search(environ.get("QUERY_STRING", ""))
    if named is not None and named[1].lower() in BUSY:
        return named[1].lower()
    accepted = environ.get("HTTP_ACCEPT_LANGUAGE", "")[:_LONGEST_ACCEPTED]
    return preferred_language(parse_accept_header(accepted, LanguageAccept), BUSY) or "en"


def busy_page(retry_after_s: int, language: str, words: Words = BUSY) -> tuple[list[Header], bytes]:
    """Headers and body of a page in ``language``, which is one of those of ``words``."""
    title, advice = (escape(text) for text in words[language])
    waits = {"seconds": retry_after_s, "minutes": ceil(retry_after_s / 60)}
    direction = "rtl" if language == "ar" else "ltr"
    html = (
        f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title></head>'
        f"<body><main><h1>{title}</h1><p>{advice.format(**waits)}</p></main></body></html>"
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
