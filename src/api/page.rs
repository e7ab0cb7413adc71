//! The pages leadgate shows by itself to visitors whose browser runs no script: thanks, and what went wrong.
//!
//! They hold nothing that was sent and nothing of any lead. What little is not ours is escaped.

use actix_web::HttpResponse;
use actix_web::http::header;

use super::problem::{Code, Problem};
use crate::intake::fault::Fault;

/// Nothing from elsewhere and nothing to send. A form may stand in a frame of another site, and then so does its
/// answer: there is nothing on it that a visitor could be tricked into.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors *";

/// The delivery was taken.
pub fn thanks() -> HttpResponse {
    let said = "<h1>Thank you</h1>\n<p>Your details have arrived. You will hear from us soon.</p>";
    shown(&mut HttpResponse::Ok(), "Thank you", said)
}

/// A problem, with its own status and headers.
pub fn fault(problem: &Problem, request_id: &str) -> HttpResponse {
    let title = escaped(problem.code.title());
    let mut said = format!("<h1>{title}</h1>\n");
    match problem.code {
        Code::ValidationFailed => {
            said.push_str("<ul>\n");
            for fault in &problem.errors {
                said.push_str(&format!("<li>{}</li>\n", in_words(fault)));
            }
            said.push_str("</ul>\n<p>Go back, change this, and send the form again.</p>\n");
        }
        code => {
            said.push_str(&format!(
                "<p>{}.</p>\n",
                escaped(problem.detail.trim_end_matches('.'))
            ));
            if code == Code::CaptchaFailed {
                said.push_str("<p>Go back, solve it again, and send the form once more.</p>\n");
            } else if code.is_retryable() {
                said.push_str("<p>Go back in a moment and send the form once more.</p>\n");
            }
        }
    }
    said.push_str(&format!(
        "<p><small>Request {}</small></p>",
        escaped(request_id)
    ));
    shown(&mut problem.head(), &title, &said)
}

/// `title` and `said` are HTML.
fn shown(answer: &mut actix_web::HttpResponseBuilder, title: &str, said: &str) -> HttpResponse {
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            POLICY,
        ))
        .body(format!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font: 1.0625rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto 4rem; padding: 0 1.25rem; }}
h1 {{ font-size: 1.75rem; line-height: 1.2; margin: 0 0 .75rem; }}
ul {{ padding-left: 1.25rem; }}
small {{ opacity: .65; }}
</style>
</head>
<body>
<main>
{said}
</main>
</body>
</html>
"#
        ))
}

/// A fault as a line of HTML: the field by its name in words, and what is wrong with it.
fn in_words(fault: &Fault) -> String {
    let detail = escaped(&fault.detail);
    match name_in_words(&fault.pointer) {
        name if name.is_empty() => detail,
        name => format!("<strong>{}</strong>: {detail}", escaped(&name)),
    }
}

/// `/phoneNumber` as `Phone number`, `/wishes/0` as `Wishes 1`. What follows the first step is the caller's own name
/// for something and stays as it is.
fn name_in_words(pointer: &str) -> String {
    let mut steps = pointer
        .split('/')
        .skip(1)
        .map(|step| step.replace("~1", "/").replace("~0", "~"));
    let mut words = String::new();
    for letter in steps.next().unwrap_or_default().chars() {
        match letter {
            _ if words.is_empty() => words.extend(letter.to_uppercase()),
            _ if letter.is_ascii_uppercase() => words.extend([' ', letter.to_ascii_lowercase()]),
            _ => words.push(letter),
        }
    }
    for step in steps {
        words.push(' ');
        match step.parse::<u32>() {
            // People count from one.
            Ok(index) => words.push_str(&index.saturating_add(1).to_string()),
            Err(_) => words.push_str(&step),
        }
    }
    words
}

/// Text as HTML, also inside an attribute's quotes.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(letter),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_in_words() {
        for (pointer, name) in [
            ("", ""),
            ("/email", "Email"),
            ("/phoneNumber", "Phone number"),
            ("/wishes/0", "Wishes 1"),
            ("/additionalGuests/2/email", "Additional guests 3 email"),
            ("/answers/How much~1when~0?", "Answers How much/when~?"),
            ("/cv", "Cv"),
        ] {
            assert_eq!(name_in_words(pointer), name, "{pointer}");
        }
    }

    #[test]
    fn nothing_a_stranger_wrote_becomes_markup() {
        let fault = Fault::new(
            "/answers/<img src=x onerror=\"alert('1')\">&",
            "too_long",
            "an answer has at most 5000 characters",
        );
        let line = in_words(&fault);
        assert_eq!(
            line,
            "<strong>Answers &lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;</strong>: \
             an answer has at most 5000 characters"
        );
    }
}
