//! What makes a lead look like a robot's. Such a lead is kept for a person to look at, and its sender is told nothing.

use std::time::Duration;

use jiff::Timestamp;

use super::posted::Asides;
use crate::settings::Form;

/// Why a form's post is not believed to be a person's, for the operator; `None` when nothing speaks against it.
pub fn suspicion(asides: &Asides, form: &Form, now: Timestamp) -> Option<&'static str> {
    if asides.trap_filled {
        return Some("the field that nobody sees was filled in");
    }
    is_too_quick(asides, form.min_fill, now).then_some("the form was filled in too quickly")
}

/// A page that tells no time is not judged by it. Nor is one whose visitor's clock is ahead of ours: it was loaded in
/// the future.
fn is_too_quick(asides: &Asides, least: Duration, now: Timestamp) -> bool {
    let since = |loaded_at: i64| now.as_millisecond().checked_sub(loaded_at);
    let elapsed = asides.elapsed_ms.or(asides.loaded_at_ms.and_then(since));
    elapsed
        .and_then(|elapsed| u64::try_from(elapsed).ok())
        .is_some_and(|elapsed| Duration::from_millis(elapsed) < least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robots_fill_in_what_nobody_sees_and_are_quick() {
        let now: Timestamp = "2026-12-01T00:00:10Z".parse().unwrap();
        let at = |seconds: i64| Some(now.as_millisecond() - seconds * 1000);
        for (trap_filled, elapsed_ms, loaded_at_ms, least, suspected) in [
            (false, None, None, 3, false),
            (true, None, None, 0, true),
            (true, Some(60_000), None, 3, true),
            (false, Some(2_999), None, 3, true),
            (false, Some(3_000), None, 3, false),
            (false, Some(0), None, 3, true),
            (false, Some(0), None, 0, false),
            (false, Some(-1), None, 3, false),
            (false, None, at(2), 3, true),
            (false, None, at(3), 3, false),
            (false, None, at(-120), 3, false),
            (false, None, Some(i64::MIN), 3, false),
            // The page's own clock cannot be set, the visitor's can.
            (false, Some(9_000), at(1), 3, false),
        ] {
            let asides = Asides {
                trap_filled,
                elapsed_ms,
                loaded_at_ms,
                ..Asides::default()
            };
            let form = Form {
                allowed_origins: Vec::new(),
                redirect_urls: Vec::new(),
                honeypot: None,
                min_fill: Duration::from_secs(least),
                captcha: None,
            };
            assert_eq!(
                suspicion(&asides, &form, now).is_some(),
                suspected,
                "{trap_filled} {elapsed_ms:?} {loaded_at_ms:?} {least}"
            );
        }
    }
}
