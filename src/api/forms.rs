//! What is special to the posts of HTML forms: whether a page is the answer, where the visitor goes next, and
//! whether a person sent it.

use std::net::IpAddr;

use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use super::problem::{Code, Problem};
use super::{Gateway, door, page};
use crate::captcha::{self, Verdict};
use crate::intake::Prepared;
use crate::intake::posted::Asides;
use crate::settings::{Form, Source, SourceKind, WhenDown};
use crate::telemetry::events;

/// Somebody looks at a browser's window until the answer fills it.
pub struct WantsPage;

/// The form, when its post is a browser's navigation: then the answer is a page or the way to one. From here on a
/// problem of this request is told as a page, too.
pub fn wants_page<'a>(source: &'a Source, request: &HttpRequest) -> Option<&'a Form> {
    let SourceKind::Form(form) = &source.kind else {
        return None;
    };
    let is_page = is_navigation(&door::media_type(request), request.headers());
    is_page.then(|| {
        request.extensions_mut().insert(WantsPage);
        form
    })
}

/// Whether a browser posted a form by itself: in a type forms have, and for a page. Browsers say the latter outright
/// in `Sec-Fetch-Mode` (w3.org/TR/fetch-metadata), older ones by what they accept.
fn is_navigation(media_type: &str, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let has_forms_type = matches!(
        media_type,
        "application/x-www-form-urlencoded" | "multipart/form-data" | "text/plain"
    );
    let is_script =
        text("x-requested-with").is_some_and(|by| by.eq_ignore_ascii_case("XMLHttpRequest"));
    if !has_forms_type || is_script {
        return false;
    }
    match text("sec-fetch-mode") {
        Some(mode) => mode.trim().eq_ignore_ascii_case("navigate"),
        None => {
            let accept = text("accept").unwrap_or_default();
            weight(accept, "text/html") > weight(accept, "application/json")
        }
    }
}

/// How much a media type that is named outright is wanted, from 0 to 1 (RFC 9110, section 12.5.1). What only `*/*`
/// covers is not asked for.
fn weight(accept: &str, media_type: &str) -> f32 {
    let named = accept.split(',').find_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_it = parts.next()?.eq_ignore_ascii_case(media_type);
        is_it.then(|| {
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            quality.unwrap_or(1.0)
        })
    });
    named.unwrap_or(0.0)
}

/// The way to the visitor's next page or, where the settings name none, a page of leadgate's own. It tells nothing of
/// the lead: whatever became of it, the answer is the same.
pub fn next_page(form: &Form, asides: &Asides) -> HttpResponse {
    let Some(url) = redirect_target(&form.redirect_urls, asides.redirect.as_deref()) else {
        return page::thanks();
    };
    // Only 303 makes every browser ask by GET (RFC 9110, section 15.4.4).
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, url))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// The address the form names, when it is on the list letter by letter; else the first. Anything looser would let
/// anybody send visitors anywhere in this gateway's name.
fn redirect_target<'a>(allowed: &'a [String], named: Option<&str>) -> Option<&'a str> {
    let wanted = allowed.iter().find(|url| Some(url.as_str()) == named);
    wanted.or(allowed.first()).map(String::as_str)
}

/// Has the captcha checked, where the source has one. A delivery that was taken already needs no second check: its
/// token is spent, and its sender only wants to hear the answer again. `address` is the visitor's.
///
/// # Errors
/// 403 when it was not solved; 503 when it cannot be checked and the settings say to refuse then, or when the store
/// fails.
pub async fn check_captcha(
    gateway: &Gateway,
    source: &Source,
    address: IpAddr,
    prepared: &mut Prepared,
) -> Result<(), Problem> {
    let SourceKind::Form(form) = &source.kind else {
        return Ok(());
    };
    let Some(captcha) = &form.captcha else {
        return Ok(());
    };
    if prepared.came_before(&*gateway.store).await? {
        return Ok(());
    }
    let token = prepared.asides.captcha_token.as_deref();
    let why = match captcha::verify(&gateway.http, captcha, token, address).await {
        Verdict::Passed => return Ok(()),
        // Of two posts at the same moment one spends the token.
        Verdict::Failed(_) if prepared.came_before(&*gateway.store).await? => return Ok(()),
        Verdict::Failed(why) => return Err(Problem::new(Code::CaptchaFailed, why)),
        Verdict::Unknown(why) => why,
    };
    events::captcha_unknown(&source.name, why);
    match captcha.when_down {
        WhenDown::Accept => prepared.note("captcha", "not_checked", why),
        WhenDown::Park => {
            prepared.note("captcha", "not_checked", why);
            prepared.suspect("the captcha could not be checked");
        }
        WhenDown::Refuse => return Err(Problem::new(Code::CaptchaUnavailable, why)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const CHROME: &str =
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn a_page_is_for_browsers_that_navigate() {
        for (media_type, headers, wanted) in [
            (FORM, &[("accept", CHROME)][..], true),
            ("multipart/form-data", &[("accept", CHROME)], true),
            ("text/plain", &[("accept", CHROME)], true),
            ("application/json", &[("accept", CHROME)], false),
            ("application/json", &[("sec-fetch-mode", "navigate")], false),
            (
                FORM,
                &[("accept", CHROME), ("sec-fetch-mode", "navigate")],
                true,
            ),
            (
                FORM,
                &[("accept", CHROME), ("sec-fetch-mode", "cors")],
                false,
            ),
            (
                "text/plain",
                &[("accept", "*/*"), ("sec-fetch-mode", "no-cors")],
                false,
            ),
            (FORM, &[("accept", "*/*")], false),
            (FORM, &[], false),
            (FORM, &[("accept", "application/json")], false),
            (
                FORM,
                &[("accept", "application/json, text/html;q=0.5")],
                false,
            ),
            (
                FORM,
                &[("accept", "text/html, application/json;q=0.5")],
                true,
            ),
            (FORM, &[("accept", "text/html;q=0")], false),
            (
                FORM,
                &[("accept", CHROME), ("x-requested-with", "XMLHttpRequest")],
                false,
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            assert_eq!(
                is_navigation(media_type, &map),
                wanted,
                "{media_type} {headers:?}"
            );
        }
    }

    #[test]
    fn a_visitor_is_sent_only_where_the_list_says() {
        let list = ["https://acme.example/thanks", "https://acme.example/danke"].map(str::to_owned);
        for (named, target) in [
            (None, list[0].as_str()),
            (Some("https://acme.example/danke"), &list[1]),
            (Some("https://acme.example/danke/"), &list[0]),
            (Some("https://acme.example/danke?x=1"), &list[0]),
            (Some("HTTPS://acme.example/danke"), &list[0]),
            (Some("https://acme.example/danke@evil.example"), &list[0]),
            (Some("https://evil.example/"), &list[0]),
            (Some("//evil.example"), &list[0]),
            (Some("/danke"), &list[0]),
            (Some("javascript:alert(1)"), &list[0]),
            (Some(""), &list[0]),
        ] {
            assert_eq!(redirect_target(&list, named), Some(target), "{named:?}");
        }
        assert_eq!(redirect_target(&[], Some("https://evil.example/")), None);
    }
}
